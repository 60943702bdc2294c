// SPDX-License-Identifier: BSD-2-Clause
// levels: size and depth of a netlist that yosys made for UltraScale+ (write_json after synth_xilinx).
//   levels NETLIST.json TOP      prints: LUT FF BRAM URAM DSP LEVELS
// A LUT is one level, carry chains and MUXF7/F8/F9 none; reading LUT RAM or a shift register at an address is one level
// too. Paths are cut at flip-flops, block RAM, the write side of LUT RAM, and cells that are not known. LUT RAM counts
// with the LUTs that it occupies. Exits 1 on a combinational loop or a file that is no netlist.
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { KIND_LUT, KIND_FREE, KIND_FF, KIND_BRAM, KIND_URAM, KIND_DSP, KIND_LUTRAM, KIND_OTHER };

struct cell {
    enum kind kind;
    json_t *inputs, *outputs; // arrays of net numbers
    int level;                // -1 unknown, -2 being worked on
};

struct netlist {
    struct cell *cells;
    size_t count;
    size_t nets;
    unsigned lutram; // LUTs
    size_t *driver;  // net -> cell index + 1, combinational cells only
    int loop;
};

static enum kind classify(const char *type)
{
    static const struct {
        const char *prefix;
        enum kind kind;
    } map[] = {
        {"LUT", KIND_LUT},    {"INV", KIND_LUT},   {"MUXF", KIND_FREE}, {"CARRY", KIND_FREE}, {"FD", KIND_FF},
        {"LD", KIND_FF},      {"RAMB", KIND_BRAM}, {"URAM", KIND_URAM}, {"DSP", KIND_DSP},    {"RAM", KIND_LUTRAM},
        {"SRL", KIND_LUTRAM}, {"BUF", KIND_FREE},  {"IBUF", KIND_FREE}, {"OBUF", KIND_FREE},
    };
    for (size_t i = 0; i < sizeof map / sizeof *map; i++)
        if (!strncmp(type, map[i].prefix, strlen(map[i].prefix)))
            return map[i].kind;
    return KIND_OTHER;
}

static int combinational(const struct cell *c)
{
    return c->kind == KIND_LUT || c->kind == KIND_FREE || c->kind == KIND_LUTRAM;
}

// LUTs that a LUT RAM or shift register occupies.
static unsigned lutram_size(const char *type)
{
    static const struct {
        const char *type;
        unsigned luts;
    } map[] = {
        {"RAM32M16", 8},  {"RAM64M8", 8},   {"RAM32M", 4},    {"RAM64M", 4},    {"RAM32X16DR8", 8},
        {"RAM64X8SW", 8}, {"RAM32X1D", 2},  {"RAM64X1D", 2},  {"RAM128X1D", 4}, {"RAM256X1D", 8},
        {"RAM128X1S", 2}, {"RAM256X1S", 4}, {"RAM512X1S", 8},
    };
    for (size_t i = 0; i < sizeof map / sizeof *map; i++)
        if (!strcmp(type, map[i].type))
            return map[i].luts;
    return 1;
}

// Whether a path goes from this input to an output: of LUT RAM and shift registers only from the read address.
static int through(enum kind kind, const char *port)
{
    return kind != KIND_LUTRAM || port[0] == 'A' || !strncmp(port, "DPRA", 4) || !strncmp(port, "RADR", 4);
}

// Levels up to and including the cell. Recursion is as deep as the logic.
static int depth(struct netlist *n, size_t i)
{
    struct cell *c = &n->cells[i];
    if (c->level >= 0)
        return c->level;
    if (c->level == -2) {
        n->loop = 1;
        return 0;
    }
    c->level = -2;
    int best = 0, nets = 0;
    size_t k;
    json_t *bit;
    json_array_foreach(c->inputs, k, bit)
    {
        if (!json_is_integer(bit))
            continue;
        nets = 1;
        size_t d = n->driver[json_integer_value(bit)];
        if (d) {
            int l = depth(n, d - 1);
            best = l > best ? l : best;
        }
    }
    // at a constant address it is a register
    c->level = best + (c->kind == KIND_LUT || (c->kind == KIND_LUTRAM && nets));
    return c->level;
}

static int add_cell(struct netlist *n, json_t *json)
{
    struct cell *c = &n->cells[n->count++];
    const char *type = json_string_value(json_object_get(json, "type"));
    json_t *directions = json_object_get(json, "port_directions"), *connections = json_object_get(json, "connections");
    const char *port;
    json_t *bits;
    if (!type || !directions || !connections)
        return -1;
    c->kind = classify(type);
    c->level = -1;
    n->lutram += c->kind == KIND_LUTRAM ? lutram_size(type) : 0;
    c->inputs = json_array();
    c->outputs = json_array();
    json_object_foreach(connections, port, bits)
    {
        const char *direction = json_string_value(json_object_get(directions, port));
        if (!direction || strcmp(direction, "input") != 0)
            json_array_extend(c->outputs, bits);
        else if (through(c->kind, port))
            json_array_extend(c->inputs, bits);
    }
    size_t k;
    json_t *bit;
    json_array_foreach(c->outputs, k, bit)
    {
        if (json_is_integer(bit) && (size_t)json_integer_value(bit) < n->nets && combinational(c))
            n->driver[json_integer_value(bit)] = n->count;
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: levels NETLIST.json TOP\n");
        return 2;
    }
    json_error_t error;
    json_t *root = json_load_file(argv[1], 0, &error);
    json_t *cells = json_object_get(json_object_get(json_object_get(root, "modules"), argv[2]), "cells");
    if (!cells) {
        fprintf(stderr, "levels: %s: no module \"%s\" (%s)\n", argv[1], argv[2], root ? "not in it" : error.text);
        return 1;
    }
    struct netlist n = {.nets = 1u << 23};
    n.cells = calloc(json_object_size(cells) + 1, sizeof *n.cells);
    n.driver = calloc(n.nets, sizeof *n.driver);
    int rc = !n.cells || !n.driver;
    const char *name;
    json_t *cell;
    unsigned counts[KIND_OTHER + 1] = {0};
    if (!rc)
        json_object_foreach(cells, name, cell) rc |= add_cell(&n, cell) != 0;
    int levels = 0;
    for (size_t i = 0; !rc && i < n.count; i++) {
        counts[n.cells[i].kind]++;
        if (combinational(&n.cells[i])) {
            int l = depth(&n, i);
            levels = l > levels ? l : levels;
        }
    }
    for (size_t i = 0; i < n.count; i++) {
        json_decref(n.cells[i].inputs);
        json_decref(n.cells[i].outputs);
    }
    if (n.loop)
        fprintf(stderr, "levels: combinational loop\n");
    else if (!rc)
        printf("%u %u %u %u %u %d\n", counts[KIND_LUT] + n.lutram, counts[KIND_FF], counts[KIND_BRAM],
               counts[KIND_URAM], counts[KIND_DSP], levels);
    free(n.cells);
    free(n.driver);
    json_decref(root);
    return rc || n.loop;
}

// SPDX-License-Identifier: BSD-2-Clause
// What the card is, from its own device tree.
#include "driver/card_impl.h"

#include <errno.h>
#include <libfdt.h>
#include <stdio.h>
#include <string.h>

static int fail(char *err, size_t err_size, const char *what)
{
    snprintf(err, err_size, "the card's device tree %s", what);
    return -EINVAL;
}

static bool cell(const void *dtb, int node, const char *name, uint32_t *out)
{
    int len;
    const fdt32_t *p = fdt_getprop(dtb, node, name, &len);
    if (!p || len != (int)sizeof(*p))
        return false;
    *out = fdt32_ld(p);
    return true;
}

static void string(const void *dtb, int node, const char *name, char *out)
{
    int len;
    const char *p = fdt_getprop(dtb, node, name, &len);
    const size_t n = p && len > 0 ? strnlen(p, (size_t)len) : 0;
    snprintf(out, CULVERT_NAME_MAX, "%.*s", (int)n, n ? p : "");
}

static void features(const void *dtb, int node, struct culvert_caps *caps)
{
    const int n = fdt_stringlist_count(dtb, node, "features");
    for (int i = 0; i < n && caps->features < CULVERT_FEATURES_MAX; i++) {
        int len;
        const char *p = fdt_stringlist_get(dtb, node, "features", i, &len);
        if (p)
            snprintf(caps->feature[caps->features++], CULVERT_NAME_MAX, "%s", p);
    }
}

static void ports(const void *dtb, int node, struct culvert_caps *caps)
{
    const int parent = fdt_subnode_offset(dtb, node, "ports");
    int port;
    fdt_for_each_subnode(port, dtb, parent)
    {
        uint32_t number;
        if (!cell(dtb, port, "reg", &number) || number >= CULVERT_PORTS_MAX)
            continue;
        string(dtb, port, "label", caps->port[number].label);
        (void)cell(dtb, port, "speed-mbps", &caps->port[number].speed_mbps);
        if (number >= caps->ports)
            caps->ports = number + 1;
    }
}

int card_parse_caps(const void *dtb, size_t size, struct culvert_caps *caps, char *err, size_t err_size)
{
    memset(caps, 0, sizeof(*caps));
    // The version first: libfdt's own full check falls over trees older than version 16.
    if (size < sizeof(struct fdt_header) || size > INT32_MAX || fdt_check_header(dtb) != 0 || fdt_version(dtb) < 16 ||
        fdt_check_full(dtb, size) != 0)
        return fail(err, err_size, "is damaged");
    const int node = fdt_node_offset_by_compatible(dtb, -1, "culvert,gateway-v1");
    if (node < 0)
        return fail(err, err_size, "describes no culvert,gateway-v1");
    uint32_t clock = 0, paced = 0;
    const struct {
        const char *name;
        uint32_t *out;
        bool needed;
    } cells[] = {
        {"data-width", &caps->data_width, false}, {"clock-frequency", &clock, true},
        {"paced-clock-frequency", &paced, false}, {"sa-count", &caps->sas, true},
        {"tunnel-count", &caps->tunnels, true},   {"adjacency-count", &caps->adjacencies, true},
        {"flow-count", &caps->flows, true},       {"fib-count", &caps->routes, true},
        {"local-count", &caps->locals, true},     {"replay-window", &caps->replay_window, true},
        {"max-frame", &caps->max_frame, true},    {"command-slots", &caps->command_slots, true},
    };
    for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
        if (!cell(dtb, node, cells[i].name, cells[i].out) && cells[i].needed) {
            snprintf(err, err_size, "the card's device tree lacks %s", cells[i].name);
            return -EINVAL;
        }
    }
    caps->clock_hz = clock;
    caps->paced_clock_hz = paced;
    string(dtb, 0, "model", caps->model);
    features(dtb, node, caps);
    ports(dtb, node, caps);
    if (!caps->command_slots || caps->command_slots > 0x1000 || (caps->command_slots & (caps->command_slots - 1)))
        return fail(err, err_size, "has a command ring whose size is not a power of two");
    if (caps->max_frame < 1500 || caps->max_frame > 16384 - 64)
        return fail(err, err_size, "has an impossible max-frame");
    return 0;
}

// SPDX-License-Identifier: BSD-2-Clause
#include "driver/card_cli.h"

#include "driver/culvert.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// ---------------------------------------------------------------- output

static int fail(char **out, const char *sentence)
{
    if (asprintf(out, "%s\n", sentence) < 0)
        *out = NULL;
    return 1;
}

// Takes `root`.
static int give_json(json_t *root, char **out)
{
    char *text = json_dumps(root, JSON_INDENT(2));
    json_decref(root);
    *out = NULL;
    if (text && asprintf(out, "%s\n", text) < 0)
        *out = NULL;
    free(text);
    return *out ? 0 : 1;
}

// ---------------------------------------------------------------- list

struct list_state {
    json_t *array;
    FILE *text;
};

static void list_one(void *arg, const struct culvert_found *f)
{
    struct list_state *s = arg;
    json_array_append_new(s->array, json_pack("{s:s, s:i, s:i, s:i, s:I, s:b, s:s, s:i}", "address", f->address,
                                              "vendor", f->vendor, "device", f->device, "revision", f->revision,
                                              "bar0_bytes", (json_int_t)f->bar0_bytes, "msix", f->msix, "driver",
                                              f->driver, "iommu_group", f->iommu_group));
    fprintf(s->text, "%-14s rev %02x  driver %-10s", f->address, f->revision, f->driver[0] ? f->driver : "none");
    if (f->iommu_group >= 0)
        fprintf(s->text, "  IOMMU group %d", f->iommu_group);
    fprintf(s->text, "%s\n", f->msix ? "" : "  (no MSI-X capability)");
}

int card_cli_list(const struct card_cli *cli, char **out)
{
    char err[CULVERT_ERR_MAX], *text = NULL;
    size_t size;
    struct list_state s = {json_array(), open_memstream(&text, &size)};
    if (!s.array || !s.text) {
        json_decref(s.array);
        if (s.text)
            fclose(s.text);
        free(text);
        return fail(out, "out of memory");
    }
    const int n = culvert_list(cli->dump, list_one, &s, err, sizeof(err));
    if (n == 0)
        fputs("no card found on the PCI bus\n", s.text);
    fclose(s.text);
    if (n >= 0 && !cli->json) {
        json_decref(s.array);
        *out = text;
        return 0;
    }
    free(text);
    if (n >= 0)
        return give_json(s.array, out);
    json_decref(s.array);
    return fail(out, err);
}

// ---------------------------------------------------------------- a card for the length of one command

// What came back; `done` ends the loop.
struct answer {
    bool done;
    int error;
    struct culvert_info info;
    uint64_t *counter; // room for all
};

static void got_info(void *arg, const struct culvert_result *r)
{
    struct answer *a = arg;
    a->error = r->error;
    memcpy(&a->info, r->body, sizeof(a->info));
    a->done = true;
}

static void got_counters(void *arg, int error, const uint64_t *values, size_t count)
{
    struct answer *a = arg;
    a->error = error;
    if (!error)
        memcpy(a->counter, values, count * sizeof(*values));
    a->done = true;
}

static uint64_t now_us(void *arg)
{
    (void)arg;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

// Runs the card until the answer is there; every command has a deadline, so it ends.
static void wait_answer(struct culvert_card *card, const struct answer *a)
{
    int fd[CULVERT_FDS_MAX];
    struct pollfd p[CULVERT_FDS_MAX];
    const size_t n = culvert_fds(card, fd, CULVERT_FDS_MAX);
    for (size_t i = 0; i < n; i++)
        p[i] = (struct pollfd){.fd = fd[i], .events = POLLIN};
    while (!a->done) {
        const uint64_t next = culvert_next_timeout(card), now = now_us(NULL);
        const uint64_t wait = next > now ? (next - now) / 1000 + 1 : 0;
        (void)poll(p, n, wait < 1000 ? (int)wait : 1000);
        (void)culvert_process(card);
        culvert_expire(card);
    }
}

static struct culvert_card *open_card(const struct card_cli *cli, bool keep, char **out)
{
    char err[CULVERT_ERR_MAX];
    const struct culvert_options o = {.now = now_us, .no_reset = keep};
    if (!cli->device) {
        fail(out, "which card? --device vfio-user:PATH or a PCI address (culvert card list)");
        return NULL;
    }
    struct culvert_card *card = culvert_attach(cli->device, &o, err, sizeof(err));
    if (!card)
        fail(out, err);
    return card;
}

static int give_up(struct culvert_card *card, int error, char **out)
{
    char text[CULVERT_ERR_MAX];
    snprintf(text, sizeof(text), "%s: %s", culvert_where(card), strerror(-error));
    culvert_detach(card);
    return fail(out, text);
}

// ---------------------------------------------------------------- info

static json_t *info_json(const struct culvert_card *card, const struct culvert_info *i)
{
    const struct culvert_caps *c = culvert_caps(card);
    const uint32_t fw = culvert_fw_version(card), abi = culvert_fw_abi(card);
    char fw_text[32], abi_text[32];
    snprintf(fw_text, sizeof(fw_text), "%u.%u.%u", fw >> 24, fw >> 16 & 0xff, fw & 0xffff);
    snprintf(abi_text, sizeof(abi_text), "%u.%u", abi >> 16, abi & 0xffff);
    json_t *features = json_array(), *ports = json_array();
    for (size_t n = 0; n < c->features; n++)
        json_array_append_new(features, json_string(c->feature[n]));
    for (size_t n = 0; n < c->ports; n++)
        json_array_append_new(
            ports, json_pack("{s:s, s:I}", "label", c->port[n].label, "speed_mbps", (json_int_t)c->port[n].speed_mbps));
    json_t *tables = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "sas", (json_int_t)c->sas, "tunnels",
                               (json_int_t)c->tunnels, "adjacencies", (json_int_t)c->adjacencies, "flows",
                               (json_int_t)c->flows, "routes", (json_int_t)c->routes, "locals", (json_int_t)c->locals);
    json_t *used = json_pack("{s:i, s:i, s:i, s:i}", "sas_in", i->sas_in, "sas_out", i->sas_out, "flows", i->flows,
                             "routes", i->routes);
    return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o}", "where",
                     culvert_where(card), "model", c->model, "firmware", fw_text, "abi", abi_text, "clock_hz",
                     (json_int_t)c->clock_hz, "data_width", (json_int_t)c->data_width, "uptime_ms",
                     (json_int_t)i->uptime_ms, "commands", (json_int_t)i->commands, "command_errors",
                     (json_int_t)i->command_errors, "events", (json_int_t)i->events, "events_lost",
                     (json_int_t)i->events_lost, "tables", tables, "used", used, "features", features, "ports", ports);
}

static int info_text(const struct culvert_card *card, const struct culvert_info *i, char **out)
{
    const struct culvert_caps *c = culvert_caps(card);
    const uint32_t fw = culvert_fw_version(card), abi = culvert_fw_abi(card);
    size_t size;
    FILE *f = open_memstream(out, &size);
    if (!f)
        return 1;
    fprintf(f, "%s: %s\n", culvert_where(card), c->model);
    fprintf(f, "  firmware    %u.%u.%u, mailbox ABI %u.%u, up %u.%03u s\n", fw >> 24, fw >> 16 & 0xff, fw & 0xffff,
            abi >> 16, abi & 0xffff, i->uptime_ms / 1000, i->uptime_ms % 1000);
    fprintf(f, "  datapath    %u bits at %.1f MHz, replay window up to %u, frames up to %u bytes\n", c->data_width,
            (double)c->clock_hz / 1e6, c->replay_window, c->max_frame);
    for (size_t n = 0; n < c->ports; n++)
        fprintf(f, "  port %zu      %s, %u Mbit/s\n", n, c->port[n].label, c->port[n].speed_mbps);
    fprintf(f, "  SAs         %u inbound and %u outbound of %u each\n", i->sas_in, i->sas_out, c->sas);
    fprintf(f, "  tables      %u of %u flows, %u of %u routes, %u tunnels, %u adjacencies\n", i->flows, c->flows,
            i->routes, c->routes, c->tunnels, c->adjacencies);
    fprintf(f, "  mailbox     %u commands, %u refused; %u events, %u lost\n", i->commands, i->command_errors, i->events,
            i->events_lost);
    fprintf(f, "  features   ");
    for (size_t n = 0; n < c->features; n++)
        fprintf(f, " %s", c->feature[n]);
    fprintf(f, "\n");
    return fclose(f) == 0 ? 0 : 1;
}

int card_cli_info(const struct card_cli *cli, char **out)
{
    struct culvert_card *card = open_card(cli, true, out);
    if (!card)
        return 1;
    struct answer a = {0};
    const int error = culvert_get_info(card, got_info, &a);
    if (!error)
        wait_answer(card, &a);
    if (error || a.error)
        return give_up(card, error ? error : a.error, out);
    const int rc = cli->json ? give_json(info_json(card, &a.info), out) : info_text(card, &a.info, out);
    culvert_detach(card);
    return rc;
}

// ---------------------------------------------------------------- counters

static int counters_text(const uint64_t *value, char **out)
{
    size_t size;
    FILE *f = open_memstream(out, &size);
    if (!f)
        return 1;
    for (size_t i = 0; i < culvert_counter_count(); i++)
        fprintf(f, "%-20s %20llu  %s\n", culvert_counter_name(i), (unsigned long long)value[i],
                culvert_counter_help(i));
    return fclose(f) == 0 ? 0 : 1;
}

static int counters_json(const uint64_t *value, char **out)
{
    json_t *root = json_object();
    for (size_t i = 0; i < culvert_counter_count(); i++)
        json_object_set_new(root, culvert_counter_name(i), json_integer((json_int_t)value[i]));
    return give_json(root, out);
}

int card_cli_counters(const struct card_cli *cli, char **out)
{
    struct culvert_card *card = open_card(cli, true, out);
    if (!card)
        return 1;
    struct answer a = {.counter = calloc(culvert_counter_count(), sizeof(uint64_t))};
    const int error = a.counter ? culvert_counters(card, got_counters, &a) : -ENOMEM;
    if (!error)
        wait_answer(card, &a);
    int rc;
    if (error || a.error) {
        rc = give_up(card, error ? error : a.error, out);
    } else {
        culvert_detach(card);
        rc = cli->json ? counters_json(a.counter, out) : counters_text(a.counter, out);
    }
    free(a.counter);
    return rc;
}

// ---------------------------------------------------------------- reset, command line

int card_cli_reset(const struct card_cli *cli, char **out)
{
    struct culvert_card *card = open_card(cli, false, out);
    if (!card)
        return 1;
    const uint32_t fw = culvert_fw_version(card);
    int n;
    if (cli->json)
        n = asprintf(out, "{\"reset\": true}\n");
    else
        n = asprintf(out, "%s: reset; firmware %u.%u.%u is ready\n", culvert_where(card), fw >> 24, fw >> 16 & 0xff,
                     fw & 0xffff);
    culvert_detach(card);
    if (n < 0)
        *out = NULL;
    return n < 0;
}

static int usage(void)
{
    fputs("usage: culvert card list|info|counters|reset [--device vfio-user:PATH|0000:01:00.0] [--json]\n"
          "  list      cards on the PCI bus\n"
          "  info      what the card is and what it holds\n"
          "  counters  all counters of the card\n"
          "  reset     zeroises tables and keys and boots firmware again\n",
          stderr);
    return 2;
}

int culvert_card_main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(const struct card_cli *, char **);
    } commands[] = {
        {"list", card_cli_list}, {"info", card_cli_info}, {"counters", card_cli_counters}, {"reset", card_cli_reset}};
    struct card_cli cli = {0};
    int (*run)(const struct card_cli *, char **) = NULL;
    if (argc < 2)
        return usage();
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            run = commands[i].run;
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            cli.json = true;
        else if (strcmp(argv[i], "--device") == 0 && i + 1 < argc)
            cli.device = argv[++i];
        else if (strcmp(argv[i], "--dump") == 0 && i + 1 < argc)
            cli.dump = argv[++i];
        else
            return usage();
    }
    if (!run)
        return usage();
    char *out = NULL;
    const int rc = run(&cli, &out);
    fputs(out ? out : "out of memory\n", rc ? stderr : stdout);
    free(out);
    return rc;
}

// SPDX-License-Identifier: BSD-2-Clause
// The card's datapath: the queue of operations.
#include "hostd/dp/card.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void dp_card_log(struct card *c, enum dp_log_level level, const char *format, ...)
{
    char text[512];
    va_list args;
    if (!c->dp.hooks.log)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    c->dp.hooks.log(c->dp.hooks.arg, level, text);
}

static void fill_info(struct card *c, const struct card_op *op, struct dp_info *info)
{
    const struct culvert_caps *caps = culvert_caps(c->driver);
    *info = (struct dp_info){.kind = "card",
                             .ports = true,
                             .max_sas = caps->sas,
                             .sas_in = op->info.sas_in,
                             .sas_out = op->info.sas_out,
                             .routes = op->info.routes,
                             .max_routes = caps->routes,
                             .flows = op->info.flows,
                             .max_flows = caps->flows};
    size_t n = 0;
    if (culvert_has_feature(c->driver, "esp-gcm-128"))
        info->cipher[n++] = "AES-GCM-128";
    if (culvert_has_feature(c->driver, "esp-gcm-256"))
        info->cipher[n++] = "AES-GCM-256";
    info->esn = culvert_has_feature(c->driver, "esn");
    const struct culvert_stats *s = culvert_stats(c->driver);
    uint32_t fw = op->info.fw_version;
    snprintf(info->text, sizeof(info->text),
             "%s at %s\n"
             "  datapath %u bit, %.1f MHz; firmware %u.%u.%u, mailbox ABI %u.%u, up %u.%03u s\n"
             "  SAs inbound %u, outbound %u of %u each; routes %u of %u; flows %u of %u\n"
             "  firmware: %u commands, %u refused, %u events, %u events lost\n"
             "  driver: %llu packets received, %llu sent, %llu refused (ring full), %llu timeouts, %llu resets\n",
             caps->model, culvert_where(c->driver), caps->data_width, (double)caps->clock_hz / 1e6, fw >> 24,
             fw >> 16 & 0xff, fw & 0xffff, op->info.abi_version >> 16, op->info.abi_version & 0xffff,
             op->info.uptime_ms / 1000, op->info.uptime_ms % 1000, op->info.sas_in, op->info.sas_out, caps->sas,
             op->info.routes, caps->routes, op->info.flows, caps->flows, op->info.commands, op->info.command_errors,
             op->info.events, op->info.events_lost, (unsigned long long)s->rx_packets,
             (unsigned long long)s->tx_packets, (unsigned long long)s->tx_full, (unsigned long long)s->timeouts,
             (unsigned long long)s->resets);
}

static void tell_counters(struct card *c, struct card_op *op)
{
    struct dp_counter *counter = op->error ? NULL : calloc(op->count + 1, sizeof(*counter));
    for (size_t i = 0; counter && i < op->count; i++)
        counter[i] = (struct dp_counter){culvert_counter_name(i), culvert_counter_help(i), op->values[i]};
    if (counter)
        counter[op->count] = (struct dp_counter){
            "host_policy", "dropped by the host: inner addresses outside the SA's selectors", c->policy};
    op->counters_fn(op->arg, counter, counter ? op->count + 1 : 0);
    free(counter);
}

static void answer(struct later_item *item, int error)
{
    struct card_op *op = (struct card_op *)item;
    if (error && !op->error)
        op->error = error;
    if (op->done)
        op->done(op->arg, op->error);
    if (op->sa_fn)
        op->sa_fn(op->arg, op->error, op->error ? NULL : &op->figures);
    if (op->info_fn) {
        struct dp_info info;
        if (!op->error)
            fill_info(op->card, op, &info);
        op->info_fn(op->arg, op->error ? NULL : &info);
    }
    if (op->counters_fn)
        tell_counters(op->card, op);
    free(op->values);
    dp_selectors_unref(op->sa.ts);
    OPENSSL_cleanse(op, sizeof(*op));
    free(op);
}

struct card_op *dpc_op_new(struct card *c, card_step *run)
{
    struct card_op *op = calloc(1, sizeof(*op));
    if (!op) {
        dp_card_log(c, DP_LOG_ERROR, "no memory for a request to the card");
        return NULL;
    }
    op->item.run = answer;
    op->card = c;
    op->run = run;
    op->index = op->adj = CARD_NONE;
    return op;
}

// Starts operations while they end at once; dpc_op_end() may have been called from deep inside.
static void pump(struct card *c)
{
    if (c->pumping)
        return;
    c->pumping = true;
    while (c->first && !c->running) {
        c->running = true;
        if (c->closing)
            dpc_op_end(c->first, -ECANCELED);
        else
            c->first->run(c, c->first, 0, NULL);
    }
    c->pumping = false;
}

void dpc_op_submit(struct card *c, struct card_op *op)
{
    op->next = NULL;
    *c->end = op;
    c->end = &op->next;
    pump(c);
}

void dpc_op_end(struct card_op *op, int error)
{
    struct card *c = op->card;
    op->error = error;
    c->first = op->next;
    if (!c->first)
        c->end = &c->first;
    c->running = false;
    OPENSSL_cleanse(op->sa.key, sizeof(op->sa.key));
    later_add(&c->later, &op->item);
    pump(c);
}

static const uint8_t NO_BODY[48];

void dpc_op_wait(struct card_op *op, int step, int rc)
{
    op->step = step;
    if (rc != 0)
        op->run(op->card, op, rc, NO_BODY);
    else
        dpc_arm(op->card);
}

void dpc_op_completed(void *arg, const struct culvert_result *result)
{
    struct card_op *op = arg;
    if (op->card->closing)
        dpc_op_end(op, -ECANCELED);
    else
        op->run(op->card, op, result->error, result->body);
}

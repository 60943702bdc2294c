// SPDX-License-Identifier: BSD-2-Clause
// The card as a whole: its life, its state, and the caller's loop.
#include "bar0_regs.h"
#include "driver/card_impl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define RING_LOG2_MAX 12

void card_log(const struct culvert_card *c, enum culvert_log_level level, const char *format, ...)
{
    if (!c->options.log)
        return;
    char text[640];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    c->options.log(c->options.arg, level, text);
}

uint64_t card_now(const struct culvert_card *c)
{
    if (c->options.now)
        return c->options.now(c->options.arg);
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

int card_read32(struct culvert_card *c, uint32_t reg, uint32_t *value)
{
    *value = 0;
    return c->t->ops->read(c->t, CULVERT_REGION_BAR0, reg, value, sizeof(*value));
}
int card_write32(struct culvert_card *c, uint32_t reg, uint32_t value)
{
    return c->t->ops->write(c->t, CULVERT_REGION_BAR0, reg, &value, sizeof(value), false);
}
int card_post32(struct culvert_card *c, uint32_t reg, uint32_t value)
{
    return c->t->ops->write(c->t, CULVERT_REGION_BAR0, reg, &value, sizeof(value), true);
}

// ---------------------------------------------------------------- state

static void kick(const struct culvert_card *c, enum card_vector vector)
{
    (void)eventfd_write(c->eventfd[vector], 1);
}

void card_fail_later(struct culvert_card *c, int error, const char *reason)
{
    if (c->state == CULVERT_FAILED || c->failing)
        return;
    c->failing = error;
    snprintf(c->reason, sizeof(c->reason), "%s", reason && reason[0] ? reason : strerror(-error));
    kick(c, VECTOR_STATE);
}

void card_fail(struct culvert_card *c, int error, const char *reason)
{
    if (c->state == CULVERT_FAILED)
        return;
    char text[512];
    snprintf(text, sizeof(text), "%s: %s", c->t->where, reason && reason[0] ? reason : strerror(-error));
    c->state = CULVERT_FAILED;
    c->failing = 0;
    card_log(c, CULVERT_LOG_ERROR, "%s", text);
    card_fail_commands(c, error);
    if (c->options.state)
        c->options.state(c->options.arg, CULVERT_FAILED, text);
}

void card_check_health(struct culvert_card *c)
{
    uint32_t status, config = 0;
    int rc = card_read32(c, BAR0_STATUS, &status);
    if (!rc)
        rc = card_read32(c, BAR0_EVQ_CONFIG, &config);
    if (rc) {
        card_fail(c, -ENODEV, c->t->error);
    } else if (status & BAR0_STATUS_PANIC_MASK) {
        (void)card_read_panic(c);
        card_fail(c, -EHOSTDOWN, c->panic[0] ? c->panic : "firmware stopped and left no record");
    } else if (!(config & BAR0_EVQ_CONFIG_ENABLE_MASK)) {
        card_fail(c, -EHOSTDOWN,
                  status & BAR0_STATUS_WATCHDOG_MASK ? "the watchdog has reset the card: firmware hung"
                                                     : "the card was reset behind the driver's back");
    }
}

enum culvert_state culvert_state(const struct culvert_card *c)
{
    return c->state;
}
const struct culvert_caps *culvert_caps(const struct culvert_card *c)
{
    return &c->caps;
}
bool culvert_has_feature(const struct culvert_card *c, const char *name)
{
    for (size_t i = 0; i < c->caps.features; i++)
        if (strcmp(c->caps.feature[i], name) == 0)
            return true;
    return false;
}
uint32_t culvert_fw_version(const struct culvert_card *c)
{
    return c->fw_version;
}
uint32_t culvert_fw_abi(const struct culvert_card *c)
{
    return c->fw_abi;
}
const char *culvert_where(const struct culvert_card *c)
{
    return c->t->where;
}
const char *culvert_panic_record(const struct culvert_card *c)
{
    return c->panic;
}
const struct culvert_stats *culvert_stats(const struct culvert_card *c)
{
    return &c->stats;
}
int culvert_link_errors(struct culvert_card *c, uint32_t *dma_errors, uint32_t *tlp_errors)
{
    const int rc = card_read32(c, BAR0_DMA_ERRORS, dma_errors);
    return rc ? rc : card_read32(c, BAR0_TLP_ERRORS, tlp_errors);
}

// ---------------------------------------------------------------- life

static bool sizes_ok(const struct culvert_options *o)
{
    return o->evq_log2 <= RING_LOG2_MAX && o->rxq_log2 <= RING_LOG2_MAX && o->txq_log2 <= RING_LOG2_MAX;
}

static void free_card(struct culvert_card *c)
{
    card_memory_free(c);
    for (unsigned i = 0; i < CULVERT_IRQS; i++)
        if (c->eventfd[i] >= 0)
            close(c->eventfd[i]);
    c->t->ops->close(c->t);
    free(c);
}

struct culvert_card *culvert_attach_transport(struct culvert_transport *t, const struct culvert_options *options,
                                              char *err, size_t err_size)
{
    struct culvert_card *c = calloc(1, sizeof(*c));
    if (!c) {
        snprintf(err, err_size, "out of memory");
        t->ops->close(t);
        return NULL;
    }
    c->t = t;
    c->options = *options;
    c->memory.fd = -1;
    card_queue_init(&c->waiting);
    card_queue_init(&c->sent);
    bool ok = sizes_ok(options);
    if (!ok)
        snprintf(err, err_size, "a ring has at most 2^%d entries", RING_LOG2_MAX);
    for (unsigned i = 0; i < CULVERT_IRQS; i++) {
        c->eventfd[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (c->eventfd[i] < 0 && ok) {
            snprintf(err, err_size, "eventfd: %s", strerror(errno));
            ok = false;
        }
    }
    if (!ok || card_start(c, err, err_size) != 0) {
        free_card(c);
        return NULL;
    }
    c->state = CULVERT_READY;
    return c;
}

struct culvert_card *culvert_attach(const char *where, const struct culvert_options *options, char *err,
                                    size_t err_size)
{
    struct culvert_transport *t = culvert_transport_open(where, err, err_size);
    return t ? culvert_attach_transport(t, options, err, err_size) : NULL;
}

int culvert_reset(struct culvert_card *c, char *err, size_t err_size)
{
    card_fail_commands(c, -ECANCELED);
    c->state = CULVERT_FAILED;
    c->failing = 0;
    c->stats.resets++;
    c->options.no_reset = false;
    const int rc = card_start(c, err, err_size);
    if (rc == 0)
        c->state = CULVERT_READY;
    return rc;
}

void culvert_detach(struct culvert_card *c)
{
    if (!c)
        return;
    c->state = CULVERT_FAILED; // no new commands from the callbacks
    card_fail_commands(c, -ECANCELED);
    // With the reset keys go; waiting for its end is left to the next user.
    if (!c->options.no_reset)
        (void)card_write32(c, BAR0_CONTROL, BAR0_CONTROL_RESET_MASK);
    card_stop_rings(c);
    (void)c->t->ops->irqs(c->t, NULL, 0);
    free_card(c);
}

// ---------------------------------------------------------------- the caller's loop

size_t culvert_fds(const struct culvert_card *c, int *fds, size_t max)
{
    size_t n = 0;
    for (unsigned i = 0; i < CULVERT_IRQS && n < max; i++)
        fds[n++] = c->eventfd[i];
    const int fd = c->t->ops->fd(c->t);
    if (fd >= 0 && n < max)
        fds[n++] = fd;
    return n;
}

static bool drained(const struct culvert_card *c, enum card_vector vector)
{
    eventfd_t count;
    return eventfd_read(c->eventfd[vector], &count) == 0;
}

int culvert_process(struct culvert_card *c)
{
    // Descriptors first, rings after: what comes in between signals again.
    for (unsigned v = 0; v < VECTOR_STATE; v++)
        (void)drained(c, (enum card_vector)v);
    const bool state_changed = drained(c, VECTOR_STATE);
    if (c->state == CULVERT_FAILED)
        return -EHOSTDOWN;
    if (c->failing) {
        card_fail(c, c->failing, c->reason);
        return -EHOSTDOWN;
    }
    if (c->t->ops->service(c->t) != 0) {
        card_fail(c, -ENODEV, c->t->error);
        return -EHOSTDOWN;
    }
    card_process_evq(c); // also before a panic is looked at: what was answered, was done
    card_process_tx(c);
    card_process_rx(c);
    if (state_changed && c->state == CULVERT_READY)
        card_check_health(c);
    return c->state == CULVERT_READY ? 0 : -EHOSTDOWN;
}

// SPDX-License-Identifier: BSD-2-Clause
// How many IKE SAs, each with a CHILD SA, two engines in one process set up in a second: both roles on one core, no
// sockets. And what the bare OpenSSL operations of such a setup cost (two key pairs and two shared secrets), for
// comparison.
#include "hostd/ike/ike.h"
#include "hostd/ike/ike_crypto.h"
#include "tests/bench/figure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SAMPLES = 7, SETUPS = 500, QUEUE = 64 };

struct side {
    struct ike_engine *e;
    struct side *other;
    struct ike_profile *profile;
    uint32_t spi, up;
};

struct message {
    struct side *to;
    struct ike_path path;
    size_t len;
    uint8_t bytes[2048];
};
static struct message queue[QUEUE];
static unsigned first, count;

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void op_send(void *ctx, const struct ike_path *path, const uint8_t *msg, size_t len)
{
    struct side *s = ctx;
    struct message *m = &queue[(first + count++) % QUEUE];
    m->to = s->other;
    m->path = (struct ike_path){path->remote, path->local, path->remote_port, path->local_port, path->natt};
    m->len = len;
    memcpy(m->bytes, msg, len);
}

static struct ike_profile *op_select(void *ctx, const struct ike_select *sel)
{
    (void)sel;
    return ((struct side *)ctx)->profile;
}

static int op_psk(void *ctx, const struct ike_profile *p, const struct ike_id *local, const struct ike_id *remote,
                  const struct ike_path *path, uint8_t *key, size_t cap)
{
    (void)ctx, (void)p, (void)local, (void)remote, (void)path, (void)cap;
    memset(key, 0x5a, 16);
    return 16;
}

static int op_spi_alloc(void *ctx, uint32_t *spi)
{
    *spi = 0x1000 + ((struct side *)ctx)->spi++;
    return 0;
}

static void op_spi_free(void *ctx, uint32_t spi)
{
    (void)ctx, (void)spi;
}

static int op_install(void *ctx, const struct ike_child_sa *sa, const struct ike_child_key *in,
                      const struct ike_child_key *out)
{
    (void)sa, (void)in, (void)out;
    ((struct side *)ctx)->up++;
    return 0;
}

static void op_remove(void *ctx, const struct ike_child_sa *sa, enum ike_reason why)
{
    (void)ctx, (void)sa, (void)why;
}

static const struct ike_ops ops = {
    .send = op_send,
    .select = op_select,
    .psk = op_psk,
    .spi_alloc = op_spi_alloc,
    .spi_free = op_spi_free,
    .child_install = op_install,
    .child_remove = op_remove,
};

// Setups a second in one sample, over all that were asked for. 0: something went wrong.
static double sample(struct side *a, struct side *b, const struct ike_limits *limits)
{
    struct ike_path path = {.local_port = 500, .remote_port = 500};
    if (!ip_parse("192.0.2.1", &path.local))
        return 0;
    a->e = ike_new(&ops, a, limits);
    b->e = ike_new(&ops, b, limits);
    if (a->e == NULL || b->e == NULL)
        return 0;
    a->up = b->up = 0;
    const double start = seconds();
    for (unsigned i = 0; i < SETUPS; i++) {
        path.remote = path.local;
        path.remote.b[2] = (uint8_t)(i >> 8);
        path.remote.b[3] = (uint8_t)i;
        (void)ike_initiate(a->e, a->profile, &path, 1000000);
        while (count > 0) {
            const struct message *m = &queue[first];
            first = (first + 1) % QUEUE;
            count--;
            ike_input(m->to->e, &m->path, m->bytes, m->len, 1000000);
        }
    }
    const double rate = SETUPS / (seconds() - start);
    const bool all = a->up == SETUPS && b->up == SETUPS;
    ike_free(a->e);
    ike_free(b->e);
    return all ? rate : 0;
}

// Setups a second if nothing but the key exchange cost anything.
static double floor_rate(uint16_t group)
{
    uint8_t pa[IKE_MAX_KE], pb[IKE_MAX_KE], secret[IKE_MAX_KE];
    size_t la, lb, n;
    const double start = seconds();
    for (unsigned i = 0; i < SETUPS; i++) {
        EVP_PKEY *x = ike_dh_generate(group, pa, &la), *y = ike_dh_generate(group, pb, &lb);
        if (x == NULL || y == NULL || !ike_dh_derive(group, x, pb, lb, secret, &n) ||
            !ike_dh_derive(group, y, pa, la, secret, &n))
            return 0;
        EVP_PKEY_free(x);
        EVP_PKEY_free(y);
    }
    return SETUPS / (seconds() - start);
}

static int bench_group(uint16_t group, const char *name)
{
    struct side a = {0}, b = {0};
    struct ike_limits limits = ike_limits_default();
    double rates[SAMPLES], floors[SAMPLES];
    char params[128];
    const struct ip_addr any = {.family = 4};
    a.other = &b;
    b.other = &a;
    a.profile = b.profile = ike_profile_new("bench");
    if (a.profile == NULL)
        return 1;
    a.profile->ts_local[0] = a.profile->ts_remote[0] = ike_ts_prefix(&any, 0);
    a.profile->ike[0].group[0] = group;
    a.profile->ike[0].n_group = 1;
    limits.max_half_open_peer = SETUPS;
    for (int i = 0; i < SAMPLES; i++) {
        rates[i] = sample(&a, &b, &limits);
        floors[i] = floor_rate(group);
        if (rates[i] == 0 || floors[i] == 0) {
            fprintf(stderr, "ike bench: %s: not all SAs came up\n", name);
            return 1;
        }
    }
    snprintf(params, sizeof(params), "{\"role\":\"both\",\"auth\":\"psk\",\"group\":\"%s\"}", name);
    figure_samples("ike.setups_per_s", "1/s", "host", params, rates, SAMPLES);
    snprintf(params, sizeof(params), "{\"group\":\"%s\"}", name);
    figure_samples("ike.key_exchanges_per_s", "1/s", "host", params, floors, SAMPLES);
    ike_profile_unref(a.profile);
    return 0;
}

int main(void)
{
    return bench_group(IKE_DH_X25519, "x25519") | bench_group(IKE_DH_ECP_256, "ecp256");
}

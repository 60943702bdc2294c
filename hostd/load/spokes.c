// SPDX-License-Identifier: BSD-2-Clause
// The simulated initiators: their profiles, their starts and ends, and what the IKE machine asks of its owner.
#include "hostd/load/load.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RETRY_US = LOAD_SECOND, MTU = 1280 };

static struct spoke *spoke_of(const struct load *l, uint32_t session)
{
    return map_get(&l->sessions, session);
}

// The set-up of an initiator is over, one way or the other.
static void settled(struct load *l, struct spoke *s, enum spoke_state to)
{
    if (s->state == SPOKE_TRYING) {
        l->under_way--;
    }
    l->n_up += to == SPOKE_UP;
    s->state = to;
}

static void came_up(struct load *l, struct spoke *s)
{
    if (s->state != SPOKE_TRYING) {
        return;
    }
    settled(l, s, SPOKE_UP);
    l->round->up++;
    l->round->latest = l->now;
    samples_add(&l->round->latency, l->now - s->started);
    if (traffic_wanted(l->o) && s->out != NULL) {
        traffic_prove(l, s);
    } else if (l->phase == PHASE_SETUP && l->o->duration > 0) {
        spoke_leave(l, s);
    }
}

static void failed(struct load *l, struct spoke *s, const char *why)
{
    l->round->failed++;
    load_reason(l, why);
    settled(l, s, l->phase == PHASE_STORM || l->o->duration > 0 ? SPOKE_IDLE : SPOKE_FAILED);
    s->retry_at = l->now + RETRY_US; // a storm goes on until all are there
}

// ------------------------------------------------------------------------------------------------ the machine's wishes

static void op_send(void *ctx, const struct ike_path *path, const uint8_t *msg, size_t len)
{
    struct load *l = ctx;
    if (!spokes_lose(l, &path->local, true)) {
        wire_ike(l->wire, path, msg, len);
    }
}

static uint8_t op_jitter(void *ctx, uint32_t session)
{
    struct load *l = ctx;
    struct spoke *s = l->starting != NULL ? l->starting : spoke_of(l, session);
    return s == NULL ? 0 : (uint8_t)(chance_draw(l->o->seed, CHANCE_JITTER, s->index, s->pauses++) >> 24);
}

static bool op_log_wanted(void *ctx, enum ike_log_level level)
{
    const struct load *l = ctx;
    (void)level;
    return l->o->verbose;
}

static void op_log(void *ctx, enum ike_log_level level, const struct ike_path *path, const char *text)
{
    char local[64] = "-";
    (void)ctx, (void)level;
    if (path != NULL) {
        ike_addr_format(&path->local, local, sizeof(local));
    }
    fprintf(stderr, "%s: %s\n", local, text);
}

static struct ike_profile *op_select(void *ctx, const struct ike_select *sel)
{
    (void)ctx, (void)sel;
    return NULL; // nobody calls us
}

static int op_psk(void *ctx, const struct ike_profile *p, const struct ike_id *local, const struct ike_id *remote,
                  const struct ike_path *path, uint8_t *key, size_t cap)
{
    const struct load *l = ctx;
    (void)p, (void)local, (void)remote, (void)path;
    size_t len = strlen(l->o->psk);
    if (len == 0 || len > cap) {
        return -1;
    }
    memcpy(key, l->o->psk, len); // NOLINT(bugprone-not-null-terminated-result): a key is bytes, with a length
    return (int)len;
}

static int op_spi_alloc(void *ctx, uint32_t *spi)
{
    const struct load *l = ctx;
    do {
        if (RAND_bytes((uint8_t *)spi, sizeof(*spi)) != 1) {
            return -1;
        }
    } while (*spi < 256 || map_get(&l->children, *spi) != NULL);
    return 0;
}

static void op_spi_free(void *ctx, uint32_t spi)
{
    (void)ctx, (void)spi; // a number is taken only while an SA has it
}

static int op_child_install(void *ctx, const struct ike_child_sa *sa, const struct ike_child_key *in,
                            const struct ike_child_key *out)
{
    struct load *l = ctx;
    struct spoke *s = spoke_of(l, sa->session);
    return s == NULL ? -1 : traffic_install(l, s, sa, in, out);
}

static void op_child_switch(void *ctx, const struct ike_child_sa *sa)
{
    traffic_switch(ctx, sa->spi_in);
}

static void op_child_update(void *ctx, const struct ike_child_sa *sa)
{
    traffic_update(ctx, sa);
}

static void op_child_remove(void *ctx, const struct ike_child_sa *sa, enum ike_reason why)
{
    (void)why;
    traffic_remove(ctx, sa->spi_in);
}

static void op_sa_up(void *ctx, const struct ike_sa_info *sa)
{
    struct load *l = ctx;
    struct spoke *s = spoke_of(l, sa->session);
    if (s != NULL && l->o->childless) {
        came_up(l, s);
    }
}

static void rekeyed(struct load *l, struct spoke *s, enum load_rekey kind)
{
    if (s != NULL && s->rekeying && l->o->rekey == kind) {
        s->rekeying = false;
        l->rekeys_done++;
    }
}

static void op_sa_rekeyed(void *ctx, const struct ike_sa_info *sa)
{
    struct load *l = ctx;
    rekeyed(l, spoke_of(l, sa->session), LOAD_REKEY_IKE);
}

static void op_child_up(void *ctx, const struct ike_child_sa *sa)
{
    struct load *l = ctx;
    struct spoke *s = spoke_of(l, sa->session);
    if (s != NULL && s->state == SPOKE_TRYING) {
        came_up(l, s);
    } else if (sa->replaces != 0) {
        rekeyed(l, s, LOAD_REKEY_CHILD);
    }
}

static void op_child_failed(void *ctx, uint32_t session, enum ike_reason why, uint16_t notify)
{
    struct load *l = ctx;
    struct spoke *s = spoke_of(l, session);
    char text[96];
    snprintf(text, sizeof(text), "no child: %s%s%s", ike_reason_name(why), notify != 0 ? ", " : "",
             notify != 0 ? ike_name(IKE_NAMES_NOTIFY, notify) : "");
    if (s != NULL && s->state == SPOKE_TRYING) {
        failed(l, s, text);
    } else if (s != NULL && s->rekeying) {
        s->rekeying = false;
        l->rekeys_failed++;
        load_reason(l, text);
    }
}

static void op_sa_down(void *ctx, const struct ike_sa_info *sa, enum ike_reason why)
{
    struct load *l = ctx;
    struct spoke *s = spoke_of(l, sa->session);
    if (s == NULL) {
        return;
    }
    map_del(&l->sessions, sa->session);
    s->session = 0;
    l->n_up -= s->state == SPOKE_UP || s->state == SPOKE_LEAVING;
    if (s->state == SPOKE_TRYING) {
        failed(l, s, l->detail[0] != '\0' ? l->detail : ike_reason_name(why));
    } else if (s->state == SPOKE_UP) {
        l->lost_sas++;
        load_reason(l, ike_reason_name(why));
        s->state = SPOKE_FAILED;
    } else if (s->state == SPOKE_LEAVING) {
        s->state = SPOKE_IDLE;
    }
}

static const struct ike_ops operations = {
    .send = op_send,
    .log = op_log,
    .log_wanted = op_log_wanted,
    .select = op_select,
    .psk = op_psk,
    .jitter = op_jitter,
    .cert_check = creds_check,
    .eap_begin = eap_op_begin,
    .eap_input = eap_op_input,
    .eap_end = eap_op_end,
    .spi_alloc = op_spi_alloc,
    .spi_free = op_spi_free,
    .child_install = op_child_install,
    .child_switch = op_child_switch,
    .child_update = op_child_update,
    .child_remove = op_child_remove,
    .sa_up = op_sa_up,
    .sa_down = op_sa_down,
    .sa_rekeyed = op_sa_rekeyed,
    .child_up = op_child_up,
    .child_failed = op_child_failed,
};

// ------------------------------------------------------------------------------------------------ what we do

static void add_stats(struct ike_stats *sum, const struct ike_stats *more)
{
    sum->in_messages += more->in_messages;
    sum->out_messages += more->out_messages;
    sum->retransmits += more->retransmits;
    sum->sas_up += more->sas_up;
    sum->children_up += more->children_up;
    sum->dead_peers += more->dead_peers;
}

struct ike_stats spokes_stats(const struct load *l)
{
    struct ike_stats sum = l->before;
    if (l->ike != NULL) {
        add_stats(&sum, ike_stats(l->ike));
    }
    return sum;
}

bool spokes_engine(struct load *l)
{
    struct ike_limits limits = ike_limits_default();
    limits.max_sas = UINT32_MAX;
    if (l->ike != NULL) {
        l->before = spokes_stats(l);
        for (uint32_t i = 0; i < l->o->count; i++) { // what ends now ends unheard
            l->spoke[i].state = SPOKE_IDLE;
            l->spoke[i].session = 0;
            l->spoke[i].retry_at = 0;
        }
        map_free(&l->sessions);
        ike_free(l->ike);
        traffic_clear(l);
        l->n_up = l->under_way = 0;
    }
    l->ike = ike_new(&operations, l, &limits);
    return l->ike != NULL;
}

static struct ip_addr address(struct ip_addr base, uint32_t n)
{
    for (size_t i = ip_size(base.family); n > 0 && i-- > 0; n >>= 8) {
        n += base.b[i];
        base.b[i] = (uint8_t)n;
    }
    return base;
}

// The number of one of our outer addresses, counted from the first.
static uint32_t number_of(const struct load_options *o, const struct ip_addr *local)
{
    uint32_t n = 0, base = 0;
    for (size_t i = ip_size(local->family) - 4; i < ip_size(local->family); i++) {
        n = n << 8 | local->b[i];
        base = base << 8 | o->local.b[i];
    }
    return n - base;
}

bool spokes_lose(struct load *l, const struct ip_addr *local, bool out)
{
    const struct load_options *o = l->o;
    const uint32_t n = o->loss == 0 || local->family != o->local.family ? o->count : number_of(o, local);
    if (n >= o->count) {
        return false;
    }
    struct spoke *s = &l->spoke[n];
    const uint32_t draw =
        out ? chance_draw(o->seed, CHANCE_LOSS_OUT, n, s->out_n++) : chance_draw(o->seed, CHANCE_LOSS_IN, n, s->in_n++);
    const bool lost = chance_below(draw, 100) < o->loss;
    l->dropped_out += lost && out;
    l->dropped_in += lost && !out;
    return lost;
}

// Who asks for an address offers all, as the responder may leave it at that or choose the address.
static void selectors(struct ike_profile *p, const struct load_options *o, uint32_t n)
{
    p->n_ts_local = 0;
    for (unsigned f = 0; f < LOAD_FAMILIES; f++) {
        const struct ip_addr any = {.family = f == LOAD_IPV6 ? 6 : 4}, inner = address(o->inner[f], n);
        if (o->ask[f] || ip_is_set(&inner)) {
            p->ts_remote[p->n_ts_local] = o->remote_ts[f];
            p->ts_local[p->n_ts_local++] =
                o->ask[f] ? ike_ts_prefix(&any, 0) : ike_ts_prefix(&inner, (uint8_t)ip_bits(&inner));
        }
    }
    p->n_ts_remote = p->n_ts_local;
    p->cp_request = o->ask[LOAD_IPV4];
    p->cp_request6 = o->ask[LOAD_IPV6];
}

void spoke_text(const char *pattern, uint32_t n, char *out, size_t cap)
{
    const char *at = strstr(pattern, "%u");
    if (at == NULL) {
        snprintf(out, cap, "%s", pattern);
    } else {
        snprintf(out, cap, "%.*s%u%s", (int)(at - pattern), pattern, n, at + 2);
    }
}

static void propose(struct ike_profile *p, const struct load_options *o)
{
    struct ike_proposal *ike = &p->ike[0], *esp = &p->esp[0];
    *ike = (struct ike_proposal){.encr = {o->encr}, .prf = {o->prf}, .group = {o->group}};
    ike->n_encr = ike->n_prf = ike->n_group = 1;
    if (!ike_encr_is_aead(o->encr.id)) {
        ike->integ[ike->n_integ++] = o->integ;
    }
    *esp = (struct ike_proposal){.encr = {o->esp_encr}, .n_encr = 1, .esn_yes = o->esn, .esn_no = !o->esn};
    if (!ike_encr_is_aead(o->esp_encr.id)) {
        esp->integ[esp->n_integ++] = o->esp_integ;
    }
    if (o->pfs != IKE_DH_NONE) {
        esp->group[esp->n_group++] = o->pfs;
    }
    p->n_ike = p->n_esp = 1;
}

static struct ike_profile *profile_new(const struct load *l, struct spoke *s)
{
    const struct load_options *o = l->o;
    const uint32_t n = s->index;
    char text[LOAD_TEXT + 16];
    struct ike_profile *p = ike_profile_new("load");
    if (p == NULL) {
        return NULL;
    }
    spoke_text(o->id, n, text, sizeof(text));
    p->local_id = ike_id_parse(text);
    p->remote_id = ike_id_parse(o->remote_id);
    p->user = s;
    propose(p, o);
    p->force_encap = o->encap;
    p->childless = o->childless ? IKE_CHILDLESS_ONLY : IKE_CHILDLESS_NEVER;
    selectors(p, o, n);
    p->ike_lifetime = p->child_lifetime = p->dpd_interval = p->nat_keepalive = 0;
    p->fragment_mtu = MTU;
    p->initial_contact = false; // each is a peer of its own, and this is a machine for many
    p->retrans_ms = o->retrans_ms;
    p->retrans_tries = (uint8_t)o->tries;
    const char *fault = p->local_id == NULL || p->remote_id == NULL ? "out of memory"
                        : !creds_profile(l, p, n)                   ? "no credentials"
                                                                    : ike_profile_check(p);
    if (fault != NULL) {
        fprintf(stderr, "culvert-load: %s\n", fault);
        ike_profile_unref(p);
        return NULL;
    }
    return p;
}

bool spoke_start(struct load *l, struct spoke *s)
{
    const struct load_options *o = l->o;
    const struct ike_path path = {.local = address(o->local, s->index % o->addresses),
                                  .remote = o->target,
                                  .local_port = IKE_PORT,
                                  .remote_port = IKE_PORT};
    if (s->profile == NULL) {
        s->profile = profile_new(l, s);
    }
    s->started = l->now;
    s->out = NULL;
    s->unproved = 0;
    s->rekeying = false;
    l->starting = s;
    s->session = s->profile == NULL ? 0 : ike_initiate(l->ike, s->profile, &path, l->now);
    l->starting = NULL;
    if (s->session == 0 || !map_set(&l->sessions, s->session, s)) {
        return false;
    }
    s->state = SPOKE_TRYING;
    l->round->tried++;
    l->under_way++;
    return true;
}

void spoke_leave(struct load *l, struct spoke *s)
{
    if (s->state == SPOKE_UP) {
        s->state = SPOKE_LEAVING;
        ike_delete(l->ike, s->session, l->now);
    }
}

void spoke_rekey(struct load *l, struct spoke *s)
{
    int error = l->o->rekey == LOAD_REKEY_IKE ? ike_rekey_ike(l->ike, s->session, l->now)
                : s->out == NULL              ? -1
                                              : ike_rekey_child(l->ike, s->out->spi_in, l->now);
    if (s->rekey_at != 0) {
        samples_add(&l->silences, s->silence);
    }
    s->silence = 0;
    s->rekey_at = l->now;
    s->rekeying = error == 0;
    l->rekeys_begun++;
    l->rekeys_failed += error != 0;
}

// SPDX-License-Identifier: BSD-2-Clause
// The configuration payload (RFC 7296 2.19, 3.15), both roles:
//   IKE_AUTH       CP(CFG_REQUEST) -->  <-- CP(CFG_REPLY)    addresses, names, the responder's networks
//   INFORMATIONAL  CP(CFG_SET) -->  <-- CP(CFG_ACK)          the initiator's networks, once the SA is up
//   INFORMATIONAL  CP(CFG_REQUEST) -->  <-- CP(CFG_REPLY)    the same again, without a new address
//
// A peer is sent what it asked for and nothing else. What either side has told is kept with the session, as attributes:
// that is short. An attribute that the owner has and the peer did not ask for is not remembered.
#include "hostd/ike/ike_int.h"

// Attributes as they are to be kept; NULL: no memory, or they are too long (logged).
static struct ike_cp *keep(struct ike_sa *sa, const struct ike_cp_values *v, uint32_t only)
{
    uint8_t mem[IKE_MAX_CP];
    struct wbuf w;
    wbuf_init(&w, mem, sizeof(mem));
    ike_cp_encode(&w, IKE_CP_REPLY, v, only);
    if (!wbuf_ok(&w)) {
        ike_sa_log(sa, IKE_LOG_ERROR, "configuration of more than %d bytes is left out", IKE_MAX_CP);
        w.len = 0;
    }
    struct ike_cp *cp = ike_zalloc(sa->e, sizeof(*cp) + w.len);
    if (cp == NULL)
        return NULL;
    if (only & IKE_ASK_IP4)
        cp->address = v->address;
    if (only & IKE_ASK_IP6)
        cp->address6 = v->address6;
    cp->len = (uint16_t)w.len;
    memcpy(cp->attrs, mem, w.len);
    return cp;
}

const struct ike_cp_values *ike_cp_values(const struct ike_cp *cp, struct ike_cp_values *out)
{
    return cp && ike_cp_decode((struct ike_bytes){cp->attrs, cp->len}, out) ? out : NULL;
}

// Replace what is remembered, but for the addresses, which stay.
static void replace(struct ike_cp **at, struct ike_cp *cp)
{
    if (*at && cp && cp->address.family == 0)
        cp->address = (*at)->address;
    if (*at && cp && cp->address6.family == 0)
        cp->address6 = (*at)->address6;
    if (*at && cp)
        cp->from_pool = (*at)->from_pool;
    if (cp) {
        free(*at);
        *at = cp;
    }
}

// ---------------------------------------------------------------------------------------------- request and reply

void ike_cp_put_request(struct ike_sa *sa, struct ike_build *b)
{
    const struct ike_profile *p = sa->profile;
    uint32_t ask = IKE_ASK_ROUTES | IKE_ASK_VERSION | IKE_ASK_DNS_DOMAIN | IKE_ASK_BANNER | IKE_ASK_DOMAIN |
                   IKE_ASK_SPLIT_DNS | IKE_ASK_EXCLUDE | IKE_ASK_BACKUP;
    if (p->cp_request)
        ask |= IKE_ASK_IP4 | IKE_ASK_NETMASK | IKE_ASK_DNS4 | IKE_ASK_NBNS;
    if (p->cp_request6)
        ask |= IKE_ASK_IP6 | IKE_ASK_DNS6;
    // Authenticating again, the addresses that we have are wished for.
    const struct ike_sa *old = sa->ext && sa->ext->replaces ? ike_sa_by_spi(sa->e, sa->ext->replaces) : NULL;
    struct ike_cp_values had;
    const struct ike_cp_values *wish = old ? ike_cp_values(old->taken, &had) : NULL;
    if (p->cp_request || p->cp_request6 || p->cp_config)
        ike_put_cp(b, IKE_CP_REQUEST, wish, ask);
}

uint16_t ike_cp_missing(struct ike_sa *sa)
{
    if (!sa->profile->cp_required || sa->cp_asked || sa->origin)
        return 0;
    sa->e->stats.cp_required++;
    ike_sa_log(sa, IKE_LOG_WARN, "no child: the peer has not asked for its configuration");
    return IKE_N_CP_REQUIRED;
}

uint16_t ike_cp_assign(struct ike_sa *sa, const struct ike_payloads *p)
{
    struct ike_engine *e = sa->e;
    const struct ike_profile *f = sa->profile;
    struct ike_cp_values asked, values;
    sa->cp_asked = p->cp.attrs.p && p->cp.type == IKE_CP_REQUEST && ike_cp_decode(p->cp.attrs, &asked);
    if (!sa->cp_asked)
        return p->sa.p ? ike_cp_missing(sa) : 0; // RFC 6023: without a child nothing is to be refused
    if (sa->given)
        return 0;
    if (!f->cp_assign)
        asked.asked &= ~(uint32_t)IKE_ASK_ADDRESS;
    if (e->ops->cp_reply == NULL || asked.asked == 0 || !(f->cp_assign || f->cp_config))
        return 0;
    memset(&values, 0, sizeof(values));
    if (e->ops->cp_reply(e->ctx, sa->session, f, sa->eap_id ? sa->eap_id : sa->remote_id, &asked, &values) != 0) {
        e->stats.address_failures++;
        ike_sa_log(sa, IKE_LOG_WARN, "no address for the peer");
        return IKE_N_ADDRESS_FAILURE;
    }
    struct ike_cp *cp = keep(sa, &values, asked.asked);
    if (cp) {
        cp->from_pool = true;
        sa->given = cp;
        return 0;
    }
    if (values.address.family && e->ops->addr_free)
        e->ops->addr_free(e->ctx, sa->session, f, &values.address);
    if (values.address6.family && e->ops->addr_free)
        e->ops->addr_free(e->ctx, sa->session, f, &values.address6);
    return IKE_N_ADDRESS_FAILURE;
}

void ike_cp_put_reply(struct ike_sa *sa, struct ike_build *b)
{
    if (sa->given)
        ike_put_cp_attrs(b, IKE_CP_REPLY, sa->given->attrs, sa->given->len);
}

void ike_cp_take(struct ike_sa *sa, const struct ike_payloads *p)
{
    const struct ike_profile *f = sa->profile;
    struct ike_cp_values v;
    sa->cp_tell = f->cp_set_send && sa->e->ops->cp_set;
    if (!(f->cp_request || f->cp_request6 || f->cp_config) || p->cp.attrs.p == NULL || p->cp.type != IKE_CP_REPLY ||
        !ike_cp_decode(p->cp.attrs, &v))
        return;
    if (!f->cp_request)
        v.address.family = 0; // not asked for, not taken
    if (!f->cp_request6)
        v.address6.family = 0;
    sa->taken = keep(sa, &v, v.asked);
}

void ike_cp_child_up(struct ike_sa *sa)
{
    if (sa->cp_tell)
        (void)ike_task_add(sa, IKE_TASK_CONFIG, 0);
    sa->cp_tell = false;
}

void ike_cp_release(struct ike_sa *sa)
{
    struct ike_engine *e = sa->e;
    struct ike_cp *cp = sa->given;
    if (cp == NULL || !cp->from_pool)
        return;
    cp->from_pool = false;
    if (cp->address.family && e->ops->addr_free)
        e->ops->addr_free(e->ctx, sa->session, sa->profile, &cp->address);
    if (cp->address6.family && e->ops->addr_free)
        e->ops->addr_free(e->ctx, sa->session, sa->profile, &cp->address6);
}

// ---------------------------------------------------------------------------------------------- set and acknowledge

void ike_cp_start(struct ike_sa *sa)
{
    struct ike_engine *e = sa->e;
    struct ike_task *t = sa->task;
    struct ike_cp_values v;
    struct ike_build b;
    memset(&v, 0, sizeof(v));
    if (e->ops->cp_set)
        e->ops->cp_set(e->ctx, sa->session, sa->profile, &v);
    if (v.n_subnet == 0 && (sa->given == NULL || sa->given->len == 0)) { // nothing to tell, and nothing to take back
        ike_task_finish(sa);
        return;
    }
    replace(&sa->given, keep(sa, &v, IKE_ASK_ROUTES | IKE_ASK_VERSION));
    ike_build_chain(&b, e->chain, IKE_MAX_MESSAGE);
    ike_put_cp(&b, IKE_CP_SET, &v, IKE_ASK_ROUTES | IKE_ASK_VERSION);
    if (ike_send_request(sa, IKE_X_INFORMATIONAL, &b))
        return;
    if (t->retries < IKE_MAX_CHILD_RETRIES)
        ike_task_retry(sa, (uint64_t)IKE_T_TEMPORARY * IKE_SECOND);
    else
        ike_task_finish(sa);
}

void ike_cp_acked(struct ike_sa *sa, const struct ike_payloads *p)
{
    struct ike_cp_values v;
    const bool ack = p->cp.attrs.p && p->cp.type == IKE_CP_ACK && ike_cp_decode(p->cp.attrs, &v);
    if (!ack || !(v.asked & IKE_ASK_ROUTES))
        ike_sa_log(sa, IKE_LOG_INFO, "the peer did not take our networks: %s",
                   ack ? "it acknowledges none" : "it knows no CFG_SET");
    else
        ike_sa_log(sa, IKE_LOG_DEBUG, "the peer acknowledges our networks");
}

static void answer_request(struct ike_sa *sa, struct ike_cp_values *asked, struct ike_build *b)
{
    struct ike_engine *e = sa->e;
    struct ike_cp_values v, given;
    const uint32_t all = asked->asked;
    memset(&v, 0, sizeof(v));
    asked->asked &= ~(uint32_t)IKE_ASK_ADDRESS;
    if (e->ops->cp_reply && asked->asked && (sa->profile->cp_assign || sa->profile->cp_config) &&
        e->ops->cp_reply(e->ctx, sa->session, sa->profile, sa->eap_id ? sa->eap_id : sa->remote_id, asked, &v) != 0)
        memset(&v, 0, sizeof(v));
    // The addresses that it has, if any; another one is not given.
    if (sa->given && sa->given->from_pool && ike_cp_values(sa->given, &given)) {
        v.address = given.address;
        v.prefix = given.prefix;
        v.address6 = given.address6;
        v.prefix6 = given.prefix6;
    }
    ike_put_cp(b, IKE_CP_REPLY, &v, all);
}

static bool answer_set(struct ike_sa *sa, const struct ike_cp_values *v, struct ike_build *b)
{
    const uint32_t taken = v->asked & (IKE_ASK_ROUTES | IKE_ASK_VERSION);
    if (!sa->profile->cp_set_accept || sa->state != IKE_S_ESTABLISHED) {
        ike_sa_log(sa, IKE_LOG_INFO, "the peer's CFG_SET is not accepted");
        ike_put_cp(b, IKE_CP_ACK, NULL, 0);
        return false;
    }
    struct ike_cp *cp = keep(sa, v, taken);
    ike_put_cp(b, IKE_CP_ACK, NULL, cp ? taken : 0);
    replace(&sa->taken, cp);
    return cp != NULL;
}

bool ike_cp_answer(struct ike_sa *sa, const struct ike_payloads *p, struct ike_build *b)
{
    struct ike_cp_values v;
    if (p->cp.attrs.p == NULL || !ike_cp_decode(p->cp.attrs, &v))
        return false;
    if (p->cp.type == IKE_CP_SET)
        return answer_set(sa, &v, b);
    if (p->cp.type == IKE_CP_REQUEST) {
        answer_request(sa, &v, b);
        sa->cp_asked = true;
    }
    return false;
}

static void tell(void *arg, const struct ike_sa_info *info)
{
    struct ike_engine *e = arg;
    e->ops->cp_taken(e->ctx, info);
}

void ike_cp_tell_taken(struct ike_sa *sa)
{
    if (sa->e->ops->cp_taken && sa->state == IKE_S_ESTABLISHED)
        ike_sa_info(sa, tell, sa->e);
}

// SPDX-License-Identifier: BSD-2-Clause
// crypto ikev2: proposal, policy, and the settings of the whole daemon.
#include "hostd/conf/algs.h"
#include "hostd/conf/reader.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

// ------------------------------------------------------------------------------------------------ proposal

static void restore_proposal(void *p)
{
    conf_default_proposal(p);
}

static bool *disabled_proposal(void *p)
{
    return &((struct conf_proposal *)p)->disabled;
}

static const struct conf_kind kind_proposal = {"crypto ikev2 proposal", CONF_PROPOSAL, sizeof(struct conf_proposal),
                                               restore_proposal, disabled_proposal};

static bool run_proposal(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    return conf_run_object(r, op, a, &r->conf->proposals, &kind_proposal);
}

static void print_proposal(struct conf_out *o, const void *object)
{
    const struct conf *c = object;
    conf_print_objects(o, &c->proposals, &kind_proposal);
}

// The list of one kind in a proposal.
struct alg_field {
    const struct alg *table;
    uint8_t *at, *n;
    const uint8_t *fresh_at;
    uint8_t fresh_n;
};

static bool set_algs(struct conf_reader *r, enum conf_op op, const struct args *a, const struct alg_field *f)
{
    if (op != CONF_SET) {
        const struct conf_proposal *p = conf_object(r);
        *f->n = op == CONF_DEFAULT || strcmp(p->name, "default") == 0 ? f->fresh_n : 0;
        memcpy(f->at, f->fresh_at, *f->n);
        return true;
    }
    uint8_t found[CONF_ALGS] = {0}, n = 0;
    for (unsigned i = 0; args_nth(a, "alg", i) != NULL; i++) {
        const struct arg *word = args_nth(a, "alg", i);
        uint8_t index = (uint8_t)alg_find(f->table, word->text);
        if (memchr(found, index, n) != NULL) {
            return conf_error(r, word, "is there twice");
        }
        if (n == CONF_ALGS) {
            return conf_error(r, word, "at most %d", CONF_ALGS);
        }
        found[n++] = index;
    }
    memcpy(f->at, found, n);
    *f->n = n;
    return true;
}

static void print_algs(struct conf_out *o, const char *kind, const struct alg *table, const uint8_t *at, uint8_t n)
{
    struct str s = {0};
    for (uint8_t i = 0; i < n; i++) {
        str_addf(&s, " %s", table[at[i]].word);
    }
    if (n > 0) {
        conf_line(o, "%s%s", kind, str_text(&s));
    }
    str_free(&s);
}

static bool run_encr(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_proposal *p = conf_object(r), fresh = {.name = "default"};
    conf_default_proposal(&fresh);
    struct alg_field f = {alg_encr, p->encr, &p->n_encr, fresh.encr, fresh.n_encr};
    return set_algs(r, op, a, &f);
}

static void print_encr(struct conf_out *o, const void *object)
{
    const struct conf_proposal *p = object;
    print_algs(o, "encryption", alg_encr, p->encr, p->n_encr);
}

static bool run_integ(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_proposal *p = conf_object(r), fresh = {.name = "default"};
    conf_default_proposal(&fresh);
    struct alg_field f = {alg_integ, p->integ, &p->n_integ, fresh.integ, fresh.n_integ};
    return set_algs(r, op, a, &f);
}

static void print_integ(struct conf_out *o, const void *object)
{
    const struct conf_proposal *p = object;
    print_algs(o, "integrity", alg_integ, p->integ, p->n_integ);
}

static bool run_prf(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_proposal *p = conf_object(r), fresh = {.name = "default"};
    conf_default_proposal(&fresh);
    struct alg_field f = {alg_prf, p->prf, &p->n_prf, fresh.prf, fresh.n_prf};
    return set_algs(r, op, a, &f);
}

static void print_prf(struct conf_out *o, const void *object)
{
    const struct conf_proposal *p = object;
    print_algs(o, "prf", alg_prf, p->prf, p->n_prf);
}

static bool run_group(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_proposal *p = conf_object(r), fresh = {.name = "default"};
    conf_default_proposal(&fresh);
    struct alg_field f = {alg_group, p->group, &p->n_group, fresh.group, fresh.n_group};
    return set_algs(r, op, a, &f);
}

static void print_group(struct conf_out *o, const void *object)
{
    const struct conf_proposal *p = object;
    print_algs(o, "group", alg_group, p->group, p->n_group);
}

// ------------------------------------------------------------------------------------------------ policy

static void restore_policy(void *p)
{
    conf_default_policy(p);
}

static bool *disabled_policy(void *p)
{
    return &((struct conf_policy *)p)->disabled;
}

static const struct conf_kind kind_policy = {"crypto ikev2 policy", CONF_POLICY, sizeof(struct conf_policy),
                                             restore_policy, disabled_policy};

static bool run_policy(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    return conf_run_object(r, op, a, &r->conf->policies, &kind_policy);
}

static void print_policy(struct conf_out *o, const void *object)
{
    const struct conf *c = object;
    conf_print_objects(o, &c->policies, &kind_policy);
}

static bool run_policy_fvrf(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_policy *p = conf_object(r);
    if (args_get(a, "vrf") != NULL) {
        return conf_error(r, args_get(a, "vrf"), CONF_NO_VRF);
    }
    p->fvrf_any = op == CONF_SET;
    return true;
}

static void print_policy_fvrf(struct conf_out *o, const void *object)
{
    const struct conf_policy *p = object;
    if (p->fvrf_any) {
        conf_line(o, "match fvrf any");
    } else if (strcmp(p->name, "default") == 0) {
        conf_line(o, "no match fvrf any"); // or reading it again would bring it back
    }
}

static bool run_policy_local(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_policy *p = conf_object(r);
    struct ip_addr addr = conf_arg_addr(a, "addr", "addr6");
    unsigned i = 0;
    while (i < p->n_local && memcmp(&p->local[i], &addr, sizeof(addr)) != 0) {
        i++;
    }
    if (op == CONF_SET && i == p->n_local) {
        if (p->n_local == CONF_MATCHES) {
            return conf_error(r, NULL, "at most %d addresses", CONF_MATCHES);
        }
        p->local[p->n_local++] = addr;
    } else if (op != CONF_SET && i < p->n_local) {
        memmove(&p->local[i], &p->local[i + 1], (p->n_local - i - 1) * sizeof(addr));
        memset(&p->local[--p->n_local], 0, sizeof(addr));
    }
    return true;
}

static void print_policy_local(struct conf_out *o, const void *object)
{
    const struct conf_policy *p = object;
    for (unsigned i = 0; i < p->n_local; i++) {
        char text[CONF_ADDR_TEXT];
        conf_line(o, "match address local %s", conf_addr_text(&p->local[i], text));
    }
}

static bool run_policy_proposal(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_policy *p = conf_object(r);
    const struct arg *name = args_get(a, "name");
    unsigned i = 0;
    // What the user names replaces the smart default.
    if (op == CONF_SET && p->n_proposal == 1 && p->proposal[0].line == 0) {
        memset(&p->proposal[0], 0, sizeof(p->proposal[0]));
        p->n_proposal = 0;
    }
    while (i < p->n_proposal && strcmp(p->proposal[i].name, name->text) != 0) {
        i++;
    }
    if (op == CONF_SET && i == p->n_proposal) {
        if (p->n_proposal == CONF_ALGS) {
            return conf_error(r, name, "at most %d proposals", CONF_ALGS);
        }
        conf_set_ref(r, &p->proposal[p->n_proposal++], name);
    } else if (op != CONF_SET && i < p->n_proposal) {
        memmove(&p->proposal[i], &p->proposal[i + 1], (p->n_proposal - i - 1) * sizeof(p->proposal[0]));
        memset(&p->proposal[--p->n_proposal], 0, sizeof(p->proposal[0]));
    }
    return true;
}

static void print_policy_proposal(struct conf_out *o, const void *object)
{
    const struct conf_policy *p = object;
    for (unsigned i = 0; i < p->n_proposal; i++) {
        conf_line(o, "proposal %s", p->proposal[i].name);
    }
}

// ------------------------------------------------------------------------------------------------ the whole daemon

static bool run_fragmentation(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    r->conf->no_fragmentation = op == CONF_NO;
    r->conf->fragment_mtu = op == CONF_SET ? args_number(a, "mtu", CONF_FRAGMENT_MTU) : CONF_FRAGMENT_MTU;
    return true;
}

static void print_fragmentation(struct conf_out *o, const void *object)
{
    const struct conf *c = object;
    if (c->no_fragmentation) {
        conf_line(o, "no crypto ikev2 fragmentation");
    } else if (o->all || c->fragment_mtu != CONF_FRAGMENT_MTU) {
        conf_line(o, "crypto ikev2 fragmentation mtu %u", c->fragment_mtu);
    }
}

static bool run_cookie(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    r->conf->has_cookie_challenge = op == CONF_SET;
    r->conf->cookie_challenge = op == CONF_SET ? args_number(a, "half-open", 0) : 0;
    return true;
}

static void print_cookie(struct conf_out *o, const void *object)
{
    const struct conf *c = object;
    if (c->has_cookie_challenge) {
        conf_line(o, "crypto ikev2 cookie-challenge %u", c->cookie_challenge);
    }
}

static bool run_dpd(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    r->conf->dpd = (struct conf_dpd){0};
    if (op == CONF_SET) {
        r->conf->dpd.interval = args_number(a, "interval", 0);
        r->conf->dpd.retry = args_number(a, "retry", 0);
        r->conf->dpd.on_demand = strcmp(args_text(a, "when"), "on-demand") == 0;
    }
    return true;
}

static void print_dpd(struct conf_out *o, const void *object)
{
    const struct conf *c = object;
    if (c->dpd.interval > 0) {
        conf_line(o, "crypto ikev2 dpd %u %u %s", c->dpd.interval, c->dpd.retry,
                  c->dpd.on_demand ? "on-demand" : "periodic");
    }
}

static bool run_nat(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    r->conf->nat_keepalive = op == CONF_SET ? args_number(a, "seconds", 0) : 0;
    return true;
}

static void print_nat(struct conf_out *o, const void *object)
{
    const struct conf *c = object;
    if (c->nat_keepalive > 0) {
        conf_line(o, "crypto ikev2 nat keepalive %u", c->nat_keepalive);
    }
}

const struct conf_command conf_commands_ikev2[] = {
    {CONF_GLOBAL, "crypto ikev2 fragmentation [mtu <mtu:576-1500>]", "crypto ikev2 fragmentation [mtu <mtu:576-1500>]",
     "fragmentation|Split large messages (RFC 7383)\nmtu|Longest IP datagram of IKE, bytes\n", run_fragmentation,
     print_fragmentation},
    {CONF_GLOBAL, "crypto ikev2 cookie-challenge <half-open:0-1000>",
     "crypto ikev2 cookie-challenge [<half-open:0-1000>]",
     "cookie-challenge|Ask initiators for a cookie when many SAs are half open\n"
     "half-open|Half-open SAs from which on cookies are asked for\n",
     run_cookie, print_cookie},
    {CONF_GLOBAL, "crypto ikev2 dpd <interval:1-3600> <retry:1-60> <when:on-demand|periodic>", "crypto ikev2 dpd",
     "dpd|Detect dead peers, where the profile does not say how\ninterval|Seconds of silence\n"
     "retry|Seconds between questions once one stayed unanswered\non-demand|Only when traffic gets no answer\n"
     "periodic|Always\n",
     run_dpd, print_dpd},
    {CONF_GLOBAL, "crypto ikev2 nat keepalive <seconds:5-3600>", "crypto ikev2 nat keepalive [<seconds:5-3600>]",
     "nat|Network address translation\nkeepalive|Keep the mapping alive when we are behind a NAT\n"
     "seconds|Seconds between keepalives\n",
     run_nat, print_nat},
    {CONF_GLOBAL, "crypto ikev2 proposal <name:name>", "crypto ikev2 proposal [<name:name>]",
     "proposal|Algorithms of IKE SAs\nname|Name of the proposal\n", run_proposal, print_proposal},
    {CONF_PROPOSAL, "encryption <alg:" ALG_ENCR_WORDS "> ...", "encryption [<alg:" ALG_ENCR_WORDS "> ...]",
     "encryption|Ciphers, the preferred first\nalg|A cipher\n3des|Triple DES, for old peers only\n", run_encr,
     print_encr},
    {CONF_PROPOSAL, "integrity " ALG_HASHES, "integrity [" ALG_HASHES "]",
     "integrity|Integrity algorithms for ciphers that are not AEAD\nalg|HMAC with this hash\nsha|HMAC with SHA-1, or "
     "as \"sha 256\" SHA-2\n",
     run_integ, print_integ},
    {CONF_PROPOSAL, "prf " ALG_HASHES, "prf [" ALG_HASHES "]",
     "prf|Pseudo-random functions; without them those of `integrity`\nalg|HMAC with this hash\nsha|HMAC with SHA-1, or "
     "as \"sha 256\" SHA-2\n",
     run_prf, print_prf},
    {CONF_PROPOSAL, "group <alg:" ALG_GROUP_WORDS "> ...", "group [<alg:" ALG_GROUP_WORDS "> ...]",
     "group|Groups of the key exchange, the preferred first\nalg|Number of the group\n2|MODP 1024, for old peers only\n"
     "5|MODP 1536, for old peers only\n14|MODP 2048\n15|MODP 3072\n16|MODP 4096\n"
     "19|NIST P-256\n20|NIST P-384\n21|NIST P-521\n31|x25519\n",
     run_group, print_group},
    {CONF_GLOBAL, "crypto ikev2 policy <name:name>", "crypto ikev2 policy [<name:name>]",
     "policy|Which proposals are used where\nname|Name of the policy\n", run_policy, print_policy},
    {CONF_POLICY, "match fvrf { any | <vrf:name> }", NULL,
     "fvrf|Routing instance of the outside\nany|Any\nvrf|Named ones are not there\n", run_policy_fvrf,
     print_policy_fvrf},
    {CONF_POLICY, "match address local { <addr:addr> | <addr6:addr6> }", NULL, "addr|Our address\naddr6|Our address\n",
     run_policy_local, print_policy_local},
    {CONF_POLICY, "proposal <name:name>", NULL, "proposal|A proposal to use\nname|Its name\n", run_policy_proposal,
     print_policy_proposal},
    {.grammar = NULL},
};

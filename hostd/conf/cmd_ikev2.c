// SPDX-License-Identifier: BSD-2-Clause
// crypto ikev2: proposal, policy, keyring, authorization policy, and the settings of the whole daemon.
#include "hostd/conf/algs.h"
#include "hostd/conf/reader.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

// Entering, removing and restoring an object of a list that has a smart default of name `default`.
static bool run_object(struct conf_reader *r, enum conf_op op, const struct args *a, struct list *l, size_t size,
                       enum conf_mode mode, void (*restore)(void *object), bool *(*disabled)(void *object))
{
    const char *name = args_text(a, "name");
    bool has_default = strcmp(name, "default") == 0 && restore != NULL;
    void *object = conf_find(l, name);
    if (op == CONF_SET || (op == CONF_DEFAULT && has_default)) {
        object = conf_get(l, name, size);
        if (disabled != NULL && (*disabled(object) || op == CONF_DEFAULT)) {
            restore(object);
            *disabled(object) = false;
        }
        if (op == CONF_SET) {
            conf_enter(r, mode, object);
        }
        return true;
    }
    if (object != NULL && has_default) {
        restore(object);
        *disabled(object) = true;
    } else if (object != NULL) {
        conf_drop(r->conf, l, object);
    }
    return true;
}

// Print the objects of a list: header and body; the smart default only if it is not as it was born, or all.
static void print_objects(struct conf_out *o, const struct list *l, size_t size, const char *header,
                          enum conf_mode mode, void (*restore)(void *object), bool *(*disabled)(void *object))
{
    for (size_t i = 0; i < l->n; i++) {
        void *object = l->at[i];
        const char *name = object;
        if (disabled != NULL && *disabled(object)) {
            conf_line(o, "no %s %s", header, name);
            continue;
        }
        if (restore != NULL && strcmp(name, "default") == 0 && !o->all) {
            void *fresh = must_alloc(size);
            memcpy(fresh, object, CONF_NAME);
            restore(fresh);
            bool same = conf_same(fresh, object, size);
            free(fresh);
            if (same) {
                continue;
            }
        }
        conf_line(o, "%s %s", header, name);
        conf_print_mode(o, mode, object);
        conf_line(o, "!");
    }
}

// ------------------------------------------------------------------------------------------------ proposal

static void restore_proposal(void *p)
{
    conf_default_proposal(p);
}

static bool *disabled_proposal(void *p)
{
    return &((struct conf_proposal *)p)->disabled;
}

static bool run_proposal(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    return run_object(r, op, a, &r->conf->proposals, sizeof(struct conf_proposal), CONF_PROPOSAL, restore_proposal,
                      disabled_proposal);
}

static void print_proposal(struct conf_out *o, const void *object)
{
    const struct conf *c = object;
    print_objects(o, &c->proposals, sizeof(struct conf_proposal), "crypto ikev2 proposal", CONF_PROPOSAL,
                  restore_proposal, disabled_proposal);
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
    uint8_t found[CONF_ALGS], n = 0;
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

static bool run_policy(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    return run_object(r, op, a, &r->conf->policies, sizeof(struct conf_policy), CONF_POLICY, restore_policy,
                      disabled_policy);
}

static void print_policy(struct conf_out *o, const void *object)
{
    const struct conf *c = object;
    print_objects(o, &c->policies, sizeof(struct conf_policy), "crypto ikev2 policy", CONF_POLICY, restore_policy,
                  disabled_policy);
}

static bool run_policy_fvrf(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    (void)a;
    struct conf_policy *p = conf_object(r);
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

// Add to, or take from, a list of addresses.
static bool edit_addrs(struct conf_reader *r, enum conf_op op, const struct arg *arg, struct in_addr *at, unsigned *n)
{
    unsigned i = 0;
    while (i < *n && at[i].s_addr != arg->addr.s_addr) {
        i++;
    }
    if (op == CONF_SET && i == *n) {
        if (*n == CONF_MATCHES) {
            return conf_error(r, arg, "at most %d addresses", CONF_MATCHES);
        }
        at[(*n)++] = arg->addr;
    } else if (op != CONF_SET && i < *n) {
        memmove(&at[i], &at[i + 1], (*n - i - 1) * sizeof(at[0]));
        at[--*n] = (struct in_addr){0};
    }
    return true;
}

static bool run_policy_local(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_policy *p = conf_object(r);
    return edit_addrs(r, op, args_get(a, "addr"), p->local, &p->n_local);
}

static void print_policy_local(struct conf_out *o, const void *object)
{
    const struct conf_policy *p = object;
    for (unsigned i = 0; i < p->n_local; i++) {
        char text[INET_ADDRSTRLEN];
        conf_line(o, "match address local %s", inet_ntop(AF_INET, &p->local[i], text, sizeof(text)));
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

// ------------------------------------------------------------------------------------------------ keyring

static bool run_keyring(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    return run_object(r, op, a, &r->conf->keyrings, sizeof(struct conf_keyring), CONF_KEYRING, NULL, NULL);
}

static void print_keyring(struct conf_out *o, const void *object)
{
    const struct conf *c = object;
    print_objects(o, &c->keyrings, sizeof(struct conf_keyring), "crypto ikev2 keyring", CONF_KEYRING, NULL, NULL);
}

static bool run_peer(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_keyring *k = conf_object(r);
    return run_object(r, op, a, &k->peers, sizeof(struct conf_peer), CONF_PEER, NULL, NULL);
}

static void print_peer(struct conf_out *o, const void *object)
{
    const struct conf_keyring *k = object;
    print_objects(o, &k->peers, sizeof(struct conf_peer), "peer", CONF_PEER, NULL, NULL);
}

static bool run_peer_address(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_peer *p = conf_object(r);
    p->has_address = op == CONF_SET;
    p->addr = p->has_address ? args_addr(a, "addr") : (struct in_addr){0};
    p->mask = !p->has_address               ? (struct in_addr){0}
              : args_get(a, "mask") != NULL ? args_addr(a, "mask")
                                            : (struct in_addr){INADDR_NONE};
    return true;
}

static void print_peer_address(struct conf_out *o, const void *object)
{
    const struct conf_peer *p = object;
    char addr[INET_ADDRSTRLEN], mask[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &p->addr, addr, sizeof(addr));
    inet_ntop(AF_INET, &p->mask, mask, sizeof(mask));
    if (p->has_address) {
        conf_line(o, "address %s%s%s", addr, p->mask.s_addr == INADDR_NONE ? "" : " ",
                  p->mask.s_addr == INADDR_NONE ? "" : mask);
    }
}

static bool run_peer_hostname(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_peer *p = conf_object(r);
    if (!str_copy(p->hostname, sizeof(p->hostname), op == CONF_SET ? args_text(a, "host") : "")) {
        return conf_error(r, args_get(a, "host"), "too long");
    }
    return true;
}

static void print_peer_hostname(struct conf_out *o, const void *object)
{
    const struct conf_peer *p = object;
    if (p->hostname[0] != '\0') {
        conf_line(o, "hostname %s", p->hostname);
    }
}

static bool run_peer_identity(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_peer *p = conf_object(r);
    memset(&p->id, 0, sizeof(p->id));
    if (op != CONF_SET) {
        return true;
    }
    static const struct {
        const char *arg;
        enum conf_id_kind kind;
    } kinds[] = {{"addr", CONF_ID_ADDRESS}, {"domain", CONF_ID_FQDN}, {"mail", CONF_ID_EMAIL}, {"key", CONF_ID_KEY_ID}};
    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        const struct arg *arg = args_get(a, kinds[i].arg);
        if (arg != NULL) {
            p->id.kind = kinds[i].kind;
            p->id.addr = arg->addr;
            if (kinds[i].kind != CONF_ID_ADDRESS && !str_copy(p->id.text, sizeof(p->id.text), arg->text)) {
                return conf_error(r, arg, "too long");
            }
        }
    }
    return true;
}

static void print_peer_identity(struct conf_out *o, const void *object)
{
    const struct conf_peer *p = object;
    static const char *const words[] = {"", "address", "fqdn", "email", "key-id"};
    char addr[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &p->id.addr, addr, sizeof(addr));
    if (p->id.kind != CONF_ID_NONE) {
        conf_line(o, "identity %s %s", words[p->id.kind], p->id.kind == CONF_ID_ADDRESS ? addr : p->id.text);
    }
}

static bool run_peer_key(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_peer *p = conf_object(r);
    const struct arg *side = args_get(a, "side");
    const char *key = op == CONF_SET ? args_text(a, "key") : "";
    if (strlen(key) >= sizeof(p->key_local)) {
        return conf_error(r, NULL, "word %u: the key is too long", args_get(a, "key")->word + 1);
    }
    if (strcmp(key, CONF_HIDDEN) == 0) {
        return conf_error(r, NULL, "word %u: this is what stands for a key where it is hidden",
                          args_get(a, "key")->word + 1);
    }
    if (side == NULL || strcmp(side->text, "local") == 0) {
        str_copy(p->key_local, sizeof(p->key_local), key);
    }
    if (side == NULL || strcmp(side->text, "remote") == 0) {
        str_copy(p->key_remote, sizeof(p->key_remote), key);
    }
    return true;
}

static void print_peer_key(struct conf_out *o, const void *object)
{
    const struct conf_peer *p = object;
    if (p->key_local[0] != '\0' && strcmp(p->key_local, p->key_remote) == 0) {
        conf_line(o, "pre-shared-key %s", conf_key(o, p->key_local));
        return;
    }
    if (p->key_local[0] != '\0') {
        conf_line(o, "pre-shared-key local %s", conf_key(o, p->key_local));
    }
    if (p->key_remote[0] != '\0') {
        conf_line(o, "pre-shared-key remote %s", conf_key(o, p->key_remote));
    }
}

// ------------------------------------------------------------------------------------------------ authorization policy

static void restore_author(void *p)
{
    conf_default_author(p);
}

static bool *disabled_author(void *p)
{
    return &((struct conf_author *)p)->disabled;
}

static bool run_author(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    return run_object(r, op, a, &r->conf->authors, sizeof(struct conf_author), CONF_AUTHOR, restore_author,
                      disabled_author);
}

static void print_author(struct conf_out *o, const void *object)
{
    const struct conf *c = object;
    print_objects(o, &c->authors, sizeof(struct conf_author), "crypto ikev2 authorization policy", CONF_AUTHOR,
                  restore_author, disabled_author);
}

static bool run_author_pool(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_author *p = conf_object(r);
    memset(&p->pool, 0, sizeof(p->pool));
    if (op == CONF_SET) {
        conf_set_ref(r, &p->pool, args_get(a, "name"));
    }
    return true;
}

static void print_author_pool(struct conf_out *o, const void *object)
{
    const struct conf_author *p = object;
    if (p->pool.name[0] != '\0') {
        conf_line(o, "pool %s", p->pool.name);
    }
}

static bool run_author_netmask(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_author *p = conf_object(r);
    p->netmask = op == CONF_SET ? args_addr(a, "mask") : (struct in_addr){0};
    return true;
}

static void print_author_netmask(struct conf_out *o, const void *object)
{
    const struct conf_author *p = object;
    char text[INET_ADDRSTRLEN];
    if (p->netmask.s_addr != 0) {
        conf_line(o, "netmask %s", inet_ntop(AF_INET, &p->netmask, text, sizeof(text)));
    }
}

static bool run_author_dns(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_author *p = conf_object(r);
    memset(p->dns, 0, sizeof(p->dns));
    p->n_dns = 0;
    for (unsigned i = 0; op == CONF_SET && i < CONF_DNS && args_nth(a, "addr", i) != NULL; i++) {
        p->dns[p->n_dns++] = args_nth(a, "addr", i)->addr;
    }
    return true;
}

static void print_author_dns(struct conf_out *o, const void *object)
{
    const struct conf_author *p = object;
    char one[INET_ADDRSTRLEN], two[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &p->dns[0], one, sizeof(one));
    inet_ntop(AF_INET, &p->dns[1], two, sizeof(two));
    if (p->n_dns > 0) {
        conf_line(o, "dns %s%s%s", one, p->n_dns > 1 ? " " : "", p->n_dns > 1 ? two : "");
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
    {CONF_GLOBAL, "crypto ikev2 proposal <name:name>", NULL,
     "proposal|Algorithms of IKE SAs\nname|Name of the proposal\n", run_proposal, print_proposal},
    {CONF_PROPOSAL, "encryption <alg:" ALG_ENCR_WORDS "> ...", "encryption [<alg:" ALG_ENCR_WORDS "> ...]",
     "encryption|Ciphers, the preferred first\nalg|A cipher\n", run_encr, print_encr},
    {CONF_PROPOSAL, "integrity <alg:" ALG_HASH_WORDS "> ...", "integrity [<alg:" ALG_HASH_WORDS "> ...]",
     "integrity|Integrity algorithms for CBC ciphers\nalg|HMAC with this hash\n", run_integ, print_integ},
    {CONF_PROPOSAL, "prf <alg:" ALG_HASH_WORDS "> ...", "prf [<alg:" ALG_HASH_WORDS "> ...]",
     "prf|Pseudo-random functions; without them those of `integrity`\nalg|HMAC with this hash\n", run_prf, print_prf},
    {CONF_PROPOSAL, "group <alg:" ALG_GROUP_WORDS "> ...", "group [<alg:" ALG_GROUP_WORDS "> ...]",
     "group|Groups of the key exchange, the preferred first\nalg|Number of the group\n14|MODP 2048\n"
     "19|NIST P-256\n20|NIST P-384\n21|NIST P-521\n31|x25519\n",
     run_group, print_group},
    {CONF_GLOBAL, "crypto ikev2 policy <name:name>", NULL,
     "policy|Which proposals are used where\nname|Name of the policy\n", run_policy, print_policy},
    {CONF_POLICY, "match fvrf any", NULL, "fvrf|Routing instance of the outside\nany|Any\n", run_policy_fvrf,
     print_policy_fvrf},
    {CONF_POLICY, "match address local <addr:addr>", NULL, "addr|Our address\n", run_policy_local, print_policy_local},
    {CONF_POLICY, "proposal <name:name>", NULL, "proposal|A proposal to use\nname|Its name\n", run_policy_proposal,
     print_policy_proposal},
    {CONF_GLOBAL, "crypto ikev2 keyring <name:name>", NULL, "keyring|Pre-shared keys\nname|Name of the keyring\n",
     run_keyring, print_keyring},
    {CONF_KEYRING, "peer <name:name>", NULL, "peer|A peer or a group of peers\nname|Name of the entry\n", run_peer,
     print_peer},
    {CONF_PEER, "address <addr:addr> [<mask:mask>]", "address [<addr:addr> [<mask:mask>]]",
     "address|Where the peer's messages come from\n", run_peer_address, print_peer_address},
    {CONF_PEER, "hostname <host:word>", "hostname [<host:word>]", "hostname|The peer's name\nhost|The name\n",
     run_peer_hostname, print_peer_hostname},
    {CONF_PEER, "identity { address <addr:addr> | fqdn <domain:word> | email <mail:word> | key-id <key:word> }",
     "identity [ { address <addr:addr> | fqdn <domain:word> | email <mail:word> | key-id <key:word> } ]",
     "identity|The peer's IKE identity\ndomain|The name\nmail|The address\nkey|The identifier\n", run_peer_identity,
     print_peer_identity},
    {CONF_PEER, "pre-shared-key [<side:local|remote>] <key:word>", "pre-shared-key [<side:local|remote>] [<key:word>]",
     "pre-shared-key|The shared secret\nlocal|The key that proves us\nremote|The key that proves the peer\n"
     "key|The secret\n",
     run_peer_key, print_peer_key},
    {CONF_GLOBAL, "crypto ikev2 authorization policy <name:name>", NULL,
     "authorization|What peers are given\npolicy|A set of attributes\nname|Name of the policy\n", run_author,
     print_author},
    {CONF_AUTHOR, "pool <name:name>", "pool [<name:name>]", "pool|Pool that addresses come from\nname|Its name\n",
     run_author_pool, print_author_pool},
    {CONF_AUTHOR, "netmask <mask:mask>", "netmask [<mask:mask>]", "netmask|Mask that is told with the address\n",
     run_author_netmask, print_author_netmask},
    {CONF_AUTHOR, "dns <addr:addr> [<addr:addr>]", "dns [<addr:addr> [<addr:addr>]]",
     "dns|Name servers that are told\naddr|Address of a name server\n", run_author_dns, print_author_dns},
    {.grammar = NULL},
};

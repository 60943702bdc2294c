// SPDX-License-Identifier: BSD-2-Clause
// How IKE SAs live: MOBIKE, redirect, window, limits; of a profile: authenticating again, childless setup,
// reconnecting; of a keyring's peer: its post-quantum pre-shared key.
#include "hostd/conf/reader.h"
#include "hostd/util/str.h"

#include <string.h>

// ------------------------------------------------------------------------------------------------ MOBIKE

static bool run_mobike(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    (void)a;
    r->conf->ops.no_mobike = op == CONF_NO;
    return true;
}

static void print_mobike(struct conf_out *o, const void *object)
{
    const struct conf *c = object;
    if (c->ops.no_mobike || o->all) {
        conf_line(o, "%scrypto ikev2 mobike", c->ops.no_mobike ? "no " : "");
    }
}

static bool run_http(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    (void)a;
    r->conf->ops.http_cert = op == CONF_SET;
    return true;
}

static void print_http(struct conf_out *o, const void *object)
{
    const struct conf *c = object;
    if (c->ops.http_cert || o->all) {
        conf_line(o, "%scrypto ikev2 http-url cert", c->ops.http_cert ? "" : "no ");
    }
}

// Add to, or take from, a list of addresses. No address with `no`: all of them.
static bool edit(struct conf_reader *r, enum conf_op op, const struct arg *word, const struct ip_addr *addr,
                 struct ip_addr *at, unsigned *n)
{
    unsigned i = 0;
    if (addr->family == 0) {
        memset(at, 0, CONF_GATEWAYS * sizeof(*at));
        *n = 0;
        return true;
    }
    while (i < *n && memcmp(&at[i], addr, sizeof(*addr)) != 0) {
        i++;
    }
    if (op == CONF_SET && i == *n) {
        if (*n == CONF_GATEWAYS) {
            return conf_error(r, word, "at most %d addresses", CONF_GATEWAYS);
        }
        at[(*n)++] = *addr;
    } else if (op != CONF_SET && i < *n) {
        memmove(&at[i], &at[i + 1], (*n - i - 1) * sizeof(*at));
        memset(&at[--*n], 0, sizeof(*at));
    }
    return true;
}

static bool run_extra(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    const struct ip_addr addr = conf_arg_addr(a, "addr", "addr6");
    return edit(r, op, args_get(a, "addr"), &addr, r->conf->ops.extra, &r->conf->ops.n_extra);
}

static void print_extra(struct conf_out *o, const void *object)
{
    const struct conf_ops *c = &((const struct conf *)object)->ops;
    char text[CONF_ADDR_TEXT];
    for (unsigned i = 0; i < c->n_extra; i++) {
        conf_line(o, "crypto ikev2 mobike additional-address %s", conf_addr_text(&c->extra[i], text));
    }
}

// ------------------------------------------------------------------------------------------------ redirect

static bool run_gateway(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_ops *c = &r->conf->ops;
    bool init = strcmp(args_text(a, "when"), "init") == 0;
    *(init ? &c->redirect_init : &c->redirect_auth) = op == CONF_SET ? r->line : 0;
    return true;
}

static void print_gateway(struct conf_out *o, const void *object)
{
    const struct conf_ops *c = &((const struct conf *)object)->ops;
    if (c->redirect_init != 0) {
        conf_line(o, "crypto ikev2 redirect gateway init");
    }
    if (c->redirect_auth != 0) {
        conf_line(o, "crypto ikev2 redirect gateway auth");
    }
}

static bool edit_names(struct conf_reader *r, enum conf_op op, const struct arg *to)
{
    struct conf_ops *c = &r->conf->ops;
    unsigned i = 0;
    if (!ike_is_gateway_name(to->text, strlen(to->text))) {
        return conf_error(r, to, "is neither an address nor a name");
    }
    while (i < c->n_target_name && strcmp(c->target_name[i], to->text) != 0) {
        i++;
    }
    if (op == CONF_SET && i == c->n_target_name) {
        if (i == CONF_GATEWAYS) {
            return conf_error(r, to, "at most %d names", CONF_GATEWAYS);
        }
        str_copy(c->target_name[c->n_target_name++], CONF_TEXT, to->text);
    } else if (op != CONF_SET && i < c->n_target_name) {
        memmove(c->target_name[i], c->target_name[i + 1], (c->n_target_name - i - 1) * sizeof(c->target_name[0]));
        memset(c->target_name[--c->n_target_name], 0, sizeof(c->target_name[0]));
    }
    return true;
}

static bool run_target(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_ops *c = &r->conf->ops;
    const struct arg *to = args_get(a, "to");
    struct ip_addr addr = {0};
    if (to != NULL && !ip_parse(to->text, &addr)) {
        return edit_names(r, op, to);
    }
    if (to == NULL) {
        memset(c->target_name, 0, sizeof(c->target_name));
        c->n_target_name = 0;
    }
    return edit(r, op, to, &addr, c->target, &c->n_target);
}

static void print_target(struct conf_out *o, const void *object)
{
    const struct conf_ops *c = &((const struct conf *)object)->ops;
    char text[CONF_ADDR_TEXT];
    for (unsigned i = 0; i < c->n_target; i++) {
        conf_line(o, "crypto ikev2 redirect target %s", conf_addr_text(&c->target[i], text));
    }
    for (unsigned i = 0; i < c->n_target_name; i++) {
        conf_line(o, "crypto ikev2 redirect target %s", c->target_name[i]);
    }
}

static bool run_client(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    r->conf->ops.redirects = op == CONF_SET ? args_number(a, "redirects", CONF_REDIRECTS) : 0;
    return true;
}

static void print_client(struct conf_out *o, const void *object)
{
    const struct conf_ops *c = &((const struct conf *)object)->ops;
    if (c->redirects == CONF_REDIRECTS) {
        conf_line(o, "crypto ikev2 redirect client");
    } else if (c->redirects > 0) {
        conf_line(o, "crypto ikev2 redirect client max-redirects %u", c->redirects);
    }
}

static bool run_profile_redirect(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    (void)a;
    ((struct conf_profile *)conf_object(r))->redirect_auth = op == CONF_SET ? r->line : 0;
    return true;
}

static void print_profile_redirect(struct conf_out *o, const void *object)
{
    if (((const struct conf_profile *)object)->redirect_auth != 0) {
        conf_line(o, "redirect gateway auth");
    }
}

// ------------------------------------------------------------------------------------------------ window, limits

static bool run_window(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    r->conf->ops.window = op == CONF_SET ? args_number(a, "requests", 0) : 0;
    return true;
}

static void print_window(struct conf_out *o, const void *object)
{
    const struct conf_ops *c = &((const struct conf *)object)->ops;
    if (c->window > 0 || o->all) {
        conf_line(o, "crypto ikev2 window %u", c->window > 0 ? c->window : 1);
    }
}

static const struct {
    const char *word, *arg;
    size_t at;
} limits[] = {
    {"max-in-negotiation-sa", "half-open", offsetof(struct conf_ops, max_half_open)},
    {"max-sa", "sas", offsetof(struct conf_ops, max_sas)},
    {"max-in-negotiation-sa-peer", "of-peer", offsetof(struct conf_ops, max_half_open_peer)},
    {"unauthenticated-memory", "kilobytes", offsetof(struct conf_ops, unauth_kilobytes)},
};

static unsigned *limit_at(struct conf_ops *c, size_t at)
{
    return (unsigned *)((char *)c + at);
}

static bool run_limit(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    // Which one is said by the argument; with `no` it may be left out, so the word tells.
    for (unsigned i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        const struct arg *n = args_get(a, limits[i].arg);
        const struct arg *which = args_get(a, "which");
        if (op == CONF_SET ? n != NULL : which != NULL && strcmp(which->text, limits[i].word) == 0) {
            *limit_at(&r->conf->ops, limits[i].at) = op == CONF_SET ? n->number : 0;
        }
    }
    return true;
}

static void print_limit(struct conf_out *o, const void *object)
{
    struct conf_ops c = ((const struct conf *)object)->ops;
    for (unsigned i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        unsigned n = *limit_at(&c, limits[i].at);
        if (n > 0) {
            conf_line(o, "crypto ikev2 limit %s %u", limits[i].word, n);
        }
    }
}

// ------------------------------------------------------------------------------------------------ profile

static bool run_reauth(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    ((struct conf_profile *)conf_object(r))->reauth = op == CONF_SET ? args_number(a, "seconds", 0) : 0;
    return true;
}

static void print_reauth(struct conf_out *o, const void *object)
{
    const struct conf_profile *p = object;
    if (p->reauth > 0) {
        conf_line(o, "reauthentication %u", p->reauth);
    }
}

static bool run_childless(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_profile *p = conf_object(r);
    p->childless = op != CONF_SET ? 0 : args_get(a, "how") != NULL ? 2 : 1;
    return true;
}

static void print_childless(struct conf_out *o, const void *object)
{
    const struct conf_profile *p = object;
    if (p->childless > 0) {
        conf_line(o, "initiate childless%s", p->childless == 2 ? " only" : "");
    }
}

static bool run_reconnect(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    ((struct conf_profile *)conf_object(r))->reconnect = op == CONF_SET ? args_number(a, "seconds", CONF_RECONNECT) : 0;
    return true;
}

static void print_reconnect(struct conf_out *o, const void *object)
{
    const struct conf_profile *p = object;
    if (p->reconnect == CONF_RECONNECT) {
        conf_line(o, "reconnect");
    } else if (p->reconnect > 0) {
        conf_line(o, "reconnect timeout %u", p->reconnect);
    }
}

static bool run_contact(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    (void)a;
    ((struct conf_profile *)conf_object(r))->force_contact = op == CONF_SET;
    return true;
}

static void print_contact(struct conf_out *o, const void *object)
{
    if (((const struct conf_profile *)object)->force_contact) {
        conf_line(o, "initial-contact force");
    }
}

// ------------------------------------------------------------------------------------------------ post-quantum keys

static bool run_ppk(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_peer *p = conf_object(r);
    struct conf_ppk ppk;
    memset(&ppk, 0, sizeof(ppk));
    if (op == CONF_SET) {
        if (!str_copy(ppk.id, sizeof(ppk.id), args_text(a, "id"))) {
            return conf_error(r, args_get(a, "id"), "too long");
        }
        if (!conf_set_key(r, &ppk.key, args_get(a, "key"), strcmp(args_text(a, "form"), "hex") == 0)) {
            return false;
        }
        ppk.required = args_get(a, "need") != NULL;
    }
    p->ppk = ppk;
    return true;
}

static void print_ppk(struct conf_out *o, const void *object)
{
    const struct conf_ppk *p = &((const struct conf_peer *)object)->ppk;
    if (p->id[0] != '\0') {
        conf_line(o, "ppk manual id %s key %s%s%s", p->id, conf_key_form(o, &p->key), conf_key(o, p->key.text),
                  p->required ? " required" : "");
    }
}

const struct conf_command conf_commands_ops[] = {
    {CONF_GLOBAL, "crypto ikev2 mobike", NULL, "mobike|Sessions survive a change of address (RFC 4555)\n", run_mobike,
     print_mobike},
    {CONF_GLOBAL, "crypto ikev2 mobike additional-address { <addr:addr> | <addr6:addr6> }",
     "crypto ikev2 mobike additional-address [ { <addr:addr> | <addr6:addr6> } ]",
     "mobike|Sessions survive a change of address (RFC 4555)\n"
     "additional-address|Another address of ours that peers may go to when the first does not answer\n",
     run_extra, print_extra},
    {CONF_GLOBAL, "crypto ikev2 redirect gateway <when:init|auth>", NULL,
     "redirect|Sending clients to another gateway (RFC 5685)\ngateway|We send them\n"
     "init|Before anything is known of them\nauth|Once they are authenticated\n",
     run_gateway, print_gateway},
    {CONF_GLOBAL, "crypto ikev2 redirect target <to:word>", "crypto ikev2 redirect target [<to:word>]",
     "redirect|Sending clients to another gateway (RFC 5685)\n"
     "target|A gateway to send them to; of several each in turn\nto|Its address, or a name that clients look up\n",
     run_target, print_target},
    {CONF_GLOBAL, "crypto ikev2 redirect client [max-redirects <redirects:1-16>]",
     "crypto ikev2 redirect client [max-redirects [<redirects:1-16>]]",
     "redirect|Sending clients to another gateway (RFC 5685)\nclient|We go where we are sent\n"
     "max-redirects|How often within five minutes\nredirects|Times\n",
     run_client, print_client},
    {CONF_GLOBAL, "crypto ikev2 http-url cert", NULL,
     "http-url|What peers name by URL is fetched (RFC 7296 3.6), before they are authenticated\n"
     "cert|Certificates\n",
     run_http, print_http},
    {CONF_GLOBAL, "crypto ikev2 window <requests:1-20>", "crypto ikev2 window [<requests:1-20>]",
     "window|Requests that a peer may have out at once\nrequests|How many\n", run_window, print_window},
    {CONF_GLOBAL,
     "crypto ikev2 limit { max-in-negotiation-sa <half-open:1-1000000> | max-sa <sas:1-10000000> | "
     "max-in-negotiation-sa-peer <of-peer:1-100000> | unauthenticated-memory <kilobytes:64-16777216> }",
     "crypto ikev2 limit "
     "<which:max-in-negotiation-sa|max-sa|max-in-negotiation-sa-peer|unauthenticated-memory> [<number:0-4294967295>]",
     "limit|Bounds\nmax-in-negotiation-sa|Incoming SAs that are not authenticated yet\nhalf-open|SAs\n"
     "max-sa|IKE SAs in all\nsas|SAs\nmax-in-negotiation-sa-peer|Incoming SAs of one address that are not "
     "authenticated yet\nof-peer|SAs\nunauthenticated-memory|What all senders together can hold before they are "
     "authenticated\nkilobytes|Kilobytes\nnumber|What it was\n",
     run_limit, print_limit},
    {CONF_PROFILE, "redirect gateway auth", NULL,
     "redirect|Sending clients to another gateway (RFC 5685)\ngateway|We send them\n"
     "auth|Once they are authenticated\n",
     run_profile_redirect, print_profile_redirect},
    {CONF_PROFILE, "initial-contact force", "initial-contact [force]",
     "initial-contact|What a new session of a peer does to its older ones\n"
     "force|It ends them, even if the peer does not say that it has restarted\n",
     run_contact, print_contact},
    {CONF_PROFILE, "reauthentication <seconds:60-8640000>", "reauthentication [<seconds:60-8640000>]",
     "reauthentication|Authenticate again; initiators are told (RFC 4478)\nseconds|Seconds from one time to the next\n",
     run_reauth, print_reauth},
    {CONF_PROFILE, "initiate childless [<how:only|>]", "initiate childless [<how:only|>]",
     "initiate|How sessions are begun\nchildless|IKE_AUTH without an IPsec SA; the first one follows (RFC 6023)\n"
     "only|None follows until it is asked for\n",
     run_childless, print_childless},
    {CONF_PROFILE, "reconnect [timeout <seconds:600-86400>]", "reconnect [timeout [<seconds:600-86400>]]",
     "reconnect|Sessions that broke off go on without a full exchange (RFC 5723)\ntimeout|For how long\n"
     "seconds|Seconds\n",
     run_reconnect, print_reconnect},
    {CONF_PEER, "ppk manual id <id:word> key [<form:0|hex>] <key:word> [<need:required|>]",
     "ppk [manual id <id:word> [key [<form:0|hex>] <key:word> [<need:required|>]]]",
     "ppk|A pre-shared key against quantum computers (RFC 8784)\nmanual|Typed in here\nid|Its name\n"
     "key|The key\n0|The key follows as it is\nhex|The key follows in hexadecimal\n"
     "required|Without it there is no session\n",
     run_ppk, print_ppk},
    {.grammar = NULL},
};

// SPDX-License-Identifier: BSD-2-Clause
// Commands on sessions: authenticate again, send to another gateway, another IPsec SA.
#include "hostd/cli/pick.h"

#include "hostd/util/str.h"

#include <string.h>

// What an action is about, besides sessions.
struct subject {
    struct ike_gateway to;
    const struct ike_ts *local, *remote; // NULL: as the first IPsec SA
};

// Do it to each session that is meant; the answer says how many would.
static void each(struct exec *x, const struct args *a,
                 int (*act)(struct ike_engine *e, uint32_t session, const struct subject *about, uint64_t now),
                 const struct subject *about)
{
    struct culvertd *d = exec_daemon(x);
    struct list picked = pick(x, a, false);
    size_t done = 0;
    for (size_t i = 0; i < picked.n; i++) {
        done += act(d->ike, pick_at(&picked, i), about, daemon_now(d)) == 0;
    }
    pick_done(x, &picked, done);
}

static int reauth(struct ike_engine *e, uint32_t session, const struct subject *about, uint64_t now)
{
    (void)about;
    return ike_reauth(e, session, now);
}

static void run_reauth(struct exec *x, const struct args *a)
{
    each(x, a, reauth, NULL);
}

static int redirect(struct ike_engine *e, uint32_t session, const struct subject *about, uint64_t now)
{
    return ike_redirect(e, session, &about->to, now);
}

static void run_redirect(struct exec *x, const struct args *a)
{
    const char *where = args_text(a, "to");
    struct subject about = {0};
    if (!ip_parse(where, &about.to.addr)) {
        if (!ike_is_gateway_name(where, strlen(where))) {
            exec_fail(x, "\"%s\" is neither an address nor a name", where);
            return;
        }
        str_copy(about.to.name, sizeof(about.to.name), where);
    }
    each(x, a, redirect, &about);
}

static int child(struct ike_engine *e, uint32_t session, const struct subject *about, uint64_t now)
{
    size_t n = about->local != NULL ? 1 : 0;
    return ike_new_child(e, session, about->local, n, about->remote, n, now);
}

static void run_child(struct exec *x, const struct args *a)
{
    const struct conf_net local = conf_arg_net(a, "local-net", "local-mask", "none", "local6");
    const struct conf_net remote = conf_arg_net(a, "remote-net", "remote-mask", "none", "remote6");
    struct ike_ts ours, theirs;
    struct subject about = {0};
    if (local.addr.family != 0) {
        if (!conf_net_is_clean(&local) || !conf_net_is_clean(&remote)) {
            exec_fail(x, "a selector has bits outside its mask");
            return;
        }
        ours = ike_ts_prefix(&local.addr, local.length);
        theirs = ike_ts_prefix(&remote.addr, remote.length);
        about.local = &ours;
        about.remote = &theirs;
    }
    each(x, a, child, &about);
}

#define WHICH      "[{ remote { <addr:addr> | <addr6:addr6> } | session <session:1-4294967295> }]"
#define WHICH_HELP "remote|Of this peer\naddr|Address of the peer\nsession|One session\n"

const struct exec_command exec_ops_commands[] = {
    {"crypto ikev2 reauthenticate " WHICH,
     "reauthenticate|Prove both ends again, with new keys, without a break\n" WHICH_HELP, run_reauth, pick_render},
    {"crypto ikev2 redirect gateway <to:word> " WHICH,
     "redirect|Send clients to another gateway (RFC 5685)\ngateway|Which one\nto|Its address, or a name that they "
     "look up\n" WHICH_HELP,
     run_redirect, pick_render},
    {"crypto ikev2 child " WHICH
     " [selectors { <local-net:addr> <local-mask:mask> <remote-net:addr> <remote-mask:mask> | "
     "<local6:prefix6> <remote6:prefix6> }]",
     "child|Make another IPsec SA\n" WHICH_HELP "selectors|For this traffic, not for that of the first one\n"
     "local-net|Network on our side\nlocal-mask|Its mask\nremote-net|Network behind the peer\nremote-mask|Its mask\n"
     "local6|Network on our side\nremote6|Network behind the peer\n",
     run_child, pick_render},
    {.grammar = NULL},
};

// SPDX-License-Identifier: BSD-2-Clause
// Commands that do something: clear, rekey, debug, write.
#include "hostd/cli/pick.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void for_each(struct exec *x, const struct args *a, bool children,
                     int (*act)(struct ike_engine *e, uint32_t which, uint64_t now))
{
    struct culvertd *d = exec_daemon(x);
    struct list picked = pick(x, a, children);
    size_t done = 0;
    for (size_t i = 0; i < picked.n; i++) {
        done += act(d->ike, pick_at(&picked, i), daemon_now(d)) == 0;
    }
    pick_done(x, &picked, done);
}

static void run_clear_ike(struct exec *x, const struct args *a)
{
    for_each(x, a, false, args_get(a, "fast") != NULL ? ike_delete_fast : ike_delete);
}

static void run_clear_ipsec(struct exec *x, const struct args *a)
{
    for_each(x, a, true, ike_delete_child);
}

static void run_rekey(struct exec *x, const struct args *a)
{
    bool child = strcmp(args_text(a, "what"), "child") == 0;
    for_each(x, a, child, child ? ike_rekey_child : ike_rekey_ike);
}

static void render_message(struct str *out, const json_t *data)
{
    str_addf(out, "%s\n", show_text(data, "message"));
}

// Beside the file first, then over it, so that there is always a whole one.
static void run_write(struct exec *x, const struct args *a)
{
    (void)a;
    const struct culvertd *d = exec_daemon(x);
    struct str text = {0}, path = {0};
    str_addf(&path, "%s.new", d->options.conf_path);
    conf_print(d->lang, d->conf, false, &text);
    int fd = open(str_text(&path), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && !text.failed && write(fd, str_text(&text), text.len) == (ssize_t)text.len && fsync(fd) == 0;
    int error = errno;
    if (fd >= 0) {
        close(fd);
    }
    if (ok && rename(str_text(&path), d->options.conf_path) != 0) {
        error = errno;
        ok = false;
    }
    if (!ok) {
        unlink(str_text(&path));
    }
    str_free(&text);
    str_free(&path);
    if (ok) {
        exec_done(x, json_pack("{s:s}", "message", "Building configuration... [OK]"));
    } else {
        exec_fail(x, "%s: %s", d->options.conf_path, strerror(error));
    }
}

static void run_reload(struct exec *x, const struct args *a)
{
    (void)a;
    char err[1024];
    if (daemon_reload(exec_daemon(x), err, sizeof(err))) {
        exec_done(x, json_pack("{s:s}", "message", "The configuration file has been read and applied"));
    } else {
        exec_fail(x, "not applied: %s", err);
    }
}

const struct exec_command exec_action_commands[] = {
    {"clear crypto ikev2 sa [{ <side:local|remote> { <addr:addr> | <addr6:addr6> } | session <session:1-4294967295> }] "
     "[<fast:fast|>]",
     "sa|IKE SAs, and their children with them\nlocal|Of one of our addresses\nremote|Of one peer\n"
     "session|One session\nfast|At once, without waiting for the peer\n",
     run_clear_ike, pick_render},
    {"clear crypto session [<side:local|remote> { <addr:addr> | <addr6:addr6> }]",
     "session|Sessions with peers: IKE SAs and their children\nlocal|Of one of our addresses\nremote|Of one peer\n",
     run_clear_ike, pick_render},
    {"clear crypto ipsec sa [{ <side:remote|> | peer } { <addr:addr> | <addr6:addr6> }]",
     "sa|IPsec SAs\nremote|Of one peer\npeer|Of one peer\n", run_clear_ipsec, pick_render},
    {"crypto ikev2 rekey <what:child|ike> [{ remote { <addr:addr> | <addr6:addr6> } | session <session:1-4294967295> "
     "}]",
     "rekey|Make new keys now\nchild|Of IPsec SAs\nike|Of IKE SAs\naddr|Address of the peer\nsession|One session\n",
     run_rekey, pick_render},
    {"write [memory]", "write|Save the running configuration\nmemory|To the file that it was read from\n", run_write,
     render_message},
    {"configure replace startup",
     "configure|Change the configuration\nreplace|Take another one whole\nstartup|The file that it was read from\n",
     run_reload, render_message},
    {.grammar = NULL},
};

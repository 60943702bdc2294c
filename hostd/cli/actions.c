// SPDX-License-Identifier: BSD-2-Clause
// Commands that do something: clear, rekey, debug, write.
#include "hostd/cli/exec.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// The sessions or children that a command is about, collected before anything is done to them.
struct pick {
    struct list of; // numbers: sessions, or inbound SPIs
    bool children;
    struct in_addr remote; // 0: all
    uint32_t session;      // 0: all
};

static bool pick_one(void *arg, const struct ike_sa_info *sa)
{
    struct pick *p = arg;
    struct in_addr remote;
    memcpy(&remote, sa->path.remote.b, 4);
    bool fits =
        (p->remote.s_addr == 0 || p->remote.s_addr == remote.s_addr) && (p->session == 0 || p->session == sa->session);
    if (fits && !p->children) {
        return list_add(&p->of, (void *)(uintptr_t)sa->session);
    }
    for (uint32_t i = 0; fits && i < sa->n_child; i++) {
        if (!list_add(&p->of, (void *)(uintptr_t)sa->child[i]->spi_in)) {
            return false;
        }
    }
    return true;
}

static void for_each(struct exec *x, const struct args *a, bool children,
                     int (*act)(struct ike_engine *e, uint32_t which, uint64_t now))
{
    struct culvertd *d = exec_daemon(x);
    struct pick p = {.children = children, .remote = args_addr(a, "addr"), .session = args_number(a, "session", 0)};
    ike_show(d->ike, pick_one, &p);
    json_int_t done = 0;
    for (size_t i = 0; i < p.of.n; i++) {
        done += act(d->ike, (uint32_t)(uintptr_t)p.of.at[i], daemon_now(d)) == 0;
    }
    json_int_t refused = (json_int_t)p.of.n - done;
    list_free(&p.of);
    glue_rearm(d);
    exec_done(x, json_pack("{s:I, s:I}", "done", done, "refused", refused));
}

static void render_count(struct str *out, const json_t *data)
{
    str_addf(out, "%lld done", show_number(data, "done"));
    if (show_number(data, "refused") > 0) {
        str_addf(out, ", %lld not in a state for it", show_number(data, "refused"));
    }
    str_add(out, "\n");
}

static void run_clear_ike(struct exec *x, const struct args *a)
{
    for_each(x, a, false, ike_delete);
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

static void run_debug(struct exec *x, const struct args *a)
{
    (void)a;
    struct culvertd *d = exec_daemon(x);
    d->debug_ike = true;
    exec_done(x, json_pack("{s:s}", "message", "IKEv2 debugging is on, in the log"));
}

static void run_undebug(struct exec *x, const struct args *a)
{
    (void)a;
    struct culvertd *d = exec_daemon(x);
    d->debug_ike = false;
    exec_done(x, json_pack("{s:s}", "message", "IKEv2 debugging is off"));
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
    {"clear crypto ikev2 sa [remote <addr:addr>]",
     "sa|IKE SAs, and their children with them\naddr|Address of the peer\n", run_clear_ike, render_count},
    {"clear crypto ipsec sa [remote <addr:addr>]", "sa|IPsec SAs\naddr|Address of the peer\n", run_clear_ipsec,
     render_count},
    {"crypto ikev2 rekey <what:child|ike> [{ remote <addr:addr> | session <session:1-4294967295> }]",
     "rekey|Make new keys now\nchild|Of IPsec SAs\nike|Of IKE SAs\naddr|Address of the peer\nsession|One session\n",
     run_rekey, render_count},
    {"debug crypto ikev2", "debug|Write more into the log\n", run_debug, render_message},
    {"no debug crypto ikev2", "no|Stop\ndebug|Write more into the log\n", run_undebug, render_message},
    {"undebug { all | crypto ikev2 }", "undebug|Stop writing more into the log\nall|Of everything\n", run_undebug,
     render_message},
    {"write [memory]", "write|Save the running configuration\nmemory|To the file that it was read from\n", run_write,
     render_message},
    {"configure replace startup",
     "configure|Change the configuration\nreplace|Take another one whole\nstartup|The file that it was read from\n",
     run_reload, render_message},
    {.grammar = NULL},
};

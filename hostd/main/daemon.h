// SPDX-License-Identifier: BSD-2-Clause
// The root of culvertd: everything that it has, owned by one object, driven by one loop in one thread.
//
//   configuration -> profiles (what the IKE machine may agree to), links (devices), tunnels (whom to call), routes
//   sockets -> IKE machine -> sessions (what is installed) -> datapath, links, routes
//   kernel's routes and neighbours -> mirror -> datapath
#ifndef CULVERT_MAIN_DAEMON_H
#define CULVERT_MAIN_DAEMON_H

#include "hostd/conf/reader.h"
#include "hostd/dp/dp.h"
#include "hostd/iface/links.h"
#include "hostd/ike/ike.h"
#include "hostd/main/keylog.h"
#include "hostd/main/pool.h"
#include "hostd/main/profiles.h"
#include "hostd/main/session.h"
#include "hostd/main/sockets.h"
#include "hostd/main/tunnels.h"
#include "hostd/route/mirror.h"
#include "hostd/util/clock.h"
#include "hostd/util/log.h"

#include <uv.h>

struct control;

struct daemon_options {
    const char *conf_path;
    const char *socket_path;
    const char *keylog_path; // NULL: keys are not exported
    enum log_level log_level;
};

enum daemon_exit { EXIT_FINE = 0, EXIT_CONF = 1, EXIT_USAGE = 2, EXIT_START = 3, EXIT_DATAPATH = 4 };

struct culvertd {
    uv_loop_t loop;
    struct log log;
    struct clock clock;
    struct daemon_options options;
    uint64_t started;

    struct conf_lang *lang;
    struct conf *conf; // running; constant
    uint64_t conf_version;

    struct dp *dp;
    struct links links;
    struct mirror *mirror;
    struct profile_set profiles;
    struct sessions sessions;
    struct tunnels tunnels;
    struct pools pools;
    struct ike_engine *ike;
    struct sockets *sockets;
    struct keylog *keylog;
    struct control *control;

    uv_timer_t ike_timer, tick, drain;
    uv_signal_t signals[3];
    uint64_t events[8]; // of the datapath, by kind
    bool debug_ike;
    unsigned ticks, drains;
    bool stopping;
    int exit_code;
};

// Load, make everything, and run until stopped. An exit code.
int daemon_run(const struct daemon_options *options);
// Take a new configuration: all of it, or none (err says why). Takes `c` over in any case.
bool daemon_apply(struct culvertd *d, struct conf *c, char *err, size_t err_size);
// Read the file again.
bool daemon_reload(struct culvertd *d, char *err, size_t err_size);
// Say goodbye to the peers, then end the loop.
void daemon_stop(struct culvertd *d, int exit_code);

static inline uint64_t daemon_now(const struct culvertd *d)
{
    return clock_now(&d->clock);
}

// glue.c: the IKE machine and what it asks for.
bool glue_open(struct culvertd *d, char *err, size_t err_size);
void glue_close(struct culvertd *d);
// After anything that was said to the machine: set its timer.
void glue_rearm(struct culvertd *d);
void glue_tick(struct culvertd *d);
// The configuration was `old` before: what of it the machine cannot change while it runs is said.
void glue_limits(struct culvertd *d, const struct conf *old);
struct dp_hooks glue_dp_hooks(struct culvertd *d);
struct sockets_hooks glue_socket_hooks(struct culvertd *d);
struct session_env glue_session_env(struct culvertd *d);
void glue_tunnel_hooks(struct culvertd *d);

// statics.c: `ip route` in the kernel.
void statics_apply(struct culvertd *d, const struct conf *old, const struct conf *now);
// What could not be installed before.
void statics_retry(struct culvertd *d);

#endif

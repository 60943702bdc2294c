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
#include "hostd/main/exchanges.h"
#include "hostd/main/jobs.h"
#include "hostd/main/keylog.h"
#include "hostd/main/pool.h"
#include "hostd/main/profiles.h"
#include "hostd/main/routes_ike.h"
#include "hostd/main/session.h"
#include "hostd/main/sockets.h"
#include "hostd/main/trust.h"
#include "hostd/main/tunnels.h"
#include "hostd/pki/pki.h"
#include "hostd/route/mirror.h"
#include "hostd/util/clock.h"
#include "hostd/util/log.h"

#include <uv.h>

struct control;

struct daemon_options {
    const char *conf_path;
    const char *socket_path;
    const char *keylog_path; // NULL: keys are not exported
    const char *state_path;  // folder of what is kept: imported certificates and keys
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
    struct pki_set *trust; // trustpoints of the running configuration
    struct trust trust_view;
    struct pki *pki; // checks of certificates
    struct profile_set profiles;
    struct sessions sessions;
    struct tunnels tunnels;
    struct pools pools;
    struct told told; // routes of peers
    struct ike_engine *ike;
    struct eap_glue *eap;
    struct sockets *sockets;
    struct keylog *keylog;
    struct control *control;

    struct jobs jobs; // public-key work of the IKE machine
    uv_timer_t ike_timer, tick, drain, last;
    uv_signal_t signals[3];
    uint64_t events[9];          // of the datapath, by kind
    struct ike_stats stats_base; // the counters when they were last cleared
    struct exchanges exchanges;
    unsigned ticks, drains;
    struct ops_watch *watch; // of the kernel's addresses and routes
    unsigned redirect_turn;  // of the targets
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
void glue_jobs(struct culvertd *d);
// After anything that was said to the machine: set its timer.
void glue_rearm(struct culvertd *d);
void glue_tick(struct culvertd *d);
// The configuration was `old` before: what of it the machine cannot change while it runs is said.
void glue_limits(struct culvertd *d, const struct conf *old);
struct dp_hooks glue_dp_hooks(struct culvertd *d);
struct sockets_hooks glue_socket_hooks(struct culvertd *d);

// env.c: what sessions and static tunnels ask for.
struct session_env glue_session_env(struct culvertd *d);
void glue_tunnel_hooks(struct culvertd *d);
// What the choice of a profile asks for; beside the certificates.
void glue_profile_hooks(struct culvertd *d);

// eap_glue.c: EAP of the IKE machine; operations of it, and what they need.
bool eap_glue_open(struct culvertd *d, char *err, size_t err_size);
// After the IKE machine is gone. Jobs that are under way release themselves.
void eap_glue_close(struct culvertd *d);
struct eap_hub_stats;
const struct eap_hub_stats *eap_glue_stats(const struct culvertd *d);
uint64_t eap_glue_next_timer(const struct culvertd *d);
void eap_glue_run_timers(struct culvertd *d);
void *glue_eap_begin(void *ctx, const struct ike_profile *p, bool authenticator, const struct ike_id *peer);
void glue_eap_input(void *ctx, void *conversation, uint64_t token, const uint8_t *packet, size_t len);
void glue_eap_end(void *ctx, void *conversation);

// pki_glue.c: ops->cert_check over the trustpoints of the running configuration.
void glue_cert_fetch(void *ctx, uint64_t token, const struct ike_cert_url *u);
void glue_cert_check(void *ctx, uint64_t token, const struct ike_profile *p, const struct ike_id *id,
                     const struct ike_certs *certs);

// env.c: operation of the IKE machine: a gateway's name.
bool glue_resolve(void *ctx, uint64_t token, const char *name, uint8_t family);
// env.c: our address towards a tunnel's far end `to`. false: there is none.
bool glue_source(struct culvertd *d, const struct conf_if *f, const struct ip_addr *to, struct ip_addr *out);

// ops.c: operations of the IKE machine about how SAs live.
bool ops_ppk(void *ctx, const struct ike_profile *p, const struct ike_path *path, const struct ike_id *remote,
             const void *id, size_t id_len, struct ike_ppk *out);
bool ops_redirect(void *ctx, const struct ike_profile *p, const struct ike_path *path, const struct ike_id *remote,
                  const struct ip_addr *from, struct ike_gateway *gateway);
unsigned ops_extra_addresses(void *ctx, const struct ike_profile *p, const struct ike_path *path, struct ip_addr *out);
void ops_limits(const struct conf *c, struct ike_limits *limits);
// The configuration was `old` before.
void ops_changed(struct culvertd *d, const struct conf *old);
// The kernel's addresses and routes are watched: sessions of static tunnels follow them (MOBIKE). false: no socket.
bool ops_watch(struct culvertd *d);
void ops_unwatch(struct culvertd *d);

// statics.c: `ip route` in the kernel.
void statics_apply(struct culvertd *d, const struct conf *old, const struct conf *now);
// What could not be installed before.
void statics_retry(struct culvertd *d);

#endif

// SPDX-License-Identifier: BSD-2-Clause
// What an IKE session has installed. A child is installed in steps, each of which knows how it is undone; when one
// fails, or the child goes, those that were done are undone in reverse. What the children of a session share (the
// interface, its address, routes) is counted and goes with the last of them.
//
//   interface      a Virtual-Access is cloned, or the static Tunnel taken
//   peer           the next hop towards the peer's outer address is watched for the datapath
//   address        the address that the peer gave us
//   inbound SA
//   outbound SA    kept back while the IKE machine wants it held
//   routes         to the peer's selectors and to the address that we gave it
//
// Nothing here knows which protocol made the keys, or where interfaces come from: struct session_env does.
#ifndef CULVERT_MAIN_SESSION_H
#define CULVERT_MAIN_SESSION_H

#include "hostd/dp/dp.h"
#include "hostd/ike/ike.h"
#include "hostd/util/list.h"
#include "hostd/util/log.h"
#include "hostd/util/map.h"

struct link;

struct session_env {
    void *ctx;
    struct dp *dp; // NULL: it is going, ask it nothing more
    struct log *log;
    // The interface of a session: 0 or a negative errno. `tunnel`: of the datapath.
    int (*attach)(void *ctx, const struct ike_child_sa *sa, struct link **link, uint32_t *tunnel);
    void (*detach)(void *ctx, uint32_t session, struct link *link);
    // Our own inner address; 0 takes it away.
    int (*address)(void *ctx, struct link *link, struct in_addr addr);
    int (*route)(void *ctx, struct link *link, struct in_addr prefix, unsigned length, bool add);
    void (*peer)(void *ctx, struct in_addr remote, bool present);
    // A child whose installation was pending is up (0) or has failed.
    void (*installed)(void *ctx, uint32_t child_id, int result);
};

struct session_route {
    struct in_addr prefix;
    unsigned length, refs;
};

struct session {
    uint32_t id; // of the IKE machine
    struct link *link;
    uint32_t tunnel;
    unsigned refs; // children past the first step
    bool has_address;
    struct in_addr assigned; // inner address, ours (initiator) or the peer's
    struct list routes;      // of struct session_route
    struct list children;    // of struct child, oldest first
};

struct child {
    uint32_t id, spi_in, spi_out;
    struct sessions *all;
    struct session *session;
    struct dp_sa in, out; // keys are wiped once they are with the datapath
    struct in_addr assigned;
    bool initiator, encap, esn, hold, out_there;
    bool watch; // its counters are wanted, for on-demand DPD
    bool asked; // the assigned address is ours: we asked for it
    struct ike_suite suite;
    struct dp_path path;
    unsigned step;    // steps done so far
    unsigned pending; // answers of the datapath that are to come
    bool up, dropped, free_spi;
    // What was last seen of its counters, for on-demand DPD.
    uint64_t in_packets, out_packets, in_at, out_at;
};

struct sessions {
    struct session_env env;
    struct map by_id;    // session
    struct map by_spi;   // child, by its inbound SPI
    struct map by_child; // child, by its id
    struct map by_out;   // child, by its outbound SPI; of two peers that chose the same one, the later
};

void sessions_init(struct sessions *s, const struct session_env *env);
// Forget all; what is installed has been removed before.
void sessions_free(struct sessions *s);
struct session *sessions_find(const struct sessions *s, uint32_t id);
struct child *sessions_child(const struct sessions *s, uint32_t spi_in);
struct child *sessions_child_out(const struct sessions *s, uint32_t spi_out);

// As struct ike_ops has them.
int sessions_install(struct sessions *s, const struct ike_child_sa *sa, const struct ike_child_key *in,
                     const struct ike_child_key *out);
void sessions_switch(struct sessions *s, const struct ike_child_sa *sa);
void sessions_update(struct sessions *s, const struct ike_child_sa *sa);
void sessions_remove(struct sessions *s, const struct ike_child_sa *sa);
// The interface goes away under its sessions: all that they installed goes first.
void sessions_link_gone(struct sessions *s, const struct link *link);
void sessions_spi_free(struct sessions *s, uint32_t spi);

#endif

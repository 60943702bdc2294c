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

// What a session sends and receives by.
struct session_if {
    struct link *link;
    uint32_t tunnel; // of the datapath
    bool gre;        // its selectors are of GRE packets: nothing is to be routed by them
};

struct session_env {
    void *ctx;
    struct dp *dp; // NULL: it is going, ask it nothing more
    struct log *log;
    // The interface of a session: 0 or a negative errno.
    int (*attach)(void *ctx, const struct ike_child_sa *sa, struct session_if *out);
    void (*detach)(void *ctx, uint32_t session, struct link *link);
    // Our own inner address of a family, given by the peer.
    int (*address)(void *ctx, struct link *link, const struct ip_addr *addr, bool present);
    int (*route)(void *ctx, struct link *link, const struct ip_addr *prefix, unsigned length, bool add);
    void (*peer)(void *ctx, const struct ip_addr *remote, bool present);
    // The way of the SA is known, or has changed: the interface's MTU follows it.
    void (*fit)(void *ctx, struct link *link, const struct ike_child_sa *sa);
    // A child whose installation was pending is up (0) or has failed.
    void (*installed)(void *ctx, uint32_t child_id, int result);
};

struct session_route {
    struct ip_addr prefix;
    unsigned length, refs;
};

struct session {
    uint32_t id; // of the IKE machine
    struct link *link;
    uint32_t tunnel;
    unsigned refs; // children past the first step
    bool gre;
    struct ip_addr assigned[2]; // inner addresses in use, IPv4 and IPv6: ours (initiator) or the peer's
    struct list routes;         // of struct session_route
    struct list children;       // of struct child, oldest first
};

// What a child still has to give to the datapath, with its keys; wiped and released as soon as it has.
struct child_sas {
    struct dp_sa in, out;
};

struct child {
    uint32_t id, spi_in, spi_out;
    struct sessions *all;
    struct session *session;
    struct child_sas *sas;      // NULL: the datapath has both
    struct dp_selectors *ts;    // one reference
    struct ip_addr assigned[2]; // IPv4, IPv6
    bool initiator, transport, esn, hold, out_there;
    bool asked; // the assigned addresses are ours: we asked for them
    bool up, dropped, free_spi;
    uint8_t step;     // steps done so far
    unsigned pending; // answers of the datapath that are to come
    struct ike_suite suite;
    struct dp_path path;
    // What was last seen of its counters, for on-demand DPD.
    uint64_t in_packets, out_packets, in_at, out_at;
    struct child *held_next, **held_at; // of the children whose outbound SA is held back
};

struct sessions {
    struct session_env env;
    struct map by_id;    // session
    struct map by_spi;   // child, by its inbound SPI
    struct map by_child; // child, by its id
    struct map by_out;   // child, by its outbound SPI; of two peers that chose the same one, the later
    struct child *held;  // those whose outbound SA is held back: few, and for seconds
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

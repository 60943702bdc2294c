// SPDX-License-Identifier: BSD-2-Clause
// Route exchange: networks that peers tell by the configuration payload become routes of the kernel over the session's
// interface, and go with it; our own are told by the authorization policy of the session's profile.
//
// A network is refused, with a reason in the log, if the policy accepts none, if the peer's outer address lies in it
// (the tunnel would carry itself), if it is no network that hosts have (loopback, multicast, link-local), or if the
// configuration has a static route to it of the same distance. Two sessions that tell the same network take turns: the
// first has the route, the next gets it when the first goes.
#ifndef CULVERT_MAIN_ROUTES_IKE_H
#define CULVERT_MAIN_ROUTES_IKE_H

#include "hostd/conf/model.h"
#include "hostd/ike/ike.h"
#include "hostd/ike/ike_table.h"
#include "hostd/util/log.h"
#include "hostd/util/map.h"

struct link;

struct told_env {
    void *ctx;
    struct log *log;
    // Put a route into the kernel's table, or take it out. 0 or a negative errno.
    int (*route)(void *ctx, struct link *link, const struct ike_net *net, unsigned distance, bool add);
    // Does the configuration itself route this network with this distance?
    bool (*is_static)(void *ctx, const struct ike_net *net, unsigned distance);
};

struct told { // the routes of all sessions
    struct told_env env;
    struct map by_session; // struct told_session
    struct map by_net;     // the first of the struct told_route of one network and distance
    struct ike_heap ends;  // of the sessions that are to end
    uint64_t visits;       // routes and sessions of others that were looked at, over all calls
};

enum told_state {
    TOLD_WAITING, // the session has no interface yet
    TOLD_ROUTED,
    TOLD_SHADOWED, // another session's route serves the network
    TOLD_REFUSED,
    TOLD_FAILED, // the kernel did not take it
};
struct told_route {
    struct ike_net net;
    unsigned distance;
    uint32_t tag;
    bool local; // of `route set local`, not told by the peer
    enum told_state state;
    struct told_session *owner;
    // Of the same network and distance, in the order of their coming; the first knows the last, so that it does not
    // matter how many sessions tell one network.
    struct told_route *next_same, *prev_same, *last_same;
};
const char *told_state_name(enum told_state s);

// What the peer of a session tells replaces what it told before; routes that stay are not touched. a: the policy (NULL:
// there is none). v may be NULL.
void told_set(struct told *t, uint32_t session, const struct conf_author *a, const struct ip_addr *outer,
              const struct ike_cp_values *v);
// The session has its interface now, or loses it (NULL).
void told_link(struct told *t, uint32_t session, struct link *link);
// The session has ended.
void told_end(struct told *t, uint32_t session);
void told_free(struct told *t);
// The session is to end at `at` (microseconds), if it is not to sooner already. told_due gives those that are over,
// each once; call it now and then.
void told_ends(struct told *t, uint32_t session, uint64_t at);
void told_due(struct told *t, uint64_t now, void (*fn)(void *arg, uint32_t session), void *arg);
// The route that serves a network, or NULL.
const struct told_route *told_find(const struct told *t, const struct ike_net *net, unsigned distance);
uint32_t told_session_id(const struct told_route *r);
// Walk the routes of a session; 0: of all.
void told_walk(const struct told *t, uint32_t session, void (*fn)(void *arg, const struct told_route *r), void *arg);

// Our own side: the networks of an authorization policy, for the peer of a session over interface `iface` (a tunnel or
// template). own, own6: the interface's own addresses (family 0: none yet).
void told_ours(const struct conf *c, const struct conf_author *a, const struct ip_addr *own, const struct ip_addr *own6,
               struct ike_cp_values *out);

#endif

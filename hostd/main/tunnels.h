// SPDX-License-Identifier: BSD-2-Clause
// Static tunnels. One that is protected has a session, which is started, and started again after a pause when it ends;
// one whose destination is dynamic waits for the peer to call. Plain GRE has no session: it is told its ends, now and
// then again, because our address may change. A destination that is a name is looked up before each start.
#ifndef CULVERT_MAIN_TUNNELS_H
#define CULVERT_MAIN_TUNNELS_H

#include "hostd/conf/model.h"
#include "hostd/ike/ike.h"
#include "hostd/ike/ike_table.h"
#include "hostd/util/list.h"
#include "hostd/util/map.h"

struct tunnel {
    struct conf_if conf;        // as it was when the session was started
    struct ip_addr destination; // of the configuration, or what its name was found to be; none: to be looked up
    uint32_t session;           // of the IKE machine; 0: none
    bool up;                    // it has been established; plain GRE: it has its ends
    bool asked;                 // its name is being looked up
    unsigned failures;          // since the last success
    size_t place;               // in tunnels.all
    struct ike_timer due;       // in tunnels.due, while it waits for its next start
};

struct tunnels {
    struct list all;              // of struct tunnel
    struct map by_id, by_session; // the same, by interface and by session
    struct ike_heap due;          // those that are to be started
    uint64_t visits;              // tunnels that were looked at, by all but tunnels_apply
    void *ctx;
    // Start a session to that address: its number, or 0.
    uint32_t (*start)(void *ctx, const struct conf_if *f, const struct ip_addr *destination);
    void (*stop)(void *ctx, uint32_t session);
    // Plain GRE: tell the device its ends. false: not possible now.
    bool (*ends)(void *ctx, const struct conf_if *f, const struct ip_addr *destination);
    // Look a name up, for an address of that family; answered later by tunnels_found. false: not possible now.
    bool (*lookup)(void *ctx, struct ifid id, const char *name, uint8_t family);
};

// What the configuration wants; sessions of tunnels that are gone or go elsewhere now are stopped.
void tunnels_apply(struct tunnels *t, const struct conf *c, uint64_t now);
void tunnels_free(struct tunnels *t);
// Start what is due.
void tunnels_run(struct tunnels *t, uint64_t now);
// The answer of a lookup; none: not found.
void tunnels_found(struct tunnels *t, struct ifid id, const char *name, const struct ip_addr *addr, uint64_t now);
// A session came up over a tunnel, ours or started by the peer.
void tunnels_up(struct tunnels *t, struct ifid id, uint32_t session);
// This session is the tunnel's from now on; 0: none is.
void tunnels_take(struct tunnels *t, struct tunnel *k, uint32_t session);
// A session ended.
void tunnels_down(struct tunnels *t, uint32_t session, uint64_t now);
// Is this session one that a tunnel has?
bool tunnels_has(const struct tunnels *t, uint32_t session);
struct tunnel *tunnels_find(const struct tunnels *t, struct ifid id);

#endif

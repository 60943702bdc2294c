// SPDX-License-Identifier: BSD-2-Clause
// Static tunnels: each that is configured, protected and not shut down has a session, which is started, and started
// again after a pause when it ends.
#ifndef CULVERT_MAIN_TUNNELS_H
#define CULVERT_MAIN_TUNNELS_H

#include "hostd/conf/model.h"
#include "hostd/ike/ike.h"
#include "hostd/util/list.h"

struct tunnel {
    struct conf_if conf; // as it was when the session was started
    uint32_t session;    // of the IKE machine; 0: none
    bool up;             // it has been established
    uint64_t retry_at;   // microseconds
    unsigned failures;   // since the last success
};

struct tunnels {
    struct list all; // of struct tunnel
    void *ctx;
    // Start a session: its number, or 0.
    uint32_t (*start)(void *ctx, const struct conf_if *f);
    void (*stop)(void *ctx, uint32_t session);
};

// What the configuration wants; sessions of tunnels that are gone or go elsewhere now are stopped.
void tunnels_apply(struct tunnels *t, const struct conf *c, uint64_t now);
void tunnels_free(struct tunnels *t);
// Start what is due.
void tunnels_run(struct tunnels *t, uint64_t now);
// A session came up over a tunnel, ours or started by the peer.
void tunnels_up(struct tunnels *t, struct ifid id, uint32_t session);
// A session ended.
void tunnels_down(struct tunnels *t, uint32_t session, uint64_t now);
struct tunnel *tunnels_find(const struct tunnels *t, struct ifid id);

#endif

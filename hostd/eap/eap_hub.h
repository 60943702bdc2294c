// SPDX-License-Identifier: BSD-2-Clause
// All EAP conversations of the daemon: between those who carry the packets (IKE) and the backends. It checks both
// sides' packets, waits for answers no longer than it may, writes the verdicts, logs and counts.
//
// Time is microseconds on any monotonic clock. One thread.
#ifndef CULVERT_EAP_EAP_HUB_H
#define CULVERT_EAP_EAP_HUB_H

#include "hostd/eap/eap_backend.h"

struct eap_conv;

struct eap_hub_ops {
    /// The answer to eap_hub_input(). It may end the conversation. `a` has a packet, but for a supplicant's verdict.
    void (*answer)(void *ctx, uint64_t token, const struct eap_answer *a);
    /// A sentence for the log.
    void (*log)(void *ctx, bool warning, const char *text);
};

struct eap_hub_stats {
    uint64_t begun, ended, succeeded, failed;
    uint64_t bad_peer;    ///< packets of peers that break the rules
    uint64_t bad_backend; ///< answers of backends that do
    uint64_t timeouts;    ///< answers that did not come in time
    uint64_t late;        ///< and those that came after all, or twice
};

/// NULL: no memory.
struct eap_hub *eap_hub_new(const struct eap_hub_ops *ops, void *ctx);
/// All conversations have ended.
void eap_hub_free(struct eap_hub *h);

/// A conversation, as authenticator if settings->authenticator is set; timeout: seconds for each answer of the backend,
/// 0: EAP_TIMEOUT. NULL: no memory, or the backend refuses.
struct eap_conv *eap_hub_begin(struct eap_hub *h, const struct eap_backend *backend, const struct eap_begin *b,
                               unsigned timeout);
/// A packet of the other end, or NULL, 0: the authenticator's start. Answered once by ops->answer with this token, from
/// within the call or later. Not to be called while an answer is due.
void eap_hub_input(struct eap_conv *c, uint64_t token, const uint8_t *packet, size_t len, uint64_t now);
/// The end, at any time.
void eap_hub_end(struct eap_conv *c);

/// When eap_hub_run_timers() is to be called next; UINT64_MAX: never.
uint64_t eap_hub_next_timer(const struct eap_hub *h);
void eap_hub_run_timers(struct eap_hub *h, uint64_t now);
const struct eap_hub_stats *eap_hub_stats(const struct eap_hub *h);

#endif

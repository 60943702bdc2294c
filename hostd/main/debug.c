// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/main/debug.h"

#include "hostd/ike/ike_codec.h"

#include <inttypes.h>

const struct debug_topic debug_topics[] = {
    {"crypto ikev2", "ikev2", "IKEv2: states and decisions"},
    {"crypto ikev2 packet", "packet", "IKEv2: messages"},
    {"crypto ikev2 error", "ikev2-error", "IKEv2: failures, and messages that were dropped"},
    {"crypto ikev2 internal", "ikev2-internal", "IKEv2: moves of the state machines"},
    {"crypto ipsec", "ipsec", "IPsec: security associations"},
    {"crypto pki", "pki", "Certificates: chains, revocation, fetches"},
    {NULL, NULL, NULL},
};

struct debug_line debug_ike(const struct log *log, enum ike_log_level level)
{
    static const struct {
        enum log_level level;
        const char *topic; // that it belongs to, besides all of IKEv2; NULL: none
    } kinds[] = {
        [IKE_LOG_ERROR] = {LOG_ERR, "ikev2-error"},
        [IKE_LOG_WARN] = {LOG_WARNING, "ikev2-error"},
        [IKE_LOG_INFO] = {LOG_NOTE, NULL},
        [IKE_LOG_DEBUG] = {LOG_DEBUG, NULL},
        [IKE_LOG_STATE] = {LOG_DEBUG, "ikev2-internal"},
        [IKE_LOG_FAULT] = {LOG_DEBUG, "ikev2-error"},
        [IKE_LOG_DROP] = {LOG_NOTE, "ikev2-error"},
    };
    const char *topic = kinds[level].topic;
    bool seen = kinds[level].level <= log->level || (kinds[level].level == LOG_DEBUG && log_debugs(log, "ikev2"));
    return !seen && topic != NULL && log_debugs(log, topic) ? (struct debug_line){LOG_DEBUG, topic}
                                                            : (struct debug_line){kinds[level].level, "ikev2"};
}

void debug_packet(struct log *log, bool sent, const struct ike_path *path, const uint8_t *msg, size_t len)
{
    struct ike_header h;
    char remote[64];
    if (!log_debugs(log, "packet")) {
        return;
    }
    ike_addr_format(&path->remote, remote, sizeof(remote));
    if (!ike_header_decode(msg, len, &h)) {
        log_write(log, LOG_DEBUG, "packet", "%s %s/%u: %zu bytes, no IKE header", sent ? "to" : "from", remote,
                  path->remote_port, len);
        return;
    }
    log_write(log, LOG_DEBUG, "packet", "%s %s/%u: %s %s, message %u, SPIs %016" PRIx64 " %016" PRIx64 ", %zu bytes",
              sent ? "to" : "from", remote, path->remote_port, ike_name(IKE_NAMES_EXCHANGE, h.exchange),
              h.flags & IKE_F_RESPONSE ? "response" : "request", h.mid, h.spi_i, h.spi_r, len);
}

void debug_child(struct log *log, const char *what, const struct ike_child_sa *sa)
{
    char suite[96], local[128] = "", remote[128] = "", peer[64];
    if (!log_debugs(log, "ipsec")) {
        return;
    }
    if (sa->n_ts_local > 0 && sa->n_ts_remote > 0) {
        ike_ts_format(&sa->ts_local[0], local, sizeof(local));
        ike_ts_format(&sa->ts_remote[0], remote, sizeof(remote));
    }
    log_write(log, LOG_DEBUG, "ipsec", "session %u, child %u with %s: %s; SPIs in %08x out %08x, %s%s, %s <-> %s",
              sa->session, sa->id, ike_addr_format(&sa->path.remote, peer, sizeof(peer)), what, sa->spi_in, sa->spi_out,
              ike_suite_format(&sa->suite, suite, sizeof(suite)), sa->encap ? " in UDP" : "", local, remote);
}

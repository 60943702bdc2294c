// SPDX-License-Identifier: BSD-2-Clause
// What `debug` can switch on: topics, each a part of the log, and the lines of those that nobody else writes.
#ifndef CULVERT_MAIN_DEBUG_H
#define CULVERT_MAIN_DEBUG_H

#include "hostd/ike/ike.h"
#include "hostd/util/log.h"

struct debug_topic {
    const char *words; // "crypto ikev2"; NULL: end of the table
    const char *part;
    const char *what; // for people
};
extern const struct debug_topic debug_topics[];

// How a line of the IKE machine is written: by its level as part "ikev2"; as a line of one of its topics where only
// that is asked for.
struct debug_line {
    enum log_level level;
    const char *part;
};
struct debug_line debug_ike(const struct log *log, enum ike_log_level level);
// Topic "crypto ikev2 packet": a message that was sent or came in, by its header.
void debug_packet(struct log *log, bool sent, const struct ike_path *path, const uint8_t *msg, size_t len);
// Topic "crypto ipsec": what happens to a CHILD_SA.
void debug_child(struct log *log, const char *what, const struct ike_child_sa *sa);

#endif

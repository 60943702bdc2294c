// SPDX-License-Identifier: BSD-2-Clause
// The UDP sockets of IKE, port 500 and port 4500 of both families, on all of the machine's addresses: each message
// comes with the address it was sent to, and goes out from the address it is told. A kernel without IPv6 serves IPv4
// alone.
#ifndef CULVERT_MAIN_SOCKETS_H
#define CULVERT_MAIN_SOCKETS_H

#include "hostd/ike/ike.h"
#include "hostd/util/log.h"

struct sockets;
struct uv_loop_s;

struct sockets_hooks {
    void (*ike)(void *arg, const struct ike_path *path, const uint8_t *msg, size_t len); // without non-ESP marker
    void (*esp)(void *arg, const struct ip_addr *from, uint16_t port, const uint8_t *esp, size_t len);
    void *arg;
};

struct sockets_counters {
    uint64_t ike_in, ike_out, esp_in, keepalives_in, short_in, send_errors;
};

// NULL on failure, the reason in err.
struct sockets *sockets_open(struct uv_loop_s *loop, struct log *log, const struct sockets_hooks *hooks, char *err,
                             size_t err_size);
void sockets_close(struct sockets *s); // NULL is allowed
// The socket of port 4500 of a family (4 or 6), for the software datapath to send with; -1: there is none.
int sockets_natt_fd(const struct sockets *s, uint8_t family);
// A message of the IKE machine; a keepalive (one byte) on the NAT traversal port goes without the marker. It leaves at
// the end of the loop's turn at the latest, with others of the same turn.
void sockets_send(struct sockets *s, const struct ike_path *path, const uint8_t *msg, size_t len);
// What waits leaves now. For who sends after the loop's prepare handles have run.
void sockets_flush(struct sockets *s);
struct sockets_counters sockets_counters(const struct sockets *s);

#endif

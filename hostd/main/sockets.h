// SPDX-License-Identifier: BSD-2-Clause
// The UDP sockets of IKE, port 500 and port 4500, on all of the machine's addresses: each message comes with the
// address it was sent to, and goes out from the address it is told.
#ifndef CULVERT_MAIN_SOCKETS_H
#define CULVERT_MAIN_SOCKETS_H

#include "hostd/ike/ike.h"
#include "hostd/util/log.h"

#include <netinet/in.h>

struct sockets;
struct uv_loop_s;

struct sockets_hooks {
    void (*ike)(void *arg, const struct ike_path *path, const uint8_t *msg, size_t len); // without non-ESP marker
    void (*esp)(void *arg, const struct sockaddr_in *from, const uint8_t *esp, size_t len);
    void *arg;
};

struct sockets_counters {
    uint64_t ike_in, ike_out, esp_in, keepalives_in, short_in, send_errors;
};

// NULL on failure, the reason in err.
struct sockets *sockets_open(struct uv_loop_s *loop, struct log *log, const struct sockets_hooks *hooks, char *err,
                             size_t err_size);
void sockets_close(struct sockets *s); // NULL is allowed
// The socket of port 4500, for the software datapath to send with.
int sockets_natt_fd(const struct sockets *s);
// A message of the IKE machine; a keepalive (one byte) on the NAT traversal port goes without the marker.
void sockets_send(struct sockets *s, const struct ike_path *path, const uint8_t *msg, size_t len);
struct sockets_counters sockets_counters(const struct sockets *s);

#endif

// SPDX-License-Identifier: BSD-2-Clause
// Messages over a vfio-user socket: a request, and the reply that belongs to it, within a deadline. Any breach of the
// protocol breaks the connection for good: what follows on the stream could not be trusted.
#pragma once
#include "driver/vfio_user_proto.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

struct vfu_conn {
    int fd;
    unsigned timeout_ms; // of each request
    uint16_t next_id;
    bool broken;
    char error[160]; // why
};

struct vfu_request {
    enum vfu_command command;
    const void *head; // fixed part, then data; either may be empty
    size_t head_len;
    const void *data;
    size_t data_len;
    const int *fds;
    unsigned fd_count;
    bool no_reply;
    void *reply; // room for the reply's payload; what the server sends beyond it is a breach
    size_t reply_max;
    size_t reply_min; // fewer bytes are a breach
};

// Returns the payload bytes of the reply (0 with no_reply), or a negative errno: the server's own error, or -ENODEV
// with conn->broken and a sentence in conn->error.
long vfu_call(struct vfu_conn *conn, const struct vfu_request *request);
// Something arrived outside of a call, or the peer has hung up. 0 or -ENODEV.
int vfu_unexpected(struct vfu_conn *conn);

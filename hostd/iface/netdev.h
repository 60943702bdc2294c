// SPDX-License-Identifier: BSD-2-Clause
// A TUN or TAP device of ours: made with its object, gone with it. What the kernel sends through it comes by a callback
// from the loop; what is written to it the kernel receives.
#ifndef CULVERT_IFACE_NETDEV_H
#define CULVERT_IFACE_NETDEV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct netdev;
struct uv_loop_s;

typedef void netdev_read(void *arg, const uint8_t *data, size_t len);

struct netdev_counters {
    uint64_t read, written, write_errors; // packets
};

// tap: Ethernet frames, else IP packets. A device of that name must not exist. read may be NULL: what the kernel sends
// is dropped. NULL on failure, the reason in err.
struct netdev *netdev_open(struct uv_loop_s *loop, const char *name, bool tap, netdev_read *read, void *arg, char *err,
                           size_t err_size);
// The device is gone when this returns, which takes the kernel tens of milliseconds; the memory goes a turn of the loop
// later. With `gone` a thread of the pool does it, and `gone` is told, from the loop, when the name is free again. NULL
// is allowed.
typedef void netdev_gone(void *arg, unsigned n);
void netdev_close(struct netdev *d, netdev_gone *gone, void *arg, unsigned n);
// 0 or a negative errno.
int netdev_write(struct netdev *d, const void *data, size_t len);
struct netdev_counters netdev_counters(const struct netdev *d);

#endif

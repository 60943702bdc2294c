// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/iface/netdev.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <uv.h>

enum {
    NETDEV_FRAME = 65536, // longest read
    NETDEV_BATCH = 64,    // packets a turn of the loop, so that others have theirs
};

struct netdev {
    uv_poll_t poll;
    uv_work_t going;
    netdev_gone *gone;
    void *gone_arg;
    unsigned gone_n;
    int fd;
    bool closing;
    netdev_read *read;
    void *arg;
    struct netdev_counters counters;
};

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct netdev *d = poll->data;
    if (status != 0 || (events & UV_READABLE) == 0) {
        return;
    }
    uint8_t buffer[NETDEV_FRAME];
    for (int i = 0; i < NETDEV_BATCH; i++) {
        ssize_t n = read(d->fd, buffer, sizeof(buffer));
        if (n <= 0) {
            return;
        }
        d->counters.read++;
        if (d->read != NULL) {
            d->read(d->arg, buffer, (size_t)n);
        }
        if (d->closing) {
            return; // by what it read
        }
    }
}

static int open_device(const char *name, bool tap, char *err, size_t err_size)
{
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        snprintf(err, err_size, "/dev/net/tun: %s", strerror(errno));
        return -1;
    }
    struct ifreq r = {0};
    snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
    r.ifr_flags = (short)((tap ? IFF_TAP : IFF_TUN) | IFF_NO_PI | IFF_TUN_EXCL);
    if (ioctl(fd, TUNSETIFF, &r) < 0) {
        snprintf(err, err_size, "device %s: %s", name,
                 errno == EBUSY ? "there is one of this name already" : strerror(errno));
        close(fd);
        return -1;
    }
    return fd;
}

struct netdev *netdev_open(struct uv_loop_s *loop, const char *name, bool tap, netdev_read *read, void *arg, char *err,
                           size_t err_size)
{
    struct netdev *d = calloc(1, sizeof(*d));
    if (d == NULL) {
        snprintf(err, err_size, "device %s: out of memory", name);
        return NULL;
    }
    d->fd = open_device(name, tap, err, err_size);
    if (d->fd < 0) {
        free(d);
        return NULL;
    }
    d->read = read;
    d->arg = arg;
    int error = uv_poll_init(loop, &d->poll, d->fd);
    if (error != 0) {
        snprintf(err, err_size, "device %s: %s", name, uv_strerror(error));
        close(d->fd);
        free(d);
        return NULL;
    }
    d->poll.data = d;
    uv_poll_start(&d->poll, UV_READABLE, on_readable);
    return d;
}

// The kernel takes a device away only when nobody can be looking at it any more, which takes it tens of milliseconds.
static void take_away(uv_work_t *work)
{
    const struct netdev *d = work->data;
    close(d->fd);
}

static void taken_away(uv_work_t *work, int status)
{
    struct netdev *d = work->data;
    (void)status;
    d->gone(d->gone_arg, d->gone_n);
    free(d);
}

static void on_closed(uv_handle_t *handle)
{
    struct netdev *d = handle->data;
    d->going.data = d;
    if (d->gone == NULL) {
        free(d);
    } else if (uv_queue_work(handle->loop, &d->going, take_away, taken_away) != 0) {
        take_away(&d->going);
        taken_away(&d->going, 0);
    }
}

void netdev_close(struct netdev *d, netdev_gone *gone, void *arg, unsigned n)
{
    if (d == NULL) {
        return;
    }
    d->gone = gone;
    d->gone_arg = arg;
    d->gone_n = n;
    d->closing = true;
    uv_poll_stop(&d->poll);
    if (gone == NULL) {
        close(d->fd);
    }
    uv_close((uv_handle_t *)&d->poll, on_closed);
}

int netdev_write(struct netdev *d, const void *data, size_t len)
{
    ssize_t n = write(d->fd, data, len);
    if (n < 0) {
        d->counters.write_errors++;
        return -errno;
    }
    d->counters.written++;
    return 0;
}

struct netdev_counters netdev_counters(const struct netdev *d)
{
    return d->counters;
}

// SPDX-License-Identifier: BSD-2-Clause
// The vfio-user transport: a client of a device that another process serves over a Unix socket.
#include "bar0_regs.h"
#include "driver/transport.h"
#include "driver/vfio_user_msg.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ACCESS_MAX 1024 // bytes of one register access message
#define JSON_MAX   4000

struct vfio_user {
    struct culvert_transport base;
    struct vfu_conn conn;
    bool resets;      // the device has a reset of its own
    unsigned max_fds; // that the server takes in a message
};

static struct vfio_user *self(struct culvert_transport *t)
{
    return (struct vfio_user *)t;
}

// What vfu_call returned, as 0 or errno, with the sentence kept.
static int done(struct vfio_user *u, long rc, const char *what)
{
    if (rc >= 0)
        return 0;
    if (u->conn.broken)
        snprintf(u->base.error, sizeof(u->base.error), "%s", u->conn.error);
    else
        snprintf(u->base.error, sizeof(u->base.error), "the server refused %s: %s", what, strerror((int)-rc));
    return (int)rc;
}

static int region_read(struct culvert_transport *t, enum culvert_region region, uint64_t offset, void *data, size_t len)
{
    struct vfio_user *u = self(t);
    struct {
        struct vfu_region_access access;
        uint8_t data[ACCESS_MAX];
    } reply;
    memset(&reply.access, 0, sizeof(reply.access));
    for (size_t at = 0; at < len;) {
        const size_t part = len - at < ACCESS_MAX ? len - at : ACCESS_MAX;
        const struct vfu_region_access a = {offset + at, region, (uint32_t)part};
        const struct vfu_request r = {.command = VFU_REGION_READ,
                                      .head = &a,
                                      .head_len = sizeof(a),
                                      .reply = &reply,
                                      .reply_max = sizeof(a) + part,
                                      .reply_min = sizeof(a) + part};
        const int rc = done(u, vfu_call(&u->conn, &r), "a register read");
        if (rc)
            return rc;
        if (reply.access.offset != a.offset || reply.access.region != a.region || reply.access.count != a.count) {
            u->conn.broken = true;
            snprintf(u->base.error, sizeof(u->base.error), "the server answered another read than was asked");
            return -ENODEV;
        }
        memcpy((uint8_t *)data + at, reply.data, part);
        at += part;
    }
    return 0;
}

static int region_write(struct culvert_transport *t, enum culvert_region region, uint64_t offset, const void *data,
                        size_t len, bool posted)
{
    struct vfio_user *u = self(t);
    struct vfu_region_access reply;
    for (size_t at = 0; at < len;) {
        const size_t part = len - at < ACCESS_MAX ? len - at : ACCESS_MAX;
        const struct vfu_region_access a = {offset + at, region, (uint32_t)part};
        const struct vfu_request r = {.command = VFU_REGION_WRITE,
                                      .head = &a,
                                      .head_len = sizeof(a),
                                      .data = (const uint8_t *)data + at,
                                      .data_len = part,
                                      .no_reply = posted,
                                      .reply = &reply,
                                      .reply_max = sizeof(reply)};
        const int rc = done(u, vfu_call(&u->conn, &r), "a register write");
        if (rc)
            return rc;
        at += part;
    }
    return 0;
}

static int dma_map(struct culvert_transport *t, int fd, uint64_t fd_offset, void *memory, size_t size, uint64_t iova)
{
    (void)memory;
    struct vfio_user *u = self(t);
    const struct vfu_dma_map m = {sizeof(m), VFU_DMA_READ_OK | VFU_DMA_WRITE_OK, fd_offset, iova, size};
    struct vfu_dma_map reply; // some servers repeat the request
    const struct vfu_request r = {.command = VFU_DMA_MAP,
                                  .head = &m,
                                  .head_len = sizeof(m),
                                  .fds = &fd,
                                  .fd_count = 1,
                                  .reply = &reply,
                                  .reply_max = sizeof(reply)};
    return done(u, vfu_call(&u->conn, &r), "DMA memory");
}

static int dma_unmap(struct culvert_transport *t, size_t size, uint64_t iova)
{
    struct vfio_user *u = self(t);
    const struct vfu_dma_unmap m = {sizeof(m), 0, iova, size};
    struct vfu_dma_unmap reply;
    const struct vfu_request r = {
        .command = VFU_DMA_UNMAP, .head = &m, .head_len = sizeof(m), .reply = &reply, .reply_max = sizeof(reply)};
    return done(u, vfu_call(&u->conn, &r), "to give DMA memory back");
}

static int irqs(struct culvert_transport *t, const int *eventfds, unsigned count)
{
    struct vfio_user *u = self(t);
    unsigned at = 0;
    do { // as many descriptors in a message as the server takes
        const unsigned part = count - at < u->max_fds ? count - at : u->max_fds;
        const struct vfu_irq_set s = {sizeof(s), (part ? VFU_IRQ_DATA_EVENTFD : VFU_IRQ_DATA_NONE) | VFU_IRQ_TRIGGER,
                                      VFU_IRQ_MSIX, at, part};
        const struct vfu_request r = {
            .command = VFU_DEVICE_SET_IRQS, .head = &s, .head_len = sizeof(s), .fds = eventfds + at, .fd_count = part};
        const int rc = done(u, vfu_call(&u->conn, &r), "interrupts");
        if (rc)
            return rc;
        at += part;
    } while (at < count);
    return 0;
}

static int reset(struct culvert_transport *t)
{
    struct vfio_user *u = self(t);
    if (!u->resets)
        return -EOPNOTSUPP;
    const struct vfu_request r = {.command = VFU_DEVICE_RESET};
    return done(u, vfu_call(&u->conn, &r), "a reset");
}

static int transport_fd(const struct culvert_transport *t)
{
    return ((const struct vfio_user *)t)->conn.fd;
}

static int service(struct culvert_transport *t)
{
    struct vfio_user *u = self(t);
    return done(u, vfu_unexpected(&u->conn), "nothing");
}

static void transport_close(struct culvert_transport *t)
{
    close(self(t)->conn.fd);
    free(t);
}

static const struct culvert_transport_ops vfio_user_ops = {region_read, region_write, dma_map, dma_unmap,      irqs,
                                                           reset,       transport_fd, service, transport_close};

// ---------------------------------------------------------------- opening

// How many descriptors the server takes in a message (1 unless it says more).
static unsigned server_max_fds(const char *json)
{
    json_error_t e;
    json_t *root = json_loads(json, 0, &e);
    const json_t *n = json_object_get(json_object_get(root, "capabilities"), "max_msg_fds");
    const json_int_t max = n ? json_integer_value(n) : 1;
    json_decref(root);
    return max < 1 ? 1 : max > VFU_MAX_FDS ? VFU_MAX_FDS : (unsigned)max;
}

static int negotiate(struct vfio_user *u)
{
    static const char json[] = "{\"capabilities\":{\"max_msg_fds\":8,\"max_data_xfer_size\":1048576}}";
    const struct vfu_version v = {VFU_MAJOR, VFU_MINOR};
    struct {
        struct vfu_version v;
        char json[JSON_MAX + 1];
    } reply = {.v = {0}};
    const struct vfu_request r = {.command = VFU_VERSION,
                                  .head = &v,
                                  .head_len = sizeof(v),
                                  .data = json,
                                  .data_len = sizeof(json),
                                  .reply = &reply,
                                  .reply_max = sizeof(reply) - 1,
                                  .reply_min = sizeof(v)};
    const long n = vfu_call(&u->conn, &r);
    if (n < 0)
        return done(u, n, "this version of the protocol");
    if (reply.v.major != VFU_MAJOR) {
        snprintf(u->base.error, sizeof(u->base.error), "the server speaks vfio-user %u.%u, this driver %d.%d",
                 reply.v.major, reply.v.minor, VFU_MAJOR, VFU_MINOR);
        return -EPROTO;
    }
    reply.json[n - (long)sizeof(v)] = 0;
    u->max_fds = server_max_fds(reply.json);
    return 0;
}

static int check_region(struct vfio_user *u, enum culvert_region index, uint64_t least)
{
    const struct vfu_region_info ask = {.argsz = sizeof(ask), .index = index};
    struct vfu_region_info got = {0};
    const struct vfu_request r = {.command = VFU_DEVICE_GET_REGION_INFO,
                                  .head = &ask,
                                  .head_len = sizeof(ask),
                                  .reply = &got,
                                  .reply_max = sizeof(got),
                                  .reply_min = sizeof(got)};
    const int rc = done(u, vfu_call(&u->conn, &r), "region information");
    if (rc)
        return rc;
    if (got.index != index || got.size < least) {
        snprintf(u->base.error, sizeof(u->base.error), "region %d has %llu bytes, a card's has %llu", (int)index,
                 (unsigned long long)got.size, (unsigned long long)least);
        return -ENODEV;
    }
    return 0;
}

static int check_device(struct vfio_user *u)
{
    const struct vfu_device_info ask = {.argsz = sizeof(ask)};
    struct vfu_device_info got = {0};
    const struct vfu_request r = {.command = VFU_DEVICE_GET_INFO,
                                  .head = &ask,
                                  .head_len = sizeof(ask),
                                  .reply = &got,
                                  .reply_max = sizeof(got),
                                  .reply_min = sizeof(got)};
    int rc = done(u, vfu_call(&u->conn, &r), "device information");
    if (rc)
        return rc;
    if (!(got.flags & VFU_DEVICE_PCI) || got.regions <= CULVERT_REGION_CONFIG || got.irqs <= VFU_IRQ_MSIX) {
        snprintf(u->base.error, sizeof(u->base.error), "the server's device is not a PCI device with MSI-X");
        return -ENODEV;
    }
    u->resets = got.flags & VFU_DEVICE_RESETS;
    rc = check_region(u, CULVERT_REGION_BAR0, BAR0_BYTES);
    return rc ? rc : check_region(u, CULVERT_REGION_CONFIG, 256);
}

static int check_irqs(struct vfio_user *u)
{
    const struct vfu_irq_info ask = {.argsz = sizeof(ask), .index = VFU_IRQ_MSIX};
    struct vfu_irq_info got = {0};
    const struct vfu_request r = {.command = VFU_DEVICE_GET_IRQ_INFO,
                                  .head = &ask,
                                  .head_len = sizeof(ask),
                                  .reply = &got,
                                  .reply_max = sizeof(got),
                                  .reply_min = sizeof(got)};
    const int rc = done(u, vfu_call(&u->conn, &r), "interrupt information");
    if (rc)
        return rc;
    if (got.count < CULVERT_IRQS) {
        snprintf(u->base.error, sizeof(u->base.error), "the device has %u MSI-X vectors, a card has %d", got.count,
                 CULVERT_IRQS);
        return -ENODEV;
    }
    return 0;
}

struct culvert_transport *culvert_vfio_user_open_fd(int fd, const char *where, unsigned timeout_ms, char *err,
                                                    size_t err_size)
{
    struct vfio_user *u = calloc(1, sizeof(*u));
    if (!u) {
        snprintf(err, err_size, "out of memory");
        close(fd);
        return NULL;
    }
    u->base.ops = &vfio_user_ops;
    snprintf(u->base.where, sizeof(u->base.where), "%s", where);
    u->conn.fd = fd;
    u->conn.timeout_ms = timeout_ms;
    if (negotiate(u) || check_device(u) || check_irqs(u)) {
        snprintf(err, err_size, "%s: %s", where, u->base.error);
        transport_close(&u->base);
        return NULL;
    }
    return &u->base;
}

struct culvert_transport *culvert_vfio_user_open(const char *path, unsigned timeout_ms, char *err, size_t err_size)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(a.sun_path)) {
        snprintf(err, err_size, "the socket's path is longer than %zu bytes: %s", sizeof(a.sun_path) - 1, path);
        return NULL;
    }
    memcpy(a.sun_path, path, strlen(path) + 1);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&a, sizeof(a)) != 0) {
        snprintf(err, err_size, "vfio-user:%s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    char where[160];
    snprintf(where, sizeof(where), "vfio-user:%s", path);
    return culvert_vfio_user_open_fd(fd, where, timeout_ms, err, err_size);
}

// SPDX-License-Identifier: BSD-2-Clause
#include "sim/pcie/vfio_user_server.h"

#include "sim/pcie/vfio_user_proto.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    MESSAGE_MAX = 8192, // largest message taken; an access of ACCESS_MAX fits
    ACCESS_MAX = 4096,
    FDS_MAX = 16, // descriptors of one message
    MAPS_MAX = 64,
    RECEIVES_MAX = 64, // parts of messages taken in one poll
};

struct mapping {
    uint64_t iova, size;
    uint8_t *mem; // NULL: free
};

struct vus {
    struct vus_device device;
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
    int listen, client;        // -1: none
    bool greeted;              // VERSION has been exchanged
    bool busy;                 // a region access is under way: no message is read meanwhile
    struct vus_header current; // its header
    struct vus_region_access access;
    uint8_t data[ACCESS_MAX];
    uint8_t in[MESSAGE_MAX];
    size_t in_len;
    int fds[FDS_MAX]; // came with the message that is being read
    size_t fds_len;
    struct mapping maps[MAPS_MAX];
    int eventfds[VUS_VECTORS_MAX]; // -1: none
    struct vus_stats stats;
};

static void say(struct vus *s, const char *fmt, ...)
{
    char text[256];
    va_list ap;
    if (!s->device.log)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    s->device.log(s->device.arg, text);
}

static void drop_fds(struct vus *s)
{
    while (s->fds_len)
        close(s->fds[--s->fds_len]);
}

// Takes the first descriptor that came with the message.
static int take_fd(struct vus *s)
{
    if (!s->fds_len)
        return -1;
    int fd = s->fds[0];
    memmove(s->fds, s->fds + 1, --s->fds_len * sizeof s->fds[0]);
    return fd;
}

static void clear_irqs(struct vus *s, uint32_t start, uint32_t count)
{
    for (uint32_t i = start; i < start + count; i++) {
        if (s->eventfds[i] >= 0)
            close(s->eventfds[i]);
        s->eventfds[i] = -1;
    }
}

static void unmap_one(struct vus *s, struct mapping *m)
{
    s->device.dma_unmap(s->device.arg, m->iova, m->size);
    munmap(m->mem, m->size);
    m->mem = NULL;
}

static void disconnect(struct vus *s, const char *why)
{
    say(s, "client gone: %s", why);
    close(s->client);
    s->client = -1;
    s->greeted = s->busy = false;
    s->in_len = 0;
    s->stats.disconnects++;
    drop_fds(s);
    s->device.reset(s->device.arg);
    for (size_t i = 0; i < MAPS_MAX; i++)
        if (s->maps[i].mem)
            unmap_one(s, &s->maps[i]);
    clear_irqs(s, 0, VUS_VECTORS_MAX);
    s->device.irqs(s->device.arg, 0);
}

// Sends a reply of header and up to two parts. The client's socket has room for replies, or the client is broken.
static void reply_parts(struct vus *s, const struct vus_header *h, uint32_t error, const void *a, size_t a_len,
                        const void *b, size_t b_len)
{
    struct vus_header r = {.id = h->id, .command = h->command, .flags = VUS_FLAG_REPLY};
    if (error) {
        s->stats.errors++;
        r.flags |= VUS_FLAG_ERROR;
        r.error = error;
        a_len = b_len = 0;
    }
    if (h->flags & VUS_FLAG_NO_REPLY)
        return;
    r.size = (uint32_t)(sizeof r + a_len + b_len);
    struct iovec iov[3] = {{&r, sizeof r}, {(void *)a, a_len}, {(void *)b, b_len}};
    struct msghdr m = {.msg_iov = iov, .msg_iovlen = 3};
    if (sendmsg(s->client, &m, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)r.size)
        disconnect(s, "it does not take its replies");
}

static void reply(struct vus *s, const struct vus_header *h, uint32_t error, const void *body, size_t len)
{
    reply_parts(s, h, error, body, len, NULL, 0);
}

static void do_version(struct vus *s, const struct vus_header *h, const uint8_t *body, size_t len)
{
    struct vus_version v;
    if (s->greeted || len < sizeof v) {
        reply(s, h, EINVAL, NULL, 0);
        return;
    }
    memcpy(&v, body, sizeof v);
    if (len > sizeof v) {
        // Capabilities are optional, but what is there must be JSON and end with a zero byte.
        const char *text = (const char *)body + sizeof v;
        json_t *json = text[len - sizeof v - 1] == 0 ? json_loads(text, 0, NULL) : NULL;
        if (!json) {
            reply(s, h, EINVAL, NULL, 0);
            return;
        }
        json_decref(json);
    }
    if (v.major != 0) {
        say(s, "client proposes protocol major %u: only 0 is known", v.major);
        reply(s, h, ENOTSUP, NULL, 0);
        return;
    }
    v.minor = v.minor < 1 ? v.minor : 1;
    char caps[128];
    int n = snprintf(caps, sizeof caps, "{\"capabilities\":{\"max_msg_fds\":%d,\"max_data_xfer_size\":%d}}", FDS_MAX,
                     ACCESS_MAX);
    s->greeted = true;
    reply_parts(s, h, 0, &v, sizeof v, caps, (size_t)n + 1);
}

static int map_error(const struct vus *s, const struct vus_dma_map *m, size_t len)
{
    if (len != sizeof *m || m->argsz < sizeof *m || (m->flags & ~(VUS_DMA_READABLE | VUS_DMA_WRITABLE)) || !m->flags)
        return EINVAL;
    if (!m->size || m->size > (UINT64_C(1) << 40) || m->address + m->size < m->address ||
        m->offset + m->size < m->offset)
        return EINVAL;
    if (m->offset % 4096)
        return EINVAL;
    if (s->fds_len != 1)
        return EINVAL; // memory without a descriptor would have to be read by messages: not offered
    for (size_t i = 0; i < MAPS_MAX; i++)
        if (s->maps[i].mem && m->address < s->maps[i].iova + s->maps[i].size && s->maps[i].iova < m->address + m->size)
            return EEXIST;
    return 0;
}

static void do_dma_map(struct vus *s, const struct vus_header *h, const uint8_t *body, size_t len)
{
    struct vus_dma_map m = {0};
    memcpy(&m, body, len < sizeof m ? len : sizeof m);
    int error = map_error(s, &m, len), fd = -1;
    struct mapping *slot = NULL;
    struct stat st;
    for (size_t i = 0; i < MAPS_MAX && !slot; i++)
        slot = s->maps[i].mem ? NULL : &s->maps[i];
    if (!error && !slot)
        error = ENOSPC;
    if (error)
        goto out;
    fd = take_fd(s);
    // Touching memory beyond the end of the file would end us.
    if (fstat(fd, &st) < 0 || (uint64_t)st.st_size < m.offset + m.size) {
        error = EINVAL;
        goto out;
    }
    int prot = (m.flags & VUS_DMA_READABLE ? PROT_READ : 0) | (m.flags & VUS_DMA_WRITABLE ? PROT_WRITE : 0);
    uint8_t *mem = mmap(NULL, m.size, prot, MAP_SHARED, fd, (off_t)m.offset);
    if (mem == MAP_FAILED) {
        error = errno;
        goto out;
    }
    error = s->device.dma_map(s->device.arg, m.address, mem, m.size, m.flags & VUS_DMA_READABLE,
                              m.flags & VUS_DMA_WRITABLE);
    if (error)
        munmap(mem, m.size);
    else
        *slot = (struct mapping){.iova = m.address, .size = m.size, .mem = mem};
out:
    if (fd >= 0)
        close(fd);
    reply(s, h, (uint32_t)error, NULL, 0);
}

static void do_dma_unmap(struct vus *s, const struct vus_header *h, const uint8_t *body, size_t len)
{
    struct vus_dma_unmap u;
    if (len != sizeof u) {
        reply(s, h, EINVAL, NULL, 0);
        return;
    }
    memcpy(&u, body, sizeof u);
    if (u.argsz < sizeof u || (u.flags & ~VUS_UNMAP_ALL) || (u.flags && (u.address || u.size))) {
        reply(s, h, u.flags & VUS_UNMAP_DIRTY ? ENOTSUP : EINVAL, NULL, 0);
        return;
    }
    int error = u.flags ? 0 : ENOENT;
    for (size_t i = 0; i < MAPS_MAX; i++) {
        struct mapping *m = &s->maps[i];
        if (m->mem && (u.flags || (m->iova == u.address && m->size == u.size))) {
            unmap_one(s, m);
            error = 0;
        }
    }
    reply(s, h, (uint32_t)error, &u, sizeof u);
}

static void do_get_info(struct vus *s, const struct vus_header *h, const uint8_t *body, size_t len)
{
    struct vus_device_info i = {0};
    memcpy(&i, body, len < sizeof i ? len : sizeof i);
    bool bad = len != sizeof i || i.argsz < sizeof i;
    i = (struct vus_device_info){sizeof i, VUS_INFO_RESET | VUS_INFO_PCI, VUS_REGIONS, VUS_IRQS};
    reply(s, h, bad ? EINVAL : 0, &i, sizeof i);
}

static void do_region_info(struct vus *s, const struct vus_header *h, const uint8_t *body, size_t len)
{
    struct vus_region_info i = {0};
    memcpy(&i, body, len < sizeof i ? len : sizeof i);
    if (len != sizeof i || i.argsz < sizeof i || i.index >= VUS_REGIONS) {
        reply(s, h, EINVAL, NULL, 0);
        return;
    }
    uint64_t size = s->device.region_size[i.index];
    i = (struct vus_region_info){.argsz = sizeof i, .index = i.index, .size = size};
    i.flags = size ? VUS_REGION_READABLE | VUS_REGION_WRITABLE : 0;
    reply(s, h, 0, &i, sizeof i);
}

static void do_irq_info(struct vus *s, const struct vus_header *h, const uint8_t *body, size_t len)
{
    struct vus_irq_info i = {0};
    memcpy(&i, body, len < sizeof i ? len : sizeof i);
    if (len != sizeof i || i.argsz < sizeof i || i.index >= VUS_IRQS) {
        reply(s, h, EINVAL, NULL, 0);
        return;
    }
    bool msix = i.index == VUS_IRQ_MSIX;
    i = (struct vus_irq_info){sizeof i, msix ? VUS_IRQ_EVENTFD | VUS_IRQ_NORESIZE : 0, i.index,
                              msix ? s->device.msix_vectors : 0};
    reply(s, h, 0, &i, sizeof i);
}

static bool is_eventfd(int fd)
{
    static const char wanted[] = "anon_inode:[eventfd]";
    char link[64], target[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, target, sizeof target);
    return n == sizeof wanted - 1 && !memcmp(target, wanted, sizeof wanted - 1);
}

static int set_irqs(struct vus *s, const struct vus_set_irqs *q, const uint8_t *data, size_t len)
{
    uint32_t kind = q->flags & (VUS_SET_NONE | VUS_SET_BOOL | VUS_SET_EVENTFD);
    uint32_t action = q->flags & (VUS_SET_MASK | VUS_SET_UNMASK | VUS_SET_TRIGGER);
    uint32_t vectors = s->device.msix_vectors;
    if (q->flags != (kind | action) || (kind & (kind - 1)) || !kind || action != VUS_SET_TRIGGER)
        return EINVAL; // masking is done in the device's own MSI-X table
    if (q->index != VUS_IRQ_MSIX || q->start > vectors || q->count > vectors - q->start)
        return EINVAL;
    if (kind == VUS_SET_BOOL && len != q->count)
        return EINVAL;
    if (kind != VUS_SET_BOOL && len != 0)
        return EINVAL;
    if (kind != VUS_SET_EVENTFD && s->fds_len)
        return EINVAL;
    if (kind == VUS_SET_EVENTFD) {
        // As many as vectors, or none: then these are given up.
        if (s->fds_len && s->fds_len != q->count)
            return EINVAL;
        for (size_t i = 0; i < s->fds_len; i++)
            if (!is_eventfd(s->fds[i]))
                return EINVAL; // writing to anything else could block or kill us
        clear_irqs(s, q->start, q->count);
        for (uint32_t i = 0; i < q->count; i++)
            s->eventfds[q->start + i] = take_fd(s);
        s->device.irqs(s->device.arg, vectors);
        return 0;
    }
    if (kind == VUS_SET_NONE && !q->count) { // no vectors: all of them are given up
        clear_irqs(s, 0, VUS_VECTORS_MAX);
        s->device.irqs(s->device.arg, 0);
        return 0;
    }
    for (uint32_t i = 0; i < q->count; i++) // trigger from the client's side, to test the path
        if (kind == VUS_SET_NONE || data[i])
            vus_irq(s, q->start + i);
    return 0;
}

static void do_set_irqs(struct vus *s, const struct vus_header *h, const uint8_t *body, size_t len)
{
    struct vus_set_irqs q;
    if (len < sizeof q) {
        reply(s, h, EINVAL, NULL, 0);
        return;
    }
    memcpy(&q, body, sizeof q);
    int error = q.argsz < sizeof q ? EINVAL : set_irqs(s, &q, body + sizeof q, len - sizeof q);
    reply(s, h, (uint32_t)error, NULL, 0);
}

static void do_region(struct vus *s, const struct vus_header *h, const uint8_t *body, size_t len)
{
    struct vus_region_access a;
    bool write = h->command == VUS_REGION_WRITE;
    if (len < sizeof a) {
        reply(s, h, EINVAL, NULL, 0);
        return;
    }
    memcpy(&a, body, sizeof a);
    uint64_t size = a.region < VUS_REGIONS ? s->device.region_size[a.region] : 0;
    if (!a.count || a.count > ACCESS_MAX || a.offset > size || a.count > size - a.offset ||
        len != sizeof a + (write ? a.count : 0)) {
        reply(s, h, EINVAL, NULL, 0);
        return;
    }
    if (write) {
        memcpy(s->data, body + sizeof a, a.count);
        s->stats.writes++;
    } else {
        memset(s->data, 0, a.count);
        s->stats.reads++;
    }
    s->busy = true;
    s->current = *h;
    s->access = a;
    s->device.access(s->device.arg, a.region, a.offset, s->data, a.count, write);
}

void vus_done(struct vus *s, int error)
{
    if (!s->busy)
        return;
    s->busy = false;
    bool read = s->current.command == VUS_REGION_READ;
    reply_parts(s, &s->current, (uint32_t)error, &s->access, sizeof s->access, s->data, read ? s->access.count : 0);
}

static void do_reset(struct vus *s, const struct vus_header *h, size_t len)
{
    if (!len) {
        s->device.reset(s->device.arg);
        if (s->eventfds[0] >= 0) // interrupts stay configured over a reset, as VFIO keeps them
            s->device.irqs(s->device.arg, s->device.msix_vectors);
    }
    reply(s, h, len ? EINVAL : 0, NULL, 0);
}

static bool wants_fds(uint16_t command)
{
    return command == VUS_DMA_MAP || command == VUS_DEVICE_SET_IRQS;
}

static void message(struct vus *s, const struct vus_header *h, const uint8_t *body, size_t len)
{
    s->stats.messages++;
    if ((h->flags & VUS_FLAG_TYPE_MASK) != 0 || (!s->greeted && h->command != VUS_VERSION) ||
        (s->fds_len && !wants_fds(h->command))) {
        reply(s, h, EINVAL, NULL, 0); // a reply to what we never asked, a command before VERSION, stray descriptors
        return;
    }
    switch (h->command) {
    case VUS_VERSION:
        do_version(s, h, body, len);
        break;
    case VUS_DMA_MAP:
        do_dma_map(s, h, body, len);
        break;
    case VUS_DMA_UNMAP:
        do_dma_unmap(s, h, body, len);
        break;
    case VUS_DEVICE_GET_INFO:
        do_get_info(s, h, body, len);
        break;
    case VUS_DEVICE_GET_REGION_INFO:
        do_region_info(s, h, body, len);
        break;
    case VUS_DEVICE_GET_IRQ_INFO:
        do_irq_info(s, h, body, len);
        break;
    case VUS_DEVICE_SET_IRQS:
        do_set_irqs(s, h, body, len);
        break;
    case VUS_REGION_READ:
    case VUS_REGION_WRITE:
        do_region(s, h, body, len);
        break;
    case VUS_DEVICE_RESET:
        do_reset(s, h, len);
        break;
    default:
        reply(s, h, ENOTSUP, NULL, 0);
    }
}

// Keeps the descriptors of a received part; too many for one message break the connection.
static bool keep_fds(struct vus *s, struct msghdr *m)
{
    bool fits = !(m->msg_flags & MSG_CTRUNC);
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            if (s->fds_len < FDS_MAX) {
                s->fds[s->fds_len++] = fd;
            } else {
                close(fd);
                fits = false;
            }
        }
    }
    return fits;
}

// Reads up to the end of the message under way, never beyond it, so that descriptors stay with their message.
static bool receive(struct vus *s)
{
    struct vus_header h;
    size_t want = sizeof h;
    if (s->in_len >= sizeof h) {
        memcpy(&h, s->in, sizeof h);
        want = h.size;
    }
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
    } control;
    struct iovec iov = {s->in + s->in_len, want - s->in_len};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t n = iov.iov_len ? recvmsg(s->client, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) : 0;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n < 0 || (n == 0 && iov.iov_len)) {
        disconnect(s, n < 0 ? strerror(errno) : "it closed the connection");
        return true;
    }
    if (iov.iov_len && !keep_fds(s, &m)) {
        disconnect(s, "too many descriptors in one message");
        return true;
    }
    s->in_len += (size_t)n;
    if (s->in_len < sizeof h)
        return n > 0;
    memcpy(&h, s->in, sizeof h);
    if (h.size < sizeof h || h.size > MESSAGE_MAX) {
        // The boundaries of what follows are not to be trusted.
        reply(s, &h, EINVAL, NULL, 0);
        if (s->client >= 0)
            disconnect(s, "a message with an impossible size");
        return true;
    }
    if (s->in_len == h.size) {
        s->in_len = 0;
        message(s, &h, s->in + sizeof h, h.size - sizeof h);
        drop_fds(s);
    }
    return true;
}

bool vus_poll(struct vus *s)
{
    bool any = false;
    if (s->client < 0) {
        s->client = accept4(s->listen, NULL, NULL, SOCK_CLOEXEC);
        if (s->client < 0)
            return false;
        s->stats.clients++;
        any = true;
    }
    // A client that never stops talking must not keep the owner from its other work.
    for (int n = 0; n < RECEIVES_MAX && s->client >= 0 && !s->busy && receive(s); n++)
        any = true;
    // While an access is under way only the client's going is looked at.
    if (s->client >= 0 && s->busy) {
        char c;
        if (recv(s->client, &c, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
            disconnect(s, "it closed the connection");
    }
    return any;
}

void vus_irq(struct vus *s, uint32_t vector)
{
    const uint64_t one = 1;
    struct pollfd p = {.fd = vector < VUS_VECTORS_MAX ? s->eventfds[vector] : -1, .events = POLLOUT};
    // A counter that is full would block; its reader has enough to find anyway.
    if (p.fd >= 0 && poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) && write(p.fd, &one, sizeof one) == sizeof one)
        s->stats.irqs++;
    else
        s->stats.irqs_lost++;
}

// Who sees the socket may connect to it: it gets its name once it listens, and has another in that folder before (if
// there is room for one).
static bool listen_at(int fd, const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    const char *slash = strrchr(path, '/');
    const int folder = slash ? (int)(slash + 1 - path) : 0;
    if (snprintf(a.sun_path, sizeof a.sun_path, "%.*s.%d", folder, path, getpid()) >= (int)sizeof a.sun_path)
        memcpy(a.sun_path, path, strlen(path) + 1);
    unlink(a.sun_path);
    if (bind(fd, (struct sockaddr *)&a, sizeof a) < 0)
        return false;
    if (listen(fd, 4) == 0 && rename(a.sun_path, path) == 0)
        return true;
    const int error = errno;
    unlink(a.sun_path);
    errno = error;
    return false;
}

struct vus *vus_new(const char *path, const struct vus_device *device, char *err, size_t err_size)
{
    struct vus *s = calloc(1, sizeof *s);
    if (!s) {
        snprintf(err, err_size, "out of memory");
        return NULL;
    }
    s->device = *device;
    s->listen = s->client = -1;
    for (size_t i = 0; i < VUS_VECTORS_MAX; i++)
        s->eventfds[i] = -1;
    if (strlen(path) >= sizeof s->path || path[0] == '\0') {
        snprintf(err, err_size, "socket path \"%s\" is empty or longer than %zu bytes", path, sizeof s->path - 1);
        goto fail;
    }
    if (device->msix_vectors > VUS_VECTORS_MAX) {
        snprintf(err, err_size, "more than %d MSI-X vectors", VUS_VECTORS_MAX);
        goto fail;
    }
    s->listen = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->listen < 0 || !listen_at(s->listen, path)) {
        snprintf(err, err_size, "%s: %s", path, strerror(errno));
        goto fail;
    }
    memcpy(s->path, path, strlen(path) + 1);
    return s;
fail:
    vus_free(s);
    return NULL;
}

void vus_free(struct vus *s)
{
    if (!s)
        return;
    if (s->client >= 0)
        disconnect(s, "the server ends");
    if (s->listen >= 0)
        close(s->listen);
    if (s->path[0])
        unlink(s->path);
    free(s);
}

int vus_fd(const struct vus *s)
{
    return s->client >= 0 ? s->client : s->listen;
}

bool vus_attached(const struct vus *s)
{
    return s->client >= 0 && s->greeted;
}

const struct vus_stats *vus_stats(const struct vus *s)
{
    return &s->stats;
}

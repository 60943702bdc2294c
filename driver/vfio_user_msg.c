// SPDX-License-Identifier: BSD-2-Clause
#include "driver/vfio_user_msg.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "vfio-user and the card's structures are used in place: a little-endian host is needed"
#endif

#define SERVER_COMMANDS_MAX 16 // that a server may send before its reply, each answered with an error

__attribute__((format(printf, 2, 3))) static int breach(struct vfu_conn *c, const char *format, ...)
{
    if (!c->broken) {
        va_list args;
        va_start(args, format);
        vsnprintf(c->error, sizeof(c->error), format, args);
        va_end(args);
        c->broken = true;
    }
    return -ENODEV;
}

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static int wait_for(struct vfu_conn *c, short events, uint64_t end)
{
    for (;;) {
        const uint64_t now = now_ms();
        struct pollfd p = {.fd = c->fd, .events = events};
        const int rc = poll(&p, 1, now < end ? (int)(end - now) : 0);
        if (rc > 0)
            return 0;
        if (rc == 0)
            return breach(c, "the server did not answer within %u ms", c->timeout_ms);
        if (errno != EINTR)
            return breach(c, "poll: %s", strerror(errno));
    }
}

// Sends all of it; the descriptors go with the first byte.
static int send_all(struct vfu_conn *c, struct iovec *iov, size_t parts, const int *fds, unsigned fd_count,
                    uint64_t end)
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof(int) * VFU_MAX_FDS)];
    } control;
    while (parts) {
        struct msghdr m = {.msg_iov = iov, .msg_iovlen = parts};
        if (fd_count) {
            memset(&control, 0, sizeof(control));
            m.msg_control = control.room;
            m.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
            struct cmsghdr *h = CMSG_FIRSTHDR(&m);
            h->cmsg_level = SOL_SOCKET;
            h->cmsg_type = SCM_RIGHTS;
            h->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
            memcpy(CMSG_DATA(h), fds, sizeof(int) * fd_count);
        }
        ssize_t n = sendmsg(c->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0) {
            if (errno == EINTR)
                continue;
            if (errno != EAGAIN)
                return breach(c, "the connection is lost: %s", strerror(errno));
            const int rc = wait_for(c, POLLOUT, end);
            if (rc)
                return rc;
            continue;
        }
        fd_count = 0;
        for (; parts && (size_t)n >= iov->iov_len; iov++, parts--)
            n -= (ssize_t)iov->iov_len;
        if (parts) {
            iov->iov_base = (char *)iov->iov_base + n;
            iov->iov_len -= (size_t)n;
        }
    }
    return 0;
}

static int receive_all(struct vfu_conn *c, void *data, size_t len, uint64_t end)
{
    char *at = data;
    while (len) {
        const ssize_t n = recv(c->fd, at, len, MSG_DONTWAIT);
        if (n > 0) {
            at += n;
            len -= (size_t)n;
        } else if (n == 0) {
            return breach(c, "the server has closed the connection");
        } else if (errno == EAGAIN) {
            const int rc = wait_for(c, POLLIN, end);
            if (rc)
                return rc;
        } else if (errno != EINTR) {
            return breach(c, "the connection is lost: %s", strerror(errno));
        }
    }
    return 0;
}

static int discard(struct vfu_conn *c, size_t len, uint64_t end)
{
    char waste[512];
    while (len) {
        const size_t part = len < sizeof(waste) ? len : sizeof(waste);
        const int rc = receive_all(c, waste, part, end);
        if (rc)
            return rc;
        len -= part;
    }
    return 0;
}

// A command from the server: it may not need one, for our memory is mapped. Declined.
static int decline(struct vfu_conn *c, const struct vfu_header *h, uint64_t end)
{
    const int rc = discard(c, h->size - sizeof(*h), end);
    if (rc || (h->flags & VFU_F_NO_REPLY))
        return rc;
    struct vfu_header reply = {h->id, h->command, sizeof(reply), VFU_F_REPLY | VFU_F_ERROR, ENOTSUP};
    struct iovec iov = {&reply, sizeof(reply)};
    return send_all(c, &iov, 1, NULL, 0, end);
}

static long receive_reply(struct vfu_conn *c, const struct vfu_request *r, uint16_t id, uint64_t end)
{
    struct vfu_header h;
    for (int declined = 0;; declined++) {
        int rc = receive_all(c, &h, sizeof(h), end);
        if (rc)
            return rc;
        if (h.size < sizeof(h) || h.size > VFU_REPLY_MAX)
            return breach(c, "the server sent a message of %u bytes", h.size);
        if ((h.flags & VFU_F_TYPE) == VFU_F_REPLY)
            break;
        if ((h.flags & VFU_F_TYPE) != 0 || declined == SERVER_COMMANDS_MAX)
            return breach(c, "the server sent message type %u for a reply", h.flags & VFU_F_TYPE);
        rc = decline(c, &h, end);
        if (rc)
            return rc;
    }
    if (h.id != id || h.command != r->command)
        return breach(c, "the server answered request %u (command %u) for %u (%u)", h.id, h.command, id, r->command);
    const size_t payload = h.size - sizeof(h);
    if (h.flags & VFU_F_ERROR) {
        const int rc = discard(c, payload, end);
        return rc ? rc : h.error && h.error < 4096 ? -(long)h.error : -EIO;
    }
    if (payload < r->reply_min || payload > r->reply_max)
        return breach(c, "the server's reply to command %u has %zu bytes, expected %zu", r->command, payload,
                      r->reply_min);
    const int rc = receive_all(c, r->reply, payload, end);
    return rc ? rc : (long)payload;
}

long vfu_call(struct vfu_conn *c, const struct vfu_request *r)
{
    if (c->broken)
        return -ENODEV;
    const uint64_t end = now_ms() + c->timeout_ms;
    const uint16_t id = c->next_id++;
    struct vfu_header h = {id, (uint16_t)r->command, (uint32_t)(sizeof(h) + r->head_len + r->data_len),
                           r->no_reply ? VFU_F_NO_REPLY : 0, 0};
    // sendmsg does not write through these.
    struct iovec iov[3] = {
        {&h, sizeof(h)}, {(void *)(uintptr_t)r->head, r->head_len}, {(void *)(uintptr_t)r->data, r->data_len}};
    const int rc = send_all(c, iov, r->data_len ? 3 : r->head_len ? 2 : 1, r->fds, r->fd_count, end);
    if (rc || r->no_reply)
        return rc;
    return receive_reply(c, r, id, end);
}

int vfu_unexpected(struct vfu_conn *c)
{
    if (c->broken)
        return -ENODEV;
    struct vfu_header h;
    const ssize_t n = recv(c->fd, &h, sizeof(h), MSG_DONTWAIT | MSG_PEEK);
    if (n == 0)
        return breach(c, "the server has closed the connection");
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : breach(c, "the connection is lost: %s", strerror(errno));
    const uint64_t end = now_ms() + c->timeout_ms;
    const int rc = receive_all(c, &h, sizeof(h), end);
    if (rc)
        return rc;
    if ((h.flags & VFU_F_TYPE) != 0 || h.size < sizeof(h) || h.size > VFU_REPLY_MAX)
        return breach(c, "the server sent a reply that nobody asked for");
    return decline(c, &h, end);
}

// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/vfio_user/client.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

bool client_connect(struct client *c, const char *path, void (*pump)(void *), void *arg)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    memset(c, 0, sizeof(*c));
    c->pump = pump;
    c->arg = arg;
    strncpy(a.sun_path, path, sizeof(a.sun_path) - 1);
    c->fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
        client_close(c);
        return false;
    }
    return true;
}

void client_close(struct client *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
}

bool client_send_raw(struct client *c, const void *data, size_t len, const int *fds, size_t fds_len)
{
    const uint8_t *p = data;
    unsigned tries = 0;
    do {
        union {
            struct cmsghdr align;
            char bytes[CMSG_SPACE(CLIENT_FDS * sizeof(int))];
        } control = {0};
        struct iovec iov = {(void *)(uintptr_t)p, len};
        struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
        if (fds_len) {
            m.msg_control = &control;
            m.msg_controllen = CMSG_SPACE(fds_len * sizeof(int));
            struct cmsghdr *h = CMSG_FIRSTHDR(&m);
            h->cmsg_level = SOL_SOCKET;
            h->cmsg_type = SCM_RIGHTS;
            h->cmsg_len = CMSG_LEN(fds_len * sizeof(int));
            memcpy(CMSG_DATA(h), fds, fds_len * sizeof(int));
        }
        ssize_t n = sendmsg(c->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN)
            return false;
        if (n > 0) {
            p += n;
            len -= (size_t)n;
            fds_len = 0;
        }
        if (len)
            c->pump(c->arg);
    } while (len && ++tries < 10000);
    return !len;
}

bool client_send(struct client *c, uint16_t command, uint32_t flags, const void *body, size_t len, const int *fds,
                 size_t fds_len)
{
    static uint8_t message[CLIENT_MAX];
    uint32_t size = (uint32_t)(16 + len), zero = 0;
    c->id++;
    memcpy(message, &c->id, 2);
    memcpy(message + 2, &command, 2);
    memcpy(message + 4, &size, 4);
    memcpy(message + 8, &flags, 4);
    memcpy(message + 12, &zero, 4);
    if (len)
        memcpy(message + 16, body, len);
    return client_send_raw(c, message, size, fds, fds_len);
}

// -1: not yet, 0: closed, 1: all of it
static int receive(struct client *c, void *data, size_t len)
{
    uint8_t *p = data;
    for (unsigned tries = 0; len; tries++) {
        ssize_t n = recv(c->fd, p, len, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN))
            return 0;
        if (n > 0) {
            p += n;
            len -= (size_t)n;
            continue;
        }
        if (tries > 3000)
            return -1;
        c->pump(c->arg);
    }
    return 1;
}

int client_reply(struct client *c)
{
    uint8_t header[16];
    uint32_t size;
    uint16_t id, command;
    int r = receive(c, header, sizeof(header));
    if (r <= 0)
        return r;
    memcpy(&id, header, 2);
    memcpy(&command, header + 2, 2);
    memcpy(&size, header + 4, 4);
    memcpy(&c->flags, header + 8, 4);
    memcpy(&c->error, header + 12, 4);
    if (size < 16 || size > 16 + CLIENT_MAX)
        return -1;
    c->len = size - 16;
    return c->len ? receive(c, c->body, c->len) : 1;
}

int client_call(struct client *c, uint16_t command, const void *body, size_t len, const int *fds, size_t fds_len)
{
    if (!client_send(c, command, 0, body, len, fds, fds_len))
        return -2;
    int r = client_reply(c);
    if (r <= 0)
        return r ? -1 : -2;
    if ((c->flags & 0xf) != 1)
        return -3;
    if (!(c->flags & 0x20))
        return c->error ? -3 : 0;
    if (c->len || !c->error)
        return -3; // an error has a header only
    return (int)c->error;
}

int client_version(struct client *c, uint16_t major, uint16_t minor, const char *json)
{
    uint8_t body[2048];
    size_t n = json ? strlen(json) + 1 : 0;
    memcpy(body, &major, 2);
    memcpy(body + 2, &minor, 2);
    if (n)
        memcpy(body + 4, json, n);
    return client_call(c, C_VERSION, body, 4 + n, NULL, 0);
}

static void access_body(uint8_t body[16], uint32_t region, uint64_t offset, uint32_t count)
{
    memcpy(body, &offset, 8);
    memcpy(body + 8, &region, 4);
    memcpy(body + 12, &count, 4);
}

int client_read(struct client *c, uint32_t region, uint64_t offset, void *data, uint32_t count)
{
    uint8_t body[16];
    access_body(body, region, offset, count);
    int r = client_call(c, C_READ, body, sizeof(body), NULL, 0);
    if (r)
        return r;
    if (c->len != 16 + (size_t)count || memcmp(c->body, body, 16) != 0)
        return -3;
    memcpy(data, c->body + 16, count);
    return 0;
}

int client_write(struct client *c, uint32_t region, uint64_t offset, const void *data, uint32_t count)
{
    static uint8_t body[CLIENT_MAX];
    access_body(body, region, offset, count);
    memcpy(body + 16, data, count);
    int r = client_call(c, C_WRITE, body, 16 + (size_t)count, NULL, 0);
    return r ? r : c->len == 16 && !memcmp(c->body, body, 16) ? 0 : -3;
}

int client_map(struct client *c, uint32_t flags, uint64_t offset, uint64_t address, uint64_t size, int fd)
{
    uint32_t head[2] = {32, flags};
    uint64_t tail[3] = {offset, address, size};
    uint8_t body[32];
    memcpy(body, head, 8);
    memcpy(body + 8, tail, 24);
    int r = client_call(c, C_DMA_MAP, body, sizeof(body), &fd, fd >= 0);
    return r ? r : c->len ? -3 : 0;
}

int client_unmap(struct client *c, uint32_t flags, uint64_t address, uint64_t size)
{
    uint32_t head[2] = {24, flags};
    uint64_t tail[2] = {address, size};
    uint8_t body[24];
    memcpy(body, head, 8);
    memcpy(body + 8, tail, 16);
    int r = client_call(c, C_DMA_UNMAP, body, sizeof(body), NULL, 0);
    return r ? r : c->len == 24 && !memcmp(c->body + 8, tail, 16) ? 0 : -3;
}

int client_irqs(struct client *c, uint32_t flags, uint32_t index, uint32_t start, uint32_t count, const int *fds,
                size_t fds_len)
{
    uint32_t body[5] = {20, flags, index, start, count};
    int r = client_call(c, C_SET_IRQS, body, sizeof(body), fds, fds_len);
    return r ? r : c->len ? -3 : 0;
}

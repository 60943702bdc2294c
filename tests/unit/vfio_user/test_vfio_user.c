// SPDX-License-Identifier: BSD-2-Clause
// The vfio-user server against a client written here to the protocol, with a small device behind it. Client and server
// take turns in one thread: the client sends, the server is polled, the client reads.
#include "sim/pcie/vfio_user_proto.h"
#include "sim/pcie/vfio_user_server.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define BAR_SIZE 65536u

struct bench {
    char path[64];
    struct vus *server;
    int client;
    uint8_t bar[BAR_SIZE];
    bool hold; // the device does not finish accesses by itself
    unsigned accesses, resets, maps, unmaps, vectors;
    uint8_t *mapped; // last mapping
    uint64_t mapped_size;
    uint16_t next_id;
};

static void dev_access(void *arg, uint32_t region, uint64_t offset, uint8_t *data, uint32_t len, bool write)
{
    struct bench *b = arg;
    assert_true(region == VUS_REGION_BAR0 || region == VUS_REGION_CFG);
    assert_true(offset + len <= BAR_SIZE);
    b->accesses++;
    if (write)
        memcpy(b->bar + offset, data, len);
    else
        memcpy(data, b->bar + offset, len);
    if (!b->hold)
        vus_done(b->server, 0);
}

static int dev_map(void *arg, uint64_t iova, uint8_t *mem, uint64_t size, bool readable, bool writable)
{
    struct bench *b = arg;
    (void)iova;
    assert_true(readable || writable);
    b->maps++;
    b->mapped = mem;
    b->mapped_size = size;
    return 0;
}

static void dev_unmap(void *arg, uint64_t iova, uint64_t size)
{
    struct bench *b = arg;
    (void)iova;
    (void)size;
    b->unmaps++;
}

static void dev_irqs(void *arg, uint32_t vectors)
{
    ((struct bench *)arg)->vectors = vectors;
}

static void dev_reset(void *arg)
{
    ((struct bench *)arg)->resets++;
}

static void poll_server(struct bench *b)
{
    for (int i = 0; i < 4; i++)
        vus_poll(b->server);
}

static void client_connect(struct bench *b)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    strcpy(a.sun_path, b->path);
    b->client = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(connect(b->client, (struct sockaddr *)&a, sizeof a), 0);
    poll_server(b);
}

static int bench_setup(void **state)
{
    static unsigned n;
    struct bench *b = calloc(1, sizeof *b);
    char err[200];
    snprintf(b->path, sizeof b->path, "/tmp/cv-vus-%d-%u.sock", getpid(), n++);
    struct vus_device d = {.region_size = {[0] = BAR_SIZE, [7] = 4096},
                           .msix_vectors = 4,
                           .arg = b,
                           .access = dev_access,
                           .dma_map = dev_map,
                           .dma_unmap = dev_unmap,
                           .irqs = dev_irqs,
                           .reset = dev_reset};
    b->server = vus_new(b->path, &d, err, sizeof err);
    assert_non_null(b->server);
    client_connect(b);
    *state = b;
    return 0;
}

static int bench_teardown(void **state)
{
    struct bench *b = *state;
    if (b->client >= 0)
        close(b->client);
    vus_free(b->server);
    assert_int_equal(access(b->path, F_OK), -1); // the socket's name is gone
    assert_int_equal(b->maps, b->unmaps);
    free(b);
    return 0;
}

// Sends header and body in one sendmsg with descriptors.
static void send_raw(struct bench *b, const struct vus_header *h, const void *body, size_t len, const int *fds,
                     size_t n)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(64 * sizeof(int))];
    } control;
    struct iovec iov[2] = {{(void *)h, sizeof *h}, {(void *)body, len}};
    struct msghdr m = {.msg_iov = iov, .msg_iovlen = 2};
    memset(&control, 0, sizeof control);
    if (n) {
        m.msg_control = &control;
        m.msg_controllen = CMSG_SPACE(n * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(n * sizeof(int));
        memcpy(CMSG_DATA(c), fds, n * sizeof(int));
    }
    assert_int_equal(sendmsg(b->client, &m, MSG_NOSIGNAL), sizeof *h + len);
}

// One exchange. Returns the reply's error (0: none); its body goes to out, whose length is *out_len.
static int ask_fds(struct bench *b, uint16_t command, const void *body, size_t len, const int *fds, size_t n, void *out,
                   size_t *out_len)
{
    struct vus_header h = {.id = ++b->next_id, .command = command, .size = (uint32_t)(sizeof h + len)}, r;
    uint8_t buffer[8192];
    send_raw(b, &h, body, len, fds, n);
    poll_server(b);
    ssize_t got = recv(b->client, buffer, sizeof buffer, 0);
    if (got < (ssize_t)sizeof r)
        return -1; // nothing, or the connection has been closed
    memcpy(&r, buffer, sizeof r);
    assert_int_equal(r.id, h.id);
    assert_int_equal(r.command, command);
    assert_int_equal(r.size, got);
    assert_int_equal(r.flags & VUS_FLAG_TYPE_MASK, VUS_FLAG_REPLY);
    if (r.flags & VUS_FLAG_ERROR) {
        assert_int_equal(r.size, sizeof r); // errors carry no body
        assert_int_not_equal(r.error, 0);
        return (int)r.error;
    }
    if (out) {
        *out_len = (size_t)got - sizeof r;
        memcpy(out, buffer + sizeof r, *out_len);
    }
    return 0;
}

static int ask(struct bench *b, uint16_t command, const void *body, size_t len, void *out, size_t *out_len)
{
    return ask_fds(b, command, body, len, NULL, 0, out, out_len);
}

static void greet(struct bench *b)
{
    struct {
        struct vus_version v;
        char caps[32];
    } hello = {{0, 1}, "{\"capabilities\":{}}"};
    struct {
        struct vus_version v;
        char caps[512];
    } answer;
    size_t len;
    assert_int_equal(ask(b, VUS_VERSION, &hello, sizeof hello.v + strlen(hello.caps) + 1, &answer, &len), 0);
    assert_true(len > sizeof answer.v);
    assert_int_equal(answer.v.major, 0);
    assert_in_range(answer.v.minor, 0, 1);
    assert_int_equal(answer.caps[len - sizeof answer.v - 1], 0);
    assert_non_null(strstr(answer.caps, "max_msg_fds"));
    assert_true(vus_attached(b->server));
}

static void test_version_first(void **state)
{
    struct bench *b = *state;
    struct vus_device_info i = {.argsz = sizeof i};
    assert_int_equal(ask(b, VUS_DEVICE_GET_INFO, &i, sizeof i, NULL, NULL), EINVAL);
    assert_false(vus_attached(b->server));
    greet(b);
    assert_int_equal(ask(b, VUS_DEVICE_GET_INFO, &i, sizeof i, NULL, NULL), 0);
}

static void test_version_bad(void **state)
{
    struct bench *b = *state;
    struct vus_version other = {7, 0};
    assert_int_equal(ask(b, VUS_VERSION, &other, 2, NULL, NULL), EINVAL);               // short
    assert_int_equal(ask(b, VUS_VERSION, &other, sizeof other, NULL, NULL), ENOTSUP);   // another major
    assert_int_equal(ask(b, VUS_VERSION, "\0\0\1\0{\"a\":1}", 11, NULL, NULL), EINVAL); // JSON without its zero byte
    assert_int_equal(ask(b, VUS_VERSION, "\0\0\1\0{\"a\":", 10, NULL, NULL), EINVAL);   // no JSON
    greet(b);
    assert_int_equal(ask(b, VUS_VERSION, "\0\0\1\0", 4, NULL, NULL), EINVAL); // twice
}

static void test_device_info(void **state)
{
    struct bench *b = *state;
    struct vus_device_info i = {.argsz = sizeof i};
    size_t len;
    greet(b);
    assert_int_equal(ask(b, VUS_DEVICE_GET_INFO, &i, sizeof i, &i, &len), 0);
    assert_int_equal(len, sizeof i);
    assert_int_equal(i.flags, VUS_INFO_PCI | VUS_INFO_RESET);
    assert_int_equal(i.regions, 9);
    assert_int_equal(i.irqs, 5);
    i.argsz = 4;
    assert_int_equal(ask(b, VUS_DEVICE_GET_INFO, &i, sizeof i, NULL, NULL), EINVAL);
    i.argsz = sizeof i;
    assert_int_equal(ask(b, VUS_DEVICE_GET_INFO, &i, sizeof i - 1, NULL, NULL), EINVAL);
}

static void test_region_and_irq_info(void **state)
{
    struct bench *b = *state;
    size_t len;
    greet(b);
    for (uint32_t n = 0; n < 12; n++) {
        struct vus_region_info r = {.argsz = sizeof r, .index = n};
        int error = ask(b, VUS_DEVICE_GET_REGION_INFO, &r, sizeof r, &r, &len);
        assert_int_equal(error, n < 9 ? 0 : EINVAL);
        if (!error)
            assert_int_equal(r.size, n == 0 ? BAR_SIZE : n == 7 ? 4096 : 0);
    }
    for (uint32_t n = 0; n < 8; n++) {
        struct vus_irq_info q = {.argsz = sizeof q, .index = n};
        int error = ask(b, VUS_DEVICE_GET_IRQ_INFO, &q, sizeof q, &q, &len);
        assert_int_equal(error, n < 5 ? 0 : EINVAL);
        if (!error)
            assert_int_equal(q.count, n == VUS_IRQ_MSIX ? 4 : 0);
    }
}

static int region(struct bench *b, bool write, uint32_t region_, uint64_t offset, uint32_t count, size_t data_len,
                  uint8_t *data)
{
    uint8_t body[8100] = {0};
    struct vus_region_access a = {offset, region_, count};
    size_t len = 0;
    memcpy(body, &a, sizeof a);
    if (write)
        memcpy(body + sizeof a, data, data_len);
    uint8_t out[8192];
    int error = ask(b, write ? VUS_REGION_WRITE : VUS_REGION_READ, body, sizeof a + (write ? data_len : 0), out, &len);
    if (!error) {
        assert_int_equal(len, sizeof a + (write ? 0 : count));
        assert_memory_equal(out, &a, sizeof a);
        if (!write)
            memcpy(data, out + sizeof a, count);
    }
    return error;
}

static void test_region_access(void **state)
{
    struct bench *b = *state;
    uint8_t w[4096], r[4096];
    greet(b);
    for (size_t i = 0; i < sizeof w; i++)
        w[i] = (uint8_t)(i * 7 + (i >> 8));
    static const uint32_t sizes[] = {1, 2, 3, 4, 8, 63, 64, 65, 256, 1000, 4096};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        uint64_t offset = BAR_SIZE - sizes[i]; // up to the very end
        assert_int_equal(region(b, true, 0, offset, sizes[i], sizes[i], w), 0);
        memset(r, 0, sizeof r);
        assert_int_equal(region(b, false, 0, offset, sizes[i], 0, r), 0);
        assert_memory_equal(r, w, sizes[i]);
    }
}

static void test_region_bad(void **state)
{
    struct bench *b = *state;
    uint8_t d[5000] = {0};
    greet(b);
    unsigned before = b->accesses;
    assert_int_equal(region(b, false, 0, BAR_SIZE, 1, 0, d), EINVAL);
    assert_int_equal(region(b, false, 0, BAR_SIZE - 3, 4, 0, d), EINVAL);
    assert_int_equal(region(b, false, 0, UINT64_MAX, 1, 0, d), EINVAL);
    assert_int_equal(region(b, false, 0, UINT64_MAX - 3, 8, 0, d), EINVAL); // offset + count overflows
    assert_int_equal(region(b, false, 0, 0, 0, 0, d), EINVAL);
    assert_int_equal(region(b, false, 0, 0, 4097, 0, d), EINVAL);
    assert_int_equal(region(b, false, 0, 0, UINT32_MAX, 0, d), EINVAL);
    assert_int_equal(region(b, false, 1, 0, 4, 0, d), EINVAL); // no such BAR
    assert_int_equal(region(b, false, 9, 0, 4, 0, d), EINVAL);
    assert_int_equal(region(b, false, UINT32_MAX, 0, 4, 0, d), EINVAL);
    assert_int_equal(region(b, true, 0, 0, 8, 4, d), EINVAL); // less data than it says
    assert_int_equal(region(b, true, 0, 0, 4, 8, d), EINVAL); // more
    assert_int_equal(ask(b, VUS_REGION_READ, d, 7, NULL, NULL), EINVAL);
    assert_int_equal(b->accesses, before); // none of it reached the device
    assert_int_equal(region(b, false, 0, 0, 4, 0, d), 0);
}

static int map(struct bench *b, uint64_t iova, uint64_t size, uint64_t offset, uint32_t flags, size_t n)
{
    struct vus_dma_map m = {sizeof m, flags, offset, iova, size};
    int fds[2] = {memfd_create("m", 0), -1};
    assert_int_equal(ftruncate(fds[0], 65536), 0);
    fds[1] = fds[0];
    int error = ask_fds(b, VUS_DMA_MAP, &m, sizeof m, fds, n, NULL, NULL);
    if (!error) { // what the device sees is the client's memory
        uint8_t *mine = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fds[0], (off_t)offset);
        mine[0] = 0x5a;
        assert_int_equal(b->mapped[0], 0x5a);
        munmap(mine, size);
    }
    close(fds[0]);
    return error;
}

static void test_dma_map(void **state)
{
    struct bench *b = *state;
    greet(b);
    assert_int_equal(map(b, 0x10000, 65536, 0, 3, 1), 0);
    assert_int_equal(map(b, 0x1f000, 4096, 0, 3, 1), EEXIST);     // overlaps
    assert_int_equal(map(b, 0x20000, 61440, 4096, 3, 1), 0);      // offset into the file
    assert_int_equal(map(b, 0x80000, 65536, 4096, 3, 1), EINVAL); // beyond the file's end
    assert_int_equal(map(b, 0x80000, 4096, 5, 3, 1), EINVAL);     // offset not on a page
    assert_int_equal(map(b, 0x80000, 0, 0, 3, 1), EINVAL);
    assert_int_equal(map(b, UINT64_MAX - 4095, 8192, 0, 3, 1), EINVAL); // wraps
    assert_int_equal(map(b, 0x80000, 4096, 0, 0, 1), EINVAL);           // neither readable nor writable
    assert_int_equal(map(b, 0x80000, 4096, 0, 4, 1), EINVAL);           // unknown flag
    assert_int_equal(map(b, 0x80000, 4096, 0, 3, 0), EINVAL);           // no descriptor
    assert_int_equal(map(b, 0x80000, 4096, 0, 3, 2), EINVAL);           // two
    assert_int_equal(b->maps, 2);
    struct vus_dma_unmap u = {sizeof u, 0, 0x10000, 4096}, echoed;
    size_t len;
    assert_int_equal(ask(b, VUS_DMA_UNMAP, &u, sizeof u, NULL, NULL), ENOENT); // not the whole mapping
    u.size = 65536;
    assert_int_equal(ask(b, VUS_DMA_UNMAP, &u, sizeof u, &echoed, &len), 0);
    assert_memory_equal(&u, &echoed, sizeof u);
    assert_int_equal(ask(b, VUS_DMA_UNMAP, &u, sizeof u, NULL, NULL), ENOENT); // twice
    u = (struct vus_dma_unmap){sizeof u, VUS_UNMAP_DIRTY, 0x20000, 61440};
    assert_int_equal(ask(b, VUS_DMA_UNMAP, &u, sizeof u, NULL, NULL), ENOTSUP);
    u = (struct vus_dma_unmap){sizeof u, VUS_UNMAP_ALL, 0, 0};
    assert_int_equal(ask(b, VUS_DMA_UNMAP, &u, sizeof u, NULL, NULL), 0);
    assert_int_equal(b->unmaps, 2);
}

static int set_irqs(struct bench *b, uint32_t flags, uint32_t index, uint32_t start, uint32_t count, const int *fds,
                    size_t n)
{
    struct vus_set_irqs q = {sizeof q, flags, index, start, count};
    return ask_fds(b, VUS_DEVICE_SET_IRQS, &q, sizeof q, fds, n, NULL, NULL);
}

static void test_irqs(void **state)
{
    struct bench *b = *state;
    int fds[4];
    uint64_t v;
    greet(b);
    for (int i = 0; i < 4; i++)
        fds[i] = eventfd(0, EFD_NONBLOCK);
    const uint32_t trigger = VUS_SET_EVENTFD | VUS_SET_TRIGGER;
    assert_int_equal(set_irqs(b, trigger, VUS_IRQ_MSIX, 0, 4, fds, 4), 0);
    assert_int_equal(b->vectors, 4);
    vus_irq(b->server, 2);
    vus_irq(b->server, 2);
    assert_int_equal(read(fds[2], &v, sizeof v), sizeof v);
    assert_int_equal(v, 2);
    assert_int_equal(read(fds[1], &v, sizeof v), -1);
    vus_irq(b->server, 31); // no such vector: lost, no crash
    assert_int_equal(set_irqs(b, trigger, VUS_IRQ_MSIX, 3, 2, fds, 2), EINVAL);
    assert_int_equal(set_irqs(b, trigger, VUS_IRQ_MSIX, UINT32_MAX, 2, fds, 2), EINVAL);
    assert_int_equal(set_irqs(b, trigger, VUS_IRQ_MSIX, 1, UINT32_MAX, fds, 1), EINVAL);
    assert_int_equal(set_irqs(b, trigger, VUS_IRQ_MSIX, 0, 2, fds, 1), EINVAL); // fewer descriptors than vectors
    assert_int_equal(set_irqs(b, trigger, 0, 0, 1, fds, 1), EINVAL);            // INTx is not there
    assert_int_equal(set_irqs(b, VUS_SET_EVENTFD, VUS_IRQ_MSIX, 0, 1, fds, 1), EINVAL);
    assert_int_equal(set_irqs(b, VUS_SET_EVENTFD | VUS_SET_NONE | VUS_SET_TRIGGER, VUS_IRQ_MSIX, 0, 1, fds, 1), EINVAL);
    assert_int_equal(set_irqs(b, VUS_SET_NONE | VUS_SET_TRIGGER, VUS_IRQ_MSIX, 1, 1, NULL, 0),
                     0); // as if vector 1 fired
    assert_int_equal(read(fds[1], &v, sizeof v), sizeof v);
    assert_int_equal(set_irqs(b, VUS_SET_NONE | VUS_SET_TRIGGER, VUS_IRQ_MSIX, 0, 0, NULL, 0), 0); // give all up
    assert_int_equal(b->vectors, 0);
    vus_irq(b->server, 1);
    assert_int_equal(read(fds[1], &v, sizeof v), -1);
    for (int i = 0; i < 4; i++)
        close(fds[i]);
}

static void test_stray_descriptors(void **state)
{
    struct bench *b = *state;
    struct vus_device_info i = {.argsz = sizeof i};
    int fds[40];
    greet(b);
    for (int k = 0; k < 40; k++)
        fds[k] = eventfd(0, 0);
    assert_int_equal(ask_fds(b, VUS_DEVICE_GET_INFO, &i, sizeof i, fds, 1, NULL, NULL), EINVAL);
    assert_int_equal(ask(b, VUS_DEVICE_GET_INFO, &i, sizeof i, NULL, NULL), 0);
    // More than a message may carry: the connection ends.
    assert_int_equal(ask_fds(b, VUS_DEVICE_SET_IRQS, &i, sizeof i, fds, 40, NULL, NULL), -1);
    assert_false(vus_attached(b->server));
    for (int k = 0; k < 40; k++)
        close(fds[k]);
}

static void test_bad_sizes_end_connection(void **state)
{
    struct bench *b = *state;
    static const uint32_t sizes[] = {0, 1, 15, 8193, 1u << 20, UINT32_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct vus_header h = {.id = 9, .command = VUS_DEVICE_GET_INFO, .size = sizes[i]}, r;
        greet(b);
        send_raw(b, &h, NULL, 0, NULL, 0);
        poll_server(b);
        assert_int_equal(recv(b->client, &r, sizeof r, 0), sizeof r);
        assert_int_equal(r.flags, VUS_FLAG_REPLY | VUS_FLAG_ERROR);
        assert_int_equal(recv(b->client, &r, sizeof r, 0), 0); // closed
        close(b->client);
        client_connect(b); // the next client is served
    }
}

static void test_unknown_and_replies(void **state)
{
    struct bench *b = *state;
    greet(b);
    for (uint32_t c = 0; c < 300; c++)
        if (c < 1 || c > 13 || c == VUS_DEVICE_GET_REGION_IO_FDS || c == VUS_DMA_READ || c == VUS_DMA_WRITE)
            assert_int_equal(ask(b, (uint16_t)c, NULL, 0, NULL, NULL), ENOTSUP);
    struct vus_header h = {.id = 1, .command = VUS_DMA_READ, .size = sizeof h, .flags = VUS_FLAG_REPLY}, r;
    send_raw(b, &h, NULL, 0, NULL, 0); // a reply to what was never asked
    poll_server(b);
    assert_int_equal(recv(b->client, &r, sizeof r, 0), sizeof r);
    assert_true(r.flags & VUS_FLAG_ERROR);
}

static void test_no_reply(void **state)
{
    struct bench *b = *state;
    greet(b);
    struct {
        struct vus_region_access a;
        uint32_t value;
    } body = {{0x40, 0, 4}, 0x12345678};
    struct vus_header h = {.id = 5, .command = VUS_REGION_WRITE, .size = sizeof h + 20, .flags = VUS_FLAG_NO_REPLY};
    char c;
    send_raw(b, &h, &body, 20, NULL, 0);
    send_raw(b, &h, &body, 20, NULL, 0);
    poll_server(b);
    assert_int_equal(b->accesses, 2);
    assert_int_equal(memcmp(b->bar + 0x40, &body.value, 4), 0);
    assert_int_equal(recv(b->client, &c, 1, 0), -1); // silence
}

static void test_pieces(void **state)
{
    struct bench *b = *state;
    greet(b);
    struct {
        struct vus_header h;
        struct vus_region_access a;
    } m = {{77, VUS_REGION_READ, sizeof m, 0, 0}, {0, 0, 4}};
    uint8_t out[64];
    for (size_t i = 0; i < sizeof m; i++) {
        assert_int_equal(recv(b->client, out, sizeof out, 0), -1);
        assert_int_equal(send(b->client, (uint8_t *)&m + i, 1, 0), 1);
        poll_server(b);
    }
    assert_int_equal(recv(b->client, out, sizeof out, 0), sizeof m + 4);
}

static void test_access_waits_for_device(void **state)
{
    struct bench *b = *state;
    greet(b);
    struct {
        struct vus_header h;
        struct vus_region_access a;
    } m = {{1, VUS_REGION_READ, sizeof m, 0, 0}, {8, 0, 4}};
    uint8_t out[128];
    b->hold = true;
    send(b->client, &m, sizeof m, 0);
    send(b->client, &m, sizeof m, 0); // a second one, queued behind it
    poll_server(b);
    assert_int_equal(b->accesses, 1);
    assert_int_equal(recv(b->client, out, sizeof out, 0), -1);
    vus_done(b->server, EIO);
    assert_int_equal(recv(b->client, out, sizeof out, 0), sizeof(struct vus_header)); // the device's error
    poll_server(b);
    assert_int_equal(b->accesses, 2);
    vus_done(b->server, 0);
    vus_done(b->server, 0); // once more than asked: ignored
    assert_int_equal(recv(b->client, out, sizeof out, 0), sizeof m + 4);
}

static void test_client_vanishes(void **state)
{
    struct bench *b = *state;
    int fd = eventfd(0, EFD_NONBLOCK);
    uint64_t v;
    greet(b);
    assert_int_equal(map(b, 0x10000, 65536, 0, 3, 1), 0);
    assert_int_equal(set_irqs(b, VUS_SET_EVENTFD | VUS_SET_TRIGGER, VUS_IRQ_MSIX, 0, 1, &fd, 1), 0);
    struct {
        struct vus_header h;
        struct vus_region_access a;
    } m = {{1, VUS_REGION_READ, sizeof m, 0, 0}, {8, 0, 4}};
    b->hold = true;
    send(b->client, &m, sizeof m, 0);
    poll_server(b);
    close(b->client);
    unsigned resets = b->resets;
    poll_server(b);
    assert_int_equal(b->resets, resets + 1);
    assert_int_equal(b->unmaps, b->maps);
    vus_irq(b->server, 0);
    assert_int_equal(read(fd, &v, sizeof v), -1); // its eventfd is no longer known
    close(fd);
    vus_done(b->server, 0); // the old access ends now: nobody is told
    b->hold = false;
    client_connect(b);
    greet(b); // the next one starts afresh
    assert_int_equal(map(b, 0x10000, 65536, 0, 3, 1), 0);
}

static void test_second_client_waits(void **state)
{
    struct bench *b = *state;
    greet(b);
    int first = b->client;
    client_connect(b); // queued by the kernel
    assert_int_equal(ask(b, VUS_VERSION, "\0\0\1\0", 4, NULL, NULL), -1);
    close(first);
    poll_server(b);
    uint8_t out[256];
    assert_true(recv(b->client, out, sizeof out, 0) > 0); // now it is answered
}

static void test_reset(void **state)
{
    struct bench *b = *state;
    greet(b);
    assert_int_equal(ask(b, VUS_DEVICE_RESET, NULL, 0, NULL, NULL), 0);
    assert_int_equal(b->resets, 1);
    assert_int_equal(ask(b, VUS_DEVICE_RESET, "x", 1, NULL, NULL), EINVAL);
    assert_int_equal(b->resets, 1);
}

// Random messages from mutated good ones: the server answers or closes, and serves the next client afterwards.
static void test_mutations(void **state)
{
    struct bench *b = *state;
    const char *env = getenv("SEED");
    unsigned seed = env ? (unsigned)strtoul(env, NULL, 0) : 1;
    unsigned answered = 0, closed = 0;
    print_message("seed %u\n", seed);
    greet(b);
    for (unsigned n = 0; n < 60000; n++) {
        struct vus_header h = {.id = (uint16_t)n, .command = (uint16_t)(rand_r(&seed) % 16)};
        uint8_t body[96], out[8192];
        size_t len = (size_t)rand_r(&seed) % sizeof body;
        for (size_t i = 0; i < len; i++)
            body[i] = (uint8_t)(rand_r(&seed) % 4 ? 0 : rand_r(&seed));
        static const uint32_t sizes[] = {16, 20, 24, 32};
        if (rand_r(&seed) % 2) { // a plausible argsz and body length
            uint32_t argsz = sizes[rand_r(&seed) % 4];
            memcpy(body, &argsz, 4);
            len = argsz;
        }
        h.size = (uint32_t)(sizeof h + len);
        if (rand_r(&seed) % 200 == 0)
            h.size = (uint32_t)rand_r(&seed);
        h.flags = rand_r(&seed) % 8 ? 0 : (uint32_t)rand_r(&seed) & 0x3f;
        int fd = eventfd(0, EFD_NONBLOCK);
        send_raw(b, &h, body, len, &fd, rand_r(&seed) % 16 == 0);
        close(fd);
        poll_server(b);
        ssize_t got;
        while ((got = recv(b->client, out, sizeof out, 0)) > 0)
            answered++;
        if (got == 0 || !vus_attached(b->server) || h.size != sizeof h + len) {
            close(b->client);
            poll_server(b);
            client_connect(b);
            greet(b);
            closed++;
        }
    }
    print_message("%u answered, %u connections ended\n", answered, closed);
    assert_true(answered > 30000);
    assert_true(closed > 50);
    uint8_t d[4];
    assert_int_equal(region(b, false, 0, 0, 4, 0, d), 0);
}

#define T(f, name)                                                                                                     \
    {                                                                                                                  \
        name, f, bench_setup, bench_teardown, NULL                                                                     \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_version_first, "vfio-user: nothing is answered before VERSION"),
        T(test_version_bad, "vfio-user: a bad VERSION gets an error"),
        T(test_device_info, "vfio-user: device info"),
        T(test_region_and_irq_info, "vfio-user: regions and interrupts are described, others refused"),
        T(test_region_access, "vfio-user: reads and writes of all sizes reach the device"),
        T(test_region_bad, "vfio-user: accesses outside a region never reach the device"),
        T(test_dma_map, "vfio-user: DMA memory is mapped by descriptor, bad mappings are refused"),
        T(test_irqs, "vfio-user: interrupts arrive at eventfds, bad vectors are refused"),
        T(test_stray_descriptors, "vfio-user: descriptors where none belong are refused"),
        T(test_bad_sizes_end_connection,
          "vfio-user: an impossible size ends the connection, the next client is served"),
        T(test_unknown_and_replies, "vfio-user: unknown commands and stray replies get an error"),
        T(test_no_reply, "vfio-user: a command that wants no reply gets none"),
        T(test_pieces, "vfio-user: a message may come in pieces"),
        T(test_access_waits_for_device, "vfio-user: an access is answered when the device is done"),
        T(test_client_vanishes, "vfio-user: a client that vanishes leaves nothing behind"),
        T(test_second_client_waits, "vfio-user: a second client waits for the first to go"),
        T(test_reset, "vfio-user: device reset"),
        T(test_mutations, "vfio-user: random messages never end the server"),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

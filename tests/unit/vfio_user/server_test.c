// SPDX-License-Identifier: BSD-2-Clause
// The vfio-user server against a client written to the protocol, with a small device of memory behind it.
#include "sim/pcie/vfio_user_server.h"
#include "tests/unit/vfio_user/client.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

enum { BAR = 65536, CFG = 4096, VECTORS = 4, PAGE = 4096, MUTATIONS = 1000000 };

struct fixture {
    struct vus *server;
    char path[64];
    struct client c;
    uint8_t bar[BAR], cfg[CFG];
    // the access under way
    unsigned delay, wait; // polls until an access ends
    bool pending;
    uint8_t *data;
    unsigned resets, maps, irq_calls;
    uint32_t vectors;
    uint8_t *mem; // of the last mapping
};

static void dev_access(void *arg, uint32_t region, uint64_t offset, uint8_t *data, uint32_t len, bool write)
{
    struct fixture *f = arg;
    uint8_t *at = (region == VUS_REGION_CFG ? f->cfg : f->bar) + offset;
    assert_true(len >= 1 && len <= 4096);
    assert_true(offset + len <= (region == VUS_REGION_CFG ? CFG : BAR));
    memcpy(write ? at : data, write ? data : at, len);
    f->wait = f->delay;
    if (f->delay)
        f->pending = true;
    else
        vus_done(f->server, 0);
}

static int dev_map(void *arg, uint64_t iova, uint8_t *mem, uint64_t size, bool readable, bool writable)
{
    struct fixture *f = arg;
    (void)readable;
    (void)writable;
    if (iova == 0xbad000)
        return EINVAL;
    assert_true(size > 0);
    f->maps++;
    f->mem = mem;
    return 0;
}

static void dev_unmap(void *arg, uint64_t iova, uint64_t size)
{
    struct fixture *f = arg;
    (void)iova;
    (void)size;
    assert_true(f->maps > 0);
    f->maps--;
}

static void dev_irqs(void *arg, uint32_t vectors)
{
    struct fixture *f = arg;
    f->vectors = vectors;
    f->irq_calls++;
}

static void dev_reset(void *arg)
{
    struct fixture *f = arg;
    f->resets++;
    f->pending = false;
}

static void pump(void *arg)
{
    struct fixture *f = arg;
    vus_poll(f->server);
    if (f->pending && !f->wait--) {
        f->pending = false;
        vus_done(f->server, 0);
    }
}

// In place of the C library's: what was to be seen of the socket when the server began to listen.
static char watched[64];
static unsigned listens, seen_too_early;
int listen(int fd, int backlog)
{
    listens++;
    seen_too_early += access(watched, F_OK) == 0;
    return (int)syscall(SYS_listen, fd, backlog);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    const struct vus_device device = {
        .region_size = {[VUS_REGION_BAR0] = BAR, [VUS_REGION_CFG] = CFG},
        .msix_vectors = VECTORS,
        .arg = f,
        .access = dev_access,
        .dma_map = dev_map,
        .dma_unmap = dev_unmap,
        .irqs = dev_irqs,
        .reset = dev_reset,
    };
    char err[128] = "";
    snprintf(f->path, sizeof(f->path), "/tmp/culvert-vus-%d.sock", (int)getpid());
    for (unsigned i = 0; i < BAR; i++)
        f->bar[i] = (uint8_t)(i * 7 + (i >> 8));
    snprintf(watched, sizeof(watched), "%s", f->path);
    f->server = vus_new(f->path, &device, err, sizeof(err));
    assert_non_null(f->server);
    assert_true(client_connect(&f->c, f->path, pump, f));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    client_close(&f->c);
    vus_free(f->server);
    assert_int_equal(f->maps, 0);
    assert_int_not_equal(access(f->path, F_OK), 0);
    free(f);
    return 0;
}

static void hello(struct fixture *f)
{
    assert_int_equal(client_version(&f->c, 0, 1, "{\"capabilities\":{\"max_msg_fds\":8}}"), 0);
}

static int memory(size_t size)
{
    int fd = memfd_create("test", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)size), 0);
    return fd;
}

static unsigned open_fds(void)
{
    unsigned n = 0;
    DIR *d = opendir("/proc/self/fd");
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

// Who waits for the socket connects as soon as it is there.
static void is_seen_when_it_listens(void **state)
{
    (void)state;
    assert_true(listens > 0);
    assert_int_equal(seen_too_early, 0);
}

static void version(void **state)
{
    struct fixture *f = *state;
    struct client *c = &f->c;
    uint32_t info[4] = {16};
    // Nothing but VERSION comes first.
    assert_int_equal(client_call(c, C_GET_INFO, info, sizeof(info), NULL, 0), EINVAL);
    assert_true(client_version(c, 1, 0, NULL) > 0);
    assert_true(client_version(c, 0, 1, "{\"capabilities\":") > 0);
    assert_true(client_call(c, C_VERSION, "\0\0\1\0{}", 6, NULL, 0) > 0); // not ended
    assert_true(client_call(c, C_VERSION, "\0\0", 2, NULL, 0) > 0);
    assert_true(client_call(c, C_VERSION, NULL, 0, NULL, 0) > 0);
    assert_int_equal(client_version(c, 0, 7, "{\"capabilities\":{\"max_msg_fds\":8,\"new\":[1,2]}}"), 0);
    assert_int_equal(c->body[0] | c->body[1] << 8, 0);
    assert_true((c->body[2] | c->body[3] << 8) <= 7);
    assert_int_equal(c->body[c->len - 1], 0);
    assert_non_null(strstr((char *)c->body + 4, "\"capabilities\""));
    assert_non_null(strstr((char *)c->body + 4, "\"max_data_xfer_size\""));
    assert_true(client_version(c, 0, 1, NULL) > 0); // twice
    assert_int_equal(client_call(c, C_GET_INFO, info, sizeof(info), NULL, 0), 0);
}

static void device_info(void **state)
{
    struct fixture *f = *state;
    struct client *c = &f->c;
    uint32_t info[4] = {16}, got[8];
    hello(f);
    assert_int_equal(client_call(c, C_GET_INFO, info, sizeof(info), NULL, 0), 0);
    assert_int_equal(c->len, 16);
    memcpy(got, c->body, 16);
    assert_int_equal(got[0], 16);
    assert_int_equal(got[1] & 3, 3); // reset, PCI
    assert_int_equal(got[2], 9);
    assert_int_equal(got[3], 5);
    for (uint32_t i = 0; i < 12; i++) {
        uint32_t q[8] = {32, 0, i};
        int r = client_call(c, C_REGION_INFO, q, sizeof(q), NULL, 0);
        assert_int_equal(r, i < 9 ? 0 : EINVAL);
        if (r)
            continue;
        uint64_t size;
        memcpy(got, c->body, 32);
        memcpy(&size, c->body + 16, 8);
        assert_int_equal(c->len, 32);
        assert_int_equal(got[2], i);
        assert_int_equal(size, i == 0 ? BAR : i == 7 ? CFG : 0);
        assert_int_equal(got[1], size ? 3 : 0);
    }
    for (uint32_t i = 0; i < 8; i++) {
        uint32_t q[4] = {16, 0, i};
        int r = client_call(c, C_IRQ_INFO, q, sizeof(q), NULL, 0);
        assert_int_equal(r, i < 5 ? 0 : EINVAL);
        if (r)
            continue;
        memcpy(got, c->body, 16);
        assert_int_equal(got[3], i == 2 ? VECTORS : 0);
        assert_int_equal(got[1] & 1, i == 2);
    }
}

static void accesses(void **state)
{
    struct fixture *f = *state;
    struct client *c = &f->c;
    uint8_t data[4096], got[4096];
    hello(f);
    for (unsigned n = 0; n < 600; n++) {
        uint32_t len = 1 + (uint32_t)rand() % (n % 8 ? 16 : 4096), region = n % 3 ? 0 : 7;
        uint64_t at = (uint64_t)rand() % ((region ? CFG : BAR) - len + 1);
        f->delay = n % 5;
        for (unsigned i = 0; i < len; i++)
            data[i] = (uint8_t)rand();
        assert_int_equal(client_write(c, region, at, data, len), 0);
        assert_int_equal(client_read(c, region, at, got, len), 0);
        assert_memory_equal(got, data, len);
    }
    // Posted writes in front of a read.
    for (unsigned i = 0; i < 50; i++) {
        uint8_t body[20] = {0};
        body[0] = (uint8_t)(4 * i);
        body[12] = 4;
        body[16] = (uint8_t)i;
        assert_true(client_send(c, C_WRITE, 0x10, body, sizeof(body), NULL, 0));
    }
    assert_int_equal(client_read(c, 0, 0, got, 200), 0);
    for (unsigned i = 0; i < 50; i++)
        assert_int_equal(got[4 * i], i);
}

static void bad_accesses(void **state)
{
    struct fixture *f = *state;
    struct client *c = &f->c;
    static uint8_t data[CLIENT_MAX];
    hello(f);
    static const struct {
        uint64_t offset;
        uint32_t region, count;
    } bad[] = {
        {0, 0, 0},
        {BAR, 0, 1},
        {BAR - 3, 0, 4},
        {UINT64_MAX, 0, 4},
        {UINT64_MAX - 3, 0, 4},
        {0, 1, 4},
        {0, 6, 4},
        {0, 8, 4},
        {0, 9, 4},
        {0, UINT32_MAX, 4},
        {CFG, 7, 1},
        {CFG - 1, 7, 2},
        {0, 0, UINT32_MAX},
        {4, 0, 0x80000000},
        {0, 0, 65536},
        {0, 7, 4097},
        {1ull << 32, 0, 4},
        {0xffffffff00000000, 7, 4},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint8_t body[32] = {0};
        memcpy(body, &bad[i].offset, 8);
        memcpy(body + 8, &bad[i].region, 4);
        memcpy(body + 12, &bad[i].count, 4);
        assert_true(client_call(c, C_READ, body, 16, NULL, 0) > 0);
        assert_true(client_call(c, C_WRITE, body, 16 + (bad[i].count < 16 ? bad[i].count : 16), NULL, 0) > 0);
    }
    // Counts that lie about the message.
    for (uint32_t count = 0; count < 12; count++) {
        uint8_t body[64] = {0};
        memcpy(body + 12, &count, 4);
        for (size_t len = 0; len < 40; len++) {
            if (len != 16 || !count)
                assert_true(client_call(c, C_READ, body, len, NULL, 0) > 0);
            if (len != 16 + count || !count)
                assert_true(client_call(c, C_WRITE, body, len, NULL, 0) > 0);
        }
    }
    assert_int_equal(client_read(c, 0, 0, data, 4), 0);
}

// Every command with every length around the right one; what has a length of its own is refused at any other.
static void bad_lengths(void **state)
{
    struct fixture *f = *state;
    struct client *c = &f->c;
    static const size_t right[] = {[C_DMA_MAP] = 32,     [C_DMA_UNMAP] = 24, [C_GET_INFO] = 16,
                                   [C_REGION_INFO] = 32, [C_IRQ_INFO] = 16,  [C_RESET] = 0};
    uint8_t body[4096] = {0};
    hello(f);
    for (uint16_t command = C_DMA_MAP; command < 40; command++)
        for (size_t len = 0; len < 64; len++) {
            bool known = command == C_DMA_MAP || command == C_DMA_UNMAP || command == C_GET_INFO ||
                         command == C_REGION_INFO || command == C_IRQ_INFO || command == C_RESET;
            if (known && len == right[command])
                continue;
            uint32_t argsz = (uint32_t)len;
            memcpy(body, &argsz, 4);
            assert_true(client_call(c, command, body, len, NULL, 0) > 0);
        }
    // An argsz that has no room for the answer.
    memset(body, 0, sizeof(body));
    assert_true(client_call(c, C_GET_INFO, body, 16, NULL, 0) > 0);
    assert_true(client_call(c, C_REGION_INFO, body, 32, NULL, 0) > 0);
    assert_true(client_call(c, C_IRQ_INFO, body, 16, NULL, 0) > 0);
    assert_true(client_call(c, 0, NULL, 0, NULL, 0) > 0);
    assert_true(client_call(c, 0xffff, body, sizeof(body), NULL, 0) > 0);
    // A reply that nobody asked for.
    assert_true(client_send(c, C_GET_INFO, 1, body, 16, NULL, 0));
    assert_int_equal(client_reply(c), 1);
    assert_true(c->flags & 0x20);
    assert_int_equal(client_call(c, C_RESET, NULL, 0, NULL, 0), 0);
    assert_int_equal(f->resets, 1);
}

// Sizes in the header that cannot be: an error, and the connection ends, for the next client.
static void lying_sizes(void **state)
{
    struct fixture *f = *state;
    static const uint32_t sizes[] = {0, 1, 15, 100000, 0x7fffffff, 0xffffffff};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        uint8_t message[64] = {1, 0, C_VERSION, 0};
        hello(f);
        memcpy(message + 4, &sizes[i], 4);
        assert_true(client_send_raw(&f->c, message, sizeof(message), NULL, 0));
        int r = client_reply(&f->c);
        if (r == 1) {
            assert_true(f->c.flags & 0x20);
            r = client_reply(&f->c);
        }
        assert_int_equal(r, 0);
        client_close(&f->c);
        assert_true(client_connect(&f->c, f->path, pump, f));
    }
    // A message in single bytes is a message; half of one is no hang.
    uint8_t message[20] = {9, 0, C_VERSION, 0, 20, 0, 0, 0};
    message[18] = 1;
    for (size_t i = 0; i < sizeof(message); i++) {
        assert_true(client_send_raw(&f->c, message + i, 1, NULL, 0));
        for (unsigned k = 0; k < 5; k++)
            pump(f);
    }
    assert_int_equal(client_reply(&f->c), 1);
    assert_int_equal(f->c.flags & 0x20, 0);
    assert_true(client_send_raw(&f->c, message, 10, NULL, 0));
    assert_int_equal(client_reply(&f->c), -1);
}

static void dma(void **state)
{
    struct fixture *f = *state;
    struct client *c = &f->c;
    unsigned before = open_fds();
    int fd = memory(16 * PAGE);
    hello(f);
    uint8_t *mine = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(mine != MAP_FAILED);
    assert_int_equal(client_map(c, 3, PAGE, 0x100000, 4 * PAGE, fd), 0);
    assert_int_equal(f->maps, 1);
    f->mem[5] = 0x42;
    assert_int_equal(mine[PAGE + 5], 0x42);
    assert_int_equal(client_map(c, 3, 0, 0x100000, PAGE, fd), EEXIST);
    assert_int_equal(client_map(c, 3, 0, 0xff000, 2 * PAGE, fd), EEXIST);
    assert_int_equal(client_map(c, 3, 0, 0x103000, PAGE, fd), EEXIST);
    assert_int_equal(client_map(c, 1, 0, 0x104000, PAGE, fd), 0);
    assert_int_equal(client_unmap(c, 0, 0x100000, PAGE), ENOENT);
    assert_int_equal(client_unmap(c, 0, 0x100000, 4 * PAGE), 0);
    assert_int_equal(client_unmap(c, 0, 0x100000, 4 * PAGE), ENOENT);
    assert_int_equal(f->maps, 1);
    // Refused: no descriptor, no size, wraps, beyond the file, bad offset, bad flags, not memory, the device refuses.
    assert_true(client_map(c, 3, 0, 0x200000, PAGE, -1) > 0);
    assert_true(client_map(c, 3, 0, 0x200000, 0, fd) > 0);
    assert_true(client_map(c, 3, 0, UINT64_MAX - PAGE + 1, 2 * PAGE, fd) > 0);
    assert_true(client_map(c, 3, UINT64_MAX - PAGE + 1, 0x200000, 2 * PAGE, fd) > 0);
    assert_true(client_map(c, 3, 0, 0x200000, 17 * PAGE, fd) > 0);
    assert_true(client_map(c, 3, 16 * PAGE, 0x200000, PAGE, fd) > 0);
    assert_true(client_map(c, 3, 100, 0x200000, PAGE, fd) > 0);
    assert_true(client_map(c, 3, 0, 0x200000, UINT64_MAX, fd) > 0);
    assert_true(client_map(c, 0xf0, 0, 0x200000, PAGE, fd) > 0);
    assert_true(client_map(c, 3, 0, 0xbad000, PAGE, fd) > 0);
    int event = eventfd(0, 0);
    assert_true(client_map(c, 3, 0, 0x200000, PAGE, event) > 0);
    close(event);
    assert_int_equal(f->maps, 1);
    // Many, then all at once.
    unsigned n = 0;
    while (client_map(c, 3, 0, 0x10000000 + (uint64_t)n * PAGE, PAGE, fd) == 0)
        assert_true(++n < 100000);
    assert_true(n > 16);
    assert_int_equal(client_unmap(c, 2, 0, 0), 0);
    assert_int_equal(f->maps, 0);
    munmap(mine, 16 * PAGE);
    close(fd);
    assert_int_equal(open_fds(), before + 1); // the server's side of the connection
}

static uint64_t signals(int fd)
{
    uint64_t n = 0;
    return read(fd, &n, sizeof(n)) == sizeof(n) ? n : 0;
}

static void interrupts(void **state)
{
    struct fixture *f = *state;
    struct client *c = &f->c;
    int e[VECTORS];
    hello(f);
    for (unsigned i = 0; i < VECTORS; i++)
        e[i] = eventfd(0, EFD_NONBLOCK);
    unsigned before = open_fds();
    assert_int_equal(client_irqs(c, 0x24, 2, 0, VECTORS, e, VECTORS), 0);
    assert_int_equal(f->vectors, VECTORS);
    for (unsigned i = 0; i < VECTORS; i++) {
        vus_irq(f->server, i);
        vus_irq(f->server, i);
        for (unsigned k = 0; k < VECTORS; k++)
            assert_int_equal(signals(e[k]), k == i ? 2 : 0);
    }
    vus_irq(f->server, VECTORS); // there is none
    // The client's own trigger, of all and of some.
    assert_int_equal(client_irqs(c, 0x21, 2, 1, 2, NULL, 0), 0);
    assert_int_equal(signals(e[0]) * 8 + signals(e[1]) * 4 + signals(e[2]) * 2 + signals(e[3]), 6);
    uint8_t some[22] = {22, 0, 0, 0, 0x22, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1};
    assert_int_equal(client_call(c, C_SET_IRQS, some, sizeof(some), NULL, 0), 0);
    assert_int_equal(signals(e[0]) * 2 + signals(e[1]), 1);
    assert_true(client_call(c, C_SET_IRQS, some, sizeof(some) - 1, NULL, 0) > 0);
    // A full eventfd must not stop the server.
    uint64_t full = UINT64_MAX - 1;
    int blocking = eventfd(0, 0);
    assert_int_equal(client_irqs(c, 0x24, 2, 3, 1, &blocking, 1), 0);
    assert_int_equal(write(blocking, &full, sizeof(full)), sizeof(full));
    vus_irq(f->server, 3);
    close(blocking);
    // One vector without a descriptor is given up.
    assert_int_equal(client_irqs(c, 0x24, 2, 3, 1, NULL, 0), 0);
    vus_irq(f->server, 3);
    assert_int_equal(signals(e[3]), 0);
    // Refused.
    assert_true(client_irqs(c, 0x24, 2, 0, 2, e, 1) > 0);
    assert_true(client_irqs(c, 0x24, 2, 0, 1, e, 2) > 0);
    assert_true(client_irqs(c, 0x24, 2, 3, 2, e, 2) > 0);
    assert_true(client_irqs(c, 0x24, 2, UINT32_MAX, 2, e, 2) > 0);
    assert_true(client_irqs(c, 0x24, 0, 0, 1, e, 1) > 0);
    assert_true(client_irqs(c, 0x24, 9, 0, 1, e, 1) > 0);
    assert_true(client_irqs(c, 0x21, 2, 0, 1, e, 1) > 0); // descriptors where none belong
    assert_true(client_irqs(c, 0x3f, 2, 0, 1, e, 1) > 0);
    assert_true(client_irqs(c, 0x04, 2, 0, 1, e, 1) > 0);
    assert_true(client_irqs(c, 0, 2, 0, 0, NULL, 0) > 0);
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    assert_true(client_irqs(c, 0x24, 2, 0, 1, &pipes[1], 1) > 0); // not an eventfd: could block or kill the server
    close(pipes[0]);
    close(pipes[1]);
    vus_irq(f->server, 0);
    assert_int_equal(signals(e[0]), 1);
    assert_int_equal(client_irqs(c, 0x21, 2, 0, 0, NULL, 0), 0);
    assert_int_equal(f->vectors, 0);
    vus_irq(f->server, 0);
    assert_int_equal(signals(e[0]), 0);
    assert_int_equal(open_fds(), before);
    for (unsigned i = 0; i < VECTORS; i++)
        close(e[i]);
}

static void stray_descriptors(void **state)
{
    struct fixture *f = *state;
    struct client *c = &f->c;
    int fds[CLIENT_FDS], fd = memory(PAGE);
    uint32_t info[4] = {16};
    hello(f);
    for (unsigned i = 0; i < CLIENT_FDS; i++)
        fds[i] = fd;
    unsigned before = open_fds();
    assert_true(client_call(c, C_GET_INFO, info, sizeof(info), fds, 1) > 0);
    assert_true(client_call(c, C_RESET, NULL, 0, fds, 3) > 0);
    assert_int_equal(f->resets, 0);
    assert_int_equal(client_call(c, C_GET_INFO, info, sizeof(info), NULL, 0), 0);
    uint8_t map[32] = {32, 0, 0, 0, 3};
    map[25] = 0x10; // a page
    assert_true(client_call(c, C_DMA_MAP, map, sizeof(map), fds, 2) > 0);
    assert_int_equal(open_fds(), before);
    // More than any message may have: refused or the end of the connection, nothing kept.
    int r = client_call(c, C_DMA_MAP, map, sizeof(map), fds, CLIENT_FDS);
    assert_true(r > 0 || r == -2);
    assert_int_equal(open_fds(), before - (r == -2));
    close(fd);
}

static void successors(void **state)
{
    struct fixture *f = *state;
    uint32_t info[4] = {16};
    for (unsigned n = 0; n < 20; n++) {
        int fd = memory(4 * PAGE), e = eventfd(0, EFD_NONBLOCK);
        hello(f);
        assert_int_equal(client_map(&f->c, 3, 0, 0x100000, 4 * PAGE, fd), 0);
        assert_int_equal(client_irqs(&f->c, 0x24, 2, 0, 1, &e, 1), 0);
        // The next one waits while the first is there.
        struct client next;
        assert_true(client_connect(&next, f->path, pump, f));
        assert_true(client_send(&next, C_VERSION, 0, "\0\0\1\0", 4, NULL, 0));
        assert_int_equal(client_call(&f->c, C_GET_INFO, info, sizeof(info), NULL, 0), 0);
        // The first one goes, sometimes in the middle of an access or of a message.
        uint8_t body[16] = {0};
        body[12] = 4;
        f->delay = 1000;
        if (n % 3 == 1)
            client_send(&f->c, C_READ, 0, body, sizeof(body), NULL, 0);
        if (n % 3 == 2)
            client_send_raw(&f->c, body, 7, NULL, 0);
        pump(f);
        unsigned resets = f->resets;
        client_close(&f->c);
        for (unsigned i = 0; i < 10; i++)
            pump(f);
        f->delay = 0;
        assert_int_equal(f->resets, resets + 1);
        assert_int_equal(f->maps, 0);
        vus_irq(f->server, 0);
        assert_int_equal(signals(e), 0);
        f->c = next;
        assert_int_equal(client_reply(&f->c), 1);
        assert_int_equal(client_call(&f->c, C_GET_INFO, info, sizeof(info), NULL, 0), 0);
        client_close(&f->c);
        for (unsigned i = 0; i < 10; i++)
            pump(f);
        assert_true(client_connect(&f->c, f->path, pump, f));
        close(fd);
        close(e);
    }
}

// A client that asks and asks and never reads: the server neither blocks nor is kept from its other work.
static void deaf_client(void **state)
{
    struct fixture *f = *state;
    uint8_t message[32] = {1, 0, C_GET_INFO, 0, 32};
    message[16] = 16;
    hello(f);
    bool gone = false;
    for (unsigned n = 0; n < 200000 && !gone; n++) {
        ssize_t r = send(f->c.fd, message, sizeof(message), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (r < 0 && errno == EAGAIN)
            pump(f);
        else
            gone = r < 0;
    }
    for (unsigned i = 0; i < 200000 && !gone; i++) {
        pump(f);
        gone = !vus_attached(f->server);
    }
    assert_true(gone);
    client_close(&f->c);
    for (unsigned i = 0; i < 10; i++)
        pump(f);
    assert_true(client_connect(&f->c, f->path, pump, f));
    hello(f);
}

// Messages with some bytes changed, in streams cut anywhere, with descriptors here and there.
static void mutations(void **state)
{
    struct fixture *f = *state;
    static const uint8_t length[] = {
        [C_VERSION] = 4,   [C_DMA_MAP] = 32,  [C_DMA_UNMAP] = 24, [C_GET_INFO] = 16, [C_REGION_INFO] = 32,
        [C_IRQ_INFO] = 16, [C_SET_IRQS] = 20, [C_READ] = 16,      [C_WRITE] = 20,    [C_RESET] = 0};
    int fd = memory(8 * PAGE), e = eventfd(0, EFD_NONBLOCK);
    uint8_t sink[4096];
    unsigned sessions = 0;
    f->delay = 0;
    for (unsigned n = 0; n < MUTATIONS; n++) {
        uint8_t m[64] = {0};
        unsigned command = 1 + (unsigned)rand() % 13, len = 16u + (command < sizeof(length) ? length[command] : 8);
        m[2] = (uint8_t)command;
        m[4] = (uint8_t)len;
        m[16] = (uint8_t)(len - 16);
        switch (command) {
        case C_VERSION:
            m[16] = 0;
            m[18] = 1;
            break;
        case C_DMA_MAP:
            m[20] = 3;
            m[33] = (uint8_t)(rand() % 4 << 4);
            m[41] = 0x10;
            break;
        case C_DMA_UNMAP:
            m[25] = (uint8_t)(rand() % 4 << 4);
            m[33] = 0x10;
            break;
        case C_REGION_INFO:
        case C_IRQ_INFO:
            m[24] = (uint8_t)(rand() % 10);
            break;
        case C_SET_IRQS:
            m[20] = rand() % 2 ? 0x24 : 0x21;
            m[24] = 2;
            m[32] = 1;
            break;
        case C_READ:
        case C_WRITE:
            m[16] = (uint8_t)rand();
            m[24] = rand() % 2 ? 7 : 0;
            m[28] = 4;
            break;
        default:
            break;
        }
        for (int k = rand() % 4; k > 0; k--) {
            static const uint8_t odd[] = {0, 1, 0x7f, 0x80, 0xff, 0x10, 0x20};
            unsigned at = (unsigned)rand() % (rand() % 8 ? 64 : 16);
            m[at] = rand() % 2 ? odd[(unsigned)rand() % sizeof(odd)] : (uint8_t)rand();
        }
        if (rand() % 30 == 0)
            len = (unsigned)rand() % sizeof(m) + 1;
        int fds[2] = {command == C_SET_IRQS ? e : fd, fd};
        unsigned with = command == C_DMA_MAP || command == C_SET_IRQS ? rand() % 8 > 0 : rand() % 50 == 0;
        bool ok = client_send_raw(&f->c, m, len, fds, with + (rand() % 40 == 0));
        pump(f);
        while (recv(f->c.fd, sink, sizeof(sink), MSG_DONTWAIT) > 0)
            continue;
        if (rand() % 16 == 0)
            vus_irq(f->server, (uint32_t)rand() % 5);
        if (!ok || !vus_attached(f->server) || rand() % 500 == 0) {
            client_close(&f->c);
            for (unsigned i = 0; i < 4; i++)
                pump(f);
            assert_true(client_connect(&f->c, f->path, pump, f));
            if (rand() % 4)
                hello(f);
            sessions++;
        }
    }
    print_message("# %u mutated messages in %u sessions\n", (unsigned)MUTATIONS, sessions);
    client_close(&f->c);
    for (unsigned i = 0; i < 10; i++)
        pump(f);
    assert_true(client_connect(&f->c, f->path, pump, f));
    hello(f);
    close(fd);
    close(e);
}

int main(void)
{
    const char *env = getenv("SEED");
    unsigned seed = env ? (unsigned)strtoul(env, NULL, 0) : 20240229;
    srand(seed);
    printf("# seed %u\n", seed);
#define T(text, fn)                                                                                                    \
    {                                                                                                                  \
        .name = "vfio-user server: " text, .test_func = fn, .setup_func = setup, .teardown_func = teardown             \
    }
    const struct CMUnitTest tests[] = {
        T("the socket is seen once it can be connected to", is_seen_when_it_listens),
        T("versions and capabilities are negotiated, and first", version),
        T("device, regions and interrupts describe themselves", device_info),
        T("region accesses of all sizes, at once and delayed, posted ones in order", accesses),
        T("accesses out of bounds or lying about their length get errors", bad_accesses),
        T("every command of a wrong length gets an error", bad_lengths),
        T("impossible sizes end the connection, slow bytes do not", lying_sizes),
        T("memory is mapped by descriptor, unmapped by exact match; bad mappings get errors", dma),
        T("interrupts arrive by eventfd; bad requests get errors; nothing leaks", interrupts),
        T("descriptors where none belong are refused and closed", stray_descriptors),
        T("a client that goes at any moment is cleaned up, and the next attaches", successors),
        T("a client that never reads its replies does not stop the server", deaf_client),
        T("mutated messages do no harm", mutations),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

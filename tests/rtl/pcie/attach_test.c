// SPDX-License-Identifier: BSD-2-Clause
// The whole seam: a vfio-user client on a socket, the server, the root port, the endpoint.
#include "sim/pcie/attach.h"

#include "bar0_regs.h"
#include "tests/rtl/pcie/bench.h"
#include "tests/unit/vfio_user/client.h"

#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

enum { CFG = 7 };

struct seam {
    struct bench *b;
    struct attach *a;
    struct client c;
    char path[64];
};

static void pump(void *arg)
{
    struct seam *s = arg;
    attach_poll(s->a);
    bench_ticks(s->b, 20);
}

static uint32_t get(struct seam *s, uint32_t region, uint64_t at)
{
    uint32_t v = 0;
    if (client_read(&s->c, region, at, &v, sizeof(v)))
        bench_fail(s->b, "a read of 0x%x of region %u fails", (unsigned)at, region);
    return v;
}

static void put(struct seam *s, uint32_t region, uint64_t at, uint32_t v)
{
    if (client_write(&s->c, region, at, &v, sizeof(v)))
        bench_fail(s->b, "a write of 0x%x of region %u fails", (unsigned)at, region);
}

static bool equal(struct seam *s, const char *what, uint64_t is, uint64_t should)
{
    return is == should ||
           bench_fail(s->b, "%s is 0x%llx, not 0x%llx", what, (unsigned long long)is, (unsigned long long)should);
}

static uint64_t signals(int fd)
{
    uint64_t n = 0;
    return read(fd, &n, sizeof(n)) == sizeof(n) ? n : 0;
}

static unsigned capability(struct seam *s, uint8_t id)
{
    unsigned at = get(s, CFG, 0x34) & 0xff;
    for (unsigned n = 0; at && n < 20; n++) {
        uint32_t v = get(s, CFG, at);
        if ((v & 0xff) == id)
            return at;
        at = v >> 8 & 0xff;
    }
    return 0;
}

static void config_space(struct seam *s)
{
    equal(s, "ids", get(s, CFG, 0), (uint32_t)BAR0_DEVICE_ID << 16 | BAR0_VENDOR_ID);
    put(s, CFG, 0x10, 0xffffffff);
    equal(s, "size of BAR0", ~get(s, CFG, 0x10) + 1, BAR0_BYTES);
    unsigned msix = capability(s, 0x11), exp = capability(s, 0x10);
    if (!msix || !exp || !capability(s, 0x01)) {
        bench_fail(s->b, "a capability is missing");
        return;
    }
    equal(s, "MSI-X vectors", (get(s, CFG, msix) >> 16 & 0x7ff) + 1, 4);
    equal(s, "place of the table", get(s, CFG, msix + 4), BAR0_MSIX_TABLE);
    equal(s, "place of the PBA", get(s, CFG, msix + 8), BAR0_MSIX_PBA);
    put(s, CFG, 0, 0);
    equal(s, "ids, which are read-only", get(s, CFG, 0), (uint32_t)BAR0_DEVICE_ID << 16 | BAR0_VENDOR_ID);
}

// One client from its coming to its going.
static bool session(struct seam *s, unsigned round)
{
    enum { SIZE = 1 << 16 };
    struct bench *b = s->b;
    const uint64_t iova = 0x40000000u + ((uint64_t)round << 33);
    int fd = memfd_create("host", MFD_CLOEXEC), e[4];
    if (fd < 0 || ftruncate(fd, SIZE) < 0)
        return bench_fail(b, "no memory");
    uint8_t *mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    for (unsigned i = 0; i < 4; i++)
        e[i] = eventfd(0, EFD_NONBLOCK);
    if (!client_connect(&s->c, s->path, pump, s) || client_version(&s->c, 0, 1, NULL))
        return bench_fail(b, "no connection");
    for (unsigned i = 0; get(s, 0, BAR0_STATUS) & BAR0_STATUS_IN_RESET_MASK; i++)
        if (i > 1000)
            return bench_fail(b, "the reset does not end");
    config_space(s);
    equal(s, "ID", get(s, 0, BAR0_ID), 0x43565254);
    equal(s, "EVQ_CONFIG of a new client", get(s, 0, BAR0_EVQ_CONFIG), 0);
    put(s, CFG, 4, 6);
    equal(s, "mapping", (uint64_t)client_map(&s->c, 3, 0, iova, SIZE, fd), 0);
    equal(s, "mapping over the interrupts", client_map(&s->c, 3, 0, 0xfee00000, 4096, fd) > 0, 1);
    equal(s, "interrupts", (uint64_t)client_irqs(&s->c, 0x24, 2, 0, 4, e, 4), 0);
    // The MSI-X table is not the client's.
    put(s, 0, BAR0_MSIX_TABLE, 0x1000);
    equal(s, "MSI-X table", get(s, 0, BAR0_MSIX_TABLE), 0xffffffff);

    put(s, 0, BAR0_EVQ_BASE_LO, (uint32_t)iova + 64);
    put(s, 0, BAR0_EVQ_BASE_HI, (uint32_t)(iova >> 32));
    put(s, 0, BAR0_EVQ_CONFIG, BAR0_EVQ_CONFIG_ENABLE_MASK | 3);
    b->ev_base = 0;
    b->ev_producer = 0;
    get(s, 0, BAR0_ID);
    ev_post(b, true);
    for (unsigned i = 0; i < 10; i++)
        pump(s);
    equal(s, "the entry's bytes", (uint64_t)memcmp(mem + 64, b->model, 64), 0);
    equal(s, "eventfd of vector 0", signals(e[0]), 1);

    // A packet to the host and one back.
    put(s, 0, BAR0_RXQ_BASE_LO, (uint32_t)iova + 4096);
    put(s, 0, BAR0_RXQ_BASE_HI, (uint32_t)(iova >> 32));
    put(s, 0, BAR0_RXQ_CONFIG, BAR0_RXQ_CONFIG_ENABLE_MASK | 11 << 8 | 2);
    get(s, 0, BAR0_ID);
    b->rx_base = 4096;
    b->rx_slot_log2 = 11;
    b->rx_producer = 0;
    rx_packet(b, 1500, true);
    for (unsigned i = 0; i < 10; i++)
        pump(s);
    equal(s, "the packet's bytes", (uint64_t)memcmp(mem + 4096, b->model + 4096, 64 + 1500), 0);
    equal(s, "eventfd of vector 1", signals(e[1]), 1);
    put(s, 0, BAR0_TXQ_BASE_LO, (uint32_t)iova + 16384);
    put(s, 0, BAR0_TXQ_BASE_HI, (uint32_t)(iova >> 32));
    put(s, 0, BAR0_TXQ_CONFIG, BAR0_TXQ_CONFIG_ENABLE_MASK | 11 << 8 | 2);
    b->tx_base = 16384;
    b->tx_slot_log2 = 11;
    b->tx_producer = 0;
    tx_packet(b, 1400, true); // into the bench's memory, then into the client's
    memcpy(mem + 16384, b->mem + 16384, 2048);
    put(s, 0, BAR0_TXQ_PRODUCER, 1);
    for (unsigned i = 0; i < 20; i++)
        pump(s);
    equal(s, "packets not come", b->expect_count, 0);
    equal(s, "eventfd of vector 2", signals(e[2]), 1);
    if (round % 2) {
        equal(s, "device reset", (uint64_t)client_call(&s->c, 13, NULL, 0, NULL, 0), 0);
        equal(s, "TXQ_CONFIG after a device reset", get(s, 0, BAR0_TXQ_CONFIG), 0);
        equal(s, "Command after a device reset", get(s, CFG, 4) & 4, 0);
    }
    // Gone, in the middle of a transfer.
    rx_packet(b, 1900, false);
    bench_ticks(b, round * 3);
    client_close(&s->c);
    for (unsigned i = 0; i < 100; i++)
        pump(s);
    munmap(mem, SIZE);
    close(fd);
    for (unsigned i = 0; i < 4; i++)
        close(e[i]);
    return !b->why[0];
}

static bool seam(struct bench *b)
{
    static const struct rp_options wild = {
        .latency_max = 60, .split = true, .reorder = true, .stall_percent = 20, .gap_percent = 20};
    struct seam s = {.b = b};
    char err[128] = "";
    snprintf(s.path, sizeof(s.path), "/tmp/culvert-pcie-%d.sock", (int)getpid());
    bench_start(b, &wild, 1, 2);
    rp_unmap_all(b->rp);
    pci_config_init(rp_config(b->rp));
    rp_config_changed(b->rp);
    s.a = attach_new(b->rp, s.path, err, sizeof(err));
    if (!s.a)
        return bench_fail(b, "%s", err);
    for (unsigned round = 0; round < 6 && session(&s, round); round++)
        continue;
    attach_free(s.a);
    bench_ticks(b, 100);
    return !b->why[0];
}

const struct test attach_tests[] = {
    {"a vfio-user client: configuration, registers, DMA, interrupts, reset, six clients in succession", seam},
    {0},
};

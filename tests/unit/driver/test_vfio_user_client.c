// SPDX-License-Identifier: BSD-2-Clause
// The vfio-user client against a server in the other half of the test, first honest, then hostile: short and long
// replies, wrong ids and commands, error replies, silence, closing at every point. The client may fail, in a sentence,
// and must neither hang nor believe anything wrong.
#include "driver/transport.h"
#include "driver/vfio_user_proto.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define TIMEOUT_MS 10000 // of a server that answers, whose thread may have to wait for a processor
#define SILENCE_MS 300   // and of one that will not
#define BAR_WORDS  (0x10000 / 4)

// What the server does wrong, at the n-th message that it answers.
enum fault {
    HONEST,
    SHORT_REPLY,   // one byte of payload less
    LONG_REPLY,    // 64 bytes more
    WRONG_ID,      // of another message
    WRONG_COMMAND, // of another command
    ERROR_REPLY,   // EACCES
    ERROR_ZERO,    // the error bit with no errno
    NOT_A_REPLY,   // message type 2
    TINY_SIZE,     // a size below the header's
    HUGE_SIZE,     // a size that no reply has
    CLOSES,        // instead of an answer
    CLOSES_MIDWAY, // after half a header
    SILENT,
    ASKS_FIRST, // a command of its own before the reply, which must be declined
    DRIBBLES,   // one byte at a time: right, but slow
    FAULTS
};

struct server {
    int fd;
    enum fault fault;
    unsigned at;       // the message that it goes wrong at, from 0
    unsigned answered; // messages so far
    unsigned posted;   // without a reply
    uint16_t major;
    const char *json;
    struct vfu_device_info info;
    struct vfu_region_info bar, config;
    uint32_t irqs;
    uint32_t bar_data[BAR_WORDS];
    uint8_t config_data[256];
    struct vfu_dma_map dma;
    uint8_t *dma_memory;
    struct vfu_dma_unmap unmapped;
    int eventfd[8];
    unsigned irq_messages, irqs_off, resets, declined;
};

static bool get(int fd, void *data, size_t len)
{
    for (size_t n = 0; n < len;) {
        const ssize_t r = recv(fd, (char *)data + n, len - n, 0);
        if (r <= 0)
            return false;
        n += (size_t)r;
    }
    return true;
}

// The first bytes may come with descriptors.
static bool get_header(int fd, struct vfu_header *h, int *fds, unsigned *count)
{
    char control[CMSG_SPACE(sizeof(int) * 8)];
    struct iovec iov = {h, sizeof(*h)};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
    const ssize_t n = recvmsg(fd, &m, MSG_WAITALL);
    if (n != (ssize_t)sizeof(*h))
        return false;
    *count = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
        *count = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        memcpy(fds, CMSG_DATA(c), *count * sizeof(int));
    }
    return true;
}

static void put(int fd, const void *data, size_t len)
{
    (void)!send(fd, data, len, MSG_NOSIGNAL);
}

static void dribble(int fd, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        put(fd, data + i, 1);
        if (i < 40)
            usleep(500);
    }
}

// false: the server is done with this client.
static bool reply(struct server *s, const struct vfu_header *to, const void *body, size_t len)
{
    uint8_t message[8192] = {0};
    struct vfu_header h = {to->id, to->command, (uint32_t)(sizeof(h) + len), VFU_F_REPLY, 0};
    const size_t have = len;
    const enum fault fault = s->answered++ == s->at ? s->fault : HONEST;
    switch (fault) {
    case SHORT_REPLY:
        len = len ? len - 1 : 0;
        h.size = (uint32_t)(sizeof(h) + len);
        break;
    case LONG_REPLY:
        len += 64;
        h.size += 64;
        break;
    case WRONG_ID:
        h.id ^= 0x100;
        break;
    case WRONG_COMMAND:
        h.command++;
        break;
    case ERROR_REPLY:
    case ERROR_ZERO:
        h.flags |= VFU_F_ERROR;
        h.error = fault == ERROR_REPLY ? EACCES : 0;
        len = 0;
        h.size = sizeof(h);
        break;
    case NOT_A_REPLY:
        h.flags = 2;
        break;
    case TINY_SIZE:
        h.size = 15;
        break;
    case HUGE_SIZE:
        h.size = 0xfffffff0;
        break;
    case CLOSES:
        return false;
    case CLOSES_MIDWAY:
        put(s->fd, &h, 9);
        return false;
    case SILENT:
        return true;
    case ASKS_FIRST: {
        struct vfu_header ask = {999, 11, sizeof(ask) + 8, 0, 0}, answer;
        memcpy(message, &ask, sizeof(ask));
        put(s->fd, message, ask.size);
        if (!get(s->fd, &answer, sizeof(answer)))
            return false;
        s->declined += answer.id == 999 && answer.command == 11 && answer.flags == (VFU_F_REPLY | VFU_F_ERROR);
        memset(message, 0, sizeof(message));
        break;
    }
    default:
        break;
    }
    memcpy(message, &h, sizeof(h));
    if (body && have <= sizeof(message) - sizeof(h) - 64)
        memcpy(message + sizeof(h), body, len < have ? len : have);
    if (fault == DRIBBLES)
        dribble(s->fd, message, sizeof(h) + len);
    else
        put(s->fd, message, sizeof(h) + len);
    return true;
}

static bool access_region(struct server *s, const struct vfu_header *h, uint8_t *body)
{
    struct vfu_region_access a;
    memcpy(&a, body, sizeof(a));
    uint8_t *data = a.region == CULVERT_REGION_BAR0 ? (uint8_t *)s->bar_data : s->config_data;
    const size_t size = a.region == CULVERT_REGION_BAR0 ? sizeof(s->bar_data) : sizeof(s->config_data);
    if (a.offset + a.count > size || a.count > 4096)
        return false;
    if (h->command == VFU_REGION_READ) {
        memcpy(body + sizeof(a), data + a.offset, a.count);
        return reply(s, h, body, sizeof(a) + a.count);
    }
    memcpy(data + a.offset, body + sizeof(a), a.count);
    if (h->flags & VFU_F_NO_REPLY) {
        s->posted++;
        return true;
    }
    return reply(s, h, body, sizeof(a));
}

static bool handle(struct server *s, const struct vfu_header *h, uint8_t *body, const int *fds, unsigned fd_count)
{
    struct vfu_region_info region;
    uint8_t version[512];
    switch (h->command) {
    case VFU_VERSION:
        memcpy(version, (const uint16_t[2]){s->major, 1}, 4);
        strcpy((char *)version + 4, s->json);
        return reply(s, h, version, 4 + strlen(s->json) + 1);
    case VFU_DEVICE_GET_INFO:
        return reply(s, h, &s->info, sizeof(s->info));
    case VFU_DEVICE_GET_REGION_INFO:
        memcpy(&region, body, sizeof(region));
        return reply(s, h, region.index == CULVERT_REGION_BAR0 ? &s->bar : &s->config, sizeof(region));
    case VFU_DEVICE_GET_IRQ_INFO:
        return reply(s, h, &(struct vfu_irq_info){16, 1, VFU_IRQ_MSIX, s->irqs}, 16);
    case VFU_REGION_READ:
    case VFU_REGION_WRITE:
        return access_region(s, h, body);
    case VFU_DMA_MAP:
        memcpy(&s->dma, body, sizeof(s->dma));
        if (fd_count != 1)
            return false;
        s->dma_memory = mmap(NULL, s->dma.size, PROT_READ | PROT_WRITE, MAP_SHARED, fds[0], (off_t)s->dma.offset);
        close(fds[0]);
        return reply(s, h, NULL, 0);
    case VFU_DMA_UNMAP:
        memcpy(&s->unmapped, body, sizeof(s->unmapped));
        return reply(s, h, body, sizeof(s->unmapped));
    case VFU_DEVICE_SET_IRQS: {
        struct vfu_irq_set set;
        memcpy(&set, body, sizeof(set));
        s->irq_messages++;
        s->irqs_off += set.count == 0;
        if (set.count != fd_count || set.start + set.count > 8 || set.index != VFU_IRQ_MSIX)
            return false;
        for (unsigned i = 0; i < fd_count; i++)
            s->eventfd[set.start + i] = fds[i];
        return reply(s, h, NULL, 0);
    }
    case VFU_DEVICE_RESET:
        s->resets++;
        return reply(s, h, NULL, 0);
    default:
        return false;
    }
}

static void *serve(void *arg)
{
    struct server *s = arg;
    struct vfu_header h;
    uint8_t body[8192];
    int fds[8];
    unsigned fd_count;
    while (get_header(s->fd, &h, fds, &fd_count)) {
        if (h.size < sizeof(h) || h.size - sizeof(h) > sizeof(body) || (h.flags & VFU_F_TYPE) != 0 ||
            !get(s->fd, body, h.size - sizeof(h)) || !handle(s, &h, body, fds, fd_count))
            break;
    }
    shutdown(s->fd, SHUT_RDWR);
    return NULL;
}

struct session {
    struct server server;
    pthread_t thread;
    int client_fd;
    struct culvert_transport *t;
    char err[256];
};

static struct session *session_new(void)
{
    struct session *x = calloc(1, sizeof(*x));
    assert_non_null(x);
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    x->client_fd = pair[0];
    x->server.fd = pair[1];
    x->server.json = "{\"capabilities\":{\"max_msg_fds\":8}}";
    x->server.info = (struct vfu_device_info){16, VFU_DEVICE_PCI | VFU_DEVICE_RESETS, 9, 5};
    x->server.bar = (struct vfu_region_info){32, 3, CULVERT_REGION_BAR0, 0, 0x10000, 0};
    x->server.config = (struct vfu_region_info){32, 3, CULVERT_REGION_CONFIG, 0, 4096, 0};
    x->server.irqs = 4;
    for (uint32_t i = 0; i < BAR_WORDS; i++)
        x->server.bar_data[i] = 0xc0000000 + i;
    return x;
}

static bool session_open(struct session *x)
{
    assert_int_equal(pthread_create(&x->thread, NULL, serve, &x->server), 0);
    x->t = culvert_vfio_user_open_fd(x->client_fd, "vfio-user:test",
                                     x->server.fault == SILENT ? SILENCE_MS : TIMEOUT_MS, x->err, sizeof(x->err));
    if (!x->t)
        assert_non_null(strstr(x->err, "vfio-user:test: "));
    return x->t != NULL;
}

static void session_end(struct session *x)
{
    if (x->t)
        x->t->ops->close(x->t);
    pthread_join(x->thread, NULL);
    close(x->server.fd);
    for (unsigned i = 0; i < 8; i++)
        if (x->server.eventfd[i] > 0)
            close(x->server.eventfd[i]);
    if (x->server.dma_memory)
        munmap(x->server.dma_memory, x->server.dma.size);
    free(x);
}

// A session with a server that goes wrong at this message, which is one after those of opening.
static struct session *session_with(enum fault f, unsigned at)
{
    for (int turn = 0;; turn++) {
        struct session *x = session_new();
        x->server.fault = f;
        x->server.at = at;
        if (session_open(x))
            return x;
        if (f != SILENT || turn == 20) // the short time may be over before it comes to that
            fail_msg("fault %d: %s", (int)f, x->err);
        session_end(x);
    }
}

static void honest_server_gets_everything_right(void **state)
{
    (void)state;
    struct session *x = session_new();
    if (!session_open(x))
        fail_msg("%s", x->err);
    const struct culvert_transport_ops *ops = x->t->ops;
    uint32_t data[600], more[3] = {1, 2, 3};
    assert_int_equal(ops->read(x->t, CULVERT_REGION_BAR0, 0x100, data, sizeof(data)), 0); // more than a message's worth
    for (uint32_t i = 0; i < 600; i++)
        assert_int_equal(data[i], 0xc0000000 + 0x40 + i);
    for (int n = 0; n < 100; n++) // posted, then one that waits: all have arrived
        assert_int_equal(ops->write(x->t, CULVERT_REGION_BAR0, 0x200, more, 12, true), 0);
    more[2] = 9;
    assert_int_equal(ops->write(x->t, CULVERT_REGION_BAR0, 0x200, more, 12, false), 0);
    assert_int_equal(x->server.posted, 100);
    assert_memory_equal(&x->server.bar_data[0x80], more, 12);

    const int fd = memfd_create("test", 0);
    assert_int_equal(ftruncate(fd, 8192), 0);
    uint8_t *memory = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    memory[4096] = 0x77;
    assert_int_equal(ops->dma_map(x->t, fd, 4096, memory + 4096, 4096, 0x123456000), 0);
    assert_true(x->server.dma.address == 0x123456000 && x->server.dma.size == 4096 && x->server.dma.offset == 4096);
    assert_int_equal(x->server.dma.flags, VFU_DMA_READ_OK | VFU_DMA_WRITE_OK);
    assert_int_equal(x->server.dma_memory[0], 0x77);
    x->server.dma_memory[1] = 0x55;
    assert_int_equal(memory[4097], 0x55);
    assert_int_equal(ops->dma_unmap(x->t, 4096, 0x123456000), 0);
    assert_true(x->server.unmapped.address == 0x123456000 && x->server.unmapped.size == 4096);
    munmap(memory, 8192);
    close(fd);

    int ev[CULVERT_IRQS];
    for (unsigned i = 0; i < CULVERT_IRQS; i++)
        ev[i] = eventfd(0, EFD_NONBLOCK);
    assert_int_equal(ops->irqs(x->t, ev, CULVERT_IRQS), 0);
    assert_int_equal(x->server.irq_messages, 1);
    for (unsigned i = 0; i < CULVERT_IRQS; i++) {
        eventfd_t v = 0;
        eventfd_write(x->server.eventfd[i], i + 1);
        assert_int_equal(eventfd_read(ev[i], &v), 0);
        assert_int_equal(v, i + 1);
        close(ev[i]);
    }
    assert_int_equal(ops->irqs(x->t, NULL, 0), 0);
    assert_int_equal(x->server.irqs_off, 1);
    assert_int_equal(ops->reset(x->t), 0);
    assert_int_equal(x->server.resets, 1);
    assert_int_equal(ops->service(x->t), 0);
    session_end(x);
}

static void a_server_that_takes_one_descriptor_gets_one_at_a_time(void **state)
{
    (void)state;
    struct session *x = session_new();
    x->server.json = "{}";
    assert_true(session_open(x));
    int ev[CULVERT_IRQS];
    for (unsigned i = 0; i < CULVERT_IRQS; i++)
        ev[i] = eventfd(0, EFD_NONBLOCK);
    assert_int_equal(x->t->ops->irqs(x->t, ev, CULVERT_IRQS), 0);
    assert_int_equal(x->server.irq_messages, CULVERT_IRQS);
    for (unsigned i = 0; i < CULVERT_IRQS; i++) {
        assert_true(x->server.eventfd[i] > 0);
        close(ev[i]);
    }
    session_end(x);
}

static void other_devices_and_versions_are_refused(void **state)
{
    (void)state;
    static const struct {
        uint16_t major;
        uint32_t flags, regions, irq_types, vectors;
        uint64_t bar, config;
        const char *why;
    } row[] = {
        {1, 2, 9, 5, 4, 0x10000, 4096, "the server speaks vfio-user 1.1, this driver 0.1"},
        {0, 1, 9, 5, 4, 0x10000, 4096, "not a PCI device with MSI-X"},
        {0, 2, 7, 5, 4, 0x10000, 4096, "not a PCI device with MSI-X"},
        {0, 2, 9, 2, 4, 0x10000, 4096, "not a PCI device with MSI-X"},
        {0, 2, 9, 5, 3, 0x10000, 4096, "the device has 3 MSI-X vectors"},
        {0, 2, 9, 5, 4, 0x1000, 4096, "region 0 has 4096 bytes"},
        {0, 2, 9, 5, 4, 0x10000, 64, "region 7 has 64 bytes"},
    };
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct session *x = session_new();
        x->server.major = row[i].major;
        x->server.info = (struct vfu_device_info){16, row[i].flags, row[i].regions, row[i].irq_types};
        x->server.irqs = row[i].vectors;
        x->server.bar.size = row[i].bar;
        x->server.config.size = row[i].config;
        assert_false(session_open(x));
        if (!strstr(x->err, row[i].why))
            fail_msg("row %zu: %s", i, x->err);
        session_end(x);
    }
}

static bool harmless(enum fault f)
{
    return f == HONEST || f == ASKS_FIRST || f == DRIBBLES;
}

// Every fault at every message of opening (VERSION, GET_INFO, two regions, IRQ info).
static void every_fault_while_opening_ends_in_a_sentence(void **state)
{
    (void)state;
    for (enum fault f = HONEST; f < FAULTS; f++) {
        for (unsigned at = 0; at < 5; at++) {
            struct session *x = session_new();
            x->server.fault = f;
            x->server.at = at;
            // A reply to VERSION may have any length: longer JSON with a zero in it, or one byte less of it, is fine.
            const bool fine = harmless(f) || (at == 0 && (f == SHORT_REPLY || f == LONG_REPLY));
            if (session_open(x) != fine)
                fail_msg("fault %d at message %u: %s", (int)f, at, x->err);
            assert_int_equal(x->server.declined, f == ASKS_FIRST);
            session_end(x);
        }
    }
}

// Every fault at a read, a write and an interrupt set-up; after a breach the connection is dead and says so at once.
static void every_fault_in_use_is_an_error_and_nothing_wrong_is_believed(void **state)
{
    (void)state;
    for (enum fault f = HONEST; f < FAULTS; f++) {
        for (unsigned what = 0; what < 3; what++) {
            struct session *x = session_with(f, 5);
            uint32_t v = 0x11111111, other;
            const int ev[CULVERT_IRQS] = {0, 1, 2, 2};
            const int rc = what == 0   ? x->t->ops->read(x->t, CULVERT_REGION_BAR0, 8, &v, 4)
                           : what == 1 ? x->t->ops->write(x->t, CULVERT_REGION_BAR0, 12, &v, 4, false)
                                       : x->t->ops->irqs(x->t, ev, CULVERT_IRQS);
            // Replies of writes and interrupts have no length to speak of.
            const bool fine = harmless(f) || (f == SHORT_REPLY && what);
            if ((rc == 0) != fine)
                fail_msg("fault %d, access %u: %d (%s)", (int)f, what, rc, x->t->error);
            if (what == 0 && rc != 0)
                assert_int_equal(v, 0x11111111);
            if (what == 0 && rc == 0)
                assert_int_equal(v, 0xc0000002);
            if (rc)
                assert_true(x->t->error[0] != 0);
            const bool alive = fine || f == ERROR_REPLY || f == ERROR_ZERO;
            if (f == ERROR_REPLY)
                assert_int_equal(rc, -EACCES);
            else if (rc && !alive)
                assert_int_equal(rc, -ENODEV);
            assert_int_equal(x->t->ops->read(x->t, CULVERT_REGION_BAR0, 4, &other, 4), alive ? 0 : -ENODEV);
            session_end(x);
        }
    }
}

static void a_server_that_goes_away_is_noticed_without_a_call(void **state)
{
    (void)state;
    struct session *x = session_new();
    assert_true(session_open(x));
    assert_int_equal(x->t->ops->fd(x->t), x->client_fd);
    shutdown(x->server.fd, SHUT_RDWR);
    assert_int_equal(x->t->ops->service(x->t), -ENODEV);
    assert_non_null(strstr(x->t->error, "closed the connection"));
    uint32_t v = 0;
    assert_int_equal(x->t->ops->write(x->t, CULVERT_REGION_BAR0, 0, &v, 4, true), -ENODEV);
    session_end(x);
}

static void a_server_that_reads_nothing_does_not_block_for_ever(void **state)
{
    (void)state;
    int pair[2];
    char err[256];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_null(culvert_vfio_user_open_fd(pair[0], "vfio-user:deaf", 100, err, sizeof(err)));
    assert_non_null(strstr(err, "did not answer within 100 ms"));
    close(pair[1]);
}

static void paths_that_lead_nowhere(void **state)
{
    (void)state;
    char err[256], path[200];
    assert_null(culvert_vfio_user_open("/nonexistent/socket", 100, err, sizeof(err)));
    assert_non_null(strstr(err, "No such file"));
    memset(path, 'x', sizeof(path));
    path[199] = 0;
    assert_null(culvert_vfio_user_open(path, 100, err, sizeof(err)));
    assert_non_null(strstr(err, "longer than 107 bytes"));
    static const char *const bad[] = {"", "vfio-user:", "01:00.0", "0000:01:00.0x", "eth0"};
    for (size_t i = 0; i < 5; i++) {
        assert_null(culvert_transport_open(bad[i], err, sizeof(err)));
        assert_non_null(strstr(err, "neither vfio-user:PATH nor a PCI address"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(honest_server_gets_everything_right),
        cmocka_unit_test(a_server_that_takes_one_descriptor_gets_one_at_a_time),
        cmocka_unit_test(other_devices_and_versions_are_refused),
        cmocka_unit_test(every_fault_while_opening_ends_in_a_sentence),
        cmocka_unit_test(every_fault_in_use_is_an_error_and_nothing_wrong_is_believed),
        cmocka_unit_test(a_server_that_goes_away_is_noticed_without_a_call),
        cmocka_unit_test(a_server_that_reads_nothing_does_not_block_for_ever),
        cmocka_unit_test(paths_that_lead_nowhere),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("vfio-user client", tests, NULL, NULL);
}

// SPDX-License-Identifier: BSD-2-Clause
// sim.khz: how fast the whole card simulates, idle and with both directions busy. Starts culvert-sim (free-run),
// attaches as the driver does, installs an SA each way, and keeps 1,500-byte packets coming on both ports; what comes
// out is counted, so a card that drops them is not taken for a fast one.
#include "driver/culvert.h"
#include "tests/bench/figure.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { INNER = 1438, RUNS = 5, FRAME_MAX = 2048 };
#define SPI_IN  0xabc00401u // index 1
#define OWN     0xc0000201u // 192.0.2.1
#define PEER    0xc0000202u
#define INNER_A 0x0a010001u // behind the peer
#define INNER_B 0x0a020001u // behind us

struct bench {
    char dir[64], socket[96], port[2][96], stats[96];
    pid_t sim;
    struct culvert_card *card;
    int fd[2];
    unsigned failed, waiting;
    uint64_t seq, sent[2], got[2];
};

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void put16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
    put16(p, v >> 16);
    put16(p + 2, v & 0xffff);
}

static void ip_header(uint8_t *p, size_t total, uint8_t protocol, uint32_t src, uint32_t dst)
{
    uint32_t sum = 0;
    memset(p, 0, 20);
    p[0] = 0x45;
    put16(p + 2, (unsigned)total);
    p[8] = 64;
    p[9] = protocol;
    put32(p + 12, src);
    put32(p + 16, dst);
    for (int i = 0; i < 20; i += 2)
        sum += (uint32_t)p[i] << 8 | p[i + 1];
    sum = (sum & 0xffff) + (sum >> 16);
    put16(p + 10, ~(sum + (sum >> 16)) & 0xffff);
}

static void ethernet(uint8_t *p, uint8_t port)
{
    static const uint8_t header[14] = {2, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 9, 8, 0};
    memcpy(p, header, sizeof header);
    p[5] = port;
}

static size_t clear_frame(uint8_t *f)
{
    memset(f, 0x55, 14 + INNER);
    ethernet(f, 1);
    ip_header(f + 14, INNER, 17, INNER_B, INNER_A);
    return 14 + INNER;
}

static const uint8_t key[36] = {1, 2, 3, 4, 5, 6, 7, 8, 9};

// An ESP packet as the peer would send it: AES-GCM-256, RFC 4106.
static size_t esp_frame(struct bench *b, uint8_t *f)
{
    uint8_t plain[INNER + 8], nonce[12];
    size_t len = INNER, body;
    int n;
    ip_header(plain, INNER, 17, INNER_A, INNER_B);
    memset(plain + 20, 0xaa, INNER - 20);
    for (uint8_t i = 1; (len + 2) % 4; i++)
        plain[len++] = i;
    plain[len] = (uint8_t)(len - INNER);
    plain[len + 1] = 4;
    len += 2;
    ethernet(f, 0);
    uint8_t *esp = f + 34;
    put32(esp, SPI_IN);
    put32(esp + 4, (uint32_t)++b->seq);
    put32(esp + 8, 0);
    put32(esp + 12, (uint32_t)b->seq);
    memcpy(nonce, key + 32, 4);
    memcpy(nonce + 4, esp + 8, 8);
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, nonce);
    EVP_EncryptUpdate(c, NULL, &n, esp, 8);
    EVP_EncryptUpdate(c, esp + 16, &n, plain, (int)len);
    EVP_EncryptFinal_ex(c, esp + 16 + n, &n);
    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, 16, esp + 16 + len);
    EVP_CIPHER_CTX_free(c);
    body = 16 + len + 16;
    ip_header(f + 14, 20 + body, 50, PEER, OWN);
    return 34 + body;
}

static void done(void *arg, const struct culvert_result *r)
{
    struct bench *b = arg;
    b->waiting--;
    if (r->error) {
        b->failed++;
        fprintf(stderr, "a command failed: %s\n", culvert_status_text(r->status));
    }
}

static int connect_port(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    strncpy(a.sun_path, path, sizeof a.sun_path - 1);
    for (int i = 0; i < 200; i++) {
        if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
            return fd;
        usleep(50000);
    }
    return -1;
}

static int start(struct bench *b)
{
    const char *build = getenv("B");
    char exe[256], elf[256], p0[128], p1[128];
    strcpy(b->dir, "/tmp/culvert-bench-XXXXXX");
    if (!mkdtemp(b->dir))
        return -1;
    snprintf(b->socket, sizeof b->socket, "%s/card", b->dir);
    snprintf(b->stats, sizeof b->stats, "%s/stats", b->dir);
    for (int i = 0; i < 2; i++)
        snprintf(b->port[i], sizeof b->port[i], "%s/port%d", b->dir, i);
    snprintf(exe, sizeof exe, "%s/bin/culvert-sim", build ? build : "build");
    snprintf(elf, sizeof elf, "%s/firmware/culvert.elf", build ? build : "build");
    snprintf(p0, sizeof p0, "unix:%s", b->port[0]);
    snprintf(p1, sizeof p1, "unix:%s", b->port[1]);
    b->sim = fork();
    if (b->sim == 0) {
        execl(exe, exe, "--firmware", elf, "--socket", b->socket, "--port0", p0, "--port1", p1, "--free-run", "--quiet",
              "--uart", "/dev/null", "--stats", b->stats, (char *)NULL);
        _exit(127);
    }
    b->fd[0] = connect_port(b->port[0]);
    b->fd[1] = connect_port(b->port[1]);
    return b->sim > 0 && b->fd[0] >= 0 && b->fd[1] >= 0 ? 0 : -1;
}

static void stop(struct bench *b)
{
    culvert_detach(b->card);
    if (b->sim > 0) {
        kill(b->sim, SIGTERM);
        waitpid(b->sim, NULL, 0);
    }
    unlink(b->stats);
    rmdir(b->dir);
}

static int configure(struct bench *b)
{
    char err[CULVERT_ERR_MAX], where[128];
    struct culvert_options o = {.arg = b};
    snprintf(where, sizeof where, "vfio-user:%s", b->socket);
    b->card = culvert_attach(where, &o, err, sizeof err);
    if (!b->card) {
        fprintf(stderr, "%s\n", err);
        return -1;
    }
    struct culvert_port port = {.enable = 1, .mac = {2}, .mtu = 1500};
    struct culvert_adj adj = {.valid = 1, .mac = {2, 0, 0, 0, 0, 9}};
    struct culvert_sa sa = {.index = 1, .flags = CULVERT_SA_KEY256, .spi = SPI_IN, .window_log2 = 6};
    struct culvert_tunnel tunnel = {.index = 1, .sa = 1, .valid = 1};
    struct culvert_route route = {
        .prefix = INNER_A & 0xffff0000, .length = 16, .kind = CULVERT_TARGET_TUNNEL, .target = 1};
    memcpy(sa.key, key, 32);
    memcpy(sa.salt, key + 32, 4);
    b->waiting = 11;
    for (uint8_t i = 0; i < 2; i++) {
        port.port = adj.port = i;
        port.mac[5] = i;
        adj.index = i;
        culvert_port_set(b->card, &port, done, b);
        culvert_adj_set(b->card, &adj, done, b);
    }
    culvert_local_set(b->card, 0, OWN, done, b);
    culvert_sa_install(b->card, &sa, done, b);
    sa.dir = CULVERT_SA_OUT;
    sa.spi = 0x12345678;
    sa.src = OWN;
    sa.dst = PEER;
    culvert_sa_install(b->card, &sa, done, b);
    culvert_tunnel_set(b->card, &tunnel, done, b);
    culvert_route_set(b->card, &route, done, b);
    route =
        (struct culvert_route){.prefix = INNER_B & 0xffff0000, .length = 16, .kind = CULVERT_TARGET_ADJ, .target = 1};
    culvert_route_set(b->card, &route, done, b);
    culvert_enable(b->card, true, done, b);
    for (uint64_t end = now_ms() + 20000; b->waiting && now_ms() < end; usleep(1000))
        culvert_process(b->card);
    return b->waiting || b->failed ? -1 : 0;
}

// Cycles so far, from the simulator itself.
static double cycles(struct bench *b)
{
    unlink(b->stats);
    kill(b->sim, SIGUSR1);
    for (int i = 0; i < 500; i++) {
        usleep(2000);
        json_t *j = json_load_file(b->stats, 0, NULL);
        double n = j ? (double)json_integer_value(json_object_get(j, "cycles")) : -1;
        json_decref(j);
        if (n >= 0)
            return n;
    }
    return -1;
}

// Keeps both ports full for some time.
static void load(struct bench *b, uint64_t ms)
{
    uint8_t f[FRAME_MAX], next[FRAME_MAX];
    size_t clear = clear_frame(f), esp = esp_frame(b, next);
    for (uint64_t end = now_ms() + ms; now_ms() < end;) {
        bool any = false;
        while (send(b->fd[1], f, clear, 0) > 0) {
            b->sent[1]++;
            any = true;
        }
        while (send(b->fd[0], next, esp, 0) > 0) {
            b->sent[0]++;
            esp = esp_frame(b, next);
            any = true;
        }
        for (int i = 0; i < 2; i++) {
            uint8_t in[FRAME_MAX];
            while (recv(b->fd[i], in, sizeof in, 0) > 0) {
                b->got[i]++;
                any = true;
            }
        }
        if (!any)
            usleep(500);
    }
    b->seq--; // the last one made was not sent
}

static double measure(struct bench *b, bool busy, uint64_t ms)
{
    double c0 = cycles(b);
    uint64_t t0 = now_ms();
    if (busy)
        load(b, ms);
    else
        usleep((useconds_t)ms * 1000);
    double c1 = cycles(b);
    return (c1 - c0) / (double)(now_ms() - t0);
}

int main(void)
{
    struct bench b = {0};
    double idle[RUNS], busy[RUNS];
    int rc = 1;
    if (start(&b) < 0 || configure(&b) < 0) {
        fprintf(stderr, "the card did not come up\n");
        goto out;
    }
    for (int i = 0; i < RUNS; i++)
        idle[i] = measure(&b, false, 2000);
    for (int i = 0; i < RUNS; i++)
        busy[i] = measure(&b, true, 3000);
    fprintf(stderr, "sent %llu clear and %llu ESP; %llu ESP and %llu clear came out\n", (unsigned long long)b.sent[1],
            (unsigned long long)b.sent[0], (unsigned long long)b.got[0], (unsigned long long)b.got[1]);
    // What was sent last is still under way; else everything must come out.
    if (b.got[0] < b.sent[1] * 9 / 10 || b.got[1] < b.sent[0] * 9 / 10 || !b.got[0]) {
        fprintf(stderr, "packets are missing\n");
        goto out;
    }
    figure_samples("sim.khz", "kHz", "host", "{\"load\":\"idle\"}", idle, RUNS);
    figure_samples("sim.khz", "kHz", "host", "{\"load\":\"busy\"}", busy, RUNS);
    rc = 0;
out:
    stop(&b);
    return rc;
}

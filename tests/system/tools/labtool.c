// SPDX-License-Identifier: BSD-2-Clause
// Small tools of the system tests.
//
//   labtool make FILE BYTES SEED        a file of pseudo-random bytes in lines, each with the marker of the lab
//   labtool send FILE ADDR PORT [RATE]  TCP: the file, at RATE bytes a second at most; ends when the peer has read it
//   labtool recv FILE PORT              TCP: takes one connection and writes what comes
//   labtool json PATH                   the value at PATH (a.b.2.c, or a.# for a length) of the JSON on standard input
//   labtool json-sum LIST PATH          the sum of PATH over the members of LIST
//   labtool json-named LIST NAME        "value" of the member of LIST whose "name" is NAME
//   labtool frames FILE                 what a capture consists of: frames of each kind, and of none that may be there
//   labtool holds FILE TEXT             exit 0 if the text is anywhere in the file
//   labtool half-open ADDR COUNT        COUNT requests IKE_SA_INIT that nobody goes on with; exit 0 if each was
//   answered
//   labtool nudge DEVICE                a frame of no protocol out of a device, twice a second, until it is ended
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int failed(const char *what)
{
    fprintf(stderr, "labtool: %s: %s\n", what, strerror(errno));
    return 1;
}

static int make(const char *path, unsigned long bytes, unsigned long seed)
{
    FILE *f = fopen(path, "w");
    unsigned long long x = seed * 0x9e3779b97f4a7c15ull | 1;
    unsigned long at = 0;
    if (!f)
        return failed(path);
    while (at < bytes) {
        char line[65];
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        int n = snprintf(line, sizeof(line), "CULVERT-CLEAR-TEXT %016llx %010lu\n", x, at);
        if (at + (unsigned long)n > bytes)
            n = (int)(bytes - at);
        fwrite(line, 1, (size_t)n, f);
        at += (unsigned long)n;
    }
    return fclose(f) ? failed(path) : 0;
}

static uint64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

// Whole numbers and short sleeps: this also runs in guests whose clock and floating point are not to be relied on.
static void keep_to(uint64_t rate, uint64_t start, uint64_t total)
{
    uint64_t due = start + total * 1000000 / rate, now;
    while ((now = now_us()) < due)
        usleep(due - now < 20000 ? (useconds_t)(due - now) : 20000);
}

static bool write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0)
            return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

static int send_file(const char *path, const char *address, int port, uint64_t rate)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    char buf[16384];
    int in = open(path, O_RDONLY), fd = socket(AF_INET, SOCK_STREAM, 0);
    uint64_t start = now_us(), total = 0;
    ssize_t n;
    if (in < 0 || inet_pton(AF_INET, address, &to.sin_addr) != 1)
        return failed(path);
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
        return failed("connect");
    size_t piece = rate > 0 ? 4096 : sizeof(buf);
    while ((n = read(in, buf, piece)) > 0) {
        if (!write_all(fd, buf, (size_t)n))
            return failed("write");
        total += (uint64_t)n;
        if (rate > 0)
            keep_to(rate, start, total);
    }
    shutdown(fd, SHUT_WR);
    return read(fd, buf, 1) == 0 ? 0 : failed("waiting for the peer"); // it closes when it has all
}

static int receive_file(const char *path, int port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    char buf[65536];
    int one = 1, s = socket(AF_INET, SOCK_STREAM, 0), out = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ssize_t n;
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (out < 0 || bind(s, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(s, 1) < 0)
        return failed(path);
    int fd = accept(s, NULL, NULL);
    while ((n = read(fd, buf, sizeof(buf))) > 0)
        if (!write_all(out, buf, (size_t)n))
            return failed(path);
    if (n < 0)
        return failed("read");
    return close(out) ? failed(path) : 0;
}

// The value at a path of names and indexes with dots between; NULL: there is none.
static const json_t *at_path(const json_t *v, char *path)
{
    for (char *word = strtok(path, "."); v && word; word = strtok(NULL, ".")) {
        if (json_is_array(v))
            v = json_array_get(v, strtoul(word, NULL, 10));
        else
            v = json_object_get(v, word);
    }
    return v;
}

static void print(const json_t *v)
{
    if (json_is_string(v)) {
        puts(json_string_value(v));
    } else {
        json_dumpf(v, stdout, JSON_ENCODE_ANY | JSON_COMPACT);
        puts("");
    }
}

static int json(char *path, char *each, const char *named)
{
    json_error_t error;
    json_t *root = json_loadf(stdin, JSON_DECODE_ANY, &error);
    size_t len = strlen(path);
    bool count = len > 0 && path[len - 1] == '#';
    if (!root) {
        fprintf(stderr, "labtool: no JSON: %s\n", error.text);
        return 2;
    }
    if (count)
        path[len - 1] = 0;
    const json_t *v = at_path(root, path), *one;
    size_t i;
    if (!v)
        return 1;
    if (count) {
        printf("%zu\n", json_array_size(v));
    } else if (named) {
        json_array_foreach(v, i, one)
        {
            const char *name = json_string_value(json_object_get(one, "name"));
            if (name && strcmp(name, named) == 0) {
                print(json_object_get(one, "value"));
                return 0;
            }
        }
        return 1;
    } else if (each) {
        long long sum = 0;
        json_array_foreach(v, i, one)
        {
            char *copy = strdup(each);
            sum += json_integer_value(at_path(one, copy));
            free(copy);
        }
        printf("%lld\n", sum);
    } else {
        print(v);
    }
    return 0;
}

enum kind { ARP, ESP, ESP_UDP, IKE, KEEPALIVE, OTHER, KINDS };

static enum kind kind_of(const unsigned char *f, size_t len)
{
    if (len < 14 + 20)
        return OTHER;
    if (f[12] == 8 && f[13] == 6)
        return ARP;
    if (f[12] != 8 || f[13] != 0)
        return OTHER;
    size_t at = 14 + (size_t)(f[14] & 15) * 4;
    if (f[23] == 50)
        return ESP;
    if (f[23] != 17 || len < at + 9)
        return OTHER;
    unsigned from = (unsigned)f[at] << 8 | f[at + 1], to = (unsigned)f[at + 2] << 8 | f[at + 3];
    size_t data = ((size_t)f[at + 4] << 8 | f[at + 5]) - 8;
    if (from == 500 || to == 500)
        return IKE;
    if (from != 4500 && to != 4500)
        return OTHER;
    if (data == 1)
        return KEEPALIVE;
    return len >= at + 12 && memcmp(f + at + 8, "\0\0\0\0", 4) == 0 ? IKE : ESP_UDP;
}

// Reads classic pcap in our byte order, Ethernet. Prints a count of each kind; exit 1 if there is any other, or no ESP
// or no IKE at all.
static int frames(const char *path)
{
    static const char *const NAME[] = {"arp", "esp", "esp-udp", "ike", "keepalive", "other"};
    unsigned count[KINDS] = {0}, header[6], record[4];
    static unsigned char frame[65536];
    FILE *f = fopen(path, "r");
    if (!f || fread(header, 4, 6, f) != 6 || (header[0] != 0xa1b2c3d4 && header[0] != 0xa1b23c4d) ||
        (header[5] & 0xffff) != 1) {
        fprintf(stderr, "labtool: %s is no Ethernet capture\n", path);
        return 2;
    }
    while (fread(record, 4, 4, f) == 4 && record[2] <= sizeof(frame) && fread(frame, 1, record[2], f) == record[2]) {
        enum kind k = kind_of(frame, record[2]);
        if (k == OTHER && count[OTHER] == 0) {
            printf("other: ");
            for (unsigned i = 0; i < record[2] && i < 64; i++)
                printf("%02x", frame[i]);
            puts("");
        }
        count[k]++;
    }
    fclose(f);
    for (int i = 0; i < KINDS; i++)
        printf("%s %u\n", NAME[i], count[i]);
    return count[OTHER] || !(count[ESP] + count[ESP_UDP]) || !count[IKE] ? 1 : 0;
}

static int holds(const char *path, const char *text)
{
    size_t want = strlen(text), have = 0;
    static char buf[1 << 20];
    FILE *f = fopen(path, "r");
    if (!f)
        return 2;
    for (size_t n; (n = fread(buf + have, 1, sizeof(buf) - have, f)) > 0;) {
        have += n;
        if (memmem(buf, have, text, want))
            return 0;
        size_t keep = have < want ? have : want - 1;
        memmove(buf, buf + have - keep, keep);
        have = keep;
    }
    return 1;
}

// IKE_SA_INIT with what every peer of the lab takes: AES-GCM-256, SHA-384, x25519 (any 32 bytes are a public value).
static size_t init_request(unsigned char m[256])
{
    static const unsigned char sa[] = {
        34, 0, 0, 40, 0, 0, 0, 36, 1,    1,  0,    3,    // SA, a proposal of IKE with three transforms
        3,  0, 0, 12, 1, 0, 0, 20, 0x80, 14, 0x01, 0x00, // AES-GCM with 16 bytes of ICV, key of 256 bits
        3,  0, 0, 8,  2, 0, 0, 6,                        // PRF HMAC-SHA2-384
        0,  0, 0, 8,  4, 0, 0, 31,                       // x25519
    };
    static const unsigned char ke[] = {40, 0, 0, 40, 0, 31, 0, 0}, nonce[] = {0, 0, 0, 36};
    size_t at = 28;
    memset(m, 0, 256);
    memcpy(m + at, sa, sizeof(sa)), at += sizeof(sa);
    memcpy(m + at, ke, sizeof(ke)), at += sizeof(ke) + 32;
    memcpy(m + at, nonce, sizeof(nonce)), at += sizeof(nonce) + 32;
    if (getrandom(m, 8, 0) != 8 || getrandom(m + at - 32, 32, 0) != 32 ||
        getrandom(m + 28 + sizeof(sa) + 8, 32, 0) != 32)
        return 0;
    m[16] = 33, m[17] = 0x20, m[18] = 34, m[19] = 0x08; // SA follows, version 2, IKE_SA_INIT, from the initiator
    m[27] = (unsigned char)at;
    return at;
}

static int half_open(const char *address, int count)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(500)};
    unsigned char m[256], answer[2048];
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (inet_pton(AF_INET, address, &to.sin_addr) != 1 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
        return failed(address);
    for (int i = 0; i < count; i++) {
        size_t n = init_request(m);
        bool answered = false;
        for (int tries = 0; tries < 10 && !answered;
             tries++) { // the same bytes again: a peer that is slow takes them for one
            struct pollfd wait = {.fd = fd, .events = POLLIN};
            if (n == 0 || send(fd, m, n, 0) < 0)
                return failed("send");
            if (poll(&wait, 1, 1000) == 1)
                answered = recv(fd, answer, sizeof(answer), 0) >= 28 && memcmp(answer, m, 8) == 0;
        }
        if (!answered) {
            fprintf(stderr, "labtool: no answer to IKE_SA_INIT\n");
            return 1;
        }
        printf("next payload of the answer: %u\n", answer[16]);
    }
    return 0;
}

// For a guest that may leave a frame lying until the next one comes. What cannot be sent (there is nobody yet) is left.
static int nudge(const char *device)
{
    enum { EXPERIMENTAL = 0x88b5, LEN = 60 }; // IEEE 802: local experiments
    uint8_t frame[LEN] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, EXPERIMENTAL >> 8, EXPERIMENTAL & 0xff};
    const struct timespec pause = {.tv_nsec = 500 * 1000 * 1000};
    struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(device), .sll_halen = 6};
    const int fd = socket(AF_PACKET, SOCK_RAW, 0); // takes nothing in
    if (to.sll_ifindex == 0 || fd < 0)
        return failed(device);
    for (;;) {
        (void)sendto(fd, frame, sizeof(frame), MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to));
        nanosleep(&pause, NULL);
    }
}

int main(int argc, char **argv)
{
    const char *command = argc > 1 ? argv[1] : "";
    if (!strcmp(command, "make") && argc == 5)
        return make(argv[2], strtoul(argv[3], NULL, 10), strtoul(argv[4], NULL, 10));
    if (!strcmp(command, "send") && (argc == 5 || argc == 6))
        return send_file(argv[2], argv[3], atoi(argv[4]), argc == 6 ? strtoul(argv[5], NULL, 10) : 0);
    if (!strcmp(command, "recv") && argc == 4)
        return receive_file(argv[2], atoi(argv[3]));
    if (!strcmp(command, "json") && argc == 3)
        return json(argv[2], NULL, NULL);
    if (!strcmp(command, "json-sum") && argc == 4)
        return json(argv[2], argv[3], NULL);
    if (!strcmp(command, "json-named") && argc == 4)
        return json(argv[2], NULL, argv[3]);
    if (!strcmp(command, "frames") && argc == 3)
        return frames(argv[2]);
    if (!strcmp(command, "holds") && argc == 4)
        return holds(argv[2], argv[3]);
    if (!strcmp(command, "half-open") && argc == 4)
        return half_open(argv[2], atoi(argv[3]));
    if (!strcmp(command, "nudge") && argc == 3)
        return nudge(argv[2]);
    fprintf(stderr, "labtool: wrong use; see the head of its source\n");
    return 2;
}

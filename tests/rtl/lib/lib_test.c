// SPDX-License-Identifier: BSD-2-Clause
// The stream library: every size, with idle cycles and back-pressure, byte by byte; nothing left inside; full rate
// where nothing holds it up; and the stream checker fires when a rule is broken.
#include "tests/rtl/lib/lib_shim.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FIFO2, FIFO16, SKID, PKT_FIFO, STRIP, PREPEND, TRIM, ARB, DUTS };
static const char *const names[] = {"fifo of 2", "fifo of 16", "skid", "packet fifo",
                                    "strip",     "prepend",    "trim", "packet arbiter"};
enum { PACKETS = 400, LONGEST = 9216 };

struct packet {
    size_t len, want_len;
    bool sel, drop;
    unsigned source, keep;
    uint8_t data[LONGEST + 128], want[LONGEST + 128];
};

static struct packet packets[PACKETS];
static uint64_t state;
static unsigned failed, checks;

static uint32_t rnd(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 16);
}

static void check(bool ok, const char *name)
{
    checks++;
    failed += !ok;
    printf("%s - %s\n", ok ? "ok" : "not ok", name);
}

static size_t size_of(unsigned i)
{
    static const size_t large[] = {512, 1500, 9000, 9216, 511, 513, 1024, 64, 1};
    return i < 257 ? i + 1 : i < 257 + 9 ? large[i - 257] : 1 + rnd() % 300;
}

static void prepare(int dut)
{
    for (unsigned i = 0; i < PACKETS; i++) {
        struct packet *p = &packets[i];
        size_t n = p->len = size_of(i);
        p->sel = rnd() & 1;
        p->drop = dut == PKT_FIFO && rnd() % 8 == 0;
        p->source = dut == ARB ? rnd() % 3 : 0;
        for (size_t k = 0; k < n; k++)
            p->data[k] = (uint8_t)rnd();
        if (dut == STRIP) {
            size_t cut = p->sel ? 58 : 14;
            if (n <= cut)
                p->len = n += cut;
            for (size_t k = 0; k < n; k++)
                p->data[k] = (uint8_t)rnd();
            p->data[cut] = (uint8_t)((p->data[cut] & 0xfe) | p->sel);
            p->want_len = n - cut;
            memcpy(p->want, p->data + cut, n - cut);
        } else if (dut == PREPEND) {
            size_t more = p->sel ? 58 : 14;
            p->data[0] = 0; // byte 14 of the result tells the forms apart
            for (size_t k = 0; k < more; k++)
                p->want[k] = (uint8_t)(k + 100);
            memcpy(p->want + more, p->data, n);
            p->want_len = n + more;
        } else {
            p->data[0] = (uint8_t)((p->data[0] & 0xfe) | p->sel);
            p->keep = 1 + rnd() % (unsigned)n;
            p->want_len = dut == TRIM ? p->keep : n;
            memcpy(p->want, p->data, p->want_len);
        }
    }
}

static bool run(int dut, unsigned idle, unsigned hold)
{
    struct lib *l = lib_create(state);
    struct lib_in in = {.dut = (unsigned)dut};
    struct lib_out out;
    static uint8_t got[LONGEST + 256];
    size_t at = 0, n = 0;
    unsigned send = 0, next[3] = {0, 0, 0}, received = 0, expected = 0, words_in = 0, words_out = 0, quiet = 0,
             cycles = 0;
    bool ok = true, offered = false, middle = false;
    for (unsigned i = 0; i < PACKETS; i++)
        expected += !packets[i].drop;
    while (quiet < 200 && ok && cycles < 10000000) {
        in.check = true;
        // the packet FIFO drops what does not fit: leave room
        bool room = dut != PKT_FIFO || words_in - words_out < 100 || middle;
        if (!offered && send < PACKETS && room && rnd() % 100 >= idle) {
            const struct packet *p = &packets[send];
            size_t left = p->len - at;
            in.sop = at == 0;
            in.last = left <= 64;
            in.empty = (uint8_t)(left < 64 ? 64 - left : 0);
            in.sel = p->sel;
            in.len = p->keep;
            in.source = p->source;
            in.drop = p->drop;
            for (size_t k = 0; k < 64; k++)
                in.data[k] = k < left ? p->data[at + k] : (uint8_t)rnd();
            offered = true;
        }
        in.valid = offered;
        in.out_ready = rnd() % 100 >= hold;
        lib_cycle(l, &in, &out);
        cycles++;
        quiet = out.valid || offered || send < PACKETS ? 0 : quiet + 1;
        if (out.lost)
            ok = false;
        if (offered && out.ready) {
            offered = false;
            words_in++;
            middle = !in.last;
            at += 64;
            if (in.last) {
                if (packets[send].drop)
                    words_in -= (unsigned)((packets[send].len + 63) / 64);
                at = 0;
                send++;
            }
        }
        if (out.valid && in.out_ready) {
            words_out++;
            memcpy(got + n, out.data, 64);
            n += 64u - out.empty;
            if (out.last) {
                bool found = false;
                for (unsigned s = 0; s < 3 && !found; s++) {
                    while (next[s] < PACKETS && (packets[next[s]].source != s || packets[next[s]].drop))
                        next[s]++;
                    if (next[s] == PACKETS)
                        continue;
                    const struct packet *p = &packets[next[s]];
                    if (p->want_len == n && !memcmp(p->want, got, n) && (dut != PKT_FIFO || out.len == n)) {
                        found = true;
                        next[s]++;
                    }
                }
                if (!found)
                    printf("# %s: packet %u, %zu bytes: not expected\n", names[dut], received, n);
                ok &= found;
                received++;
                n = 0;
            } else if (n > LONGEST + 64) {
                ok = false;
            }
        }
    }
    unsigned bigger = words_in > words_out ? words_in : words_out;
    if (ok && !idle && !hold && dut != PKT_FIFO && cycles > bigger + 220) {
        printf("# %s: %u cycles for %u words\n", names[dut], cycles, bigger);
        ok = false;
    }
    if (received != expected)
        printf("# %s: %u packets of %u\n", names[dut], received, expected);
    lib_destroy(l);
    return ok && received == expected;
}

// The packet FIFO under a source that does not stop: whole packets or nothing, and each loss told.
static bool overload(void)
{
    struct lib *l = lib_create(7);
    struct lib_in in = {.dut = PKT_FIFO};
    struct lib_out out;
    unsigned lost = 0, received = 0;
    size_t n = 0;
    bool ok = true;
    for (unsigned i = 0; i < 500 + 300; i++) {
        size_t len = 1 + rnd() % 900, at = 0;
        do {
            in.valid = i < 500;
            in.sop = at == 0;
            in.last = len - at <= 64;
            in.empty = (uint8_t)(in.last ? 64 - (len - at) : 0);
            memset(in.data, (int)len & 0xfe, 64);
            in.sel = 0;
            in.check = true;
            in.out_ready = i >= 500 || rnd() % 4 == 0;
            lib_cycle(l, &in, &out);
            lost += out.lost && in.valid;
            if (out.valid && in.out_ready) {
                n += 64u - out.empty;
                ok &= out.data[0] == (out.len & 0xfe);
                if (out.last) {
                    received++;
                    ok &= n == out.len;
                    n = 0;
                }
            }
            at += 64;
        } while (at < len);
    }
    lib_destroy(l);
    return ok && lost > 50 && received + lost == 500;
}

// Break one rule in a child process: the checker must stop it.
static bool fires(int rule)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        struct lib *l = lib_create(1);
        struct lib_in in = {.dut = SKID, .valid = true, .sop = true, .check = true, .out_ready = true};
        struct lib_out out;
        if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
            _exit(0);
        if (rule == 0)
            in.sop = false; // no first word
        lib_cycle(l, &in, &out);
        if (rule == 2) {
            in.sop = false;
            in.empty = 3; // a short word in the middle
        }
        if (rule == 3 || rule == 4 || rule == 5) {
            in.out_ready = false;
            in.sop = false;
            for (int i = 0; i < 4; i++)
                lib_cycle(l, &in, &out);
            if (rule == 3)
                in.valid = false; // taken back
            if (rule == 4)
                in.data[3] = 1; // changed
        }
        if (rule == 6)
            in.sop = false; // nothing wrong
        lib_cycle(l, &in, &out);
        lib_cycle(l, &in, &out);
        _exit(0);
    }
    int status = 0;
    return pid > 0 && waitpid(pid, &status, 0) == pid && (!WIFEXITED(status) || WEXITSTATUS(status) != 0);
}

int main(void)
{
    static const unsigned idles[] = {0, 50}, holds[] = {0, 40, 90};
    const char *env = getenv("SEED");
    state = (env ? strtoull(env, NULL, 0) : 1) * 0x9e3779b97f4a7c15u | 1;
    printf("# SEED=%s\n", env ? env : "1");
    for (int dut = 0; dut < DUTS; dut++) {
        prepare(dut);
        for (unsigned i = 0; i < 2; i++) {
            for (unsigned h = 0; h < 3; h++) {
                char name[128];
                snprintf(name, sizeof name, "%s: all sizes, idle %u %%, back-pressure %u %%", names[dut], idles[i],
                         holds[h]);
                check(run(dut, idles[i], holds[h]), name);
            }
        }
    }
    check(overload(), "packet fifo: what does not fit is dropped whole");
    check(fires(0), "the checker sees a packet without a first word");
    check(fires(1), "the checker sees a first word in the middle of a packet");
    check(fires(2), "the checker sees a short word in the middle of a packet");
    check(fires(3), "the checker sees valid taken back");
    check(fires(4), "the checker sees a word changed before it was taken");
    check(!fires(5) && !fires(6), "the checker is silent when the rules are kept");
    printf("1..%u\n", checks);
    return failed != 0;
}

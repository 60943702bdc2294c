// SPDX-License-Identifier: BSD-2-Clause
// One IKE engine on real UDP sockets and the real clock, with no datapath behind it: to talk to other implementations.
//   ike_driver init|resp LOCAL REMOTE PSK [option...]
// Options: childless, nomobike, ppk=NAME, must-ppk=NAME, reauth=SECONDS,
// id=TEXT, encap, cp, cbc (IKE by AES-CBC), pfs=GROUP, group=GROUP (IKE), frag=MTU, noesn, esn.
// Prints one line for each event; reads commands from stdin: rekey-child, rekey-ike, delete-child, delete, probe,
// new-child, reauth, show, move ADDRESS, quit.
#include "hostd/ike/ike.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct driver {
    struct ike_engine *e;
    struct ike_profile *profile;
    int sock[2]; ///< ports 500 and 4500
    struct ip_addr local, remote;
    const char *psk;
    uint32_t session, spi_in, next_spi;
    struct ike_ppk ppk;
};

static uint64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void op_send(void *ctx, const struct ike_path *path, const uint8_t *msg, size_t len)
{
    struct driver *d = ctx;
    uint8_t out[65536] = {0};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(path->remote_port)};
    const size_t marker = path->natt && len > 1 ? 4 : 0;
    if (len > sizeof(out) - 4)
        return;
    memcpy(&to.sin_addr, path->remote.b, 4);
    memcpy(out + marker, msg, len);
    if (sendto(d->sock[path->natt], out, len + marker, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
        perror("sendto");
}

static void op_log(void *ctx, enum ike_log_level level, const struct ike_path *path, const char *text)
{
    (void)ctx, (void)path, (void)level;
    printf("log %.3f %s\n", (double)now_us() / 1e6, text);
}

static struct ike_profile *op_select(void *ctx, const struct ike_select *sel)
{
    (void)sel;
    return ((struct driver *)ctx)->profile;
}

static int op_psk(void *ctx, const struct ike_profile *p, const struct ike_id *local, const struct ike_id *remote,
                  const struct ike_path *path, uint8_t *key, size_t cap)
{
    const char *psk = ((struct driver *)ctx)->psk;
    (void)p, (void)local, (void)remote, (void)path;
    if (strlen(psk) > cap)
        return -1;
    size_t n = 0;
    for (; psk[n]; n++)
        key[n] = (uint8_t)psk[n];
    return (int)n;
}

static int op_cp_reply(void *ctx, uint32_t session, const struct ike_profile *p, const struct ike_id *remote,
                       const struct ike_cp_values *asked, struct ike_cp_values *out)
{
    (void)ctx, (void)session, (void)p, (void)remote;
    out->prefix = 24;
    out->prefix6 = 64;
    return ip_parse("10.99.0.7", &out->address) &&
                   (!(asked->asked & IKE_ASK_IP6) || ip_parse("2001:db8:99::7", &out->address6))
               ? 0
               : -1;
}

static int op_spi_alloc(void *ctx, uint32_t *spi)
{
    *spi = 0xc0000000u + ++((struct driver *)ctx)->next_spi;
    return 0;
}

static void op_spi_free(void *ctx, uint32_t spi)
{
    (void)ctx, (void)spi;
}

static int op_install(void *ctx, const struct ike_child_sa *sa, const struct ike_child_key *in,
                      const struct ike_child_key *out)
{
    (void)ctx, (void)in, (void)out;
    printf("install %08x\n", sa->spi_in);
    return 0;
}

static void op_child_update(void *ctx, const struct ike_child_sa *sa)
{
    char local[64], remote[64];
    (void)ctx;
    printf("child-path %08x %s %s %u\n", sa->spi_in, ike_addr_format(&sa->path.local, local, sizeof(local)),
           ike_addr_format(&sa->path.remote, remote, sizeof(remote)), sa->path.remote_port);
}

static bool op_ppk(void *ctx, const struct ike_profile *p, const struct ike_path *path, const struct ike_id *remote,
                   const void *id, size_t id_len, struct ike_ppk *out)
{
    const struct driver *d = ctx;
    (void)p, (void)path, (void)remote;
    if (d->ppk.id_len == 0 || (id && (id_len != d->ppk.id_len || memcmp(id, d->ppk.id, id_len) != 0)))
        return false;
    *out = d->ppk;
    return true;
}

static void op_remove(void *ctx, const struct ike_child_sa *sa, enum ike_reason why)
{
    (void)ctx;
    printf("child-down %08x %s\n", sa->spi_in, ike_reason_name(why));
}

static void op_child_up(void *ctx, const struct ike_child_sa *sa)
{
    struct driver *d = ctx;
    char suite[96], local[64], remote[64];
    d->spi_in = sa->spi_in;
    printf("child-up %08x %08x %s encap=%d %s === %s\n", sa->spi_in, sa->spi_out,
           ike_suite_format(&sa->suite, suite, sizeof(suite)), sa->encap,
           ike_ts_format(sa->ts_local, local, sizeof(local)), ike_ts_format(sa->ts_remote, remote, sizeof(remote)));
}

static void print_sa(struct driver *d, const char *what, const struct ike_sa_info *sa)
{
    char suite[96], id[128], cp[64];
    d->session = sa->session;
    printf("%s %u %s peer=%s port=%u nat=%d%d frag=%d cp=%s\n", what, sa->session,
           ike_suite_format(&sa->suite, suite, sizeof(suite)), ike_id_format(sa->remote_id, id, sizeof(id)),
           sa->path.remote_port, sa->nat_local, sa->nat_remote, sa->fragmentation,
           ike_addr_format(sa->given   ? &sa->given->address
                           : sa->taken ? &sa->taken->address
                                       : &(struct ip_addr){0},
                           cp, sizeof(cp)));
}

static void op_sa_up(void *ctx, const struct ike_sa_info *sa)
{
    print_sa(ctx, "sa-up", sa);
}

static void op_sa_rekeyed(void *ctx, const struct ike_sa_info *sa)
{
    print_sa(ctx, "sa-rekeyed", sa);
}

static void op_sa_down(void *ctx, const struct ike_sa_info *sa, enum ike_reason why)
{
    (void)ctx;
    printf("sa-down %u %s\n", sa->session, ike_reason_name(why));
}

static void op_child_failed(void *ctx, uint32_t session, enum ike_reason why, uint16_t notify)
{
    (void)ctx;
    printf("child-failed %u %s %s\n", session, ike_reason_name(why), ike_name(IKE_NAMES_NOTIFY, notify));
}

static int open_socket(const struct ip_addr *local, uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    const int s = socket(AF_INET, SOCK_DGRAM, 0);
    memcpy(&a.sin_addr, local->b, 4);
    if (s < 0 || bind(s, (struct sockaddr *)&a, sizeof(a)) != 0) {
        perror("bind");
        exit(2);
    }
    return s;
}

static void receive(struct driver *d, int natt)
{
    uint8_t msg[65536];
    struct sockaddr_in from = {0};
    socklen_t size = sizeof(from);
    const ssize_t n = recvfrom(d->sock[natt], msg, sizeof(msg), 0, (struct sockaddr *)&from, &size);
    const ssize_t marker = natt ? 4 : 0;
    if (n <= marker || (natt && memcmp(msg, "\0\0\0\0", 4) != 0)) // a keepalive, or ESP
        return;
    struct ike_path path = {
        .local = d->local, .local_port = natt ? 4500 : 500, .remote_port = ntohs(from.sin_port), .natt = natt};
    path.remote.family = 4;
    memcpy(path.remote.b, &from.sin_addr, 4);
    ike_input(d->e, &path, msg + marker, (size_t)(n - marker), now_us());
}

static bool print_state(void *arg, const struct ike_sa_info *sa)
{
    const struct driver *d = arg;
    printf("state %u %s mobike=%d ppk=%d cookie=%d children=%u collisions=%llu waiting=%u\n", sa->session, sa->state,
           sa->mobike, sa->ppk, sa->cookie, sa->n_child, (unsigned long long)ike_stats(d->e)->collisions,
           sa->requests_queued + sa->requests_out);
    return true;
}

// Our address is another one from now on.
static int move(struct driver *d, const char *to)
{
    if (!ip_parse(to, &d->local))
        return -1;
    for (int i = 0; i < 2; i++) {
        close(d->sock[i]);
        d->sock[i] = open_socket(&d->local, i ? 4500 : 500);
    }
    return ike_move(d->e, d->session, &d->local, NULL, now_us());
}

// false: quit.
static bool command(struct driver *d)
{
    char line[128];
    if (fgets(line, sizeof(line), stdin) == NULL)
        return false;
    line[strcspn(line, "\n")] = 0;
    int rc = 0;
    if (strcmp(line, "quit") == 0)
        return false;
    if (strcmp(line, "rekey-child") == 0)
        rc = ike_rekey_child(d->e, d->spi_in, now_us());
    else if (strcmp(line, "rekey-ike") == 0)
        rc = ike_rekey_ike(d->e, d->session, now_us());
    else if (strcmp(line, "delete-child") == 0)
        rc = ike_delete_child(d->e, d->spi_in, now_us());
    else if (strcmp(line, "new-child") == 0)
        rc = ike_new_child(d->e, d->session, NULL, 0, NULL, 0, now_us());
    else if (strcmp(line, "delete") == 0)
        rc = ike_delete(d->e, d->session, now_us());
    else if (strcmp(line, "probe") == 0)
        rc = ike_probe(d->e, d->session, now_us());
    else if (strcmp(line, "reauth") == 0)
        rc = ike_reauth(d->e, d->session, now_us());
    else if (strcmp(line, "show") == 0)
        ike_show(d->e, print_state, d);
    else if (strncmp(line, "move ", 5) == 0)
        rc = move(d, line + 5);
    printf("command %s %d\n", line, rc);
    return true;
}

static void use_cbc(struct ike_profile *p)
{
    p->ike[0] = p->ike[1];
    p->n_ike = 1;
    p->esp[0].encr[0] = (struct ike_cipher){IKE_ENCR_AES_CBC, 256};
    p->esp[0].n_encr = 1;
    p->esp[0].integ[0] = IKE_INTEG_HMAC_SHA2_256_128;
    p->esp[0].n_integ = 1;
}

static void option(struct driver *d, const char *o)
{
    struct ike_profile *p = d->profile;
    if (strncmp(o, "id=", 3) == 0)
        p->local_id = ike_id_parse(o + 3);
    else if (strcmp(o, "encap") == 0)
        p->force_encap = true;
    else if (strcmp(o, "cp") == 0)
        p->cp_request = p->cp_assign = true;
    else if (strcmp(o, "cbc") == 0)
        use_cbc(p);
    else if (strcmp(o, "noesn") == 0)
        p->esp[0].esn_yes = false;
    else if (strcmp(o, "esn") == 0)
        p->esp[0].esn_no = false;
    else if (strcmp(o, "childless") == 0)
        p->childless = IKE_CHILDLESS_THEN;
    else if (strcmp(o, "nomobike") == 0)
        p->mobike = false;
    else if (strncmp(o, "ppk=", 4) == 0 || strncmp(o, "must-ppk=", 9) == 0) { // its name; the key is ten times that
        const char *name = strchr(o, '=') + 1;
        const size_t len = strlen(name);
        d->ppk.required = o[0] == 'm';
        d->ppk.id_len = (uint16_t)len;
        d->ppk.key_len = (uint16_t)(10 * len);
        for (size_t i = 0; i < 10 * len && len < 20; i++)
            d->ppk.key[i] = d->ppk.id[i % len] = (uint8_t)name[i % len];
    } else if (strncmp(o, "reauth=", 7) == 0)
        p->reauth_s = (uint32_t)atoi(o + 7);
    else if (strncmp(o, "frag=", 5) == 0)
        p->fragment_mtu = (uint16_t)atoi(o + 5);
    else if (strncmp(o, "pfs=", 4) == 0) {
        p->esp[0].group[0] = (uint16_t)atoi(o + 4);
        p->esp[0].n_group = 1;
    } else if (strncmp(o, "group=", 6) == 0) {
        for (int i = 0; i < p->n_ike; i++) {
            p->ike[i].group[0] = (uint16_t)atoi(o + 6);
            p->ike[i].n_group = 1;
        }
    } else {
        fprintf(stderr, "unknown option %s\n", o);
        exit(2);
    }
}

static void loop(struct driver *d)
{
    for (;;) {
        const uint64_t next = ike_next_timer(d->e), now = now_us();
        struct pollfd fd[3] = {{0, POLLIN, 0}, {d->sock[0], POLLIN, 0}, {d->sock[1], POLLIN, 0}};
        const int wait = next == UINT64_MAX ? -1 : next <= now ? 0 : (int)((next - now) / 1000 + 1);
        if (poll(fd, 3, wait) < 0)
            return;
        if (fd[0].revents && !command(d))
            return;
        for (int i = 0; i < 2; i++) {
            if (fd[i + 1].revents)
                receive(d, i);
        }
        ike_run_timers(d->e, now_us());
    }
}

int main(int argc, char **argv)
{
    static const struct ike_ops ops = {
        .send = op_send,
        .log = op_log,
        .select = op_select,
        .psk = op_psk,
        .cp_reply = op_cp_reply,
        .spi_alloc = op_spi_alloc,
        .spi_free = op_spi_free,
        .child_install = op_install,
        .child_remove = op_remove,
        .child_up = op_child_up,
        .child_update = op_child_update,
        .ppk = op_ppk,
        .sa_up = op_sa_up,
        .sa_down = op_sa_down,
        .sa_rekeyed = op_sa_rekeyed,
        .child_failed = op_child_failed,
    };
    struct driver d = {.profile = ike_profile_new("driver")};
    setvbuf(stdout, NULL, _IOLBF, 0);
    setvbuf(stdin, NULL, _IONBF, 0); // or lines wait in its buffer while poll sleeps
    if (argc < 5 || d.profile == NULL || !ip_parse(argv[2], &d.local) || !ip_parse(argv[3], &d.remote)) {
        fprintf(stderr, "usage: ike_driver init|resp LOCAL REMOTE PSK [option...]\n");
        return 2;
    }
    const struct ip_addr any = {.family = 4};
    d.psk = argv[4];
    d.profile->ts_local[0] = d.profile->ts_remote[0] = ike_ts_prefix(&any, 0);
    for (int i = 5; i < argc; i++)
        option(&d, argv[i]);
    if (d.profile->cp_request) { // the inner address of the one side, everything of the other
        struct ike_ts *dynamic = argv[1][0] == 'i' ? d.profile->ts_local : d.profile->ts_remote;
        dynamic[0].type = 0;
    }
    d.sock[0] = open_socket(&d.local, 500);
    d.sock[1] = open_socket(&d.local, 4500);
    d.e = ike_new(&ops, &d, NULL);
    if (d.e == NULL)
        return 2;
    printf("ready\n");
    if (strcmp(argv[1], "init") == 0) {
        const struct ike_path path = {.local = d.local, .remote = d.remote, .local_port = 500, .remote_port = 500};
        d.session = ike_initiate(d.e, d.profile, &path, now_us());
    }
    loop(&d);
    ike_free(d.e);
    ike_profile_unref(d.profile);
    return 0;
}

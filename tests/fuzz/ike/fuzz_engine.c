// SPDX-License-Identifier: BSD-2-Clause
// libFuzzer: raw messages to an engine. The input is a row of records, each: a byte that says what to do, two bytes of
// length, and the bytes. Messages come as they are, or are protected first with the keys of an established SA, so that
// what lies behind the cryptography is reached too: a peer that knows the keys and breaks the rules.
#include "hostd/ike/ike_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct side {
    struct ike_engine *e;
    uint32_t next_spi;
    int children, spis;
    struct side *other;
    bool mute;
};

static uint64_t the_time = 1000000;
static struct ike_profile *profile;
static unsigned depth;

static struct ike_path path_of(bool natt)
{
    struct ike_path p = {.local_port = 500, .remote_port = 500, .natt = natt};
    (void)ike_addr_parse("192.0.2.1", &p.local);
    (void)ike_addr_parse("192.0.2.1", &p.remote);
    return p;
}

struct pending {
    uint8_t bytes[4096];
    size_t len;
    struct side *to;
};
static struct pending queue[16];
static unsigned queued;

static void op_send(void *ctx, const struct ike_path *path, const uint8_t *msg, size_t len)
{
    struct side *s = ctx;
    (void)path;
    if (s->mute || len > sizeof(queue[0].bytes) || queued == sizeof(queue) / sizeof(queue[0]))
        return;
    memcpy(queue[queued].bytes, msg, len);
    queue[queued].len = len;
    queue[queued++].to = s->other;
}

static void deliver(void)
{
    const struct ike_path path = path_of(false);
    for (unsigned i = 0; i < 40 && queued > 0; i++) {
        const struct pending p = queue[0];
        memmove(&queue[0], &queue[1], --queued * sizeof(queue[0]));
        ike_input(p.to->e, &path, p.bytes, p.len, the_time);
    }
    queued = 0;
}

static struct ike_profile *op_select(void *ctx, const struct ike_select *sel)
{
    (void)ctx, (void)sel;
    return profile;
}

static int op_psk(void *ctx, const struct ike_profile *p, const struct ike_id *local, const struct ike_id *remote,
                  const struct ike_path *path, uint8_t *key, size_t cap)
{
    (void)ctx, (void)p, (void)local, (void)remote, (void)path, (void)cap;
    key[0] = 'k';
    return 1;
}

static int op_spi_alloc(void *ctx, uint32_t *spi)
{
    struct side *s = ctx;
    s->spis++;
    *spi = 0x1000 + ++s->next_spi;
    return 0;
}

static void op_spi_free(void *ctx, uint32_t spi)
{
    (void)spi;
    ((struct side *)ctx)->spis--;
}

static int op_install(void *ctx, const struct ike_child_sa *sa, const struct ike_child_key *in,
                      const struct ike_child_key *out)
{
    (void)sa, (void)in, (void)out;
    ((struct side *)ctx)->children++;
    return 0;
}

static void op_remove(void *ctx, const struct ike_child_sa *sa, enum ike_reason why)
{
    (void)sa, (void)why;
    ((struct side *)ctx)->children--;
}

static int op_addr_alloc(void *ctx, uint32_t session, const struct ike_profile *p, const struct ike_id *remote,
                         const struct ike_addr *wanted, struct ike_cp_values *out)
{
    (void)ctx, (void)session, (void)p, (void)remote, (void)wanted;
    memset(out, 0, sizeof(*out));
    return ike_addr_parse("10.0.0.1", &out->address) ? 0 : -1;
}

static const struct ike_ops ops = {
    .send = op_send,
    .select = op_select,
    .psk = op_psk,
    .addr_alloc = op_addr_alloc,
    .spi_alloc = op_spi_alloc,
    .spi_free = op_spi_free,
    .child_install = op_install,
    .child_remove = op_remove,
};

// Protect a chain of payloads as the peer of `sa` would, and give it to the engine. head: exchange, flags, first
// payload type.
static void input_protected(struct side *s, const uint8_t *data, size_t len)
{
    static uint8_t msg[8192];
    struct ike_sa *sa = s->e->sas;
    struct ike_build b;
    uint8_t iv[16] = {0};
    if (sa == NULL || !sa->have_keys || len < 3)
        return;
    const bool response = data[1] & 1;
    const struct ike_header h = {
        .spi_i = sa->spi_i,
        .spi_r = sa->spi_r,
        .exchange = (uint8_t)(IKE_X_AUTH + data[0] % 3),
        .flags = (uint8_t)((sa->initiator ? 0 : IKE_F_INITIATOR) | (response ? IKE_F_RESPONSE : 0)),
        .mid = response ? sa->next_out : sa->next_in,
    };
    const bool fragment = data[1] & 2;
    const size_t plain = len - 3, sealed = ike_sealed_len(&sa->suite, plain);
    if (plain > 4000)
        return;
    memcpy(iv, &sa->msgs_in, sizeof(sa->msgs_in));
    ike_build_message(&b, msg, sizeof(msg), &h);
    ike_build_begin(&b, fragment ? IKE_P_SKF : IKE_P_SK);
    const size_t head = b.open;
    if (fragment) {
        wbuf_u16(&b.w, data[1] >> 2 & 7);
        wbuf_u16(&b.w, data[1] >> 5);
    }
    const size_t aad = b.w.len;
    wbuf_zeros(&b.w, sealed);
    ike_build_end(&b);
    wbuf_patch_u8(&b.w, head, data[2]);
    const size_t total = ike_build_finish(&b);
    if (total == 0 || !ike_seal(s->e->crypto, &sa->suite, sa->initiator ? sa->keys.er : sa->keys.ei,
                                sa->initiator ? sa->keys.ar : sa->keys.ai, msg, aad, data + 3, plain, iv))
        return;
    const struct ike_path path = path_of(data[0] & 0x40);
    ike_input(s->e, &path, msg, total, the_time);
}

static void act(struct side *s, uint8_t what, const uint8_t *data, size_t len)
{
    const struct ike_path path = path_of(what & 0x80);
    switch (what % 8) {
    case 0:
    case 1:
        ike_input(s->e, &path, data, len, the_time);
        break;
    case 2:
    case 3:
    case 4:
        input_protected(s, data, len);
        break;
    case 5:
        the_time += (uint64_t)(what >> 3) * 500000;
        ike_run_timers(s->e, the_time);
        break;
    case 6:
        if (s->e->sas)
            (void)(what & 8 ? ike_rekey_ike : ike_probe)(s->e, s->e->sas->session, the_time);
        if (s->e->sas && s->e->sas->children)
            (void)(what & 16 ? ike_rekey_child : ike_delete_child)(s->e, s->e->sas->children->pub.spi_in, the_time);
        break;
    case 7:
        deliver();
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct side a = {0}, b = {0};
    struct buf in;
    buf_init(&in, data, size);
    if (profile == NULL) {
        const struct ike_addr any = {.family = 4};
        profile = ike_profile_new("fuzz");
        profile->ts_local[0] = profile->ts_remote[0] = ike_ts_prefix(&any, 0);
        profile->cp_assign = true;
        profile->ike[0].n_group = 1; // x25519 is the fastest
    }
    a.other = &b;
    b.other = &a;
    a.e = ike_new(&ops, &a, NULL);
    b.e = ike_new(&ops, &b, NULL);
    const uint8_t mode = buf_u8(&in);
    const struct ike_path path = path_of(false);
    queued = 0;
    if (mode & 1)
        (void)ike_initiate(a.e, profile, &path, the_time);
    if (mode & 2)
        deliver();
    b.mute = mode & 4;
    for (depth = 0; depth < 12 && buf_left(&in) > 0; depth++) {
        const uint8_t what = buf_u8(&in);
        size_t len = buf_u16(&in);
        len = len > buf_left(&in) ? buf_left(&in) : len;
        const uint8_t *p = buf_take(&in, len);
        if (p)
            act(mode & 8 ? &b : &a, what, p, len);
    }
    ike_free(a.e);
    ike_free(b.e);
    if (a.children || b.children || a.spis || b.spis || profile->refs != 1)
        abort();
    return 0;
}

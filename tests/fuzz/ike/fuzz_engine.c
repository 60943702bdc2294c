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
    uint64_t cert_token, eap_token, url_token; ///< answers that are owed
    unsigned conversations;
};

static uint64_t the_time = 1000000;
static struct ike_profile *profile;
static unsigned depth;

static struct ike_path path_of(bool natt)
{
    struct ike_path p = {.local_port = 500, .remote_port = 500, .natt = natt};
    (void)ip_parse("192.0.2.1", &p.local);
    (void)ip_parse("192.0.2.1", &p.remote);
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

static int op_cp_reply(void *ctx, uint32_t session, const struct ike_profile *p, const struct ike_id *remote,
                       const struct ike_cp_values *asked, struct ike_cp_values *out)
{
    (void)ctx, (void)session, (void)p, (void)remote;
    const struct ip_addr net = {.family = 4, .b = {10}};
    ike_cp_add_subnet(out, &net, 8);
    out->prefix6 = 64;
    return (!(asked->asked & IKE_ASK_IP4) || ip_parse("10.0.0.1", &out->address)) &&
                   (!(asked->asked & IKE_ASK_IP6) || ip_parse("2001:db8::1", &out->address6))
               ? 0
               : -1;
}

// Certificates and EAP are answered when the input says so (answer()), in whatever way it says.
static void op_cert_check(void *ctx, uint64_t token, const struct ike_profile *p, const struct ike_id *id,
                          const struct ike_certs *certs)
{
    (void)p, (void)id, (void)certs;
    ((struct side *)ctx)->cert_token = token;
}

static void op_cert_fetch(void *ctx, uint64_t token, const struct ike_cert_url *u)
{
    if (strlen(u->url) > IKE_MAX_URL)
        abort();
    ((struct side *)ctx)->url_token = token;
}

static void *op_eap_begin(void *ctx, const struct ike_profile *p, bool authenticator, const struct ike_id *peer)
{
    (void)p, (void)authenticator, (void)peer;
    ((struct side *)ctx)->conversations++;
    return malloc(1);
}

static void op_eap_input(void *ctx, void *conversation, uint64_t token, const uint8_t *packet, size_t len)
{
    (void)conversation, (void)packet, (void)len;
    ((struct side *)ctx)->eap_token = token;
}

static void op_eap_end(void *ctx, void *conversation)
{
    ((struct side *)ctx)->conversations--;
    free(conversation);
}

static void answer(struct side *s, uint8_t what, const uint8_t *data, size_t len)
{
    static EVP_PKEY *key;
    if (key == NULL)
        key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    if (s->cert_token) {
        const uint64_t token = s->cert_token;
        s->cert_token = 0;
        EVP_PKEY *mine = what & 8 && EVP_PKEY_up_ref(key) == 1 ? key : NULL;
        ike_cert_answer(s->e, token, mine, "no", the_time);
    }
    if (s->url_token) {
        const struct ike_certs certs = {.n = 1u + (what >> 4 & 3), .cert = {{data, len}, {data, len / 2}, {data, 1}}};
        const uint64_t token = s->url_token;
        s->url_token = 0;
        ike_cert_url_answer(s->e, token, what & 8 && len > 0 && certs.n <= 3 ? &certs : NULL, "no", the_time);
    }
    if (s->eap_token) {
        const struct ike_eap_answer a = {
            .code = (enum ike_eap_code)((what >> 4 & 3) % 3),
            .packet = len ? data : NULL,
            .len = len,
            .msk = what & 64 ? (const uint8_t *)"the key of the method" : NULL,
            .msk_len = what & 64 ? 21 : 0,
        };
        const uint64_t token = s->eap_token;
        s->eap_token = 0;
        ike_eap_answer(s->e, token, &a, the_time);
    }
}

static const struct ike_ops ops = {
    .cert_check = op_cert_check,
    .cert_fetch = op_cert_fetch,
    .eap_begin = op_eap_begin,
    .eap_input = op_eap_input,
    .eap_end = op_eap_end,
    .send = op_send,
    .select = op_select,
    .psk = op_psk,
    .cp_reply = op_cp_reply,
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
        answer(s, what, data, len);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct side a = {0}, b = {0};
    struct buf in;
    buf_init(&in, data, size);
    if (profile == NULL) {
        const struct ip_addr any = {.family = 4};
        profile = ike_profile_new("fuzz");
        profile->ts_local[0] = profile->ts_remote[0] = ike_ts_prefix(&any, 0);
        profile->cp_assign = profile->cp_config = profile->cp_set_accept = true;
        profile->auth_remote = IKE_WAY_PSK | IKE_WAY_CERT | IKE_WAY_EAP;
        profile->ike[0].n_group = 1; // x25519 is the fastest
    }
    a.other = &b;
    b.other = &a;
    struct ike_limits limits = ike_limits_default();
    limits.http_cert = true;
    a.e = ike_new(&ops, &a, &limits);
    b.e = ike_new(&ops, &b, &limits);
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
    if (a.children || b.children || a.spis || b.spis || a.conversations || b.conversations || profile->refs != 1)
        abort();
    return 0;
}

// SPDX-License-Identifier: BSD-2-Clause
// Writes the seed corpus of the IKEv2 fuzz targets: well-formed payload chains and messages of every kind.
//   ike_seeds CODEC-FOLDER ENGINE-FOLDER
#include "hostd/ike/ike_codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *codec_dir, *engine_dir;

static void put_file(const char *dir, const char *name, const uint8_t *head, size_t head_len, const uint8_t *p,
                     size_t len)
{
    char file[512];
    snprintf(file, sizeof(file), "%s/%s", dir, name);
    FILE *f = fopen(file, "wb");
    if (f == NULL || fwrite(head, 1, head_len, f) != head_len || fwrite(p, 1, len, f) != len || fclose(f) != 0) {
        perror(file);
        exit(1);
    }
}

// A chain for the codec; and for the engine, protected, in an exchange.
static void put(const char *name, const struct ike_build *b, uint8_t exchange)
{
    const uint8_t first[1] = {b->first};
    const size_t len = b->w.len + 3;
    const uint8_t record[] = {3, 2, (uint8_t)(len >> 8), (uint8_t)len, (uint8_t)(exchange - IKE_X_AUTH), 0, b->first};
    if (!wbuf_ok(&b->w))
        exit(1);
    put_file(codec_dir, name, first, sizeof(first), b->w.data, b->w.len);
    put_file(engine_dir, name, record, sizeof(record), b->w.data, b->w.len);
}

int main(int argc, char **argv)
{
    static uint8_t mem[4096], zeros[64];
    const uint32_t spis[2] = {0x1001, 0x1002};
    struct ike_proposal props[IKE_MAX_PROPOSALS];
    struct ike_build b;
    if (argc < 3)
        return 2;
    codec_dir = argv[1];
    engine_dir = argv[2];
    const struct ip_addr any = {.family = 4};
    const struct ike_ts ts = ike_ts_prefix(&any, 0);
    struct ike_id *id = ike_id_parse("a.example.com");

    ike_build_chain(&b, mem, sizeof(mem));
    const uint8_t n_ike = ike_default_ike_proposals(props);
    ike_put_offer(&b, props, n_ike, IKE_PROTO_IKE, zeros, 8, false);
    ike_put_ke(&b, IKE_DH_X25519, "0123456789abcdef0123456789abcdef", 32);
    ike_put_raw(&b, IKE_P_NONCE, zeros, 32);
    put("rekey_ike", &b, IKE_X_CREATE_CHILD);

    ike_build_chain(&b, mem, sizeof(mem));
    const uint8_t n_esp = ike_default_esp_proposals(props);
    ike_put_notify_spi(&b, IKE_N_REKEY_SA, IKE_PROTO_ESP, "\0\0\x10\x01", 4, NULL, 0);
    ike_put_offer(&b, props, n_esp, IKE_PROTO_ESP, zeros, 4, true);
    ike_put_raw(&b, IKE_P_NONCE, zeros, 32);
    ike_put_ts(&b, IKE_P_TSI, &ts, 1);
    ike_put_ts(&b, IKE_P_TSR, &ts, 1);
    put("rekey_child", &b, IKE_X_CREATE_CHILD);

    ike_build_chain(&b, mem, sizeof(mem));
    ike_put_id(&b, IKE_P_IDI, id);
    ike_put_id(&b, IKE_P_IDR, id);
    ike_put_notify(&b, IKE_N_INITIAL_CONTACT, NULL, 0);
    ike_put_auth(&b, IKE_AUTH_PSK, zeros, 48);
    ike_put_cp(&b, IKE_CP_REQUEST, NULL, IKE_ASK_ALL);
    ike_put_offer(&b, props, n_esp, IKE_PROTO_ESP, zeros, 4, true);
    ike_put_ts(&b, IKE_P_TSI, &ts, 1);
    ike_put_ts(&b, IKE_P_TSR, &ts, 1);
    put("auth", &b, IKE_X_AUTH);

    ike_build_chain(&b, mem, sizeof(mem));
    ike_put_delete(&b, IKE_PROTO_ESP, spis, 2);
    put("delete_child", &b, IKE_X_INFORMATIONAL);

    ike_build_chain(&b, mem, sizeof(mem));
    ike_put_delete(&b, IKE_PROTO_IKE, NULL, 0);
    put("delete_ike", &b, IKE_X_INFORMATIONAL);

    ike_build_chain(&b, mem, sizeof(mem));
    put("empty", &b, IKE_X_INFORMATIONAL);

    struct ike_cp_values v;
    static const uint8_t types[] = {IKE_CP_REQUEST, IKE_CP_REPLY, IKE_CP_SET, IKE_CP_ACK};
    static const char *const names[] = {"cfg_request", "cfg_reply", "cfg_set", "cfg_ack"};
    memset(&v, 0, sizeof(v));
    (void)ip_parse("10.1.2.3", &v.address);
    (void)ip_parse("2001:db8::3", &v.address6);
    v.prefix = 24;
    v.prefix6 = 64;
    v.dns[v.n_dns++] = v.nbns[v.n_nbns++] = v.address;
    v.dns[v.n_dns++] = v.address6;
    ike_cp_add_subnet(&v, &v.address, 9);
    ike_cp_add_subnet(&v, &v.address6, 33);
    v.exclude[v.n_exclude++] = v.subnet[0];
    strcpy(v.banner, "Welcome");
    strcpy(v.domain, "example.com");
    strcpy(v.split_dns, "a.example,b.example");
    strcpy(v.backup, "192.0.2.9,hub2.example.com");
    strcpy(v.version, "seed 1");
    for (unsigned i = 0; i < 4; i++) {
        ike_build_chain(&b, mem, sizeof(mem));
        ike_put_cp(&b, types[i], &v, IKE_ASK_ALL);
        put(names[i], &b, IKE_X_INFORMATIONAL);
    }

    // An IKE_SA_INIT request as it is on the wire.
    const struct ike_header h = {.spi_i = 0x1122334455667788, .exchange = IKE_X_SA_INIT, .flags = IKE_F_INITIATOR};
    ike_build_message(&b, mem, sizeof(mem), &h);
    const uint8_t n = ike_default_ike_proposals(props);
    ike_put_offer(&b, props, n, IKE_PROTO_IKE, NULL, 0, false);
    ike_put_ke(&b, IKE_DH_X25519, "0123456789abcdef0123456789abcdef", 32);
    ike_put_raw(&b, IKE_P_NONCE, zeros, 32);
    ike_put_notify(&b, IKE_N_FRAGMENTATION, NULL, 0);
    const size_t len = ike_build_finish(&b);
    const uint8_t record[] = {8, 0, (uint8_t)(len >> 8), (uint8_t)len};
    put_file(engine_dir, "init", record, sizeof(record), mem, len);
    free(id);
    return 0;
}

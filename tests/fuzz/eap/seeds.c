// SPDX-License-Identifier: BSD-2-Clause
// Writes the seed corpus of the EAP fuzz target: the packets of good conversations, for the machine that gets them.
//   eap_seeds FOLDER
#include "hostd/eap/eap_tls.h"
#include "tests/unit/eap/certs.h"
#include "tests/unit/eap/lab.h"

#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>

static FILE *out[2]; // to the authenticator, to the supplicant

static bool keep(struct pair *pr, bool to_peer, uint8_t *packet, size_t *len)
{
    (void)pr;
    FILE *f = out[to_peer];
    if (fputc((int)(*len >> 8), f) == EOF || fputc((int)(*len & 255), f) == EOF || fwrite(packet, 1, *len, f) != *len)
        exit(1);
    return true;
}

int main(int argc, char **argv)
{
    static const int types[] = {EAP_T_MSCHAPV2, EAP_T_TLS, EAP_T_GTC, EAP_T_MD5};
    char err[200], name[512];
    if (argc < 2)
        return 2;
    struct eap_legacy *legacy = eap_legacy_new();
    struct cert ca = cert_make("lab CA", NULL, NULL, NULL, 0), leaf = cert_make("x", &ca, "DNS:x", NULL, 0);
    X509_STORE *trust = cert_store(&ca);
    const struct eap_der chain = {leaf.der, (size_t)leaf.len};
    for (int i = 0; i < 4; i++) {
        for (int query = 0; query < 2; query++) {
            struct pair pr;
            pair_init(&pr, legacy);
            pair_methods(&pr.server, 1, types[i]);
            pair_methods(&pr.peer, 1, types[i]);
            pr.id = pr.user = pr.peer.user = "x";
            pr.secret = pr.peer.password = "secret";
            pr.server.query_identity = query != 0;
            pr.server.tls = eap_tls_ctx(true, leaf.key, &chain, 1, trust, err, sizeof(err));
            pr.peer.tls = eap_tls_ctx(false, leaf.key, &chain, 1, trust, err, sizeof(err));
            for (int to_peer = 0; to_peer < 2; to_peer++) {
                snprintf(name, sizeof(name), "%s/%s-%d-%d", argv[1], to_peer ? "peer" : "server", i, query);
                out[to_peer] = fopen(name, "wb");
                if (out[to_peer] == NULL) {
                    perror(name);
                    return 1;
                }
                fputc((to_peer ? 0 : 0x10) | (query ? 0x40 : 0) | i, out[to_peer]);
            }
            pr.hook = keep;
            if (!pair_run(&pr))
                return 1;
            pair_free(&pr);
            SSL_CTX_free(pr.server.tls);
            SSL_CTX_free(pr.peer.tls);
            fclose(out[0]);
            fclose(out[1]);
        }
    }
    X509_STORE_free(trust);
    cert_free(&leaf);
    cert_free(&ca);
    eap_legacy_free(legacy);
    return 0;
}

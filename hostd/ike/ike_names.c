// SPDX-License-Identifier: BSD-2-Clause
// The names of the registry's numbers: one table for `show`, logs and the words of the configuration.
#include "hostd/ike/ike.h"

#include <stdio.h>
#include <string.h>

static const struct ike_name names_exchange[] = {
    {IKE_X_SA_INIT, 0, "IKE_SA_INIT", NULL},
    {IKE_X_AUTH, 0, "IKE_AUTH", NULL},
    {IKE_X_CREATE_CHILD, 0, "CREATE_CHILD_SA", NULL},
    {IKE_X_INFORMATIONAL, 0, "INFORMATIONAL", NULL},
    {IKE_X_SESSION_RESUME, 0, "IKE_SESSION_RESUME", NULL},
    {0, 0, NULL, NULL},
};

static const struct ike_name names_payload[] = {
    {IKE_P_NONE, 0, "none", NULL},
    {IKE_P_SA, 0, "SA", NULL},
    {IKE_P_KE, 0, "KE", NULL},
    {IKE_P_IDI, 0, "IDi", NULL},
    {IKE_P_IDR, 0, "IDr", NULL},
    {IKE_P_CERT, 0, "CERT", NULL},
    {IKE_P_CERTREQ, 0, "CERTREQ", NULL},
    {IKE_P_AUTH, 0, "AUTH", NULL},
    {IKE_P_NONCE, 0, "Nonce", NULL},
    {IKE_P_NOTIFY, 0, "Notify", NULL},
    {IKE_P_DELETE, 0, "Delete", NULL},
    {IKE_P_VENDOR, 0, "Vendor-ID", NULL},
    {IKE_P_TSI, 0, "TSi", NULL},
    {IKE_P_TSR, 0, "TSr", NULL},
    {IKE_P_SK, 0, "SK", NULL},
    {IKE_P_CP, 0, "CP", NULL},
    {IKE_P_EAP, 0, "EAP", NULL},
    {IKE_P_SKF, 0, "SKF", NULL},
    {0, 0, NULL, NULL},
};

static const struct ike_name names_notify[] = {
    {IKE_N_UNSUPPORTED_CRITICAL, 0, "UNSUPPORTED_CRITICAL_PAYLOAD", NULL},
    {IKE_N_INVALID_IKE_SPI, 0, "INVALID_IKE_SPI", NULL},
    {IKE_N_INVALID_MAJOR, 0, "INVALID_MAJOR_VERSION", NULL},
    {IKE_N_INVALID_SYNTAX, 0, "INVALID_SYNTAX", NULL},
    {IKE_N_INVALID_MESSAGE_ID, 0, "INVALID_MESSAGE_ID", NULL},
    {IKE_N_INVALID_SPI, 0, "INVALID_SPI", NULL},
    {IKE_N_NO_PROPOSAL, 0, "NO_PROPOSAL_CHOSEN", NULL},
    {IKE_N_INVALID_KE, 0, "INVALID_KE_PAYLOAD", NULL},
    {IKE_N_AUTH_FAILED, 0, "AUTHENTICATION_FAILED", NULL},
    {IKE_N_SINGLE_PAIR, 0, "SINGLE_PAIR_REQUIRED", NULL},
    {IKE_N_NO_ADDITIONAL_SAS, 0, "NO_ADDITIONAL_SAS", NULL},
    {IKE_N_ADDRESS_FAILURE, 0, "INTERNAL_ADDRESS_FAILURE", NULL},
    {IKE_N_CP_REQUIRED, 0, "FAILED_CP_REQUIRED", NULL},
    {IKE_N_TS_UNACCEPTABLE, 0, "TS_UNACCEPTABLE", NULL},
    {IKE_N_INVALID_SELECTORS, 0, "INVALID_SELECTORS", NULL},
    {IKE_N_TEMPORARY_FAILURE, 0, "TEMPORARY_FAILURE", NULL},
    {IKE_N_CHILD_NOT_FOUND, 0, "CHILD_SA_NOT_FOUND", NULL},
    {IKE_N_INITIAL_CONTACT, 0, "INITIAL_CONTACT", NULL},
    {IKE_N_SET_WINDOW, 0, "SET_WINDOW_SIZE", NULL},
    {IKE_N_ADDITIONAL_TS, 0, "ADDITIONAL_TS_POSSIBLE", NULL},
    {IKE_N_IPCOMP, 0, "IPCOMP_SUPPORTED", NULL},
    {IKE_N_NAT_SOURCE, 0, "NAT_DETECTION_SOURCE_IP", NULL},
    {IKE_N_NAT_DESTINATION, 0, "NAT_DETECTION_DESTINATION_IP", NULL},
    {IKE_N_COOKIE, 0, "COOKIE", NULL},
    {IKE_N_TRANSPORT_MODE, 0, "USE_TRANSPORT_MODE", NULL},
    {IKE_N_HTTP_CERT, 0, "HTTP_CERT_LOOKUP_SUPPORTED", NULL},
    {IKE_N_REKEY_SA, 0, "REKEY_SA", NULL},
    {IKE_N_NO_TFC_PADDING, 0, "ESP_TFC_PADDING_NOT_SUPPORTED", NULL},
    {IKE_N_NON_FIRST_FRAGMENTS, 0, "NON_FIRST_FRAGMENTS_ALSO", NULL},
    {IKE_N_MOBIKE, 0, "MOBIKE_SUPPORTED", NULL},
    {IKE_N_UNACCEPTABLE_ADDRESSES, 0, "UNACCEPTABLE_ADDRESSES", NULL},
    {IKE_N_UNEXPECTED_NAT, 0, "UNEXPECTED_NAT_DETECTED", NULL},
    {IKE_N_ADDITIONAL_IP4, 0, "ADDITIONAL_IP4_ADDRESS", NULL},
    {IKE_N_ADDITIONAL_IP6, 0, "ADDITIONAL_IP6_ADDRESS", NULL},
    {IKE_N_NO_ADDITIONAL, 0, "NO_ADDITIONAL_ADDRESSES", NULL},
    {IKE_N_UPDATE_ADDRESSES, 0, "UPDATE_SA_ADDRESSES", NULL},
    {IKE_N_COOKIE2, 0, "COOKIE2", NULL},
    {IKE_N_NO_NATS, 0, "NO_NATS_ALLOWED", NULL},
    {IKE_N_AUTH_LIFETIME, 0, "AUTH_LIFETIME", NULL},
    {IKE_N_REDIRECT_SUPPORTED, 0, "REDIRECT_SUPPORTED", NULL},
    {IKE_N_REDIRECT, 0, "REDIRECT", NULL},
    {IKE_N_REDIRECTED_FROM, 0, "REDIRECTED_FROM", NULL},
    {IKE_N_TICKET_LT_OPAQUE, 0, "TICKET_LT_OPAQUE", NULL},
    {IKE_N_TICKET_REQUEST, 0, "TICKET_REQUEST", NULL},
    {IKE_N_TICKET_ACK, 0, "TICKET_ACK", NULL},
    {IKE_N_TICKET_NACK, 0, "TICKET_NACK", NULL},
    {IKE_N_TICKET_OPAQUE, 0, "TICKET_OPAQUE", NULL},
    {IKE_N_USE_PPK, 0, "USE_PPK", NULL},
    {IKE_N_PPK_IDENTITY, 0, "PPK_IDENTITY", NULL},
    {IKE_N_NO_PPK_AUTH, 0, "NO_PPK_AUTH", NULL},
    {IKE_N_SUCCEEDS, 0, "CULVERT_SUCCEEDS", NULL},
    {IKE_N_EAP_ONLY, 0, "EAP_ONLY_AUTHENTICATION", NULL},
    {IKE_N_CHILDLESS, 0, "CHILDLESS_IKEV2_SUPPORTED", NULL},
    {IKE_N_FRAGMENTATION, 0, "IKEV2_FRAGMENTATION_SUPPORTED", NULL},
    {IKE_N_SIGNATURE_HASHES, 0, "SIGNATURE_HASH_ALGORITHMS", NULL},
    {0, 0, NULL, NULL},
};

static const struct ike_name names_encr[] = {
    {IKE_ENCR_AES_GCM_16, 0, "AES-GCM", NULL}, // whatever the key's length
    {IKE_ENCR_AES_GCM_16, 256, "AES-GCM-256", "aes-gcm-256"},
    {IKE_ENCR_AES_GCM_16, 192, "AES-GCM-192", "aes-gcm-192"},
    {IKE_ENCR_AES_GCM_16, 128, "AES-GCM-128", "aes-gcm-128"},
    {IKE_ENCR_CHACHA20_POLY1305, 0, "ChaCha20-Poly1305", "chacha20-poly1305"},
    {IKE_ENCR_AES_CTR, 0, "AES-CTR", NULL},
    {IKE_ENCR_AES_CTR, 256, "AES-CTR-256", "aes-ctr-256"},
    {IKE_ENCR_AES_CTR, 192, "AES-CTR-192", "aes-ctr-192"},
    {IKE_ENCR_AES_CTR, 128, "AES-CTR-128", "aes-ctr-128"},
    {IKE_ENCR_AES_CBC, 0, "AES-CBC", NULL},
    {IKE_ENCR_AES_CBC, 256, "AES-CBC-256", "aes-cbc-256"},
    {IKE_ENCR_AES_CBC, 192, "AES-CBC-192", "aes-cbc-192"},
    {IKE_ENCR_AES_CBC, 128, "AES-CBC-128", "aes-cbc-128"},
    {IKE_ENCR_3DES, 0, "3DES", "3des"},
    {IKE_ENCR_NULL, 0, "NULL", NULL},
    {0, 0, NULL, NULL},
};

static const struct ike_name names_prf[] = {
    {IKE_PRF_HMAC_MD5, 0, "HMAC-MD5", "md5"},
    {IKE_PRF_HMAC_SHA1, 0, "HMAC-SHA1", "sha1"},
    {IKE_PRF_HMAC_SHA2_256, 0, "HMAC-SHA2-256", "sha256"},
    {IKE_PRF_HMAC_SHA2_384, 0, "HMAC-SHA2-384", "sha384"},
    {IKE_PRF_HMAC_SHA2_512, 0, "HMAC-SHA2-512", "sha512"},
    {0, 0, NULL, NULL},
};

static const struct ike_name names_integ[] = {
    {IKE_INTEG_NONE, 0, "none", NULL},
    {IKE_INTEG_HMAC_MD5_96, 0, "HMAC-MD5-96", "md5"},
    {IKE_INTEG_HMAC_SHA1_96, 0, "HMAC-SHA1-96", "sha1"},
    {IKE_INTEG_HMAC_SHA2_256_128, 0, "HMAC-SHA2-256-128", "sha256"},
    {IKE_INTEG_HMAC_SHA2_384_192, 0, "HMAC-SHA2-384-192", "sha384"},
    {IKE_INTEG_HMAC_SHA2_512_256, 0, "HMAC-SHA2-512-256", "sha512"},
    {0, 0, NULL, NULL},
};

static const struct ike_name names_group[] = {
    {IKE_DH_NONE, 0, "none", NULL},
    {IKE_DH_MODP_1024, 0, "MODP-1024", "2"},
    {IKE_DH_MODP_1536, 0, "MODP-1536", "5"},
    {IKE_DH_MODP_2048, 0, "MODP-2048", "14"},
    {IKE_DH_MODP_3072, 0, "MODP-3072", "15"},
    {IKE_DH_MODP_4096, 0, "MODP-4096", "16"},
    {IKE_DH_ECP_256, 0, "ECP-256", "19"},
    {IKE_DH_ECP_384, 0, "ECP-384", "20"},
    {IKE_DH_ECP_521, 0, "ECP-521", "21"},
    {IKE_DH_X25519, 0, "Curve25519", "31"},
    {0, 0, NULL, NULL},
};

static const struct ike_name names_auth[] = {
    {IKE_AUTH_RSA, 0, "RSA", "rsa-sig"},        {IKE_AUTH_PSK, 0, "PSK", "pre-share"},
    {IKE_AUTH_ECDSA_256, 0, "ECDSA-256", NULL}, {IKE_AUTH_ECDSA_384, 0, "ECDSA-384", NULL},
    {IKE_AUTH_ECDSA_521, 0, "ECDSA-521", NULL}, {IKE_AUTH_SIGNATURE, 0, "Digital-Signature", NULL},
    {IKE_AUTH_BY_EAP, 0, "EAP", "eap"},         {0, 0, NULL, NULL},
};

static const struct ike_name names_id[] = {
    {IKE_ID_IPV4, 0, "IPv4", "address"},
    {IKE_ID_FQDN, 0, "FQDN", "fqdn"},
    {IKE_ID_EMAIL, 0, "email", "email"},
    {IKE_ID_IPV6, 0, "IPv6", NULL},
    {IKE_ID_DN, 0, "DN", "dn"},
    {IKE_ID_GN, 0, "general-name", NULL},
    {IKE_ID_KEY_ID, 0, "key-id", "key-id"},
    {0, 0, NULL, NULL},
};

static const struct ike_name names_proto[] = {
    {IKE_PROTO_IKE, 0, "IKE", NULL},
    {IKE_PROTO_AH, 0, "AH", NULL},
    {IKE_PROTO_ESP, 0, "ESP", NULL},
    {0, 0, NULL, NULL},
};

static const struct ike_name names_cp_type[] = {
    {IKE_CP_REQUEST, 0, "CFG_REQUEST", NULL},
    {IKE_CP_REPLY, 0, "CFG_REPLY", NULL},
    {IKE_CP_SET, 0, "CFG_SET", NULL},
    {IKE_CP_ACK, 0, "CFG_ACK", NULL},
    {0, 0, NULL, NULL},
};

const struct ike_name *ike_names(enum ike_name_kind kind)
{
    switch (kind) {
    case IKE_NAMES_EXCHANGE:
        return names_exchange;
    case IKE_NAMES_PAYLOAD:
        return names_payload;
    case IKE_NAMES_NOTIFY:
        return names_notify;
    case IKE_NAMES_ENCR:
        return names_encr;
    case IKE_NAMES_PRF:
        return names_prf;
    case IKE_NAMES_INTEG:
        return names_integ;
    case IKE_NAMES_GROUP:
        return names_group;
    case IKE_NAMES_AUTH:
        return names_auth;
    case IKE_NAMES_ID:
        return names_id;
    case IKE_NAMES_PROTO:
        return names_proto;
    case IKE_NAMES_CP_TYPE:
        break;
    }
    return names_cp_type;
}

const char *ike_name(enum ike_name_kind kind, unsigned number)
{
    for (const struct ike_name *n = ike_names(kind); n->name; n++) {
        if (n->number == number)
            return n->name;
    }
    return "unknown";
}

const char *ike_encr_name(uint16_t encr, uint16_t bits)
{
    for (const struct ike_name *n = names_encr; n->name; n++) {
        if (n->number == encr && n->bits == bits)
            return n->name;
    }
    return "unknown";
}

bool ike_is_legacy(enum ike_name_kind kind, unsigned number)
{
    // RFC 8247: must not or should not be used.
    switch (kind) {
    case IKE_NAMES_ENCR:
        return number == IKE_ENCR_3DES;
    case IKE_NAMES_PRF:
        return number == IKE_PRF_HMAC_MD5;
    case IKE_NAMES_INTEG:
        return number == IKE_INTEG_HMAC_MD5_96;
    case IKE_NAMES_GROUP:
        return number == IKE_DH_MODP_1024 || number == IKE_DH_MODP_1536;
    default:
        return false;
    }
}

const struct ike_name *ike_name_find(enum ike_name_kind kind, const char *word)
{
    for (const struct ike_name *n = ike_names(kind); n->name; n++) {
        if (n->word && strcmp(n->word, word) == 0)
            return n;
    }
    return NULL;
}

const char *ike_reason_name(enum ike_reason r)
{
    static const char *const names[] = {
        [IKE_R_NONE] = "none",
        [IKE_R_USER] = "cleared by the user",
        [IKE_R_PEER_DELETE] = "deleted by the peer",
        [IKE_R_DEAD_PEER] = "the peer does not answer",
        [IKE_R_EXPIRED] = "lifetime expired",
        [IKE_R_REKEYED] = "rekeyed",
        [IKE_R_REDUNDANT] = "redundant after simultaneous rekeys",
        [IKE_R_AUTH_FAILED] = "authentication failed",
        [IKE_R_NO_PROPOSAL] = "no proposal chosen",
        [IKE_R_TS_UNACCEPTABLE] = "traffic selectors unacceptable",
        [IKE_R_ADDRESS] = "no address available",
        [IKE_R_SYNTAX] = "invalid syntax",
        [IKE_R_REFUSED] = "refused by the peer",
        [IKE_R_TIMEOUT] = "not authenticated in time",
        [IKE_R_INITIAL_CONTACT] = "the peer has restarted",
        [IKE_R_INSTALL] = "the datapath refused",
        [IKE_R_RESOURCES] = "out of resources",
        [IKE_R_SHUTDOWN] = "shutting down",
        [IKE_R_PARENT] = "its IKE SA ended",
        [IKE_R_REDIRECTED] = "redirected",
        [IKE_R_NOT_RENEWED] = "not authenticated again in time",
        [IKE_R_PPK] = "no post-quantum pre-shared key in common",
    };
    return (size_t)r < sizeof(names) / sizeof(names[0]) && names[r] ? names[r] : "unknown";
}

const char *ike_suite_format(const struct ike_suite *s, char *out, size_t cap)
{
    size_t n = (size_t)snprintf(out, cap, "%s", ike_encr_name(s->encr, s->encr_bits));
    if (s->integ && n < cap)
        n += (size_t)snprintf(out + n, cap - n, "/%s", ike_name(IKE_NAMES_INTEG, s->integ));
    if (s->prf && n < cap)
        n += (size_t)snprintf(out + n, cap - n, "/PRF-%s", ike_name(IKE_NAMES_PRF, s->prf));
    if (s->group && n < cap)
        n += (size_t)snprintf(out + n, cap - n, "/%s", ike_name(IKE_NAMES_GROUP, s->group));
    if (s->esn && n < cap)
        snprintf(out + n, cap - n, "/ESN");
    return out;
}

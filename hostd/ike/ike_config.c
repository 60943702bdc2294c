// SPDX-License-Identifier: BSD-2-Clause
// The smart defaults, all of them, and what makes a profile sensible.
#include "hostd/ike/ike.h"

#include "hostd/ike/ike_crypto.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DEFAULT_IKE_LIFETIME = 86400,
    DEFAULT_CHILD_LIFETIME = 3600,
    DEFAULT_REKEY_PERCENT = 90,
    DEFAULT_JITTER_PERCENT = 10,
    DEFAULT_DPD_INTERVAL = 30,
    DEFAULT_DPD_RETRY = 5,
    DEFAULT_DPD_TRIES = 5,
    DEFAULT_KEEPALIVE = 20,
    DEFAULT_MTU = 1280,
    DEFAULT_REPLAY = 1024,
    DEFAULT_RETRANS_MS = 1000,
    DEFAULT_RETRANS_MAX_MS = 30000,
    DEFAULT_RETRANS_TRIES = 7,
    DEFAULT_MAX_SAS = 100000,
    DEFAULT_MAX_HALF_OPEN = 5000,
    DEFAULT_MAX_HALF_OPEN_PEER = 100,
    DEFAULT_COOKIE_THRESHOLD = 100,
    DEFAULT_HALF_OPEN_S = 30,
    DEFAULT_MAX_CHILDREN = 64,
    DEFAULT_UNAUTH_BYTES = 64 << 20,
};

static const uint16_t default_groups[] = {IKE_DH_X25519,    IKE_DH_ECP_384,   IKE_DH_ECP_256,  IKE_DH_ECP_521,
                                          IKE_DH_MODP_2048, IKE_DH_MODP_3072, IKE_DH_MODP_4096};
static const uint16_t default_prfs[] = {IKE_PRF_HMAC_SHA2_384, IKE_PRF_HMAC_SHA2_512, IKE_PRF_HMAC_SHA2_256};
static const uint16_t default_integs[] = {IKE_INTEG_HMAC_SHA2_384_192, IKE_INTEG_HMAC_SHA2_512_256,
                                          IKE_INTEG_HMAC_SHA2_256_128};

static uint8_t copy_list(uint16_t *out, const uint16_t *in, size_t bytes)
{
    memcpy(out, in, bytes);
    return (uint8_t)(bytes / sizeof(in[0]));
}

static void set_encr(struct ike_proposal *p, uint16_t id)
{
    p->encr[0] = (struct ike_cipher){id, 256};
    p->encr[1] = (struct ike_cipher){id, 128};
    p->n_encr = 2;
}

uint8_t ike_default_ike_proposals(struct ike_proposal *out)
{
    memset(out, 0, 2 * sizeof(out[0]));
    set_encr(&out[0], IKE_ENCR_AES_GCM_16);
    set_encr(&out[1], IKE_ENCR_AES_CBC);
    out[1].n_integ = copy_list(out[1].integ, default_integs, sizeof(default_integs));
    for (int i = 0; i < 2; i++) {
        out[i].n_prf = copy_list(out[i].prf, default_prfs, sizeof(default_prfs));
        out[i].n_group = copy_list(out[i].group, default_groups, sizeof(default_groups));
    }
    return 2;
}

uint8_t ike_default_esp_proposals(struct ike_proposal *out)
{
    memset(out, 0, sizeof(out[0]));
    set_encr(&out[0], IKE_ENCR_AES_GCM_16);
    out[0].esn_yes = true;
    out[0].esn_no = true;
    return 1;
}

struct ike_profile *ike_profile_new(const char *name)
{
    struct ike_profile *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return NULL;
    p->refs = 1;
    snprintf(p->name, sizeof(p->name), "%s", name);
    p->n_ike = ike_default_ike_proposals(p->ike);
    p->n_esp = ike_default_esp_proposals(p->esp);
    p->auth_local = p->auth_remote = IKE_WAY_PSK;
    p->replay_window = DEFAULT_REPLAY;
    p->ts_local[0].port_hi = p->ts_remote[0].port_hi = UINT16_MAX;
    p->n_ts_local = p->n_ts_remote = 1; // dynamic
    p->ike_lifetime = DEFAULT_IKE_LIFETIME;
    p->child_lifetime = DEFAULT_CHILD_LIFETIME;
    p->rekey_percent = DEFAULT_REKEY_PERCENT;
    p->jitter_percent = DEFAULT_JITTER_PERCENT;
    p->dpd_interval = DEFAULT_DPD_INTERVAL;
    p->dpd_retry = DEFAULT_DPD_RETRY;
    p->dpd_tries = DEFAULT_DPD_TRIES;
    p->nat_keepalive = DEFAULT_KEEPALIVE;
    p->fragmentation = true;
    p->fragment_mtu = DEFAULT_MTU;
    p->retrans_ms = DEFAULT_RETRANS_MS;
    p->retrans_max_ms = DEFAULT_RETRANS_MAX_MS;
    p->retrans_tries = DEFAULT_RETRANS_TRIES;
    p->initial_contact = true;
    p->mobike = true;
    p->window = 1;
    return p;
}

struct ike_profile *ike_profile_ref(struct ike_profile *p)
{
    p->refs++;
    return p;
}

void ike_profile_unref(struct ike_profile *p)
{
    if (p == NULL || --p->refs > 0)
        return;
    for (unsigned i = 0; i < p->n_match; i++)
        free(p->match[i].id);
    ike_cred_unref(p->cred);
    for (unsigned i = 0; i < p->n_also; i++)
        ike_cred_unref(p->also[i]);
    free(p->ca_hashes);
    free(p->local_id);
    free(p->remote_id);
    free(p->met);
    free(p);
}

static const char *check_proposal(const struct ike_proposal *p, bool ike)
{
    if (p->n_encr == 0)
        return "a proposal needs an encryption algorithm";
    for (unsigned i = 0; i < p->n_encr; i++) {
        if (!ike_known_encr(p->encr[i].id, p->encr[i].bits))
            return "a proposal names an encryption algorithm that is not supported";
        if (ike_encr_is_aead(p->encr[i].id) != ike_encr_is_aead(p->encr[0].id))
            return "a proposal may not mix AEAD with other ciphers";
        if (ike && p->encr[i].id == IKE_ENCR_NULL)
            return "IKE goes not without encryption";
    }
    if (ike_encr_is_aead(p->encr[0].id) && p->n_integ > 0)
        return "an AEAD cipher goes without an integrity algorithm";
    if (!ike_encr_is_aead(p->encr[0].id) && p->n_integ == 0)
        return "a cipher that is not AEAD needs an integrity algorithm";
    for (unsigned i = 0; i < p->n_integ; i++) {
        if (!ike_known_integ(p->integ[i]))
            return "a proposal names an integrity algorithm that is not supported";
    }
    for (unsigned i = 0; i < p->n_group; i++) {
        if (ike_dh_public_len(p->group[i]) == 0)
            return "a proposal names a group that is not supported";
    }
    for (unsigned i = 0; ike && i < p->n_prf; i++) {
        if (ike_prf_len(p->prf[i]) == 0)
            return "a proposal names a PRF that is not supported";
    }
    if (ike && (p->n_prf == 0 || p->n_group == 0))
        return "an IKE proposal needs a PRF and a group";
    if (!ike && !p->esn_yes && !p->esn_no)
        return "an ESP proposal needs a kind of sequence number";
    return NULL;
}

const char *ike_esp_check(const struct ike_proposal *p, unsigned n)
{
    const char *why = n == 0 || n > IKE_MAX_PROPOSALS ? "a profile needs an ESP proposal" : NULL;
    for (unsigned i = 0; why == NULL && i < n; i++)
        why = check_proposal(&p[i], false);
    return why;
}

const char *ike_profile_check(const struct ike_profile *p)
{
    if (p->n_ike == 0 || p->n_ike > IKE_MAX_PROPOSALS)
        return "a profile needs an IKE proposal";
    const char *why = ike_esp_check(p->esp, p->n_esp);
    for (unsigned i = 0; why == NULL && i < p->n_ike; i++)
        why = check_proposal(&p->ike[i], true);
    if (why)
        return why;
    if (p->auth_local == 0 || (p->auth_local & (p->auth_local - 1)) != 0 || p->auth_remote == 0)
        return "a profile needs one way to authenticate us, and some for the peer";
    if (p->auth_local == IKE_WAY_CERT && p->cred == NULL)
        return "a profile that signs needs a key and a certificate";
    if (p->n_ts_local == 0 || p->n_ts_local > IKE_MAX_TS || p->n_ts_remote == 0 || p->n_ts_remote > IKE_MAX_TS)
        return "a profile needs traffic selectors of both sides";
    if (p->fragment_mtu < IKE_MIN_FRAGMENT_MTU)
        return "the fragmentation MTU is below 576";
    if (p->rekey_percent > 100 || p->jitter_percent >= p->rekey_percent)
        return "the rekey must come within the lifetime, and its jitter be less than that";
    if (p->window == 0 || p->window > IKE_MAX_WINDOW)
        return "the window is 1 to 20 requests";
    if (p->retrans_ms == 0 || p->retrans_tries == 0 || p->dpd_tries == 0)
        return "retransmission times and tries cannot be zero";
    return NULL;
}

struct ike_limits ike_limits_default(void)
{
    struct ike_limits l;
    memset(&l, 0, sizeof(l));
    l.max_sas = DEFAULT_MAX_SAS;
    l.max_half_open = DEFAULT_MAX_HALF_OPEN;
    l.max_half_open_peer = DEFAULT_MAX_HALF_OPEN_PEER;
    l.max_unauth_bytes = DEFAULT_UNAUTH_BYTES;
    l.cookie_threshold = DEFAULT_COOKIE_THRESHOLD;
    l.half_open_s = DEFAULT_HALF_OPEN_S;
    l.max_children = DEFAULT_MAX_CHILDREN;
    l.port = IKE_PORT;
    l.port_natt = IKE_PORT_NATT;
    return l;
}

// SPDX-License-Identifier: BSD-2-Clause
#include "lab.h"

#include <stdarg.h>
#include <string.h>

void pair_methods(struct eap_settings *s, unsigned n, ...)
{
    va_list a;
    va_start(a, n);
    s->n_method = n;
    for (unsigned i = 0; i < n; i++)
        s->method[i] = (uint8_t)va_arg(a, int);
    va_end(a);
}

void pair_init(struct pair *pr, struct eap_legacy *l)
{
    memset(pr, 0, sizeof(*pr));
    pr->server = (struct eap_settings){.authenticator = true, .name = "hub", .legacy = l, .user = "", .password = ""};
    pr->peer = (struct eap_settings){.name = "", .legacy = l, .user = "alice", .password = "wonderland"};
    pair_methods(&pr->server, 1, EAP_T_MSCHAPV2);
    pair_methods(&pr->peer, 1, EAP_T_MSCHAPV2);
    pr->id = "spoke.lab";
    pr->user = "alice";
    pr->secret = "wonderland";
}

bool pair_flip(struct pair *pr, bool to_peer, uint8_t *packet, size_t *len)
{
    struct pair_flip *f = pr->arg;
    (void)to_peer;
    if (pr->packets - 1 == f->packet && f->at < *len) {
        packet[f->at] ^= f->bits;
        f->applied = true;
    }
    return true;
}

enum eap_step settle(struct pair *pr, struct eap_machine *m, enum eap_step step)
{
    for (;;) {
        if (step == EAP_STEP_JOB) {
            eap_job(m);
            step = eap_job_done(m);
        } else if (step == EAP_STEP_CHECK) {
            size_t n;
            pr->checks++;
            step = eap_certs(m, &n) != NULL && n == 1 ? eap_checked(m, pr->revoked) : EAP_STEP_FAIL;
        } else if (step == EAP_STEP_SECRET) {
            const struct eap_core *c = eap_core(m);
            bool known = c->identity_len == strlen(pr->user) && memcmp(c->identity, pr->user, c->identity_len) == 0;
            step = eap_secret(m, known ? (const uint8_t *)pr->secret : NULL, strlen(pr->secret));
        } else {
            return step;
        }
    }
}

bool pair_run(struct pair *pr)
{
    uint8_t packet[EAP_MAX_PACKET + 64];
    pr->s = eap_machine_new(&pr->server, pr->id, strlen(pr->id));
    pr->p = eap_machine_new(&pr->peer, pr->id, strlen(pr->id));
    pr->s_end = pr->p_end = EAP_STEP_SEND;
    if (pr->s == NULL || pr->p == NULL)
        return false;
    enum eap_step step = settle(pr, pr->s, eap_input(pr->s, NULL, 0));
    for (bool to_peer = true;; to_peer = !to_peer) {
        const struct eap_core *from = eap_core(to_peer ? pr->s : pr->p);
        enum eap_step *end = to_peer ? &pr->s_end : &pr->p_end;
        *end = step;
        if (!to_peer && step != EAP_STEP_SEND)
            return pr->s_end == EAP_STEP_DONE && pr->p_end == EAP_STEP_DONE;
        size_t len = from->len;
        memcpy(packet, from->packet, len);
        if (pr->packets < sizeof(pr->types))
            pr->types[pr->packets] = len > 4 ? packet[4] : 0;
        pr->packets++;
        pr->longest = len > pr->longest ? len : pr->longest;
        if (pr->hook != NULL && !pr->hook(pr, to_peer, packet, &len))
            return false;
        struct eap_machine *to = to_peer ? pr->p : pr->s;
        step = settle(pr, to, eap_input(to, packet, len));
        if (to_peer && pr->s_end != EAP_STEP_SEND && step == EAP_STEP_SEND)
            return false; // it has not understood that it is over
    }
}

void pair_free(struct pair *pr)
{
    eap_machine_free(pr->s);
    eap_machine_free(pr->p);
    pr->s = pr->p = NULL;
}

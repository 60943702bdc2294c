// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/eap/eap_guard.h"

#include "hostd/eap/eap_codec.h"

const char *eap_guard_response(struct eap_guard *g, const void *packet, size_t len)
{
    struct eap_packet p;
    const char *fault = eap_decode(packet, len, &p);
    if (fault != NULL) {
        return fault;
    }
    if (!g->out) {
        return "that nobody asked for";
    }
    if (p.code != EAP_RESPONSE) {
        return "that is not a Response";
    }
    if (p.id != g->id) {
        return "whose identifier is not that of the request";
    }
    bool nak = p.type == EAP_T_NAK && g->type > EAP_T_NAK && g->method == 0;
    if (p.type != g->type && !nak) {
        return "of another type than the request";
    }
    g->bytes += len;
    if (g->requests > EAP_MAX_ROUNDS || g->bytes > EAP_MAX_BYTES) {
        return "above the limit of messages or bytes";
    }
    g->out = false;
    if (p.type > EAP_T_NAK) {
        g->method = p.type;
    }
    return NULL;
}

static const char *request_fault(const struct eap_guard *g, const struct eap_packet *p)
{
    if (p->code != EAP_REQUEST) {
        return "that is not a Request";
    }
    if (g->requests > 0 && p->id == g->id) {
        return "whose identifier is that of the request before";
    }
    if (p->type == EAP_T_NAK) {
        return "that is a request of type Nak";
    }
    if (g->method != 0 && p->type != g->method && p->type != EAP_T_NOTIFICATION) {
        return "that changes the method in the middle";
    }
    return NULL;
}

const char *eap_guard_answer(struct eap_guard *g, const struct eap_answer *a)
{
    struct eap_packet p = {0};
    const char *fault = a->packet == NULL ? NULL : eap_decode(a->packet, a->len, &p);
    if (fault != NULL) {
        return fault;
    }
    switch (a->verdict) {
    case EAP_V_CONTINUE:
        fault = a->packet == NULL ? "that is missing" : request_fault(g, &p);
        if (fault == NULL) {
            g->out = true;
            g->id = p.id;
            g->type = p.type;
            g->requests++;
        }
        return fault;
    case EAP_V_SUCCESS:
        if (a->packet != NULL && (p.code != EAP_SUCCESS || p.id != g->id)) {
            return "that is no Success to the last response";
        }
        if (g->method == 0) {
            return "that is a success without a method";
        }
        if (a->msk_len != 0 && (a->msk_len < EAP_MSK || a->msk_len > EAP_MAX_MSK)) {
            return "with a key of the wrong size";
        }
        return NULL;
    case EAP_V_FAILURE:
        return NULL;
    }
    return "without a verdict";
}

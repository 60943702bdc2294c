// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/eap/eap_local.h"

#include "hostd/eap/eap_machine.h"
#include "hostd/util/map.h"

#include <stdlib.h>

struct eap_local {
    struct eap_local_env env;
    struct eap_backend backend;
    struct map asked; // token of a secret or check -> conversation
    uint64_t last;    // token
};

// A conversation. While its job runs nothing else touches the machine; when it ends meanwhile it is released
// afterwards.
struct eap_job {
    struct eap_local *l;
    struct eap_machine *machine;
    const struct eap_settings *settings;
    uint64_t token; // of the hub's question
    uint64_t own;   // of ours, for a secret or a check; 0: none is out
    bool busy, dead;
};

static void *begin(void *ctx, const struct eap_begin *b)
{
    struct eap_job *j = calloc(1, sizeof(*j));
    if (j == NULL) {
        return NULL;
    }
    j->l = ctx;
    j->settings = b->settings;
    j->machine = eap_machine_new(b->settings, b->identity, b->identity_len);
    if (j->machine == NULL) {
        free(j);
        return NULL;
    }
    return j;
}

static void release(struct eap_job *j)
{
    eap_machine_free(j->machine);
    free(j);
}

static void end(void *ctx, void *conversation)
{
    struct eap_job *j = conversation;
    struct eap_local *l = ctx;
    if (j->own != 0) {
        map_del(&l->asked, j->own);
    }
    j->dead = true;
    if (!j->busy) {
        release(j);
    }
}

// Nothing of the conversation may be touched after this: the answer may have ended it.
static void say(struct eap_job *j, enum eap_step step)
{
    const struct eap_core *c = eap_core(j->machine);
    const struct eap_answer a = {
        .verdict = step == EAP_STEP_SEND   ? EAP_V_CONTINUE
                   : step == EAP_STEP_DONE ? EAP_V_SUCCESS
                                           : EAP_V_FAILURE,
        .packet = c->len > 0 ? c->packet : NULL,
        .len = c->len,
        .msk = step == EAP_STEP_DONE && c->msk_len > 0 ? c->msk : NULL,
        .msk_len = step == EAP_STEP_DONE ? c->msk_len : 0,
        .identity = c->identity_len > 0 ? c->identity : NULL,
        .identity_len = c->identity_len,
        .why = c->why[0] != '\0' ? c->why : NULL,
    };
    eap_hub_answer(j->l->env.hub, j->token, &a);
}

static void drive(struct eap_job *j, enum eap_step step);

static struct eap_job *answered(struct eap_local *l, uint64_t token)
{
    struct eap_job *j = map_del(&l->asked, token);
    if (j != NULL) {
        j->own = 0;
    }
    return j;
}

static void on_secret(void *arg, uint64_t token, const uint8_t *secret, size_t len)
{
    struct eap_job *j = answered(arg, token);
    if (j != NULL) {
        drive(j, eap_secret(j->machine, secret, len));
    }
}

static void on_checked(void *arg, uint64_t token, const char *why)
{
    struct eap_job *j = answered(arg, token);
    if (j != NULL) {
        drive(j, eap_checked(j->machine, why));
    }
}

// Ask for a secret, or for the certificates to be checked.
static void ask(struct eap_job *j, enum eap_step step)
{
    struct eap_local *l = j->l;
    const struct eap_core *c = eap_core(j->machine);
    const bool secret = step == EAP_STEP_SECRET;
    uint64_t token = ++l->last;
    if (!map_set(&l->asked, token, j)) {
        drive(j, secret ? eap_secret(j->machine, NULL, 0) : eap_checked(j->machine, "no memory"));
        return;
    }
    j->own = token;
    if (secret) {
        l->env.secrets.find(l->env.secrets.ctx, c->identity, c->identity_len, token, on_secret, l);
    } else {
        size_t n;
        const struct eap_der *cert = eap_certs(j->machine, &n);
        l->env.checks.check(l->env.checks.ctx, j->settings, cert, n, token, on_checked, l);
    }
}

static void drive(struct eap_job *j, enum eap_step step)
{
    while (step == EAP_STEP_JOB) {
        j->busy = true;
        if (j->l->env.submit != NULL) {
            j->l->env.submit(j->l->env.ctx, j);
            return;
        }
        eap_job(j->machine);
        j->busy = false;
        step = eap_job_done(j->machine);
    }
    if (step == EAP_STEP_SECRET || step == EAP_STEP_CHECK) {
        ask(j, step);
    } else {
        say(j, step);
    }
}

static void input(void *ctx, void *conversation, uint64_t token, const uint8_t *packet, size_t len)
{
    struct eap_job *j = conversation;
    (void)ctx;
    j->token = token;
    drive(j, eap_input(j->machine, packet, len));
}

void eap_job_run(struct eap_job *job)
{
    eap_job(job->machine);
}

void eap_job_complete(struct eap_job *job)
{
    job->busy = false;
    if (job->dead) {
        release(job);
    } else {
        drive(job, eap_job_done(job->machine));
    }
}

struct eap_local *eap_local_new(const struct eap_local_env *env)
{
    struct eap_local *l = calloc(1, sizeof(*l));
    if (l != NULL) {
        l->env = *env;
        l->backend = (struct eap_backend){.name = "local", .begin = begin, .input = input, .end = end, .ctx = l};
    }
    return l;
}

void eap_local_free(struct eap_local *l)
{
    if (l != NULL) {
        map_free(&l->asked);
        free(l);
    }
}

const struct eap_backend *eap_local_backend(const struct eap_local *l)
{
    return &l->backend;
}

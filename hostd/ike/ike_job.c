// SPDX-License-Identifier: BSD-2-Clause
// Public-key work, in another thread or at once.
#include "hostd/ike/ike_int.h"
#include "hostd/ike/ike_sign.h"

#include <openssl/crypto.h>

void ike_job_discard(struct ike_job *job)
{
    if (job == NULL)
        return;
    EVP_PKEY_free(job->key);
    free(job->data);
    free(job->auth);
    OPENSSL_cleanse(job, sizeof(*job));
    free(job);
}

void ike_job_run(struct ike_job *job)
{
    if (job->kind == IKE_JOB_SIGN) {
        job->ok = ike_sign(job->key, job->hashes, job->data, job->data_len, &job->method, &job->auth, &job->auth_len);
        return;
    }
    if (job->kind == IKE_JOB_VERIFY) {
        job->why = ike_sign_verify(job->key, job->method, job->auth, job->auth_len, job->data, job->data_len);
        job->ok = job->why == NULL;
        return;
    }
    job->ok = true;
    if (job->generate) {
        job->key = ike_dh_generate(job->group, job->pub, &job->pub_len);
        job->ok = job->key != NULL;
    }
    if (job->ok && job->derive)
        job->ok = ike_dh_derive(job->group, job->key, job->peer, job->peer_len, job->secret, &job->secret_len);
}

bool ike_job_is_cheap(const struct ike_job *job)
{
    switch (job->kind) {
    case IKE_JOB_DH:
        return job->group == IKE_DH_X25519 || job->group == IKE_DH_ECP_256;
    case IKE_JOB_SIGN:
        return ike_sign_is_cheap(job->key, true);
    case IKE_JOB_VERIFY:
        return ike_sign_is_cheap(job->key, false);
    }
    return false;
}

void ike_job_complete(struct ike_engine *e, struct ike_job *job, uint64_t now)
{
    ike_enter(e, now);
    struct ike_sa *sa = ike_sa_by_spi(e, job->spi);
    struct ike_task *t = sa && job->slot == IKE_JOB_TASK ? ike_task_by_job(sa, job->serial) : NULL;
    if (t) {
        const bool before = ike_task_enter(t);
        t->job = 0;
        job->done(sa, job);
        ike_task_leave(sa, before);
    } else if (sa && sa->job == job->serial) {
        sa->job = 0;
        job->done(sa, job);
    }
    ike_job_discard(job);
    ike_leave(e);
}

static struct ike_job *new_job(struct ike_sa *sa, enum ike_job_slot slot, enum ike_job_kind kind,
                               void (*done)(struct ike_sa *sa, struct ike_job *job))
{
    struct ike_engine *e = sa->e;
    uint64_t *serial = slot == IKE_JOB_REQUEST ? &sa->job : sa->task ? &sa->task->job : NULL;
    struct ike_job *job = serial ? ike_zalloc(e, sizeof(*job)) : NULL;
    if (job == NULL)
        return NULL;
    job->e = e;
    job->spi = ike_local_spi(sa);
    job->serial = *serial = ++e->last_job;
    job->slot = slot;
    job->kind = kind;
    job->done = done;
    return job;
}

static void submit(struct ike_engine *e, struct ike_job *job)
{
    if (e->ops->submit) {
        e->ops->submit(e->ctx, job);
    } else {
        ike_job_run(job);
        ike_job_complete(e, job, e->now);
    }
}

bool ike_job_sign(struct ike_sa *sa, enum ike_job_slot slot, EVP_PKEY *key, uint8_t *data, size_t len,
                  void (*done)(struct ike_sa *sa, struct ike_job *job))
{
    struct ike_job *job = new_job(sa, slot, IKE_JOB_SIGN, done);
    if (job == NULL || EVP_PKEY_up_ref(key) != 1) {
        free(data);
        ike_job_discard(job);
        return false;
    }
    job->key = key;
    job->data = data;
    job->data_len = len;
    job->hashes = sa->hashes & IKE_HASHES;
    submit(sa->e, job);
    return true;
}

bool ike_job_verify(struct ike_sa *sa, enum ike_job_slot slot, EVP_PKEY *key, uint8_t *data, size_t len, uint8_t method,
                    uint8_t *auth, size_t auth_len, void (*done)(struct ike_sa *sa, struct ike_job *job))
{
    struct ike_job *job = new_job(sa, slot, IKE_JOB_VERIFY, done);
    if (job == NULL) {
        EVP_PKEY_free(key);
        free(data);
        free(auth);
        return false;
    }
    job->key = key;
    job->data = data;
    job->data_len = len;
    job->method = method;
    job->auth = auth;
    job->auth_len = auth_len;
    submit(sa->e, job);
    return true;
}

bool ike_job_start(struct ike_sa *sa, enum ike_job_slot slot, uint16_t group, EVP_PKEY *key, struct ike_bytes peer,
                   void (*done)(struct ike_sa *sa, struct ike_job *job))
{
    struct ike_job *job = peer.len <= IKE_MAX_KE ? new_job(sa, slot, IKE_JOB_DH, done) : NULL;
    if (job == NULL) {
        EVP_PKEY_free(key);
        return false;
    }
    job->group = group;
    job->key = key;
    job->generate = key == NULL;
    job->derive = peer.p != NULL;
    job->peer_len = peer.len;
    if (peer.p)
        memcpy(job->peer, peer.p, peer.len);
    submit(sa->e, job);
    return true;
}

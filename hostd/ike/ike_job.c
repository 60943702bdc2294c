// SPDX-License-Identifier: BSD-2-Clause
// Public-key work, in another thread or at once.
#include "hostd/ike/ike_int.h"

#include <openssl/crypto.h>

void ike_job_discard(struct ike_job *job)
{
    if (job == NULL)
        return;
    EVP_PKEY_free(job->key);
    OPENSSL_cleanse(job, sizeof(*job));
    free(job);
}

void ike_job_run(struct ike_job *job)
{
    job->ok = true;
    if (job->generate) {
        job->key = ike_dh_generate(job->group, job->pub, &job->pub_len);
        job->ok = job->key != NULL;
    }
    if (job->ok && job->derive)
        job->ok = ike_dh_derive(job->group, job->key, job->peer, job->peer_len, job->secret, &job->secret_len);
}

void ike_job_complete(struct ike_engine *e, struct ike_job *job, uint64_t now)
{
    ike_enter(e, now);
    struct ike_sa *sa = ike_sa_by_spi(e, job->spi);
    if (sa && sa->job[job->slot] == job->serial) {
        sa->job[job->slot] = 0;
        job->done(sa, job);
    }
    ike_job_discard(job);
    ike_leave(e);
}

bool ike_job_start(struct ike_sa *sa, enum ike_job_slot slot, uint16_t group, EVP_PKEY *key, struct ike_bytes peer,
                   void (*done)(struct ike_sa *sa, struct ike_job *job))
{
    struct ike_engine *e = sa->e;
    struct ike_job *job = peer.len <= IKE_MAX_KE ? ike_zalloc(e, sizeof(*job)) : NULL;
    if (job == NULL) {
        EVP_PKEY_free(key);
        return false;
    }
    job->e = e;
    job->spi = ike_local_spi(sa);
    job->serial = sa->job[slot] = ++e->last_job;
    job->slot = slot;
    job->done = done;
    job->group = group;
    job->key = key;
    job->generate = key == NULL;
    job->derive = peer.p != NULL;
    job->peer_len = peer.len;
    if (peer.p)
        memcpy(job->peer, peer.p, peer.len);
    if (e->ops->submit) {
        e->ops->submit(e->ctx, job);
    } else {
        ike_job_run(job);
        ike_job_complete(e, job, e->now);
    }
    return true;
}

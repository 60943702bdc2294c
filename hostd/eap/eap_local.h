// SPDX-License-Identifier: BSD-2-Clause
// The backend that speaks EAP itself: runs the machines (eap_machine.h) of either role, asks for secrets, and gives
// public-key work away.
#ifndef CULVERT_EAP_EAP_LOCAL_H
#define CULVERT_EAP_EAP_LOCAL_H

#include "hostd/eap/eap_backend.h"

struct eap_local;
struct eap_job;

struct eap_local_env {
    struct eap_hub *hub;
    struct eap_secrets secrets;
    struct eap_checks checks; ///< asked where settings->check_certs is set
    /// Run eap_job_run() in any thread, then eap_job_complete() in the loop's. NULL: jobs run at once.
    void (*submit)(void *ctx, struct eap_job *job);
    void *ctx;
};

/// NULL: no memory.
struct eap_local *eap_local_new(const struct eap_local_env *env);
/// All conversations have ended. Jobs may still be out: they are to be completed, which then only releases them.
void eap_local_free(struct eap_local *l);
const struct eap_backend *eap_local_backend(const struct eap_local *l);

void eap_job_run(struct eap_job *job);
void eap_job_complete(struct eap_job *job);

#endif

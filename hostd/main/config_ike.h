// SPDX-License-Identifier: BSD-2-Clause
// The configuration payload's side of the daemon: what an authorization policy gives and tells, and what peers tell.
#ifndef CULVERT_MAIN_CONFIG_IKE_H
#define CULVERT_MAIN_CONFIG_IKE_H

#include "hostd/conf/model.h"
#include "hostd/ike/ike.h"

struct culvertd;

// As ike_ops has them.
int config_reply(void *ctx, uint32_t session, const struct ike_profile *p, const struct ike_id *remote,
                 const struct ike_cp_values *asked, struct ike_cp_values *out);
void config_set(void *ctx, uint32_t session, const struct ike_profile *p, struct ike_cp_values *out);
void config_free(void *ctx, uint32_t session, const struct ike_profile *p, const struct ip_addr *addr);
void config_taken(void *ctx, const struct ike_sa_info *sa);

void config_open(struct culvertd *d); // before all else
void config_up(struct culvertd *d, const struct ike_sa_info *sa);
void config_tick(struct culvertd *d);                            // once a second
void config_changed(struct culvertd *d, const struct conf *old); // the configuration was `old` before

#endif

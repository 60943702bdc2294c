// SPDX-License-Identifier: BSD-2-Clause
// `crypto pki certificate map`: does a certificate meet the conditions? Conditions of one sequence number must all
// hold; of the sequence numbers of a name one is enough.
#ifndef CULVERT_PKI_CERTMAP_H
#define CULVERT_PKI_CERTMAP_H

#include "hostd/conf/model.h"
#include "hostd/pki/cert.h"

// maps: of struct conf_certmap, as in struct conf. false also if there is no map of that name.
bool certmap_matches(const struct list *maps, const char *name, X509 *c);
// One sequence number alone.
bool certmap_entry_matches(const struct conf_certmap *m, X509 *c);

#endif

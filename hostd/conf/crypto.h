// SPDX-License-Identifier: BSD-2-Clause
// The algorithms that a configuration names, in words; and which of them it should rather not.
#ifndef CULVERT_CONF_CRYPTO_H
#define CULVERT_CONF_CRYPTO_H

#include "hostd/conf/model.h"

enum { CONF_TSET_TEXT = 64 };

// A transform set as its command has it: "esp-aes 256 esp-sha256-hmac". Returns out.
const char *conf_tset_text(const struct conf_tset *t, char out[CONF_TSET_TEXT]);

typedef void conf_word_fn(void *arg, const char *word);
// What in it is for old peers only: "encryption 3des", "integrity md5", "prf md5", "group 2"; "esp-3des",
// "esp-md5-hmac".
void conf_proposal_legacy(const struct conf_proposal *p, conf_word_fn *fn, void *arg);
void conf_tset_legacy(const struct conf_tset *t, conf_word_fn *fn, void *arg);

// A sentence for each of them in the whole configuration.
void conf_warnings(const struct conf *c, conf_word_fn *fn, void *arg);

#endif

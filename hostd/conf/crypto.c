// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/conf/crypto.h"

#include "hostd/conf/algs.h"

#include <stdio.h>

const char *conf_tset_text(const struct conf_tset *t, char out[CONF_TSET_TEXT])
{
    const struct alg *encr = alg_by_id(alg_esp_encr, t->encr, 0);
    const struct alg *integ = t->integ == 0 ? NULL : alg_by_id(alg_esp_integ, t->integ, 0);
    char bits[16] = "";
    if (t->bits != 0) {
        snprintf(bits, sizeof(bits), " %u", t->bits);
    }
    snprintf(out, CONF_TSET_TEXT, "%s%s%s%s", encr == NULL ? "" : encr->word, bits, integ == NULL ? "" : " ",
             integ == NULL ? "" : integ->word);
    return out;
}

static void each(const char *kind, const struct alg *table, const uint8_t *at, unsigned n, conf_word_fn *fn, void *arg)
{
    for (unsigned i = 0; i < n; i++) {
        if (table[at[i]].legacy) {
            char words[64];
            snprintf(words, sizeof(words), "%s %s", kind, table[at[i]].word);
            fn(arg, words);
        }
    }
}

void conf_proposal_legacy(const struct conf_proposal *p, conf_word_fn *fn, void *arg)
{
    each("encryption", alg_encr, p->encr, p->n_encr, fn, arg);
    each("integrity", alg_integ, p->integ, p->n_integ, fn, arg);
    each("prf", alg_prf, p->prf, p->n_prf, fn, arg);
    each("group", alg_group, p->group, p->n_group, fn, arg);
}

void conf_tset_legacy(const struct conf_tset *t, conf_word_fn *fn, void *arg)
{
    const struct alg *encr = alg_by_id(alg_esp_encr, t->encr, 0);
    const struct alg *integ = t->integ == 0 ? NULL : alg_by_id(alg_esp_integ, t->integ, 0);
    if (encr != NULL && encr->legacy) {
        fn(arg, encr->word);
    }
    if (integ != NULL && integ->legacy) {
        fn(arg, integ->word);
    }
}

// A warning in the making: what it is about, and who hears it.
struct warning {
    const char *what, *name;
    conf_word_fn *fn;
    void *arg;
};

static void warn(void *arg, const char *word)
{
    const struct warning *w = arg;
    char text[CONF_NAME + 128];
    snprintf(text, sizeof(text), "%s %s: %s is not safe any more, and for old peers only", w->what, w->name, word);
    w->fn(w->arg, text);
}

void conf_warnings(const struct conf *c, conf_word_fn *fn, void *arg)
{
    struct warning w = {.fn = fn, .arg = arg};
    for (size_t i = 0; i < c->proposals.n; i++) {
        const struct conf_proposal *p = c->proposals.at[i];
        w.what = "crypto ikev2 proposal";
        w.name = p->name;
        if (!p->disabled) {
            conf_proposal_legacy(p, warn, &w);
        }
    }
    for (size_t i = 0; i < c->tsets.n; i++) {
        const struct conf_tset *t = c->tsets.at[i];
        w.what = "crypto ipsec transform-set";
        w.name = t->name;
        if (!t->disabled) {
            conf_tset_legacy(t, warn, &w);
        }
    }
    for (size_t i = 0; i < c->ipsecs.n; i++) {
        const struct conf_ipsec *p = c->ipsecs.at[i];
        w.what = "crypto ipsec profile";
        w.name = p->name;
        if (!p->disabled && p->pfs != 0 && alg_group[p->pfs - 1].legacy) {
            char words[32];
            snprintf(words, sizeof(words), "set pfs group%s", alg_group[p->pfs - 1].word);
            warn(&w, words);
        }
    }
}

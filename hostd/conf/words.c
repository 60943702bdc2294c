// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/conf/grammar.h"

#include <ctype.h>
#include <string.h>

bool words_split(struct words *w, const char *line)
{
    w->n = 0;
    while (isspace((unsigned char)*line)) {
        line++;
    }
    size_t len = strlen(line), full = len;
    while (len > 0 && isspace((unsigned char)line[len - 1])) {
        len--;
    }
    w->space_at_end = full > len || len == 0;
    if (len >= sizeof(w->raw)) {
        return false;
    }
    memcpy(w->raw, line, len);
    w->raw[len] = '\0';
    memcpy(w->text, w->raw, len + 1);
    bool in_word = false;
    for (size_t i = 0; i < len; i++) {
        bool space = isspace((unsigned char)w->text[i]);
        if (space) {
            w->text[i] = '\0';
        } else if (!in_word) {
            if (w->n == WORDS_MAX) {
                return false;
            }
            w->start[w->n++] = (unsigned)i;
        }
        in_word = !space;
    }
    return true;
}

const char *words_at(const struct words *w, unsigned i)
{
    return i < w->n ? w->text + w->start[i] : "";
}

const struct arg *args_nth(const struct args *a, const char *name, unsigned i)
{
    for (unsigned k = 0; k < a->n; k++) {
        if (strcmp(a->at[k].name, name) == 0 && i-- == 0) {
            return &a->at[k];
        }
    }
    return NULL;
}

const struct arg *args_get(const struct args *a, const char *name)
{
    return args_nth(a, name, 0);
}

const char *args_text(const struct args *a, const char *name)
{
    const struct arg *arg = args_get(a, name);
    return arg == NULL ? "" : arg->text;
}

uint32_t args_number(const struct args *a, const char *name, uint32_t otherwise)
{
    const struct arg *arg = args_get(a, name);
    return arg == NULL ? otherwise : arg->number;
}

struct in_addr args_addr(const struct args *a, const char *name)
{
    const struct arg *arg = args_get(a, name);
    return arg == NULL ? (struct in_addr){0} : arg->addr;
}

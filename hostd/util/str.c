// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/util/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool room(struct str *s, size_t more)
{
    if (s->failed) {
        return false;
    }
    if (s->len + more + 1 > s->cap) {
        size_t cap = s->cap == 0 ? 256 : s->cap;
        while (cap < s->len + more + 1) {
            cap *= 2;
        }
        char *grown = realloc(s->text, cap);
        if (grown == NULL) {
            s->failed = true;
            return false;
        }
        s->text = grown;
        s->cap = cap;
    }
    return true;
}

void str_addn(struct str *s, const char *text, size_t len)
{
    if (room(s, len)) {
        memcpy(s->text + s->len, text, len);
        s->len += len;
        s->text[s->len] = '\0';
    }
}

void str_add(struct str *s, const char *text)
{
    str_addn(s, text, strlen(text));
}

void str_addf(struct str *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0 || !room(s, (size_t)len)) {
        return;
    }
    va_start(args, format);
    vsnprintf(s->text + s->len, (size_t)len + 1, format, args);
    va_end(args);
    s->len += (size_t)len;
}

const char *str_text(const struct str *s)
{
    return s->text == NULL ? "" : s->text;
}

void str_free(struct str *s)
{
    free(s->text);
    *s = (struct str){0};
}

bool str_copy(char *to, size_t cap, const char *from)
{
    size_t len = strlen(from);
    bool fits = len < cap;
    if (!fits) {
        len = cap - 1;
    }
    memcpy(to, from, len);
    to[len] = '\0';
    return fits;
}

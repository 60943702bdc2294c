// SPDX-License-Identifier: BSD-2-Clause
// A growing text, and copies into fixed fields.
#ifndef CULVERT_UTIL_STR_H
#define CULVERT_UTIL_STR_H

#include <stdbool.h>
#include <stddef.h>

struct str {
    char *text; // NULL while empty; always terminated otherwise
    size_t len, cap;
    bool failed; // sticky: no memory, the text is cut
};

void str_addf(struct str *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
void str_add(struct str *s, const char *text);
void str_addn(struct str *s, const char *text, size_t len);
// The text, "" if empty.
const char *str_text(const struct str *s);
void str_free(struct str *s);

// Copy text into a field of `cap` bytes, always terminated. false: it was cut.
bool str_copy(char *to, size_t cap, const char *from);

#endif

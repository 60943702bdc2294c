// SPDX-License-Identifier: BSD-2-Clause
// Small text building for the console and the panic record, where printf would be too large and too slow.
#pragma once
#include <stddef.h>
#include <stdint.h>

struct text {
    char *data; // owned by the caller; always ends with a 0
    size_t used, size;
};

// Starts an empty text in `size` (at least 1) bytes. What does not fit is cut off.
void text_init(struct text *t, char *data, size_t size);
void text_add(struct text *t, const char *string);
void text_dec(struct text *t, uint32_t value);
void text_hex(struct text *t, uint32_t value); // 0x and eight digits

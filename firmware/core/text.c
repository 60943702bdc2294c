// SPDX-License-Identifier: BSD-2-Clause
#include "firmware/core/text.h"

void text_init(struct text *t, char *data, size_t size)
{
    t->data = data;
    t->used = 0;
    t->size = size;
    t->data[0] = 0;
}

static void add(struct text *t, char c)
{
    if (t->used + 1 >= t->size)
        return;
    t->data[t->used++] = c;
    t->data[t->used] = 0;
}

void text_add(struct text *t, const char *string)
{
    while (*string)
        add(t, *string++);
}

void text_dec(struct text *t, uint32_t value)
{
    char digit[10];
    unsigned n = 0;
    do {
        digit[n++] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    while (n)
        add(t, digit[--n]);
}

void text_hex(struct text *t, uint32_t value)
{
    text_add(t, "0x");
    for (int shift = 28; shift >= 0; shift -= 4)
        add(t, "0123456789abcdef"[(value >> shift) & 0xf]);
}

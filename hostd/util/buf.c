// SPDX-License-Identifier: BSD-2-Clause
// Bounded readers and writers of wire formats; see buf.h.
#include "hostd/util/buf.h"

#include <string.h>

void buf_init(struct buf *b, const void *data, size_t len)
{
    b->p = b->end = data;
    b->failed = data == NULL && len > 0;
    if (data)
        b->end += len;
}

bool buf_ok(const struct buf *b)
{
    return !b->failed;
}

size_t buf_left(const struct buf *b)
{
    return b->failed ? 0 : (size_t)(b->end - b->p);
}

void buf_fail(struct buf *b)
{
    b->failed = true;
    b->p = b->end;
}

const uint8_t *buf_take(struct buf *b, size_t len)
{
    if (b->failed || len > (size_t)(b->end - b->p)) {
        buf_fail(b);
        return NULL;
    }
    const uint8_t *at = b->p;
    if (len)
        b->p += len;
    return at;
}

// Read `n` <= 8 bytes, first byte most significant.
static uint64_t take_be(struct buf *b, size_t n)
{
    const uint8_t *p = buf_take(b, n);
    uint64_t v = 0;
    if (p) {
        for (size_t i = 0; i < n; i++)
            v = v << 8 | p[i];
    }
    return v;
}

// Read `n` <= 8 bytes, first byte least significant.
static uint64_t take_le(struct buf *b, size_t n)
{
    const uint8_t *p = buf_take(b, n);
    uint64_t v = 0;
    if (p) {
        for (size_t i = n; i > 0; i--)
            v = v << 8 | p[i - 1];
    }
    return v;
}

uint8_t buf_u8(struct buf *b)
{
    return (uint8_t)take_be(b, 1);
}

uint16_t buf_u16(struct buf *b)
{
    return (uint16_t)take_be(b, 2);
}

uint32_t buf_u24(struct buf *b)
{
    return (uint32_t)take_be(b, 3);
}

uint32_t buf_u32(struct buf *b)
{
    return (uint32_t)take_be(b, 4);
}

uint64_t buf_u64(struct buf *b)
{
    return take_be(b, 8);
}

uint16_t buf_u16_le(struct buf *b)
{
    return (uint16_t)take_le(b, 2);
}

uint32_t buf_u32_le(struct buf *b)
{
    return (uint32_t)take_le(b, 4);
}

uint64_t buf_u64_le(struct buf *b)
{
    return take_le(b, 8);
}

void buf_bytes(struct buf *b, void *out, size_t len)
{
    const uint8_t *p = buf_take(b, len);
    if (len == 0)
        return;
    if (p)
        memcpy(out, p, len);
    else
        memset(out, 0, len);
}

void buf_skip(struct buf *b, size_t len)
{
    (void)buf_take(b, len);
}

struct buf buf_sub(struct buf *b, size_t len)
{
    struct buf sub;
    const uint8_t *p = buf_take(b, len);
    if (b->failed) {
        buf_init(&sub, NULL, 0);
        sub.failed = true;
    } else {
        buf_init(&sub, p, len);
    }
    return sub;
}

void wbuf_init(struct wbuf *w, void *data, size_t cap)
{
    w->data = data;
    w->len = 0;
    w->cap = data ? cap : 0;
    w->failed = false;
}

bool wbuf_ok(const struct wbuf *w)
{
    return !w->failed;
}

size_t wbuf_room(const struct wbuf *w)
{
    return w->failed ? 0 : w->cap - w->len;
}

void wbuf_fail(struct wbuf *w)
{
    w->failed = true;
}

uint8_t *wbuf_put(struct wbuf *w, size_t len)
{
    if (w->failed || w->data == NULL || len > w->cap - w->len) {
        w->failed = w->failed || len > 0;
        return NULL;
    }
    uint8_t *at = w->data + w->len;
    w->len += len;
    return at;
}

// Write the `n` <= 8 low bytes of v, most significant first.
static void put_be(uint8_t *p, uint64_t v, size_t n)
{
    if (p == NULL)
        return;
    for (size_t i = n; i > 0; i--) {
        p[i - 1] = (uint8_t)v;
        v >>= 8;
    }
}

// Write the `n` <= 8 low bytes of v, least significant first.
static void put_le(uint8_t *p, uint64_t v, size_t n)
{
    if (p == NULL)
        return;
    for (size_t i = 0; i < n; i++) {
        p[i] = (uint8_t)v;
        v >>= 8;
    }
}

void wbuf_u8(struct wbuf *w, uint8_t v)
{
    put_be(wbuf_put(w, 1), v, 1);
}

void wbuf_u16(struct wbuf *w, uint16_t v)
{
    put_be(wbuf_put(w, 2), v, 2);
}

void wbuf_u24(struct wbuf *w, uint32_t v)
{
    put_be(wbuf_put(w, 3), v, 3);
}

void wbuf_u32(struct wbuf *w, uint32_t v)
{
    put_be(wbuf_put(w, 4), v, 4);
}

void wbuf_u64(struct wbuf *w, uint64_t v)
{
    put_be(wbuf_put(w, 8), v, 8);
}

void wbuf_u16_le(struct wbuf *w, uint16_t v)
{
    put_le(wbuf_put(w, 2), v, 2);
}

void wbuf_u32_le(struct wbuf *w, uint32_t v)
{
    put_le(wbuf_put(w, 4), v, 4);
}

void wbuf_u64_le(struct wbuf *w, uint64_t v)
{
    put_le(wbuf_put(w, 8), v, 8);
}

void wbuf_bytes(struct wbuf *w, const void *data, size_t len)
{
    uint8_t *p = wbuf_put(w, len);
    if (p && len)
        memcpy(p, data, len);
}

void wbuf_zeros(struct wbuf *w, size_t len)
{
    uint8_t *p = wbuf_put(w, len);
    if (p && len)
        memset(p, 0, len);
}

// A pointer to `n` bytes already written at `at`, or NULL with the error set.
static uint8_t *written(struct wbuf *w, size_t at, size_t n)
{
    if (w->failed || at > w->len || n > w->len - at) {
        w->failed = true;
        return NULL;
    }
    return w->data + at;
}

void wbuf_patch_u8(struct wbuf *w, size_t at, uint8_t v)
{
    put_be(written(w, at, 1), v, 1);
}

void wbuf_patch_u16(struct wbuf *w, size_t at, uint16_t v)
{
    put_be(written(w, at, 2), v, 2);
}

void wbuf_patch_u32(struct wbuf *w, size_t at, uint32_t v)
{
    put_be(written(w, at, 4), v, 4);
}

void wbuf_patch_len16(struct wbuf *w, size_t at, size_t from)
{
    if (from > w->len || w->len - from > UINT16_MAX)
        w->failed = true;
    else
        wbuf_patch_u16(w, at, (uint16_t)(w->len - from));
}

void wbuf_patch_len32(struct wbuf *w, size_t at, size_t from)
{
    if (from > w->len || w->len - from > UINT32_MAX)
        w->failed = true;
    else
        wbuf_patch_u32(w, at, (uint32_t)(w->len - from));
}

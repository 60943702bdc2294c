// SPDX-License-Identifier: BSD-2-Clause
// Bounded readers and writers of wire formats.
//
// Every access is checked against the end of the memory. The first access that does not fit sets a sticky error;
// from then on reads give zero (or NULL) and writes do nothing, so that a parser can read a whole structure and ask
// once, with buf_ok() / wbuf_ok(), before it interprets anything. Neither type owns memory.
#ifndef CULVERT_UTIL_BUF_H
#define CULVERT_UTIL_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Reads from memory that the caller keeps alive. Plain `u16` etc. are big-endian, `_le` are little-endian.
struct buf {
    const uint8_t *p;   ///< next byte to be read
    const uint8_t *end; ///< one past the last byte
    bool failed;        ///< sticky: a read went past the end
};

/// Start reading `len` bytes at `data` (NULL is allowed when len is 0).
void buf_init(struct buf *b, const void *data, size_t len);
/// True while no read has failed.
bool buf_ok(const struct buf *b);
/// Bytes that are left; 0 after an error.
size_t buf_left(const struct buf *b);
/// Set the sticky error, for a caller that finds the content wrong.
void buf_fail(struct buf *b);

uint8_t buf_u8(struct buf *b);
uint16_t buf_u16(struct buf *b);
uint32_t buf_u24(struct buf *b);
uint32_t buf_u32(struct buf *b);
uint64_t buf_u64(struct buf *b);
uint16_t buf_u16_le(struct buf *b);
uint32_t buf_u32_le(struct buf *b);
uint64_t buf_u64_le(struct buf *b);

/// Take `len` bytes in place: a pointer into the memory, or NULL if there are fewer (also NULL after any error).
const uint8_t *buf_take(struct buf *b, size_t len);
/// Copy `len` bytes to `out`; on an error `out` is filled with zeros.
void buf_bytes(struct buf *b, void *out, size_t len);
/// Pass over `len` bytes.
void buf_skip(struct buf *b, size_t len);
/// A reader of exactly the next `len` bytes, which are passed over here. Too few: both readers have failed.
struct buf buf_sub(struct buf *b, size_t len);

/// Writes into memory of fixed size that the caller owns.
struct wbuf {
    uint8_t *data; ///< first byte
    size_t len;    ///< bytes written so far
    size_t cap;    ///< size of the memory
    bool failed;   ///< sticky: a write did not fit, or a patch was out of range
};

/// Start writing into `cap` bytes at `data`.
void wbuf_init(struct wbuf *w, void *data, size_t cap);
/// True while no write has failed.
bool wbuf_ok(const struct wbuf *w);
/// Bytes that still fit; 0 after an error.
size_t wbuf_room(const struct wbuf *w);
/// Set the sticky error.
void wbuf_fail(struct wbuf *w);

void wbuf_u8(struct wbuf *w, uint8_t v);
void wbuf_u16(struct wbuf *w, uint16_t v);
void wbuf_u24(struct wbuf *w, uint32_t v);
void wbuf_u32(struct wbuf *w, uint32_t v);
void wbuf_u64(struct wbuf *w, uint64_t v);
void wbuf_u16_le(struct wbuf *w, uint16_t v);
void wbuf_u32_le(struct wbuf *w, uint32_t v);
void wbuf_u64_le(struct wbuf *w, uint64_t v);
void wbuf_bytes(struct wbuf *w, const void *data, size_t len);
void wbuf_zeros(struct wbuf *w, size_t len);
/// Room for `len` bytes that the caller fills at once: a pointer into the memory, or NULL.
uint8_t *wbuf_put(struct wbuf *w, size_t len);

/// Overwrite bytes already written, at offset `at` from the first (for lengths and counts known only later).
void wbuf_patch_u8(struct wbuf *w, size_t at, uint8_t v);
void wbuf_patch_u16(struct wbuf *w, size_t at, uint16_t v);
void wbuf_patch_u32(struct wbuf *w, size_t at, uint32_t v);
/// Write into the big-endian 16-bit field at `at` the number of bytes from offset `from` to here; over 65,535 fails.
void wbuf_patch_len16(struct wbuf *w, size_t at, size_t from);
/// The same for a 32-bit field.
void wbuf_patch_len32(struct wbuf *w, size_t at, size_t from);

#endif

// SPDX-License-Identifier: BSD-2-Clause
// EAP packets: bytes to structures and back. No state, no I/O. What decodes has been checked whole; pointers are into
// the bytes that were given.
#ifndef CULVERT_EAP_EAP_CODEC_H
#define CULVERT_EAP_EAP_CODEC_H

#include "hostd/eap/eap_const.h"
#include "hostd/util/buf.h"

/// A packet (RFC 3748 4). Success and Failure have type 0 and no data.
struct eap_packet {
    uint8_t code, id, type;
    const uint8_t *data; ///< after the type
    size_t len;
};

/// NULL: `out` is filled in. Else a sentence that says what is wrong; `out` is then not to be used.
const char *eap_decode(const void *data, size_t len, struct eap_packet *out);

/// Begin a request or response; its type data is written next, then eap_put_end() sets the length.
void eap_put(struct wbuf *w, uint8_t code, uint8_t id, uint8_t type);
void eap_put_end(struct wbuf *w);
/// A Success or Failure, whole.
void eap_put_verdict(struct wbuf *w, uint8_t code, uint8_t id);

/// MSCHAPv2's own header and content (draft-kamath-pppext-eap-mschapv2). Success and Failure of the peer are the
/// operation alone.
struct eap_ms {
    uint8_t op, id;
    const uint8_t *value; ///< challenge: 16 bytes; response: 49 bytes; else NULL
    const uint8_t *text;  ///< name (challenge, response) or message (success, failure)
    size_t text_len;
};
const char *eap_ms_decode(const void *data, size_t len, struct eap_ms *out);
void eap_ms_put(struct wbuf *w, const struct eap_ms *m);

/// MD5-Challenge (RFC 3748 5.4, RFC 1994 4.1): value and name.
struct eap_md5 {
    const uint8_t *value, *name;
    size_t value_len, name_len;
};
const char *eap_md5_decode(const void *data, size_t len, struct eap_md5 *out);
void eap_md5_put(struct wbuf *w, const struct eap_md5 *m);

/// A piece of TLS (RFC 5216 3).
struct eap_tls_piece {
    uint8_t flags;  ///< enum eap_tls_flag
    uint32_t total; ///< with EAP_TLS_LENGTH: bytes of the whole flight; else 0
    const uint8_t *data;
    size_t len;
};
const char *eap_tls_decode(const void *data, size_t len, struct eap_tls_piece *out);
void eap_tls_put(struct wbuf *w, const struct eap_tls_piece *t);

#endif

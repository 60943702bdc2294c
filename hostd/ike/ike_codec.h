// SPDX-License-Identifier: BSD-2-Clause
// IKEv2 messages: bytes to structures and back (RFC 7296 section 3, RFC 7383 2.5). No state, no I/O, no allocation.
//
// Decoding validates the whole of every payload that we know before anything is interpreted; the structures point into
// the message, which must stay in memory. Building appends payloads to memory of fixed size; an overflow is sticky.
#ifndef CULVERT_IKE_CODEC_H
#define CULVERT_IKE_CODEC_H

#include "hostd/ike/ike.h"
#include "hostd/util/buf.h"

/// A piece of a message. p is NULL where there is none.
struct ike_bytes {
    const uint8_t *p;
    size_t len;
};

struct ike_header {
    uint64_t spi_i, spi_r;
    uint8_t next;     ///< type of the first payload
    uint8_t version;  ///< major << 4 | minor
    uint8_t exchange; ///< enum ike_exchange
    uint8_t flags;    ///< enum ike_flag
    uint32_t mid;
    uint32_t length; ///< of the whole message, as it says
};

struct ike_notify_in {
    uint16_t type;
    uint8_t proto;
    struct ike_bytes spi, data;
};

struct ike_delete_in {
    uint8_t proto;
    uint8_t spi_size; ///< 0 or 4
    uint16_t count;
    const uint8_t *spis;
};

struct ike_id_in {
    uint8_t type;
    struct ike_bytes data; ///< the identity
    struct ike_bytes body; ///< the payload after its generic header: what AUTH covers
};

/// The payloads of one chain. Payloads that may come once are errors when they come twice.
struct ike_payloads {
    struct ike_bytes sa; ///< proposals, for ike_proposals_begin
    struct {
        uint16_t group;
        struct ike_bytes data;
    } ke;
    struct ike_bytes nonce;
    struct ike_id_in idi, idr; ///< body.p NULL: absent
    struct {
        uint8_t method;
        struct ike_bytes data;
    } auth;
    struct ike_bytes tsi, tsr; ///< selectors, for ike_ts_decode
    struct {
        uint8_t type;
        struct ike_bytes attrs;
    } cp;
    struct ike_bytes eap;
    struct ike_certs certs;    ///< X.509 certificates; others and those past IKE_MAX_CERTS were passed over
    struct ike_bytes cert_url; ///< the first CERT payload that names by URL, with its encoding; p NULL: none
    struct ike_bytes certreq;  ///< hashes of CAs, of the first CERTREQ for X.509; p NULL: none
    struct ike_bytes sk;       ///< IV, ciphertext and ICV of SK or SKF
    uint8_t sk_first;          ///< type of the first payload inside (SKF: 0 but in the first fragment)
    bool skf;
    uint16_t fragment, fragments; ///< SKF: 1-based number, and how many there are
    uint32_t n_notify, n_delete;  ///< how many there are below; more were passed over
    struct ike_notify_in notify[IKE_MAX_NOTIFIES];
    struct ike_delete_in del[IKE_MAX_DELETES];
    uint8_t bad_critical; ///< IKE_DECODE_CRITICAL: the payload type
    uint8_t at;           ///< the payload type that was wrong
    const char *why;      ///< in words, for the log
};

enum ike_decode {
    IKE_DECODE_OK,
    IKE_DECODE_SYNTAX,   ///< malformed: `at` and `why` say what
    IKE_DECODE_CRITICAL, ///< a critical payload of a type that we do not know
};

/// Read the 28-byte header; false: too short. Only lengths are checked.
bool ike_header_decode(const uint8_t *msg, size_t len, struct ike_header *h);
/// Read the chain of payloads that starts with type `first` and fills exactly `len` bytes.
enum ike_decode ike_payloads_decode(uint8_t first, const uint8_t *p, size_t len, struct ike_payloads *out);
/// The first notify of a type, or NULL.
const struct ike_notify_in *ike_find_notify(const struct ike_payloads *p, uint16_t type);
/// The first error notify, or NULL.
const struct ike_notify_in *ike_find_error(const struct ike_payloads *p);

/// One proposal on the wire.
struct ike_proposal_in {
    uint8_t number, proto;
    struct ike_bytes spi;
    struct buf transforms;
    unsigned left; ///< transforms not read yet
};
struct ike_transform_in {
    uint8_t type;
    uint16_t id;
    uint16_t bits;     ///< key length attribute, 0: none
    bool unknown_attr; ///< carries an attribute that we do not know: must not be chosen
};
struct ike_proposals_in {
    struct buf b;
    bool done;
    unsigned count;
};
/// Walk the proposals of an SA payload body. The walk ends with false; then buf_ok(&it->b) tells whether it was well
/// formed.
void ike_proposals_begin(struct ike_proposals_in *it, struct ike_bytes sa);
bool ike_proposals_next(struct ike_proposals_in *it, struct ike_proposal_in *out);
bool ike_transform_next(struct ike_proposal_in *prop, struct ike_transform_in *out);

/// Read up to `max` traffic selectors of known type out of a TS payload body; the number read. -1: malformed.
int ike_ts_decode(struct ike_bytes ts, struct ike_ts *out, size_t max);
/// The set that a SIGNATURE_HASH_ALGORITHMS notify names, of those numbered below 16.
uint16_t ike_hashes_decode(struct ike_bytes data);
/// Read configuration attributes; of lists that are too long the first. Unknown ones are passed over, as is a text or
/// mask that makes no sense. false: malformed.
bool ike_cp_decode(struct ike_bytes attrs, struct ike_cp_values *out);

// ---------------------------------------------------------------------------------------------- building

/// A chain of payloads under construction.
struct ike_build {
    struct wbuf w;
    uint8_t first;  ///< type of the first payload, 0 while there is none
    size_t next_at; ///< where the type of the next payload goes; SIZE_MAX: into `first`
    size_t open;    ///< start of the payload being built
};

/// A bare chain (the inside of SK).
void ike_build_chain(struct ike_build *b, void *mem, size_t cap);
/// A message: header first (its `next` and `length` are filled in later).
void ike_build_message(struct ike_build *b, void *mem, size_t cap, const struct ike_header *h);
/// Write the total length into the header; its value, or 0 if something did not fit.
size_t ike_build_finish(struct ike_build *b);
/// Open and close a payload of any type; what lies between is written to b->w.
void ike_build_begin(struct ike_build *b, uint8_t type);
void ike_build_end(struct ike_build *b);

/// All proposals that are offered. spi: 0, 4 or 8 bytes. `no_group` leaves the groups out (first CHILD SA).
void ike_put_offer(struct ike_build *b, const struct ike_proposal *props, size_t n, uint8_t proto, const void *spi,
                   size_t spi_len, bool no_group);
/// The one proposal that was chosen.
void ike_put_choice(struct ike_build *b, const struct ike_suite *s, uint8_t number, uint8_t proto, const void *spi,
                    size_t spi_len);
void ike_put_ke(struct ike_build *b, uint16_t group, const void *data, size_t len);
/// Nonce, EAP and others that are plain bytes.
void ike_put_raw(struct ike_build *b, uint8_t type, const void *data, size_t len);
void ike_put_id(struct ike_build *b, uint8_t type, const struct ike_id *id);
/// Our certificates, the end entity's first.
void ike_put_certs(struct ike_build *b, const struct ike_cred *c, bool by_url);
/// The CAs that we trust, by IKE_CA_HASH bytes each.
void ike_put_certreq(struct ike_build *b, const uint8_t *hashes, size_t n);
/// The hash algorithms that we take in signatures (RFC 7427 4): a set of bits 1 << number.
void ike_put_hashes(struct ike_build *b, uint16_t hashes);
void ike_put_auth(struct ike_build *b, uint8_t method, const void *data, size_t len);
void ike_put_notify(struct ike_build *b, uint16_t type, const void *data, size_t len);
void ike_put_notify_spi(struct ike_build *b, uint16_t type, uint8_t proto, const void *spi, size_t spi_len,
                        const void *data, size_t len);
/// Delete: the IKE SA (proto IKE, no SPIs), or ESP SAs by their SPIs (host byte order).
void ike_put_delete(struct ike_build *b, uint8_t proto, const uint32_t *spis, size_t n);
void ike_put_ts(struct ike_build *b, uint8_t type, const struct ike_ts *ts, size_t n);
/// Configuration attributes of those in `only` (enum ike_cp_bit). REQUEST: each once, empty but for an address that is
/// wished; ACK: each once, empty; REPLY and SET: those that have values. v may be NULL for REQUEST and ACK.
void ike_cp_encode(struct wbuf *w, uint8_t type, const struct ike_cp_values *v, uint32_t only);
/// The same as a payload.
void ike_put_cp(struct ike_build *b, uint8_t type, const struct ike_cp_values *v, uint32_t only);
/// A payload of attributes that were encoded before.
void ike_put_cp_attrs(struct ike_build *b, uint8_t type, const void *attrs, size_t len);

#endif

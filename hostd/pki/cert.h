// SPDX-License-Identifier: BSD-2-Clause
// One certificate or distinguished name by itself: parsing, text, whose it is. No trust is decided here.
#ifndef CULVERT_PKI_CERT_H
#define CULVERT_PKI_CERT_H

#include "hostd/ike/ike.h"
#include "hostd/util/str.h"

#include <openssl/x509.h>

enum {
    CERT_MAX = 16384,         // longest certificate that is looked at, bytes of DER
    CERT_MAX_RSA_BITS = 8192, // longer keys only cost time
    CERT_MAX_SERIAL = 20,     // RFC 5280 4.1.2.2, bytes
};

// From DER, which must be nothing but the certificate. The caller's, X509_free. NULL: *why says what is wrong.
X509 *cert_parse(const uint8_t *der, size_t len, const char **why);
// What no certificate of a peer may be, whoever signed it: NULL, or what is wrong with it. Cheap: no signature is
// checked. For the end entity's also the key's and the certificate's permitted use (RFC 4945 5.1.3).
const char *cert_oddity(X509 *c);
const char *cert_wrong_use(X509 *c);

// Is the identity one of the certificate's (RFC 4945 3.1): a DN that is the subject; an FQDN, email or address that is
// among the alternative names of that kind. Nothing else: no wildcard, no common name.
bool cert_has_id(X509 *c, const struct ike_id *id);
// The subject as an identity of type IKE_ID_DN, for free(). NULL: it is empty, too long, or no memory.
struct ike_id *cert_subject_id(X509 *c);

// The fixed text of a name: most specific part first, types in lower case, "cn=r1,ou=Engineering,o=Cisco". In values
// , + = " \ < > ; and what is not printable are escaped, so that a value never looks like another part.
void cert_name_text(const X509_NAME *n, struct str *out);
// The same of DER, as in an identity of type IKE_ID_DN. false: it is not a name.
bool cert_dn_text(const uint8_t *der, size_t len, struct str *out);
// The first value of a part ("cn", "ou", "o", "c", ...) of a name in DER, unescaped UTF-8. false: it has none, or it
// does not fit, or has a zero byte inside.
bool cert_dn_part(const uint8_t *der, size_t len, const char *type, char *out, size_t cap);
// Is the name in DER the one that this text says, case and blanks around , and = not counting?
bool cert_dn_is(const uint8_t *der, size_t len, const char *text);
// A text of a name, in place, as it is compared: in lower case, without blanks around unescaped , and =.
void cert_fold(char *text);
// Call fn with the text of each alternative name (DNS name, email, address, URI, DN); false from it stops. false: it
// was stopped.
bool cert_alt_names(X509 *c, bool (*fn)(void *arg, const char *text), void *arg);
// Serial number as hexadecimal digits in lower case, without leading zeros.
void cert_serial_text(const ASN1_INTEGER *serial, char *out, size_t cap);
// Type and size of a key: "RSA 2048", "EC prime256v1", "ED25519".
void cert_key_text(const EVP_PKEY *key, char *out, size_t cap);
// A certificate's time as seconds since 1970; -1: malformed.
int64_t cert_time(const ASN1_TIME *t);

// A CertificateBundle (RFC 7296 3.6): the certificates in it, which stay where they are; CRLs in it are passed over.
// false: it is none, or has no certificate, or more than a peer may have.
bool cert_bundle(const uint8_t *p, size_t len, struct ike_certs *out);

#endif

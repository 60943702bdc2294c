// SPDX-License-Identifier: BSD-2-Clause
// EAP: numbers of the registry (RFC 3748), and our limits.
#ifndef CULVERT_EAP_EAP_CONST_H
#define CULVERT_EAP_EAP_CONST_H

enum eap_packet_code { EAP_REQUEST = 1, EAP_RESPONSE = 2, EAP_SUCCESS = 3, EAP_FAILURE = 4 };

enum eap_type {
    EAP_T_IDENTITY = 1,
    EAP_T_NOTIFICATION = 2,
    EAP_T_NAK = 3,
    EAP_T_MD5 = 4,
    EAP_T_GTC = 6,
    EAP_T_TLS = 13,
    EAP_T_MSCHAPV2 = 26,
    EAP_T_EXPANDED = 254,
};

enum eap_ms_op { EAP_MS_CHALLENGE = 1, EAP_MS_RESPONSE = 2, EAP_MS_SUCCESS = 3, EAP_MS_FAILURE = 4 };

enum eap_tls_flag { EAP_TLS_LENGTH = 0x80, EAP_TLS_MORE = 0x40, EAP_TLS_START = 0x20 };

enum {
    EAP_MAX_PACKET = 4096,      ///< bytes of a packet, either way; what RADIUS can carry at most
    EAP_MAX_IDENTITY = 255,     ///< bytes of a user's name
    EAP_MAX_SECRET = 256,       ///< bytes of a password
    EAP_MAX_ROUNDS = 60,        ///< requests of one conversation; the IKE machine has its own limit above it
    EAP_MAX_BYTES = 128 * 1024, ///< of all packets that the peer sends in one conversation
    EAP_MAX_TLS = 64 * 1024,    ///< one TLS flight, put together from its fragments
    EAP_MAX_CERTS = 8,          ///< of the other end, that are looked at
    EAP_TLS_FRAGMENT = 1024,    ///< TLS bytes in one of our packets
    EAP_MSK = 64,               ///< bytes of the master session key that our methods make
    EAP_MAX_MSK = 128,          ///< of one that a backend may give
    EAP_METHODS = 4,            ///< that we have
    EAP_TIMEOUT = 20,           ///< seconds a backend has for an answer, if nothing else was configured
    EAP_MS_CHALLENGE_LEN = 16,  ///< RFC 2759
    EAP_MS_RESPONSE_LEN = 49,   ///< peer challenge, 8 zeros, NT response, flags
    EAP_MS_NT_LEN = 24,         ///< NT response
    EAP_MS_PROOF_LEN = 20,      ///< authenticator response, before it is written in hexadecimal
};

#endif

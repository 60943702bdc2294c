// SPDX-License-Identifier: BSD-2-Clause
// Every number of the IKEv2 implementation: what the registries assign, and our own limits and timeouts.
// Names shown to users for the registry's numbers are in ike_names.c, and nowhere else.
#ifndef CULVERT_IKE_CONST_H
#define CULVERT_IKE_CONST_H

/// Our own bounds. A peer can make us hold no more than these say.
enum ike_bounds {
    IKE_MAX_MESSAGE = 65535,      ///< longest message sent or reassembled, bytes
    IKE_MAX_MESSAGE_AUTH = 16384, ///< longest message reassembled before the peer is authenticated, bytes
    IKE_MAX_FRAGMENTS = 64,       ///< most fragments of one message
    IKE_MAX_PAYLOADS = 64,        ///< most payloads in one message
    IKE_MAX_NOTIFIES = 32,        ///< most notifies in one message that are looked at
    IKE_MAX_DELETES = 8,          ///< most Delete payloads in one message that are looked at
    IKE_MAX_ABOUT = 64,           ///< bytes of a packet that an INVALID_SELECTORS carries
    IKE_MAX_TS = 32,              ///< most traffic selectors of one side that are looked at
    IKE_MAX_TRANSFORMS = 12,      ///< most algorithms of one kind in one configured proposal
    IKE_MAX_PROPOSALS = 8,        ///< most configured proposals of one profile
    IKE_MAX_ID = 512,             ///< longest identity, bytes
    IKE_MAX_PSK = 256,            ///< longest pre-shared key, bytes
    IKE_MAX_CP_LIST = 16,         ///< most name servers, or excluded networks, of one configuration payload
    IKE_MAX_CP_NETS = 64,         ///< most networks of one configuration payload
    IKE_MAX_CP_TEXT = 512,        ///< longest text of one (banner, list of domains or gateways), with its end
    IKE_MAX_CP = 4096,            ///< all attributes that we keep or send in one, bytes
    IKE_MAX_KE = 512,             ///< longest public value of a key exchange, bytes (MODP-4096)
    IKE_MAX_PRF = 64,             ///< longest output of a PRF, bytes (SHA-512)
    IKE_MAX_ENCR_KEY = 36,        ///< longest cipher key with its salt, bytes
    IKE_MAX_INTEG_KEY = 64,       ///< longest integrity key, bytes
    IKE_MAX_CERTS = 6,            ///< longest certificate chain of either side
    IKE_MAX_CREDS = 6,            ///< keys and certificates of ours that one profile may choose from
    IKE_MAX_URL = 1000,           ///< longest URL of a certificate, bytes
    IKE_CERT_HASH = 20,           ///< SHA-1 of a certificate or bundle that is named by URL, bytes (RFC 7296 3.6)
    IKE_CA_HASH = 20,             ///< SHA-1 of a CA's public key in CERTREQ, bytes (RFC 7296 3.7)
    IKE_MAX_WINDOW = 20,          ///< largest window of requests (SET_WINDOW_SIZE) that we take
    IKE_MAX_EXTRA = 8,            ///< additional addresses of a peer (RFC 4555) that are kept
    IKE_MAX_GATEWAY = 253,        ///< longest name of a gateway
    IKE_MAX_REDIRECTS = 16,       ///< gateways that one attempt may be sent on to, at most (RFC 5685)
    IKE_MAX_PPK = 256,            ///< longest post-quantum pre-shared key and its name, bytes (RFC 8784)
    IKE_MAX_TICKET = 1024,        ///< longest session ticket that is kept, bytes (RFC 5723)
    IKE_MAX_EAP_ROUNDS = 64,      ///< EAP messages of one authentication, then it fails
    IKE_MAX_COOKIE = 64,          ///< longest cookie (RFC 7296 2.6), bytes
    IKE_MAX_INIT_ROUNDS = 6,      ///< IKE_SA_INIT requests of one attempt (cookie, other group), then it fails
    IKE_MAX_GONE = 8,             ///< SPIs deleted before their child was known that one exchange remembers
    IKE_MAX_TASKS = 16,           ///< exchanges queued on one SA
    IKE_MAX_CHILD_RETRIES = 5,    ///< TEMPORARY_FAILURE answers to one exchange, then it is given up
    IKE_NONCE_LEN = 32,           ///< our nonces, bytes
    IKE_MIN_NONCE = 16,           ///< RFC 7296 3.9
    IKE_MAX_NONCE = 256,          ///< RFC 7296 3.9
    IKE_MIN_FRAGMENT_MTU = 576,   ///< smallest IP datagram that fragmentation may be told to keep to, bytes
};

/// Times that are not configurable, in seconds.
enum ike_times {
    IKE_T_COOKIE_SECRET = 60, ///< a cookie secret is replaced after this, and the one before it still accepted
    IKE_T_CLOSED = 30,        ///< a closed SA still answers the retransmissions of the request that closed it
    IKE_T_REPLACED = 60,      ///< a rekeyed SA whose Delete never comes is deleted by us
    IKE_T_CHILD_LINGER = 3,   ///< the inbound half of a replaced child takes stragglers
    IKE_T_CROSSING = 5,       ///< a request to rekey what our own rekey has replaced waits for our Delete, at most
    IKE_T_CHILD_SWITCH = 5,   ///< responder of a child rekey: traffic moves even if no Delete came
    IKE_T_TEMPORARY = 2,      ///< first pause after TEMPORARY_FAILURE, doubled by each (and jittered)
    IKE_T_LOOK_MS = 200,      ///< DPD: what a child's counters say is known this long after they are asked for
    IKE_T_LOOKUP = 20,        ///< a gateway's name is looked up for so long, then the client goes back
    IKE_T_REDIRECT_BACK = 5,  ///< pause before a client goes back to the gateway that gave a name of no use
    IKE_T_CHILD_RETRY = 10,   ///< pause before a failed rekey of either kind is tried again
};

enum {
    IKE_PORT = 500,
    IKE_PORT_NATT = 4500,
    IKE_HEADER_LEN = 28,
    IKE_HEADER_NEXT = 16, ///< where the type of the first payload stands
    IKE_VERSION = 0x20,
};

/// Exchange types.
enum ike_exchange {
    IKE_X_SA_INIT = 34,
    IKE_X_AUTH = 35,
    IKE_X_CREATE_CHILD = 36,
    IKE_X_INFORMATIONAL = 37,
    IKE_X_SESSION_RESUME = 38, ///< RFC 5723
};

/// Header flags.
enum ike_flag {
    IKE_F_INITIATOR = 0x08, ///< sent by the original initiator
    IKE_F_VERSION = 0x10,   ///< sender knows a higher major version
    IKE_F_RESPONSE = 0x20,
};

/// Payload types.
enum ike_payload_type {
    IKE_P_NONE = 0,
    IKE_P_SA = 33,
    IKE_P_KE = 34,
    IKE_P_IDI = 35,
    IKE_P_IDR = 36,
    IKE_P_CERT = 37,
    IKE_P_CERTREQ = 38,
    IKE_P_AUTH = 39,
    IKE_P_NONCE = 40,
    IKE_P_NOTIFY = 41,
    IKE_P_DELETE = 42,
    IKE_P_VENDOR = 43,
    IKE_P_TSI = 44,
    IKE_P_TSR = 45,
    IKE_P_SK = 46,
    IKE_P_CP = 47,
    IKE_P_EAP = 48,
    IKE_P_SKF = 53,
};

/// Security protocols.
enum ike_proto {
    IKE_PROTO_NONE = 0,
    IKE_PROTO_IKE = 1,
    IKE_PROTO_AH = 2,
    IKE_PROTO_ESP = 3,
};

/// Transform types.
enum ike_transform_type {
    IKE_T_ENCR = 1,
    IKE_T_PRF = 2,
    IKE_T_INTEG = 3,
    IKE_T_DH = 4,
    IKE_T_ESN = 5,
};
enum { IKE_ATTR_KEY_LENGTH = 14 };

/// Transform ids.
enum ike_encr {
    IKE_ENCR_3DES = 3,
    IKE_ENCR_NULL = 11, ///< ESP only
    IKE_ENCR_AES_CBC = 12,
    IKE_ENCR_AES_CTR = 13,
    IKE_ENCR_AES_GCM_16 = 20,
    IKE_ENCR_CHACHA20_POLY1305 = 28,
};
enum ike_prf {
    IKE_PRF_HMAC_MD5 = 1,
    IKE_PRF_HMAC_SHA1 = 2,
    IKE_PRF_HMAC_SHA2_256 = 5,
    IKE_PRF_HMAC_SHA2_384 = 6,
    IKE_PRF_HMAC_SHA2_512 = 7,
};
enum ike_integ {
    IKE_INTEG_NONE = 0,
    IKE_INTEG_HMAC_MD5_96 = 1,
    IKE_INTEG_HMAC_SHA1_96 = 2,
    IKE_INTEG_HMAC_SHA2_256_128 = 12,
    IKE_INTEG_HMAC_SHA2_384_192 = 13,
    IKE_INTEG_HMAC_SHA2_512_256 = 14,
};
enum ike_group {
    IKE_DH_NONE = 0,
    IKE_DH_MODP_1024 = 2,
    IKE_DH_MODP_1536 = 5,
    IKE_DH_MODP_2048 = 14,
    IKE_DH_MODP_3072 = 15,
    IKE_DH_MODP_4096 = 16,
    IKE_DH_ECP_256 = 19,
    IKE_DH_ECP_384 = 20,
    IKE_DH_ECP_521 = 21,
    IKE_DH_X25519 = 31,
};
enum ike_esn {
    IKE_ESN_NO = 0,
    IKE_ESN_YES = 1,
};

/// Authentication methods.
enum ike_auth_method {
    IKE_AUTH_RSA = 1,
    IKE_AUTH_PSK = 2,
    IKE_AUTH_ECDSA_256 = 9, ///< RFC 4754
    IKE_AUTH_ECDSA_384 = 10,
    IKE_AUTH_ECDSA_521 = 11,
    IKE_AUTH_SIGNATURE = 14, ///< RFC 7427
    IKE_AUTH_BY_EAP = 250,   ///< for `show` alone: a shared key that EAP made, never on the wire
};

/// Identification types.
enum ike_id_type {
    IKE_ID_IPV4 = 1,
    IKE_ID_FQDN = 2,
    IKE_ID_EMAIL = 3,
    IKE_ID_IPV6 = 5,
    IKE_ID_DN = 9,
    IKE_ID_GN = 10,
    IKE_ID_KEY_ID = 11,
};

/// Encodings of certificates.
enum ike_cert_encoding {
    IKE_CERT_X509 = 4, ///< X.509 Certificate - Signature
    IKE_CERT_URL = 12, ///< Hash and URL of an X.509 certificate
    IKE_CERT_URL_BUNDLE = 13,
};

/// Traffic selector types.
enum ike_ts_type {
    IKE_TS_OUTER = 1, ///< in a profile only: the end's outer address, whatever inner one it has
    IKE_TS_IPV4 = 7,
    IKE_TS_IPV6 = 8,
};

/// Configuration payload types and attributes.
enum ike_cp_type {
    IKE_CP_REQUEST = 1,
    IKE_CP_REPLY = 2,
    IKE_CP_SET = 3,
    IKE_CP_ACK = 4,
};
enum ike_cp_attr {
    IKE_CA_IP4_ADDRESS = 1,
    IKE_CA_IP4_NETMASK = 2,
    IKE_CA_IP4_DNS = 3,
    IKE_CA_IP4_NBNS = 4,
    IKE_CA_IP4_DHCP = 6,
    IKE_CA_APP_VERSION = 7,
    IKE_CA_IP6_ADDRESS = 8,
    IKE_CA_IP6_DNS = 10,
    IKE_CA_IP6_DHCP = 12,
    IKE_CA_IP4_SUBNET = 13,
    IKE_CA_SUPPORTED = 14,
    IKE_CA_IP6_SUBNET = 15,
    IKE_CA_DNS_DOMAIN = 25, ///< RFC 8598
    // Private ones that routers and remote-access clients of the Unity family use.
    IKE_CA_UNITY_BANNER = 28672,
    IKE_CA_UNITY_DOMAIN = 28674,
    IKE_CA_UNITY_SPLIT_DNS = 28675,
    IKE_CA_UNITY_SPLIT_INCLUDE = 28676,
    IKE_CA_UNITY_LOCAL_LAN = 28678, ///< networks that are not to go through the tunnel
    IKE_CA_UNITY_BACKUP = 28681,
};

/// Notify types: errors below 16384, status above.
enum ike_notify {
    IKE_N_NONE = 0,
    IKE_N_UNSUPPORTED_CRITICAL = 1,
    IKE_N_INVALID_IKE_SPI = 4,
    IKE_N_INVALID_MAJOR = 5,
    IKE_N_INVALID_SYNTAX = 7,
    IKE_N_INVALID_MESSAGE_ID = 9,
    IKE_N_INVALID_SPI = 11,
    IKE_N_NO_PROPOSAL = 14,
    IKE_N_INVALID_KE = 17,
    IKE_N_AUTH_FAILED = 24,
    IKE_N_SINGLE_PAIR = 34,
    IKE_N_NO_ADDITIONAL_SAS = 35,
    IKE_N_ADDRESS_FAILURE = 36,
    IKE_N_CP_REQUIRED = 37,
    IKE_N_TS_UNACCEPTABLE = 38,
    IKE_N_INVALID_SELECTORS = 39,
    IKE_N_TEMPORARY_FAILURE = 43,
    IKE_N_UNACCEPTABLE_ADDRESSES = 40, ///< RFC 4555
    IKE_N_UNEXPECTED_NAT = 41,
    IKE_N_CHILD_NOT_FOUND = 44,
    IKE_N_STATUS = 16384, ///< the first status type
    IKE_N_INITIAL_CONTACT = 16384,
    IKE_N_SET_WINDOW = 16385,
    IKE_N_ADDITIONAL_TS = 16386,
    IKE_N_IPCOMP = 16387,
    IKE_N_NAT_SOURCE = 16388,
    IKE_N_NAT_DESTINATION = 16389,
    IKE_N_COOKIE = 16390,
    IKE_N_TRANSPORT_MODE = 16391,
    IKE_N_HTTP_CERT = 16392,
    IKE_N_REKEY_SA = 16393,
    IKE_N_NO_TFC_PADDING = 16394,
    IKE_N_NON_FIRST_FRAGMENTS = 16395,
    IKE_N_MOBIKE = 16396,
    IKE_N_ADDITIONAL_IP4 = 16397,
    IKE_N_ADDITIONAL_IP6 = 16398,
    IKE_N_NO_ADDITIONAL = 16399,
    IKE_N_UPDATE_ADDRESSES = 16400,
    IKE_N_COOKIE2 = 16401,
    IKE_N_NO_NATS = 16402,
    IKE_N_AUTH_LIFETIME = 16403,      ///< RFC 4478
    IKE_N_REDIRECT_SUPPORTED = 16406, ///< RFC 5685
    IKE_N_REDIRECT = 16407,
    IKE_N_REDIRECTED_FROM = 16408,
    IKE_N_TICKET_LT_OPAQUE = 16409, ///< RFC 5723
    IKE_N_TICKET_REQUEST = 16410,
    IKE_N_TICKET_ACK = 16411,
    IKE_N_TICKET_NACK = 16412,
    IKE_N_TICKET_OPAQUE = 16413,
    IKE_N_EAP_ONLY = 16417, ///< RFC 5998
    IKE_N_CHILDLESS = 16418,
    IKE_N_FRAGMENTATION = 16430,
    IKE_N_SIGNATURE_HASHES = 16431,
    IKE_N_USE_PPK = 16435, ///< RFC 8784
    IKE_N_PPK_IDENTITY = 16436,
    IKE_N_NO_PPK_AUTH = 16437,
    IKE_N_SUCCEEDS = 50217, ///< private: which SA is authenticated again (ike_successor.c)
};

#endif

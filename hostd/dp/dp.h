// SPDX-License-Identifier: BSD-2-Clause
// The datapath interface: what the control plane asks of whoever moves the packets. Three implementations: the card
// (dp_card.c, over libculvert), software (dp_soft.c: UDP 4500 and raw ESP sockets, OpenSSL), and both of them as one
// (dp_both.c), in which software carries what the card cannot.
//
// Everything runs on the loop's thread. A request takes effect asynchronously: `done` is called exactly once, from the
// loop, never from within the call, with 0 or a negative errno. Requests are carried out in the order they were made.
// Addresses are struct ip_addr (network order), ports and SPIs host-order integers.
#pragma once
#include "hostd/util/ip.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dp; // one datapath
struct uv_loop_s;

enum dp_port { DP_PORT_OUTSIDE = 0, DP_PORT_INSIDE = 1, DP_PORTS = 2 };

typedef void dp_done(void *arg, int error);

// Algorithms of ESP. Suites put one of each together; ciphers with integrity of their own go with DP_INTEG_NONE, all
// others with another. hostd/dp/suite.h has their names and lengths.
enum dp_cipher {
    DP_CIPHER_NULL, // no encryption (RFC 2410)
    DP_CIPHER_3DES, // CBC
    DP_CIPHER_AES_CBC,
    DP_CIPHER_AES_CTR,
    DP_CIPHER_AES_GCM, // tag of 16 bytes
    DP_CIPHER_CHACHA20_POLY1305,
};
enum dp_integ {
    DP_INTEG_NONE,
    DP_INTEG_MD5_96,
    DP_INTEG_SHA1_96,
    DP_INTEG_SHA256_128,
    DP_INTEG_SHA384_192,
    DP_INTEG_SHA512_256,
};
struct dp_suite {
    enum dp_cipher cipher;
    enum dp_integ integ;
    unsigned bits; // of an AES key; others: 0
};

#define DP_SUITE(cipher_, bits_, integ_) ((struct dp_suite){.cipher = cipher_, .integ = integ_, .bits = bits_})
#define DP_SUITE_AES_GCM_128             DP_SUITE(DP_CIPHER_AES_GCM, 128, DP_INTEG_NONE)
#define DP_SUITE_AES_GCM_256             DP_SUITE(DP_CIPHER_AES_GCM, 256, DP_INTEG_NONE)
#define DP_SUITE_AES_CBC_128_SHA256      DP_SUITE(DP_CIPHER_AES_CBC, 128, DP_INTEG_SHA256_128)
#define DP_SUITE_AES_CBC_256_SHA256      DP_SUITE(DP_CIPHER_AES_CBC, 256, DP_INTEG_SHA256_128)

#define DP_KEY_MAX 100 // AES-CTR-256 with its nonce, and HMAC-SHA2-512

// A traffic selector: a range of addresses of one family, with protocol and ports.
struct dp_ts {
    uint8_t family;              // 4 or 6
    uint8_t proto;               // IP protocol; 0: any
    uint16_t port_lo, port_hi;   // 0 to 65535: any. ICMP: type * 256 + code
    uint8_t first[16], last[16]; // inclusive; IPv4: the first 4 bytes
};

// The selectors of an SA, inner addresses: ours and the peer's. Shared by whoever needs them, and counted.
struct dp_selectors {
    unsigned refs;
    uint8_t local, remote; // how many; none at all: everything passes
    struct dp_ts ts[];     // ours first, then the peer's
};

// With one reference; to be filled in before it is shared. NULL: no memory.
struct dp_selectors *dp_selectors_new(unsigned local, unsigned remote);
struct dp_selectors *dp_selectors_ref(struct dp_selectors *s); // NULL is allowed
void dp_selectors_unref(struct dp_selectors *s);               // NULL is allowed

enum dp_dir { DP_IN, DP_OUT };

// One direction of a CHILD_SA.
struct dp_sa {
    enum dp_dir dir;
    uint32_t spi;    // inbound: one that dp_spi_alloc gave
    uint32_t tunnel; // of dp_tunnel_new
    struct dp_suite suite;
    uint8_t key[DP_KEY_MAX]; // cipher key, its salt or nonce (GCM, CTR, ChaCha20), integrity key
    size_t key_len;
    bool esn;
    bool transport;                   // transport mode: what ESP carries is a payload, not an IP packet
    bool encap;                       // UDP encapsulation
    uint32_t replay_window;           // inbound, packets; 0: no check
    struct ip_addr local, remote;     // outer addresses
    uint16_t local_port, remote_port; // with encap
    struct dp_selectors *ts;          // the datapath takes a reference of its own; NULL: everything passes
    uint64_t soft_bytes, hard_bytes, soft_packets, hard_packets; // 0: none
};

// The outer path of an SA.
struct dp_path {
    struct ip_addr local, remote;
    uint16_t local_port, remote_port; // with encap
    bool encap;
};

struct dp_sa_counters {
    uint64_t packets, bytes, seq;
    uint64_t auth_fail, replay, policy;
    bool card; // the card carries the SA; else software does, and counts more:
    // authentic, but padding, GRE or inner header is wrong (part of policy); hard lifetime or sequence numbers used up;
    // the cryptographic library failed; the kernel did not send it
    uint64_t malformed, lifetime, crypto, unsent;
};

// The SA's counters, or NULL with a negative errno.
typedef void dp_sa_counters_fn(void *arg, int error, const struct dp_sa_counters *counters);

enum dp_event_kind {
    DP_EV_SOFT_LIFETIME,
    DP_EV_HARD_LIFETIME,
    DP_EV_SEQ_EXHAUSTED,
    DP_EV_REPLAY,
    DP_EV_AUTH_FAIL,
    DP_EV_UNKNOWN_SPI, // spi as received, path: remote is who sent it; local has no port, and no family if not known
    DP_EV_LINK,        // port, up
    DP_EV_FAILED,      // the datapath is gone; nothing installed is left
    DP_EV_SELECTORS,   // once an inbound SA: an authentic packet was outside its selectors; it begins as in `start`
};

enum { DP_EVENT_START = 64 }; // bytes of a packet that an event carries

struct dp_event {
    enum dp_event_kind kind;
    enum dp_dir dir;
    uint32_t spi;
    enum dp_port port;
    bool up;
    struct dp_path path;
    uint8_t start[DP_EVENT_START];
    uint8_t start_len;
};

enum dp_log_level { DP_LOG_ERROR, DP_LOG_WARNING, DP_LOG_NOTE, DP_LOG_DEBUG }; // the order of enum log_level

// What the datapath calls. All from the loop.
struct dp_hooks {
    // A frame that belongs to the kernel came in on a port (ARP, IKE, clear text to us ...).
    void (*frame)(void *arg, enum dp_port port, const uint8_t *frame, size_t len);
    // A decrypted IP packet that the datapath does not forward by itself: for the tunnel's TUN device.
    void (*packet)(void *arg, uint32_t tunnel, const uint8_t *packet, size_t len);
    // What a GRE tunnel carried that is not IP: NHRP (protocol type 0x2001). May be NULL: it is dropped.
    void (*nhrp)(void *arg, uint32_t tunnel, const uint8_t *message, size_t len);
    // ESP of an SPI that this datapath has not, from its SPI on. true: somebody else has it, and has taken it; else it
    // is an event. May be NULL: nobody else has any.
    bool (*esp)(void *arg, const struct dp_path *path, const uint8_t *esp, size_t len);
    void (*event)(void *arg, const struct dp_event *event);
    void (*log)(void *arg, enum dp_log_level level, const char *text);
    void *arg;
};

// A tunnel: what the kernel's TUN device hands in goes as it is, or in GRE (RFC 2784, key: RFC 2890).
struct dp_tunnel {
    uint16_t mtu;
    bool gre, has_key;
    uint32_t key;
};

enum dp_target { DP_TO_HOST, DP_TO_DROP, DP_TO_TUNNEL, DP_TO_NEIGHBOUR };

struct dp_route {
    struct ip_addr prefix;
    uint8_t length;
    enum dp_target to;
    uint32_t tunnel;          // DP_TO_TUNNEL
    enum dp_port port;        // DP_TO_NEIGHBOUR
    struct ip_addr neighbour; // next hop on the port
};

struct dp_counter {
    const char *name, *help; // static
    uint64_t value;
};

struct dp_info {
    const char *kind;                  // "card" or "software"
    char text[2048];                   // lines for `show card`
    const char *cipher[16], *integ[8]; // names of the algorithms that it has, ended by NULL; static
    bool esn;
    bool ports;               // it has ports of its own (a card), fed by TAP devices
    uint32_t max_sas;         // in each direction
    uint32_t sas_in, sas_out; // that it has now
    // Of a card's tables. 0: it has none.
    uint32_t routes, max_routes, flows, max_flows;
    // A card with software beside it, which carries what the card cannot: that many SAs now.
    bool software;
    uint32_t soft_in, soft_out, max_soft;
};

// Called as `done` is: once, from the loop. NULL when the datapath is gone.
typedef void dp_info_fn(void *arg, const struct dp_info *info);
typedef void dp_counters_fn(void *arg, const struct dp_counter *counters, size_t n);

// The table of functions of an implementation; use the dp_* wrappers below.
struct dp_class {
    void (*free)(struct dp *);
    int (*spi_alloc)(struct dp *, uint32_t *spi); // 0 or -ENOSPC
    void (*spi_free)(struct dp *, uint32_t spi);
    int (*tunnel_new)(struct dp *, const struct dp_tunnel *, uint32_t *tunnel); // 0, -ENOSPC, -EOPNOTSUPP
    void (*tunnel_free)(struct dp *, uint32_t tunnel);
    // An outbound SA installed for a tunnel becomes the one it sends with once `done` has been called with 0; an older
    // one stays until removed. The inner address check of an inbound SA is by its selectors.
    void (*sa_install)(struct dp *, const struct dp_sa *, dp_done *, void *arg);
    // The outer path of an outbound SA changes; it is found by its SPI and the remote address that it has now, and is
    // known by the new one from here on, also if it cannot be sent to there.
    void (*sa_path)(struct dp *, uint32_t spi_out, struct ip_addr old_remote, const struct dp_path *, dp_done *,
                    void *);
    void (*sa_remove)(struct dp *, enum dp_dir, uint32_t spi, struct ip_addr remote, dp_done *, void *arg);
    void (*sa_counters)(struct dp *, enum dp_dir, uint32_t spi, struct ip_addr remote, dp_sa_counters_fn *, void *arg);
    void (*route_set)(struct dp *, const struct dp_route *, dp_done *, void *arg);
    void (*route_del)(struct dp *, const struct dp_route *, dp_done *, void *arg);
    // The kernel's neighbour on a port became known or changed (mac) or went away (mac NULL).
    void (*neighbour)(struct dp *, enum dp_port, struct ip_addr, const uint8_t mac[6]);
    // Own address on the outside port, which ESP is accepted on; and the port's MAC and MTU.
    void (*local_set)(struct dp *, enum dp_port, struct ip_addr, bool present);
    void (*port_set)(struct dp *, enum dp_port, const uint8_t mac[6], uint16_t mtu, bool up);
    // The next hop on the outside towards a peer's outer address, so that the datapath can build outer Ethernet
    // headers.
    void (*nexthop)(struct dp *, struct ip_addr remote, struct ip_addr neighbour);
    // From the kernel's TAP: out of the port. 0, -ENOBUFS, -EMSGSIZE, -ENODEV.
    int (*send_frame)(struct dp *, enum dp_port, const uint8_t *frame, size_t len);
    // From the TUN: encrypt. 0, -ENOBUFS, -EMSGSIZE, -EINVAL (not IP), -ENOENT (no SA), -EACCES (selectors), -ENODEV.
    int (*send_packet)(struct dp *, uint32_t tunnel, const uint8_t *packet, size_t len);
    void (*info)(struct dp *, dp_info_fn *, void *arg);
    void (*counters)(struct dp *, dp_counters_fn *, void *arg);
    bool (*has_suite)(struct dp *, struct dp_suite); // answers at once
    // What came in UDP on IKE's port-4500 socket and is not IKE. NULL: none is expected.
    void (*esp_in_udp)(struct dp *, const struct ip_addr *from, uint16_t port, const uint8_t *esp, size_t len);
};

struct dp {
    const struct dp_class *class;
    struct dp_hooks hooks;
};

// Frees the datapath: its SAs are removed, keys wiped. Requests that are under way complete with -ECANCELED from within
// this call. The loop must run once more afterwards, so that its handles are closed. NULL is allowed.
static inline void dp_free(struct dp *d)
{
    if (d)
        d->class->free(d);
}
static inline int dp_spi_alloc(struct dp *d, uint32_t *spi)
{
    return d->class->spi_alloc(d, spi);
}
static inline void dp_spi_free(struct dp *d, uint32_t spi)
{
    d->class->spi_free(d, spi);
}
static inline int dp_tunnel_new(struct dp *d, const struct dp_tunnel *how, uint32_t *tunnel)
{
    return d->class->tunnel_new(d, how, tunnel);
}
static inline void dp_tunnel_free(struct dp *d, uint32_t tunnel)
{
    d->class->tunnel_free(d, tunnel);
}
static inline void dp_sa_install(struct dp *d, const struct dp_sa *sa, dp_done *done, void *arg)
{
    d->class->sa_install(d, sa, done, arg);
}
static inline void dp_sa_path(struct dp *d, uint32_t spi_out, struct ip_addr old_remote, const struct dp_path *path,
                              dp_done *done, void *arg)
{
    d->class->sa_path(d, spi_out, old_remote, path, done, arg);
}
static inline void dp_sa_remove(struct dp *d, enum dp_dir dir, uint32_t spi, struct ip_addr remote, dp_done *done,
                                void *arg)
{
    d->class->sa_remove(d, dir, spi, remote, done, arg);
}
static inline void dp_sa_counters(struct dp *d, enum dp_dir dir, uint32_t spi, struct ip_addr remote,
                                  dp_sa_counters_fn *fn, void *arg)
{
    d->class->sa_counters(d, dir, spi, remote, fn, arg);
}
static inline void dp_route_set(struct dp *d, const struct dp_route *route, dp_done *done, void *arg)
{
    d->class->route_set(d, route, done, arg);
}
static inline void dp_route_del(struct dp *d, const struct dp_route *route, dp_done *done, void *arg)
{
    d->class->route_del(d, route, done, arg);
}
static inline void dp_neighbour(struct dp *d, enum dp_port port, struct ip_addr address, const uint8_t *mac)
{
    d->class->neighbour(d, port, address, mac);
}
static inline void dp_local_set(struct dp *d, enum dp_port port, struct ip_addr address, bool present)
{
    d->class->local_set(d, port, address, present);
}
static inline void dp_port_set(struct dp *d, enum dp_port port, const uint8_t mac[6], uint16_t mtu, bool up)
{
    d->class->port_set(d, port, mac, mtu, up);
}
static inline void dp_nexthop(struct dp *d, struct ip_addr remote, struct ip_addr neighbour)
{
    d->class->nexthop(d, remote, neighbour);
}
static inline int dp_send_frame(struct dp *d, enum dp_port port, const uint8_t *frame, size_t len)
{
    return d->class->send_frame(d, port, frame, len);
}
static inline int dp_send_packet(struct dp *d, uint32_t tunnel, const uint8_t *packet, size_t len)
{
    return d->class->send_packet(d, tunnel, packet, len);
}
static inline void dp_info(struct dp *d, dp_info_fn *fn, void *arg)
{
    d->class->info(d, fn, arg);
}
static inline void dp_counters(struct dp *d, dp_counters_fn *fn, void *arg)
{
    d->class->counters(d, fn, arg);
}
static inline bool dp_has_suite(struct dp *d, struct dp_suite suite)
{
    return d->class->has_suite(d, suite);
}
static inline void dp_esp_in_udp(struct dp *d, const struct ip_addr *from, uint16_t port, const uint8_t *esp,
                                 size_t len)
{
    if (d->class->esp_in_udp)
        d->class->esp_in_udp(d, from, port, esp, len);
}

// Attaches to a card. `where`: "vfio-user:PATH" or a PCI address "0000:01:00.0". NULL on failure, the reason in err.
struct dp *dp_card_open(struct uv_loop_s *loop, const char *where, const struct dp_hooks *hooks, char *err,
                        size_t err_size);
// The software datapath: sends and receives ESP itself on the host's own sockets. udp4500 is IKE's port-4500 socket,
// which it shares: the daemon reads it and gives what is not IKE to dp_esp_in_udp(). It stays the daemon's.
// udp4500_v6: the same for IPv6, or -1.
struct dp *dp_soft_open(struct uv_loop_s *loop, int udp4500, int udp4500_v6, const struct dp_hooks *hooks, char *err,
                        size_t err_size);
// A card with software beside it; arguments as of the two above.
struct dp *dp_both_open(struct uv_loop_s *loop, const char *where, int udp4500, int udp4500_v6,
                        const struct dp_hooks *hooks, char *err, size_t err_size);

// SPDX-License-Identifier: BSD-2-Clause
// The datapath interface: what the control plane asks of whoever moves the packets. Two implementations: the card
// (dp_card.c, over libculvert) and software (dp_soft.c: UDP 4500 and raw ESP sockets, OpenSSL).
//
// Everything runs on the loop's thread. A request takes effect asynchronously: `done` is called exactly once, from the
// loop, never from within the call, with 0 or a negative errno. Requests are carried out in the order they were made.
// Addresses are struct in_addr (network order), ports and SPIs host-order integers.
#pragma once
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dp; // one datapath
struct uv_loop_s;

enum dp_port { DP_PORT_OUTSIDE = 0, DP_PORT_INSIDE = 1, DP_PORTS = 2 };

typedef void dp_done(void *arg, int error);

enum dp_suite {
    DP_SUITE_AES_GCM_128,
    DP_SUITE_AES_GCM_256,
    DP_SUITE_AES_CBC_128_SHA256, // software only
    DP_SUITE_AES_CBC_256_SHA256, // software only
};

#define DP_KEY_MAX       64
#define DP_SELECTORS_MAX 8

struct dp_range {
    struct in_addr first, last; // inclusive
};

enum dp_dir { DP_IN, DP_OUT };

// One direction of a CHILD_SA.
struct dp_sa {
    enum dp_dir dir;
    uint32_t spi;    // inbound: one that dp_spi_alloc gave
    uint32_t tunnel; // of dp_tunnel_new
    enum dp_suite suite;
    uint8_t key[DP_KEY_MAX]; // cipher key and salt (GCM), or cipher key and integrity key (CBC + HMAC)
    size_t key_len;
    bool esn;
    bool encap;                                                              // UDP encapsulation
    uint32_t replay_window;                                                  // inbound, packets; 0: no check
    struct in_addr local, remote;                                            // outer addresses
    uint16_t local_port, remote_port;                                        // with encap
    struct dp_range local_ts[DP_SELECTORS_MAX], remote_ts[DP_SELECTORS_MAX]; // inner addresses: ours, the peer's
    size_t local_ts_count, remote_ts_count;
    uint64_t soft_bytes, hard_bytes, soft_packets, hard_packets; // 0: none
};

// The outer path of an SA.
struct dp_path {
    struct in_addr local, remote;
    uint16_t local_port, remote_port; // with encap
    bool encap;
};

struct dp_sa_counters {
    uint64_t packets, bytes, seq;
    uint64_t auth_fail, replay, policy;
};

// The SA's counters, or NULL with a negative errno.
typedef void dp_sa_counters_fn(void *arg, int error, const struct dp_sa_counters *counters);

enum dp_event_kind {
    DP_EV_SOFT_LIFETIME,
    DP_EV_HARD_LIFETIME,
    DP_EV_SEQ_EXHAUSTED,
    DP_EV_REPLAY,
    DP_EV_AUTH_FAIL,
    DP_EV_UNKNOWN_SPI, // spi as received
    DP_EV_LINK,        // port, up
    DP_EV_FAILED,      // the datapath is gone; nothing installed is left
};

struct dp_event {
    enum dp_event_kind kind;
    enum dp_dir dir;
    uint32_t spi;
    enum dp_port port;
    bool up;
};

enum dp_log_level { DP_LOG_ERROR, DP_LOG_WARNING, DP_LOG_NOTE, DP_LOG_DEBUG }; // the order of enum log_level

// What the datapath calls. All from the loop.
struct dp_hooks {
    // A frame that belongs to the kernel came in on a port (ARP, IKE, clear text to us ...).
    void (*frame)(void *arg, enum dp_port port, const uint8_t *frame, size_t len);
    // A decrypted IP packet that the datapath does not forward by itself: for the tunnel's TUN device.
    void (*packet)(void *arg, uint32_t tunnel, const uint8_t *packet, size_t len);
    void (*event)(void *arg, const struct dp_event *event);
    void (*log)(void *arg, enum dp_log_level level, const char *text);
    void *arg;
};

enum dp_target { DP_TO_HOST, DP_TO_DROP, DP_TO_TUNNEL, DP_TO_NEIGHBOUR };

struct dp_route {
    struct in_addr prefix;
    uint8_t length;
    enum dp_target to;
    uint32_t tunnel;          // DP_TO_TUNNEL
    enum dp_port port;        // DP_TO_NEIGHBOUR
    struct in_addr neighbour; // next hop on the port
};

struct dp_counter {
    const char *name, *help; // static
    uint64_t value;
};

struct dp_info {
    const char *kind; // "card" or "software"
    char text[2048];  // lines for `show card`
    bool suite[4];    // by enum dp_suite: offered
    bool esn;
    bool ports; // it has ports of its own (a card), fed by TAP devices
    uint32_t max_sas;
};

// Called as `done` is: once, from the loop. NULL when the datapath is gone.
typedef void dp_info_fn(void *arg, const struct dp_info *info);
typedef void dp_counters_fn(void *arg, const struct dp_counter *counters, size_t n);

// The table of functions of an implementation; use the dp_* wrappers below.
struct dp_class {
    void (*free)(struct dp *);
    int (*spi_alloc)(struct dp *, uint32_t *spi); // 0 or -ENOSPC
    void (*spi_free)(struct dp *, uint32_t spi);
    int (*tunnel_new)(struct dp *, uint16_t mtu, uint32_t *tunnel); // 0 or -ENOSPC
    void (*tunnel_free)(struct dp *, uint32_t tunnel);
    // An outbound SA installed for a tunnel becomes the one it sends with once `done` has been called with 0; an older
    // one stays until removed. The inner address check of an inbound SA is by its selectors.
    void (*sa_install)(struct dp *, const struct dp_sa *, dp_done *, void *arg);
    // The outer path of an outbound SA changes; it is found by its SPI and the remote address that it has now, and is
    // known by the new one from here on.
    void (*sa_path)(struct dp *, uint32_t spi_out, struct in_addr old_remote, const struct dp_path *, dp_done *,
                    void *);
    void (*sa_remove)(struct dp *, enum dp_dir, uint32_t spi, struct in_addr remote, dp_done *, void *arg);
    void (*sa_counters)(struct dp *, enum dp_dir, uint32_t spi, struct in_addr remote, dp_sa_counters_fn *, void *arg);
    void (*route_set)(struct dp *, const struct dp_route *, dp_done *, void *arg);
    void (*route_del)(struct dp *, const struct dp_route *, dp_done *, void *arg);
    // The kernel's neighbour on a port became known or changed (mac) or went away (mac NULL).
    void (*neighbour)(struct dp *, enum dp_port, struct in_addr, const uint8_t mac[6]);
    // Own address on the outside port, which ESP is accepted on; and the port's MAC and MTU.
    void (*local_set)(struct dp *, enum dp_port, struct in_addr, bool present);
    void (*port_set)(struct dp *, enum dp_port, const uint8_t mac[6], uint16_t mtu, bool up);
    // The next hop on the outside towards a peer's outer address, so that the datapath can build outer Ethernet
    // headers.
    void (*nexthop)(struct dp *, struct in_addr remote, struct in_addr neighbour);
    // From the kernel's TAP: out of the port. 0, -ENOBUFS, -EMSGSIZE, -ENODEV.
    int (*send_frame)(struct dp *, enum dp_port, const uint8_t *frame, size_t len);
    // From the TUN: encrypt. 0, -ENOBUFS, -EMSGSIZE, -EINVAL (not IPv4), -ENOENT (no SA), -EACCES (selectors), -ENODEV.
    int (*send_packet)(struct dp *, uint32_t tunnel, const uint8_t *packet, size_t len);
    void (*info)(struct dp *, dp_info_fn *, void *arg);
    void (*counters)(struct dp *, dp_counters_fn *, void *arg);
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
static inline int dp_tunnel_new(struct dp *d, uint16_t mtu, uint32_t *tunnel)
{
    return d->class->tunnel_new(d, mtu, tunnel);
}
static inline void dp_tunnel_free(struct dp *d, uint32_t tunnel)
{
    d->class->tunnel_free(d, tunnel);
}
static inline void dp_sa_install(struct dp *d, const struct dp_sa *sa, dp_done *done, void *arg)
{
    d->class->sa_install(d, sa, done, arg);
}
static inline void dp_sa_path(struct dp *d, uint32_t spi_out, struct in_addr old_remote, const struct dp_path *path,
                              dp_done *done, void *arg)
{
    d->class->sa_path(d, spi_out, old_remote, path, done, arg);
}
static inline void dp_sa_remove(struct dp *d, enum dp_dir dir, uint32_t spi, struct in_addr remote, dp_done *done,
                                void *arg)
{
    d->class->sa_remove(d, dir, spi, remote, done, arg);
}
static inline void dp_sa_counters(struct dp *d, enum dp_dir dir, uint32_t spi, struct in_addr remote,
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
static inline void dp_neighbour(struct dp *d, enum dp_port port, struct in_addr address, const uint8_t *mac)
{
    d->class->neighbour(d, port, address, mac);
}
static inline void dp_local_set(struct dp *d, enum dp_port port, struct in_addr address, bool present)
{
    d->class->local_set(d, port, address, present);
}
static inline void dp_port_set(struct dp *d, enum dp_port port, const uint8_t mac[6], uint16_t mtu, bool up)
{
    d->class->port_set(d, port, mac, mtu, up);
}
static inline void dp_nexthop(struct dp *d, struct in_addr remote, struct in_addr neighbour)
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

// Attaches to a card. `where`: "vfio-user:PATH" or a PCI address "0000:01:00.0". NULL on failure, the reason in err.
struct dp *dp_card_open(struct uv_loop_s *loop, const char *where, const struct dp_hooks *hooks, char *err,
                        size_t err_size);
// The software datapath: sends and receives ESP itself on the host's own sockets. udp4500 is IKE's port-4500 socket,
// which it shares: the daemon reads it and gives what is not IKE to dp_soft_esp_in_udp(). It stays the daemon's.
struct dp *dp_soft_open(struct uv_loop_s *loop, int udp4500, const struct dp_hooks *hooks, char *err, size_t err_size);
void dp_soft_esp_in_udp(struct dp *, const struct sockaddr_in *from, const uint8_t *esp, size_t len);

// SPDX-License-Identifier: BSD-2-Clause
// libculvert: the host's driver of a Culvert card, as a library that is a guest in its caller's process.
//
// It never prints, exits, starts a thread or owns the loop. One card is used from one thread at a time; different cards
// may be used from different threads; there is no global state. The caller polls the descriptors of culvert_fds() for
// reading and calls culvert_process() when one is readable, and culvert_expire() when culvert_next_timeout() has
// passed.
//
// Callbacks are called from culvert_process(), culvert_expire(), culvert_reset() and culvert_detach() only, never from
// within culvert_command() or culvert_tx(). A callback may send commands and packets; it must not reset or detach.
//
// Errors are negative errno values. Byte order of command bodies: see firmware/abi/culvert_abi.h. Times of deadlines
// are milliseconds, of clocks microseconds.
#pragma once
#include "firmware/abi/culvert_abi.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct culvert_card;      // one attached card
struct culvert_transport; // how its registers are reached: driver/transport.h

#define CULVERT_ERR_MAX      256 // room that an error sentence needs
#define CULVERT_PANIC_MAX    257 // room that a panic record needs, with its final 0
#define CULVERT_FDS_MAX      6   // descriptors of one card at most
#define CULVERT_PORTS_MAX    4
#define CULVERT_FEATURES_MAX 16
#define CULVERT_NAME_MAX     48

// ---------------------------------------------------------------- finding cards

// A card on the PCI bus, found with libpci.
struct culvert_found {
    char address[16]; // "0000:01:00.0"
    uint16_t vendor, device;
    uint8_t revision;
    uint64_t bar0_bytes; // 0: unknown
    bool msix;           // it has an MSI-X capability
    char driver[32];     // kernel driver it is bound to; empty: none
    int iommu_group;     // -1: none
};
typedef void culvert_found_fn(void *arg, const struct culvert_found *found);

// Calls `each` for every card; they are ordered by address. dump: NULL for this machine, else a file in the format of
// `lspci -xxx`, which is read in its place. Returns their number, or a negative errno with the reason in err.
int culvert_list(const char *dump, culvert_found_fn *each, void *arg, char *err, size_t err_size);

// ---------------------------------------------------------------- what the caller gives

enum culvert_log_level { CULVERT_LOG_ERROR, CULVERT_LOG_WARNING, CULVERT_LOG_NOTE, CULVERT_LOG_DEBUG };

enum culvert_state {
    CULVERT_READY,  // attached
    CULVERT_FAILED, // panic, watchdog, or the transport is gone: only culvert_reset, culvert_detach and queries are of
                    // use
};

// Destinations of culvert_tx, ports of culvert_packet.
enum culvert_port_id {
    CULVERT_PORT_OUTSIDE = 0, // Ethernet frames
    CULVERT_PORT_INSIDE = 1,  // Ethernet frames
    CULVERT_PORT_TUNNEL = 2,  // sent: an IP packet to encrypt. Received: a decrypted IP packet
};

// A packet that the card gave to the host. `data` is valid during the callback only.
struct culvert_packet {
    const uint8_t *data;
    size_t len;
    uint8_t port;    // culvert_port_id
    uint8_t reason;  // a DP_REASON_ of dp_regs.h
    bool decrypted;  // `sa` is valid
    uint16_t sa;     // inbound SA that decrypted it
    uint32_t tunnel; // of the inbound SA, or of the route that led to the host
};

// An event of the datapath.
struct culvert_event {
    uint8_t type;   // a DP_EVENT_ of dp_regs.h
    uint8_t dir;    // culvert_sa_dir; SA events
    uint16_t index; // SA index, or port for DP_EVENT_LINK_
};

struct culvert_options {
    void (*log)(void *arg, enum culvert_log_level level, const char *text);
    void (*rx)(void *arg, const struct culvert_packet *packet);
    void (*tx_room)(void *arg); // after -ENOBUFS: there is room again
    void (*event)(void *arg, const struct culvert_event *event);
    // FAILED: the card stopped; every pending command has been completed with an error before. reason: a sentence, of a
    // panic with its record. Not called for what culvert_reset and culvert_detach do at the caller's wish.
    void (*state)(void *arg, enum culvert_state state, const char *reason);
    uint64_t (*now)(void *arg);           // microseconds, never falling; NULL: CLOCK_MONOTONIC
    void *arg;                            // of all of them; each may be NULL
    uint32_t ready_timeout_ms;            // for firmware to boot; 0: 30,000
    uint32_t command_timeout_ms;          // of commands that give none; 0: 10,000
    uint8_t evq_log2, rxq_log2, txq_log2; // ring sizes 2^n; 0: 256 entries, 256 and 256 slots
    // Leave the card as it is: neither attach nor detach resets it, tables and counters stay. For looking at a card
    // that nobody drives at the moment; its rings are taken over.
    bool no_reset;
};

// ---------------------------------------------------------------- attaching

// What the card's device tree says.
struct culvert_caps {
    char model[CULVERT_NAME_MAX];
    uint32_t data_width; // bits
    uint64_t clock_hz, paced_clock_hz;
    uint32_t sas, tunnels, adjacencies, flows, routes, locals; // table sizes; SAs: so many in each direction
    uint32_t replay_window, max_frame, command_slots;
    size_t ports;
    struct {
        char label[CULVERT_NAME_MAX];
        uint32_t speed_mbps;
    } port[CULVERT_PORTS_MAX];
    size_t features;
    char feature[CULVERT_FEATURES_MAX][CULVERT_NAME_MAX];
};

// Attaches to "vfio-user:PATH" or a PCI address ("0000:01:00.0", by VFIO), starting from a reset card: its tables are
// empty and the datapath is off. Blocks until firmware is ready, at most ready_timeout_ms. `options` is copied. NULL on
// failure, with a sentence in err.
struct culvert_card *culvert_attach(const char *where, const struct culvert_options *options, char *err,
                                    size_t err_size);
// The same over a transport that the caller made; the card owns it from here on, also on failure.
struct culvert_card *culvert_attach_transport(struct culvert_transport *transport,
                                              const struct culvert_options *options, char *err, size_t err_size);
// Completes pending commands with -ECANCELED, resets the card (keys are zeroised), frees everything. NULL is allowed.
void culvert_detach(struct culvert_card *card);
// Resets the card and attaches again, also after CULVERT_FAILED: pending commands complete with -ECANCELED. Blocks as
// culvert_attach does. 0, or a negative errno with a sentence in err; the card is FAILED then and may be reset again.
int culvert_reset(struct culvert_card *card, char *err, size_t err_size);

enum culvert_state culvert_state(const struct culvert_card *card);
const struct culvert_caps *culvert_caps(const struct culvert_card *card);
bool culvert_has_feature(const struct culvert_card *card, const char *name);
uint32_t culvert_fw_version(const struct culvert_card *card); // major 31:24, minor 23:16, patch 15:0
uint32_t culvert_fw_abi(const struct culvert_card *card);
const char *culvert_where(const struct culvert_card *card); // transport and address, for users
// Firmware's last words: text, empty when there was no panic since attach. Read when the panic was noticed.
const char *culvert_panic_record(const struct culvert_card *card);

// Figures of the driver itself.
struct culvert_stats {
    uint64_t commands, completions, timeouts;
    uint64_t late_completions; // of commands that had timed out
    uint64_t bad_completions;  // with a tag that nobody waits for
    uint64_t bad_entries;      // of the queue, of no known kind
    uint64_t events, rx_packets, rx_bytes, rx_bad, tx_packets, tx_bytes, tx_full, resets;
};
const struct culvert_stats *culvert_stats(const struct culvert_card *card);
// Errors on the card's PCIe side since its reset: reads two registers (blocking). 0 or negative errno.
int culvert_link_errors(struct culvert_card *card, uint32_t *dma_errors, uint32_t *tlp_errors);

// ---------------------------------------------------------------- in the caller's loop

// Descriptors to poll for reading, at most CULVERT_FDS_MAX; they stay the same until culvert_detach. Returns their
// number.
size_t culvert_fds(const struct culvert_card *card, int *fds, size_t max);
// Does what waits: completions, events, packets. Packets are bounded per call; what is left makes a descriptor readable
// again. 0, or a negative errno when the card is FAILED.
int culvert_process(struct culvert_card *card);
// When culvert_expire() wants to be called, on the clock of the options; UINT64_MAX: not at all.
uint64_t culvert_next_timeout(const struct culvert_card *card);
// Completes with -ETIMEDOUT the commands whose deadline has passed.
void culvert_expire(struct culvert_card *card);

// ---------------------------------------------------------------- commands

// How a command ended. `body` is valid during the callback only.
struct culvert_result {
    // 0, or: -EOPNOTSUPP, -EMSGSIZE, -ERANGE (index), -EINVAL (value), -ENOENT, -EEXIST, -ENOSPC, -EIO (datapath),
    // -EPROTO (version) by the card's status; -ETIMEDOUT, -ECANCELED (reset or detach), -EHOSTDOWN (firmware panic),
    // -ENODEV (gone).
    int error;
    uint16_t status;     // culvert_status; meaningless when the card did not answer
    const uint8_t *body; // 48 bytes of the answer; zeros when the card did not answer
};
typedef void culvert_done(void *arg, const struct culvert_result *result);

// Queues a command; commands are carried out in order. `body` is copied and the copies are wiped. `done` (may be NULL)
// is called exactly once if 0 is returned. timeout_ms 0: the options' default; it runs from this call. Returns 0,
// -EMSGSIZE (len over 240), -ENOMEM, or -ENODEV when the card is FAILED.
int culvert_command(struct culvert_card *card, uint16_t opcode, const void *body, size_t len, culvert_done *done,
                    void *arg, uint32_t timeout_ms);
// Commands queued and not completed.
size_t culvert_pending(const struct culvert_card *card);
// A sentence for a culvert_status, a static string.
const char *culvert_status_text(unsigned status);
// The negative errno of a culvert_status.
int culvert_status_errno(unsigned status);

// One for each opcode; returns as culvert_command.
int culvert_nop(struct culvert_card *card, culvert_done *done, void *arg);
int culvert_get_info(struct culvert_card *card, culvert_done *done, void *arg); // body: struct culvert_info
int culvert_port_set(struct culvert_card *card, const struct culvert_port *port, culvert_done *done, void *arg);
int culvert_local_set(struct culvert_card *card, uint8_t slot, uint32_t address, culvert_done *done, void *arg);
int culvert_adj_set(struct culvert_card *card, const struct culvert_adj *adj, culvert_done *done, void *arg);
int culvert_sa_install(struct culvert_card *card, const struct culvert_sa *sa, culvert_done *done, void *arg);
// body: struct culvert_sa_counters, the final ones
int culvert_sa_remove(struct culvert_card *card, enum culvert_sa_dir dir, uint16_t index, culvert_done *done,
                      void *arg);
// body: struct culvert_sa_counters
int culvert_sa_counters(struct culvert_card *card, enum culvert_sa_dir dir, uint16_t index, culvert_done *done,
                        void *arg);
int culvert_sa_path(struct culvert_card *card, const struct culvert_sa *sa, culvert_done *done, void *arg);
int culvert_tunnel_set(struct culvert_card *card, const struct culvert_tunnel *tunnel, culvert_done *done, void *arg);
int culvert_route_set(struct culvert_card *card, const struct culvert_route *route, culvert_done *done, void *arg);
int culvert_route_del(struct culvert_card *card, const struct culvert_route *route, culvert_done *done, void *arg);
int culvert_flow_set(struct culvert_card *card, const struct culvert_flow *flow, culvert_done *done, void *arg);
int culvert_flow_del(struct culvert_card *card, const struct culvert_flow *flow, culvert_done *done, void *arg);
int culvert_enable(struct culvert_card *card, bool forward, culvert_done *done, void *arg);

// All counters of the card: value[i] is that of culvert_counter_name(i). values is NULL on error.
typedef void culvert_counters_fn(void *arg, int error, const uint64_t *values, size_t count);
int culvert_counters(struct culvert_card *card, culvert_counters_fn *done, void *arg);
size_t culvert_counter_count(void);
const char *culvert_counter_name(size_t index); // "rx0_packets"; static, "?" beyond the last
const char *culvert_counter_help(size_t index); // "outside: packets received"
const char *culvert_event_name(unsigned type);
const char *culvert_reason_name(unsigned reason);

// ---------------------------------------------------------------- packets

// Sends a frame (OUTSIDE, INSIDE) or lets the card encrypt an IP packet (TUNNEL, by `tunnel`). The data is copied. 0,
// -ENOBUFS when the ring is full, -EMSGSIZE when it does not fit a slot, -EINVAL, -ENODEV.
int culvert_tx(struct culvert_card *card, enum culvert_port_id dest, uint32_t tunnel, const void *data, size_t len);

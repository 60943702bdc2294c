// SPDX-License-Identifier: BSD-2-Clause
// The mailbox ABI: what driver and firmware say to each other. Included by both, so it holds fixed-size little-endian
// structs only, no function and no include but stdint. Both sides check the version at start: another major is refused.
//
// Commands: the driver writes a 256-byte slot of BAR0's CMD_RING (write-only for the host), then CMD_TAIL. Firmware
// copies the slot, zeroises it, advances CMD_HEAD, acts, and answers with one 64-byte entry of the completion and event
// queue in host memory. Commands are carried out and answered in order. Events travel in the same queue.
//
// Byte order: integers little-endian. IPv4 addresses, SPI and ports are host-order integers (192.0.2.1 is 0xc0000201).
// Keys, salts and MAC addresses are byte arrays in wire order.
#pragma once
#include <stdint.h>

#define CULVERT_ABI_MAJOR   1u
#define CULVERT_ABI_MINOR   0u
#define CULVERT_ABI_VERSION ((CULVERT_ABI_MAJOR << 16) | CULVERT_ABI_MINOR)

#define CULVERT_CMD_BYTES   256u
#define CULVERT_ENTRY_BYTES 64u

#define CULVERT_ABI_CHECK(type, member, offset) _Static_assert(__builtin_offsetof(type, member) == (offset), #member)
#define CULVERT_ABI_SIZE(type, size)            _Static_assert(sizeof(type) == (size), #type)

enum culvert_opcode {
    CULVERT_OP_NOP = 0,
    CULVERT_OP_GET_INFO = 1,    // -> culvert_info
    CULVERT_OP_PORT_SET = 2,    // culvert_port
    CULVERT_OP_LOCAL_SET = 3,   // culvert_local: own address that ESP is accepted on
    CULVERT_OP_ADJ_SET = 4,     // culvert_adj
    CULVERT_OP_SA_INSTALL = 5,  // culvert_sa
    CULVERT_OP_SA_REMOVE = 6,   // culvert_sa_ref -> culvert_sa_counters, final
    CULVERT_OP_SA_COUNTERS = 7, // culvert_sa_ref -> culvert_sa_counters
    CULVERT_OP_SA_PATH =
        8, // culvert_sa: index, addresses, ports, encap and adjacency of an outbound SA change; keys are not looked at
    CULVERT_OP_TUNNEL_SET = 9, // culvert_tunnel
    CULVERT_OP_ROUTE_SET = 10, // culvert_route; replaces an equal prefix
    CULVERT_OP_ROUTE_DEL = 11, // culvert_route: vrf, prefix and length count
    CULVERT_OP_FLOW_SET = 12,  // culvert_flow; replaces an equal key
    CULVERT_OP_FLOW_DEL = 13,  // culvert_flow: the key counts
    CULVERT_OP_COUNTERS = 14,  // culvert_counters_req -> culvert_counters
    CULVERT_OP_ENABLE = 15,    // culvert_enable
    CULVERT_OP_COUNT
};

enum culvert_status {
    CULVERT_ST_OK = 0,
    CULVERT_ST_UNKNOWN_OPCODE = 1,
    CULVERT_ST_BAD_LENGTH = 2,
    CULVERT_ST_BAD_INDEX = 3, // index beyond the table
    CULVERT_ST_BAD_VALUE = 4, // a field has no such value
    CULVERT_ST_NOT_FOUND = 5,
    CULVERT_ST_EXISTS = 6,
    CULVERT_ST_FULL = 7,    // the table has no room
    CULVERT_ST_TIMEOUT = 8, // the datapath did not answer firmware
    CULVERT_ST_VERSION = 9, // the command's ABI major is not ours
    CULVERT_ST_COUNT
};

// A command slot: header and body.
struct culvert_cmd {
    uint16_t opcode;    // culvert_opcode
    uint16_t length;    // bytes of the body that count
    uint32_t tag;       // returned in the completion
    uint16_t abi_major; // CULVERT_ABI_MAJOR
    uint16_t zero;
    uint32_t zero2;
    uint8_t body[240];
};
CULVERT_ABI_SIZE(struct culvert_cmd, CULVERT_CMD_BYTES);
CULVERT_ABI_CHECK(struct culvert_cmd, body, 16);

enum culvert_entry_kind {
    CULVERT_ENTRY_COMPLETION = 1,
    CULVERT_ENTRY_EVENT = 2,
};

// An entry of the completion and event queue.
struct culvert_entry {
    uint8_t kind;    // culvert_entry_kind
    uint8_t event;   // events: a DP_EVENT_ of the register map
    uint16_t status; // completions: culvert_status
    uint32_t tag;    // completions: of the command. Events: index in [15:0], direction in [16] (0 inbound, 1 outbound)
    uint8_t body[48];
    uint32_t zero;
    uint32_t sequence; // entry number plus one, written by hardware: the entry is there when it matches
};
CULVERT_ABI_SIZE(struct culvert_entry, CULVERT_ENTRY_BYTES);
CULVERT_ABI_CHECK(struct culvert_entry, sequence, 60);

struct culvert_info {
    uint32_t abi_version;
    uint32_t fw_version;
    uint32_t uptime_ms;
    uint32_t clock_hz;       // of the clock that firmware's timers count
    uint32_t commands;       // carried out since boot
    uint32_t command_errors; // of these, answered with an error
    uint32_t events;
    uint32_t events_lost; // the queue was full
    uint16_t routes, flows, sas_in, sas_out;
    uint32_t zero[2];
};
CULVERT_ABI_SIZE(struct culvert_info, 48);

struct culvert_port {
    uint8_t port; // 0 outside, 1 inside
    uint8_t enable;
    uint8_t mac[6];
    uint16_t mtu; // largest IP packet
    uint8_t zero[6];
};
CULVERT_ABI_SIZE(struct culvert_port, 16);

struct culvert_local {
    uint8_t slot; // below the board's local-count
    uint8_t zero[3];
    uint32_t address; // 0 empties the slot
};
CULVERT_ABI_SIZE(struct culvert_local, 8);

struct culvert_adj {
    uint16_t index;
    uint8_t port;
    uint8_t valid;
    uint8_t mac[6];
    uint8_t zero[2];
};
CULVERT_ABI_SIZE(struct culvert_adj, 12);

enum culvert_sa_dir { CULVERT_SA_IN = 0, CULVERT_SA_OUT = 1 };

enum culvert_sa_flags {
    CULVERT_SA_KEY256 = 1u << 0,
    CULVERT_SA_ESN = 1u << 1,
    CULVERT_SA_ENCAP = 1u << 2,     // outbound: UDP encapsulation
    CULVERT_SA_TO_HOST = 1u << 3,   // inbound: decrypted packets all go to the host
    CULVERT_SA_COPY_DSCP = 1u << 4, // outbound
    CULVERT_SA_SET_DF = 1u << 5,    // outbound; else copied from the inner packet
    CULVERT_SA_FLAGS_ALL = 0x3f,
};

// Inbound: the SPI's low bits must be the index (the receiver picks SPIs). src/dst are the allowed inner prefixes.
// Outbound: src/dst are the outer addresses, masks are ignored.
struct culvert_sa {
    uint16_t index;
    uint8_t dir;         // culvert_sa_dir
    uint8_t window_log2; // inbound: replay window of 2^n packets, 0: no replay check
    uint32_t flags;      // culvert_sa_flags
    uint32_t spi;
    uint16_t tunnel; // inbound: reported with exceptions
    uint16_t adj;    // outbound: adjacency of the outer next hop
    uint8_t key[32];
    uint8_t salt[4];
    uint32_t src, src_mask, dst, dst_mask;
    uint16_t sport, dport; // outbound with ENCAP
    uint32_t zero;
    uint64_t seq;                                                // last used or highest seen; 0 for a new SA
    uint64_t soft_bytes, hard_bytes, soft_packets, hard_packets; // 0: none
};
CULVERT_ABI_SIZE(struct culvert_sa, 120);
CULVERT_ABI_CHECK(struct culvert_sa, key, 16);
CULVERT_ABI_CHECK(struct culvert_sa, seq, 80);

struct culvert_sa_ref {
    uint16_t index;
    uint8_t dir;
    uint8_t zero;
};
CULVERT_ABI_SIZE(struct culvert_sa_ref, 4);

struct culvert_sa_counters {
    uint64_t packets, bytes; // inner IP packets that passed
    uint64_t seq;            // last used or highest accepted
    uint32_t auth_fail, replay, policy;
    uint32_t zero[3];
};
CULVERT_ABI_SIZE(struct culvert_sa_counters, 48);

struct culvert_tunnel {
    uint16_t index;
    uint16_t sa;  // outbound SA
    uint16_t mtu; // largest inner packet, 0: no limit
    uint8_t valid;
    uint8_t zero;
};
CULVERT_ABI_SIZE(struct culvert_tunnel, 8);

enum culvert_target_kind {
    CULVERT_TARGET_HOST = 0,
    CULVERT_TARGET_DROP = 1,
    CULVERT_TARGET_TUNNEL = 2, // target is a tunnel
    CULVERT_TARGET_ADJ = 3,    // target is an adjacency: clear text out of its port
};

struct culvert_route {
    uint32_t prefix;
    uint8_t length; // 0 to 32
    uint8_t vrf;
    uint8_t kind; // culvert_target_kind
    uint8_t zero;
    uint16_t target;
    uint8_t zero2[2];
};
CULVERT_ABI_SIZE(struct culvert_route, 12);

struct culvert_flow {
    uint32_t src, dst;
    uint16_t sport, dport;
    uint8_t protocol;
    uint8_t vrf;
    uint8_t kind; // culvert_target_kind
    uint8_t zero;
    uint16_t target;
    uint8_t zero2[2];
};
CULVERT_ABI_SIZE(struct culvert_flow, 20);

#define CULVERT_COUNTERS_MAX 6u // counters of one answer

struct culvert_counters_req {
    uint16_t first; // a DP_COUNTER_ of the register map
    uint16_t count; // at most CULVERT_COUNTERS_MAX
};
CULVERT_ABI_SIZE(struct culvert_counters_req, 4);

struct culvert_counters {
    uint64_t value[CULVERT_COUNTERS_MAX];
};
CULVERT_ABI_SIZE(struct culvert_counters, 48);

struct culvert_enable {
    uint8_t forward; // 1: the datapath forwards, 0: it drops everything
    uint8_t zero[3];
};
CULVERT_ABI_SIZE(struct culvert_enable, 4);

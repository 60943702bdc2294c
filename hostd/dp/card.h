// SPDX-License-Identifier: BSD-2-Clause
// Inside of the card's datapath; dp_card.c is its entrance.
//
// Every request becomes an operation in one queue. An operation is a few commands of the driver, one after the other;
// the next operation starts when it has ended. So requests take effect in their order, an operation sees the state that
// all before it left, and one that fails half-way takes back what it did before anything else happens.
#pragma once
#include "driver/culvert.h"
#include "hostd/dp/dp.h"
#include "hostd/dp/later.h"
#include "hostd/util/map.h"

enum { CARD_NONE = -1 };

// Inbound SAs, by index; the index is the low bits of the SPI.
struct card_in {
    uint32_t spi;     // 0: the index is free
    struct dp_sa *sa; // NULL: given out, not installed
    bool check;       // its selectors are checked here, not by the card
    uint64_t policy;  // packets that this check refused
    bool told;        // and that is known
};

// Outbound SAs, by index.
struct card_out {
    bool used;
    uint32_t spi;
    uint32_t tunnel;
    struct dp_path path;
    int adj;
    int older; // the next older one of the same tunnel, or CARD_NONE
};

struct card_tunnel {
    bool used;
    uint16_t mtu;
    int sa; // newest outbound SA, or CARD_NONE
};

// A next hop, in the card's table while something refers to it.
struct card_adj {
    uint32_t refs;
    enum dp_port port;
    struct ip_addr address;
    bool written; // the card has what is known of it
};

struct card_neighbour {
    uint8_t mac[6];
};

struct card_route {
    int adj; // or CARD_NONE
};

// The tables and the mailbox know IPv4 alone: its address as a host-order integer, for keys and commands.
static inline uint32_t card_v4(const struct ip_addr *a)
{
    return ntohl(ip_v4(a).s_addr);
}

struct card;
struct card_op;
// Carries an operation on. error: of the command before, 0 at the start. body: its answer, 48 bytes. It either gives a
// command to the driver by dpc_op_wait(), or ends with dpc_op_end().
typedef void card_step(struct card *c, struct card_op *op, int error, const uint8_t *body);

struct card_op {
    struct later_item item; // its answer
    struct card_op *next;
    struct card *card;
    card_step *run;
    int step;  // where `run` goes on
    int error; // result
    int index, adj;
    // what was asked
    struct dp_sa sa;
    struct dp_path path;
    struct dp_route route;
    struct ip_addr address;
    enum dp_port port;
    uint8_t mac[6];
    uint16_t mtu;
    bool up;
    // who is told
    dp_done *done;
    dp_sa_counters_fn *sa_fn;
    dp_info_fn *info_fn;
    dp_counters_fn *counters_fn;
    void *arg;
    // figures
    struct dp_sa_counters figures;
    struct culvert_info info;
    uint64_t *values;
    size_t count;
};

struct card {
    struct dp dp;
    uv_loop_t *loop;
    struct culvert_card *driver;
    bool failed;  // the card is gone
    bool closing; // dp_free is under way: operations end without being carried out
    uv_poll_t poll[CULVERT_FDS_MAX];
    uv_timer_t timer;
    struct later later;
    int open_handles;

    struct card_op *first, **end; // the queue; the first one runs
    bool running, pumping;

    uint32_t sas, tunnels, adjs, locals; // sizes of the tables below
    uint32_t index_bits;                 // of an SPI
    uint32_t next_in, next_out; // where the search for a free index starts: an index rests before it is used again
    struct card_in *in;
    struct card_out *out;
    struct card_tunnel *tunnel;
    struct card_adj *adj;
    struct in_addr *local;  // own addresses, 0: the entry is free
    struct map out_by_name; // SPI and remote address -> its entry of `out`
    struct map neighbours;  // port and address -> struct card_neighbour
    struct map nexthops;    // remote address -> struct ip_addr
    struct map routes;      // prefix and length -> struct card_route
    uint64_t policy;        // packets that selectors refused here
    uint64_t unknown_at;    // when an unknown SPI was last reported, ms of the loop
};

// ---- operations (card_ops.c)

// A new operation, to be filled in and given to dpc_op_submit(). NULL: no memory.
struct card_op *dpc_op_new(struct card *c, card_step *run);
void dpc_op_submit(struct card *c, struct card_op *op);
// The driver took a command whose completion carries the operation on at `step`, or refused it with `rc`.
void dpc_op_wait(struct card_op *op, int step, int rc);
// The `done` of a command of operation `arg`.
void dpc_op_completed(void *arg, const struct culvert_result *result);
void dpc_op_end(struct card_op *op, int error);
// The driver may have a new deadline (dp_card.c).
void dpc_arm(struct card *c);
void dp_card_log(struct card *c, enum dp_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// ---- what operations do: SAs (card_sa.c) and forwarding (card_fwd.c)

card_step dpc_install_in, dpc_install_out, dpc_remove_in, dpc_remove_out, dpc_path, dpc_spi_free, dpc_sa_counters;
card_step dpc_tunnel_free, dpc_route_set, dpc_route_del, dpc_neighbour_changed, dpc_nexthop_changed, dpc_local_set,
    dpc_port_set, dpc_enable, dpc_info, dpc_counters;

// What of an SA the card has not, in words, which may be in `name`; NULL: it can carry it.
enum { DPC_LACKS = 64 };
const char *dpc_lacks(const struct card *c, const struct dp_sa *sa, char name[DPC_LACKS]);
bool dpc_has_suite(const struct card *c, struct dp_suite s);
uint64_t dpc_out_key(uint32_t spi, struct ip_addr remote);
struct card_out *dpc_out_find(struct card *c, uint32_t spi, struct ip_addr remote);
// The inbound SA or reserved index of an SPI; NULL: not ours.
struct card_in *dpc_in_find(struct card *c, uint32_t spi);
// Frees the entry's SA, if it has one.
void dpc_in_release(struct card_in *in);
uint64_t dpc_port_key(enum dp_port port, struct ip_addr address);
// An adjacency for a next hop with one more reference; CARD_NONE: the table is full.
int dpc_adj_get(struct card *c, enum dp_port port, struct ip_addr address);
void dpc_adj_put(struct card *c, int index);
// Writes it to the card if need be, and goes on at `step`; true: there was nothing to write.
bool dpc_adj_write(struct card *c, struct card_op *op, int index, int step);
// The next hop towards a peer: what dp_nexthop said, else the peer itself.
struct ip_addr dpc_nexthop_of(struct card *c, struct ip_addr remote);
int dpc_tunnel_write(struct card *c, struct card_op *op, uint32_t tunnel, int sa, int step);

// ---- packets and events (dpc_rx.c)

void dpc_rx(void *arg, const struct culvert_packet *packet);
void dpc_event(void *arg, const struct culvert_event *event);
void dpc_state(void *arg, enum culvert_state state, const char *reason);
void dpc_report(struct card *c, struct dp_event event);

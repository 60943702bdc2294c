// SPDX-License-Identifier: BSD-2-Clause
// The inside of a card, shared by the library's own files.
#pragma once
#include "driver/culvert.h"
#include "driver/transport.h"

#define CARD_REG_MAJOR 1u // of BAR0's register block

// DMA memory of a card: one shared mapping that holds the rings.
struct card_memory {
    int fd;
    uint8_t *at;
    size_t size;
    uint64_t iova;
    bool mapped; // the device knows it
};

// A ring in it; counters are free-running modulo 2^32.
struct card_ring {
    uint8_t *at;
    uint64_t iova;
    uint32_t count;     // entries, a power of two
    uint32_t slot_log2; // bytes of an entry
    uint32_t ours;      // consumer (EVQ, RXQ) or producer (TXQ)
    uint32_t told;      // what of it the card has been told
};

// A command from culvert_command to its completion.
struct card_command {
    struct card_command *next;
    uint32_t tag;
    uint16_t opcode, len;
    culvert_done *done; // NULL: nobody waits (any more)
    void *arg;
    uint64_t deadline;
    bool expired;
    uint8_t body[240]; // wiped when it has been written to the card
};

struct card_queue {
    struct card_command *head, **tail;
    size_t count;
};

enum card_vector { VECTOR_EVQ, VECTOR_RX, VECTOR_TX, VECTOR_STATE };

struct culvert_card {
    struct culvert_transport *t;
    struct culvert_options options;
    enum culvert_state state;
    int failing;      // noticed where no callback may be called; culvert_process deals with it
    char reason[512]; // of `failing`
    struct culvert_caps caps;
    uint32_t fw_abi, fw_version;
    char panic[CULVERT_PANIC_MAX];
    struct culvert_stats stats;
    int eventfd[CULVERT_IRQS];

    struct card_memory memory;
    struct card_ring evq, rxq, txq;
    uint32_t *tx_written_back; // TXQ_CONSUMER, written by the card
    bool tx_blocked;           // -ENOBUFS has been returned

    struct card_queue waiting, sent; // commands not yet written to the card; commands the card has
    uint16_t cmd_tail;
    uint32_t next_tag;
};

// card.c
__attribute__((format(printf, 3, 4))) void card_log(const struct culvert_card *card, enum culvert_log_level level,
                                                    const char *format, ...);
uint64_t card_now(const struct culvert_card *card);
int card_read32(struct culvert_card *card, uint32_t reg, uint32_t *value);
int card_write32(struct culvert_card *card, uint32_t reg, uint32_t value);
int card_post32(struct culvert_card *card, uint32_t reg, uint32_t value);
// From a place where no callback may be called: culvert_process will do the rest.
void card_fail_later(struct culvert_card *card, int error, const char *reason);
// FAILED: completes all commands with `error` and tells the caller.
void card_fail(struct culvert_card *card, int error, const char *reason);
// Why is the card silent? Reads its state; fails the card when firmware has stopped or the card was reset.
void card_check_health(struct culvert_card *card);

// attach.c: brings the card from whatever state to READY. 0 or a negative errno with a sentence in err.
int card_start(struct culvert_card *card, char *err, size_t err_size);
void card_stop_rings(struct culvert_card *card);
int card_read_panic(struct culvert_card *card);

// caps.c: reads the compiled device tree. 0, or -EINVAL with a sentence.
int card_parse_caps(const void *dtb, size_t size, struct culvert_caps *caps, char *err, size_t err_size);

// memory.c
int card_memory_create(struct culvert_card *card, char *err, size_t err_size);
void card_memory_clear(struct culvert_card *card);
void card_memory_free(struct culvert_card *card);

// cmdq.c
void card_queue_init(struct card_queue *q);
void card_complete(struct culvert_card *card, const struct culvert_entry *entry);
void card_fail_commands(struct culvert_card *card, int error);
// Writes waiting commands to the card as far as it has room.
void card_send_waiting(struct culvert_card *card);

// rings.c
void card_process_evq(struct culvert_card *card);
void card_process_rx(struct culvert_card *card);
void card_process_tx(struct culvert_card *card);

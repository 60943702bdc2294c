// SPDX-License-Identifier: BSD-2-Clause
// A vfio-user client for tests, written to the protocol's text: it sends what it is told, right or wrong.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CLIENT_MAX = 70000, CLIENT_FDS = 64 };

enum { // commands
    C_VERSION = 1,
    C_DMA_MAP,
    C_DMA_UNMAP,
    C_GET_INFO,
    C_REGION_INFO,
    C_REGION_IO_FDS,
    C_IRQ_INFO,
    C_SET_IRQS,
    C_READ,
    C_WRITE,
    C_DMA_READ,
    C_DMA_WRITE,
    C_RESET,
};

struct client {
    int fd;
    uint16_t id;
    void (*pump)(void *arg); // lets the server work for a moment
    void *arg;
    // the last reply
    uint32_t error, flags;
    uint8_t body[CLIENT_MAX];
    size_t len;
};

// Connects; false if nobody listens.
bool client_connect(struct client *c, const char *path, void (*pump)(void *), void *arg);
void client_close(struct client *c);
// Sends bytes as they are, with descriptors. False if the connection is gone.
bool client_send_raw(struct client *c, const void *data, size_t len, const int *fds, size_t fds_len);
// Sends a command. flags: as in the header.
bool client_send(struct client *c, uint16_t command, uint32_t flags, const void *body, size_t len, const int *fds,
                 size_t fds_len);
// Waits for a reply: 1 got one, 0 the connection was closed, -1 no reply.
int client_reply(struct client *c);
// Command and reply: the error of the reply (0: success), -1: no reply, -2: closed, -3: reply does not fit its command.
int client_call(struct client *c, uint16_t command, const void *body, size_t len, const int *fds, size_t fds_len);

int client_version(struct client *c, uint16_t major, uint16_t minor, const char *json);
int client_read(struct client *c, uint32_t region, uint64_t offset, void *data, uint32_t count);
int client_write(struct client *c, uint32_t region, uint64_t offset, const void *data, uint32_t count);
int client_map(struct client *c, uint32_t flags, uint64_t offset, uint64_t address, uint64_t size, int fd);
int client_unmap(struct client *c, uint32_t flags, uint64_t address, uint64_t size);
int client_irqs(struct client *c, uint32_t flags, uint32_t index, uint32_t start, uint32_t count, const int *fds,
                size_t fds_len);

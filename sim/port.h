// SPDX-License-Identifier: BSD-2-Clause
// A network port of the simulated card: where its frames come from and go to.
//   tap:NAME          a TAP device (created if it is not there)
//   unix:PATH         a SOCK_SEQPACKET socket that one peer at a time connects to, a frame a message
//   pcap:IN[,OUT]     frames from a capture file, once, back to back; what is sent goes to OUT
//   none              nothing is connected: link down
// Frames are Ethernet without FCS. One thread; nothing blocks.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_FRAME_MAX 9234 // 9,216 and some, so that too long frames can be tried

struct sim_port;

// Opens a port. NULL on failure, with the reason in err.
struct sim_port *port_open(const char *spec, char *err, size_t err_size);
void port_close(struct sim_port *p);

// Writes every frame in both directions to a pcap file. `now_ns` of the calls below are its time stamps.
int port_capture(struct sim_port *p, const char *path, char *err, size_t err_size);

// A descriptor to poll for input, or -1.
int port_fd(const struct sim_port *p);
bool port_link(const struct sim_port *p);
// The next received frame, padded to 60 bytes as a sender on a wire would have. 0: none now.
size_t port_receive(struct sim_port *p, uint8_t frame[SIM_FRAME_MAX], uint64_t now_ns);
void port_send(struct sim_port *p, const uint8_t *frame, size_t len, uint64_t now_ns);
// Frames that the other side of the port did not take.
uint64_t port_send_errors(const struct sim_port *p);
// A pcap port has given its last frame.
bool port_finished(const struct sim_port *p);

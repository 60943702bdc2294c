// SPDX-License-Identifier: BSD-2-Clause
// Joins the root port to the vfio-user server: a client's region accesses become TLPs, its memory becomes host memory,
// the card's interrupts become its eventfds. Plays the part of the kernel's vfio-pci driver: it programs the MSI-X
// table when the client asks for interrupts and keeps the table from the client (it reads as ones, writes are dropped).
//
// A device reset (asked for, or because the client is gone) resets the configuration space, so that bus mastering ends
// at once, and then the card by CONTROL.RESET; what the client asks for next comes after that. STATUS.IN_RESET tells it
// when the card is ready again.
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct attach;
struct rp;
struct vus;

// Listens on `path`. NULL on failure, the reason in err. Sets the hooks of rp, which must outlive it.
struct attach *attach_new(struct rp *rp, const char *path, char *err, size_t err_size);
void attach_free(struct attach *a);
// A descriptor to poll for input.
int attach_fd(const struct attach *a);
// Handles what has come in; true if anything was done.
bool attach_poll(struct attach *a);
const struct vus *attach_server(const struct attach *a);

// SPDX-License-Identifier: BSD-2-Clause
// A simulated card of a test's own: culvert-sim in a scratch folder, running free, with firmware or without.
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define PATIENCE_MS 30000 // for anything that the card or the simulator has to do

struct sim_card {
    char dir[64];
    char where[120]; // for culvert_attach()
    char port[100];  // socket of the outside port
    pid_t pid;       // 0: it has been ended
};

uint64_t now_ms(void);
// `firmware`: a file of the build's firmware folder, NULL: none. port: the outside port is a socket, too. Waits until
// the card can be attached.
void sim_card_start(struct sim_card *s, const char *firmware, bool port);
// It ends as it should, and its files go.
void sim_card_stop(struct sim_card *s);

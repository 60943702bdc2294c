// SPDX-License-Identifier: BSD-2-Clause
// The board's flash: holds the firmware image and answers the boot copier's word reads, a word a cycle.
#pragma once
#include "sim/pins.h"

#include <stddef.h>

struct sim_flash {
    uint32_t *words; // owned
    size_t count;
};

// An erased flash (all ones) unless load is called.
void flash_init(struct sim_flash *f);
// Builds the flash image of a firmware ELF, or takes a file that is one already (magic "CVRT"). 0, or -1 with err.
int flash_load(struct sim_flash *f, const char *path, char *err, size_t err_size);
void flash_free(struct sim_flash *f);
static inline void flash_tick(const struct sim_flash *f, const struct sim_pins *p)
{
    if (*p->flash_req && !*p->flash_ack) {
        *p->flash_data = *p->flash_addr < f->count ? f->words[*p->flash_addr] : 0xffffffffu;
        *p->flash_ack = 1;
    } else {
        *p->flash_ack = 0;
    }
}

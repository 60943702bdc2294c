// SPDX-License-Identifier: BSD-2-Clause
// The SA manager: which indices are installed, and whether an SA's fields make sense. Keys live in the hardware only.
#pragma once
#include "board.h"
#include "firmware/drivers/dp.h"

// Zeroed: nothing is installed.
struct sa_table {
    uint8_t installed[2][BOARD_SA_COUNT]; // by culvert_sa_dir
    uint16_t count[2];
};

enum culvert_status sa_install(struct sa_table *t, const struct culvert_sa *sa);
enum culvert_status sa_remove(struct sa_table *t, const struct culvert_sa_ref *ref, struct culvert_sa_counters *final);
enum culvert_status sa_counters(const struct sa_table *t, const struct culvert_sa_ref *ref,
                                struct culvert_sa_counters *out);
enum culvert_status sa_path(const struct sa_table *t, const struct culvert_sa *sa);

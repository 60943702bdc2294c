// SPDX-License-Identifier: BSD-2-Clause
#include "sim/flash.h"

#include "firmware/tools/flash_image.h"

#include <stdlib.h>

void flash_init(struct sim_flash *f)
{
    f->words = NULL;
    f->count = 0;
}

int flash_load(struct sim_flash *f, const char *path, char *err, size_t err_size)
{
    flash_free(f);
    return flash_image_load(path, &f->words, &f->count, err, err_size);
}

void flash_free(struct sim_flash *f)
{
    free(f->words);
    flash_init(f);
}

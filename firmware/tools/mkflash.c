// SPDX-License-Identifier: BSD-2-Clause
// mkflash FIRMWARE.elf IMAGE.flash: makes the flash image of firmware's ELF (see flash_image.h).
#include "firmware/tools/flash_image.h"

#include <stdio.h>
#include <stdlib.h>

static int save(const char *path, const uint32_t *words, size_t count)
{
    FILE *f = fopen(path, "wb");
    if (!f) {
        perror(path);
        return -1;
    }
    int rc = 0;
    for (size_t i = 0; i < count && rc == 0; i++) {
        const uint8_t b[4] = {(uint8_t)words[i], (uint8_t)(words[i] >> 8), (uint8_t)(words[i] >> 16),
                              (uint8_t)(words[i] >> 24)};
        rc = fwrite(b, 1, 4, f) == 4 ? 0 : -1;
    }
    if (fclose(f) != 0 || rc != 0) {
        perror(path);
        return -1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    uint32_t *words;
    size_t count;
    char err[256];
    if (argc != 3) {
        fprintf(stderr, "usage: mkflash FIRMWARE.elf IMAGE.flash\n");
        return 2;
    }
    if (flash_image_load(argv[1], &words, &count, err, sizeof(err)) != 0) {
        fprintf(stderr, "mkflash: %s\n", err);
        return 1;
    }
    const int rc = save(argv[2], words, count);
    free(words);
    return rc ? 1 : 0;
}

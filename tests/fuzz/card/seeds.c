// SPDX-License-Identifier: BSD-2-Clause
// Seeds for the card's fuzz targets: a good command of each opcode.   card_seeds DIRECTORY
#include "firmware/abi/culvert_abi.h"

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    static const uint8_t length[CULVERT_OP_COUNT] = {0, 0, 16, 8, 12, 120, 4, 4, 120, 8, 12, 12, 20, 20, 4, 4};
    const struct culvert_sa sa = {.index = 5, .spi = 0xabcd0005, .window_log2 = 6, .key = {1, 2, 3}};
    for (unsigned op = 0; op < CULVERT_OP_COUNT && argc == 2; op++) {
        char path[512];
        uint8_t command[5 + 240] = {(uint8_t)op, length[op], 0, 0, 0};
        snprintf(path, sizeof(path), "%s/op%u", argv[1], op);
        if (op == CULVERT_OP_SA_INSTALL)
            memcpy(command + 5, &sa, sizeof(sa));
        if (op == CULVERT_OP_COUNTERS)
            command[7] = 6;
        FILE *f = fopen(path, "wb");
        if (!f || fwrite(command, 1, 5u + length[op], f) != 5u + length[op] || fclose(f) != 0) {
            perror(path);
            return 1;
        }
    }
    return argc == 2 ? 0 : 2;
}

// SPDX-License-Identifier: BSD-2-Clause
// libFuzzer: a card's device tree, as a broken or hostile card may show it.
#include "driver/card_impl.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct culvert_caps caps;
    char err[CULVERT_ERR_MAX] = "";
    uint64_t *copy = malloc(size + 8); // aligned, and its end is watched
    if (!copy)
        return 0;
    memcpy(copy, data, size);
    const int rc = card_parse_caps(copy, size, &caps, err, sizeof(err));
    if ((rc == 0) != (err[0] == 0) || caps.ports > CULVERT_PORTS_MAX || caps.features > CULVERT_FEATURES_MAX)
        abort();
    if (rc == 0 && (caps.command_slots == 0 || caps.max_frame > 16384 - 64))
        abort();
    free(copy);
    return 0;
}

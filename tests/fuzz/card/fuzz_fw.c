// SPDX-License-Identifier: BSD-2-Clause
// libFuzzer: firmware's mailbox. The input is a row of command slots as a hostile host may write them: opcode, length,
// tag and ABI major as given, and a body. Firmware must answer each once, in order, and reach no register that does not
// exist.
#include "firmware/services/fw.h"
#include "tests/unit/firmware/hal_stop.h"
#include "tests/unit/firmware/model.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct model m;
    static struct fw fw;
    if (setjmp(hal_stopped))
        abort(); // a panic that a host can cause
    model_init(&m);
    memset(&fw, 0, sizeof(fw));
    hal_use(&m);
    if (fw_boot(&fw))
        abort();
    m.bad_accesses = 0;
    uint32_t sent = 0;
    while (size >= 5 && sent < MODEL_POSTS) {
        const uint16_t opcode = data[0], length = data[1] < 250 ? data[1] : (uint16_t)(data[1] << 8 | data[2]);
        const uint16_t abi = data[3] == 0xff ? data[4] : CULVERT_ABI_MAJOR;
        uint8_t body[240] = {0};
        const size_t room = size - 5, take = length < room ? length : room, copy = take < 240 ? take : 240;
        memcpy(body, data + 5, copy);
        model_command_abi(&m, abi, opcode, sent, body, length);
        data += 5 + take;
        size -= 5 + take;
        for (unsigned steps = 0; fw_step(&fw) == 0; steps++)
            if (steps > 1000)
                abort();
        sent++;
        const struct culvert_entry *e = model_posted(&m, sent - 1);
        if (m.posts != sent || e->tag != sent - 1 || e->status >= CULVERT_ST_COUNT)
            abort();
    }
    if (m.bad_accesses || m.writes_while_busy)
        abort();
    return 0;
}

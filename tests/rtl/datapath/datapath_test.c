// SPDX-License-Identifier: BSD-2-Clause
// The whole datapath, port to port, against the OpenSSL model.
#include "dp_regs.h"
#include "tests/rtl/datapath/scene.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void one_of_each(uint64_t seed)
{
    struct scene *s = scene_create(seed);
    for (unsigned v = 0; v < 8; v++)
        scene_install(s, v, v & 1, v & 2, v & 4);
    for (unsigned v = 0; v < 8; v++) {
        char name[128];
        snprintf(name, sizeof name, "clear packet leaves as ESP: AES-%d, %s, %s", v & 1 ? 256 : 128,
                 v & 2 ? "ESN" : "32-bit numbers", v & 4 ? "UDP" : "plain");
        scene_clear_to_esp(s, v, 100);
        check(scene_settle(s), name);
        snprintf(name, sizeof name, "ESP packet leaves clear: AES-%d, %s, %s", v & 1 ? 256 : 128,
                 v & 2 ? "ESN" : "32-bit numbers", v & 4 ? "UDP" : "plain");
        scene_esp_to_clear(s, v, 100);
        check(scene_settle(s), name);
    }
    scene_hairpin(s, 0, 7, 300);
    check(scene_settle(s), "packet of one tunnel leaves through another");
    scene_host_to_esp(s, 3, 200);
    check(scene_settle(s), "packet of the host leaves encrypted");
    scene_host_to_port(s, 0, 60);
    scene_host_to_port(s, 1, 42);
    check(scene_settle(s), "frames of the host leave by their port, short ones padded");
    check(!s->b->reg_errors, "no register answered with an error");
    scene_destroy(s);
}

int main(void)
{
    const char *env = getenv("SEED");
    uint64_t seed = env ? strtoull(env, NULL, 0) : 1;
    printf("# SEED=%llu\n", (unsigned long long)seed);
    one_of_each(seed);
    return finish();
}

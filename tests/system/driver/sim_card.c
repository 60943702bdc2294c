// SPDX-License-Identifier: BSD-2-Clause
#include "tests/system/driver/sim_card.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void sim_card_start(struct sim_card *s, const char *firmware, bool port)
{
    const char *build = getenv("B") ? getenv("B") : "build";
    char sim[200], elf[200], card[100], port0[110];
    memset(s, 0, sizeof(*s));
    strcpy(s->dir, "/tmp/culvert-driver-XXXXXX");
    assert_non_null(mkdtemp(s->dir));
    snprintf(sim, sizeof(sim), "%s/bin/culvert-sim", build);
    snprintf(elf, sizeof(elf), "%s/firmware/%s", build, firmware ? firmware : "");
    snprintf(card, sizeof(card), "%s/card.sock", s->dir);
    snprintf(s->where, sizeof(s->where), "vfio-user:%s", card);
    snprintf(s->port, sizeof(s->port), "%s/port0.sock", s->dir);
    snprintf(port0, sizeof(port0), "unix:%s", s->port);
    const char *argv[12] = {sim, "--socket", card, "--uart", "/dev/null", "--free-run", "--quiet"};
    size_t n = 7;
    if (firmware) {
        argv[n++] = "--firmware";
        argv[n++] = elf;
    }
    if (port) {
        argv[n++] = "--port0";
        argv[n++] = port0;
    }
    s->pid = fork();
    if (s->pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); // a failed test leaves no simulator behind
        execv(sim, (char *const *)argv);
        _exit(127);
    }
    const uint64_t end = now_ms() + PATIENCE_MS;
    while (access(card, F_OK) != 0 && now_ms() < end)
        (void)poll(NULL, 0, 20);
}

void sim_card_stop(struct sim_card *s)
{
    static const char *const names[] = {"card.sock", "port0.sock"};
    char path[100];
    int status = 0;
    if (s->pid > 0) {
        kill(s->pid, SIGTERM);
        waitpid(s->pid, &status, 0);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), "%s/%s", s->dir, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(s->dir);
}

// SPDX-License-Identifier: BSD-2-Clause
// Exec commands in a test: a daemon object, of which the test fills in what its commands look at, and what the last
// command said.
#ifndef CULVERT_TESTS_EXEC_RIG_H
#define CULVERT_TESTS_EXEC_RIG_H

#include "hostd/cli/exec.h"

extern struct culvertd *d;
extern struct exec_lang *lang;
extern char *text, *failed; // of the last command; failed NULL: it went well
extern json_t *data;

// The daemon with a quiet log, an open loop and both languages. The clock is the real one.
void exec_rig_open(void);
// Everything of exec_rig_open(), and the configuration. What the test has put into the daemon must be gone, but for
// what the loop still has to close.
void exec_rig_close(void);
// Take a configuration: it must be good.
void configure(const char *conf);
// The command succeeds; fails with such an error; what it said has this in it.
void run(const char *line);
void fails(const char *line, const char *with);
void says(const char *with);
// Set off a command whose answer comes later.
void begin(const char *line);

#endif

// SPDX-License-Identifier: BSD-2-Clause
// The configuration language in a test: texts that are to be good, or refused with a sentence.
#ifndef CULVERT_TESTS_CONF_RIG_H
#define CULVERT_TESTS_CONF_RIG_H

#include "hostd/conf/reader.h"

extern struct conf_lang *lang;
extern char err[1500]; // of what was refused last

// Of a group of tests: the language is there before and gone after them.
int conf_rig_open(void **state);
int conf_rig_close(void **state);

// Read and checked; it must be good. The caller's.
struct conf *good(const char *text);
// It is refused, and the reason has this in it.
void refuses(const char *text, const char *with);
// As it is kept, for free().
char *printed(const struct conf *c, bool all);

#endif

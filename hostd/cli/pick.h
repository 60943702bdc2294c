// SPDX-License-Identifier: BSD-2-Clause
// Commands that do something with several at once: those that are meant are collected before anything is done to them,
// and the answer says how many did it.
#ifndef CULVERT_CLI_PICK_H
#define CULVERT_CLI_PICK_H

#include "hostd/cli/exec.h"

/// The numbers of the sessions that the arguments mean, or (children) the inbound SPIs of their CHILD SAs: `session`
/// (none: all), `addr` or `addr6` of the peer, or with the side "local" of ours (none: all).
struct list pick(const struct exec *x, const struct args *a, bool children);
uint32_t pick_at(const struct list *picked, size_t i);
/// Ends the command: so many of them did it. Frees the list.
void pick_done(struct exec *x, struct list *picked, size_t done);
/// "3 done, 1 not in a state for it"
void pick_render(struct str *out, const json_t *data);

#endif

// SPDX-License-Identifier: BSD-2-Clause
// The command's side of the control socket: a request, and the answer to it. Blocking; not used by the daemon.
#ifndef CULVERT_CLI_CLIENT_H
#define CULVERT_CLI_CLIENT_H

#include <jansson.h>
#include <stdbool.h>

struct client;

// NULL on failure, the reason in err.
struct client *client_open(const char *path, char *err, size_t err_size);
void client_close(struct client *c);
// The answer; NULL if the daemon has gone or what it says is no JSON. The caller's.
json_t *client_line(struct client *c, const char *line, bool json);
json_t *client_help(struct client *c, const char *line);

// The interactive shell on standard input. An exit code.
int shell_run(struct client *c);
// Run one command and print what it says. 0, 1 the command failed, 3 the daemon has gone.
int client_run(struct client *c, const char *line, bool json);

#endif

// SPDX-License-Identifier: BSD-2-Clause
// The control socket: a Unix stream socket (mode 0600), JSON objects one a line, each answered by one line.
//
//   {"line": "show crypto ikev2 sa", "json": true}   a command, in the connection's mode (exec or a configuration mode)
//   {"help": "show cry"}                             what may come at the end of the line
//
//   {"ok": true, "prompt": "hub#", "text": "...", "data": ...}    data: with "json"
//   {"ok": false, "prompt": "hub#", "error": "word 2 ..."}
//   {"ok": true, "tokens": [{"token": "crypto", "keyword": true, "help": "..."}]}
//
// `configure terminal` opens a candidate, a copy of the running configuration; its lines change the candidate only;
// `end` applies it whole or says why not (and stays), `abort` drops it.
#ifndef CULVERT_CLI_CONTROL_H
#define CULVERT_CLI_CONTROL_H

#include <stddef.h>

struct control;
struct culvertd;

// NULL on failure, the reason in err. The folder of the path is made if it is missing.
struct control *control_open(struct culvertd *d, const char *path, char *err, size_t err_size);
// Connections are dropped, the socket is removed. NULL is allowed.
void control_close(struct control *c);

#endif

// SPDX-License-Identifier: BSD-2-Clause
// The command `culvert`: a shell on the daemon's control socket, single commands, and what concerns cards.
#include "driver/card_cli.h"
#include "hostd/cli/client.h"
#include "hostd/util/str.h"

#include <stdio.h>
#include <string.h>

static const char usage_text[] =
    "usage: culvert [-s SOCKET]                      interactive shell\n"
    "       culvert [-s SOCKET] [--json] -c LINE ... commands, one after the other in one session\n"
    "       culvert [-s SOCKET] [--json] WORD ...    one command, e.g. culvert show crypto ikev2 sa\n"
    "       culvert card ...                         cards, without the daemon\n"
    "The socket is /run/culvert/culvertd.sock if none is given.\n"
    "Exit codes: 0 done, 1 the command failed, 2 wrong usage, 3 no daemon.\n";

enum { EXIT_USAGE = 2, EXIT_DAEMON = 3, COMMANDS = 64 };

struct options {
    const char *socket, *commands[COMMANDS];
    unsigned n_commands;
    bool json;
    struct str words; // the command as words of the command line
};

// false: wrong usage.
static bool parse(int argc, char **argv, struct options *o)
{
    for (int i = 1; i < argc; i++) {
        bool more = i + 1 < argc, command = o->words.len > 0;
        if (strcmp(argv[i], "--json") == 0) {
            o->json = true;
        } else if (!command && strcmp(argv[i], "-s") == 0 && more) {
            o->socket = argv[++i];
        } else if (!command && strcmp(argv[i], "-c") == 0 && more && o->n_commands < COMMANDS) {
            o->commands[o->n_commands++] = argv[++i];
        } else if (!command && argv[i][0] == '-') {
            return false;
        } else {
            str_addf(&o->words, "%s%s", command ? " " : "", argv[i]);
        }
    }
    return o->n_commands == 0 || o->words.len == 0;
}

static int run(const struct options *o)
{
    char err[512];
    struct client *c = client_open(o->socket, err, sizeof(err));
    if (c == NULL) {
        fprintf(stderr, "culvert: %s\n", err);
        return EXIT_DAEMON;
    }
    int code = 0;
    if (o->words.len > 0) {
        code = client_run(c, str_text(&o->words), o->json);
    } else if (o->n_commands == 0) {
        code = shell_run(c);
    }
    for (unsigned i = 0; i < o->n_commands && code == 0; i++) {
        code = client_run(c, o->commands[i], o->json);
    }
    client_close(c);
    return code;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "card") == 0) {
        return culvert_card_main(argc - 1, argv + 1);
    }
    if (argc > 1 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0)) {
        fputs(usage_text, stdout);
        return 0;
    }
    struct options o = {.socket = "/run/culvert/culvertd.sock"};
    int code = EXIT_USAGE;
    if (parse(argc, argv, &o)) {
        code = run(&o);
    } else {
        fputs(usage_text, stderr);
    }
    str_free(&o.words);
    return code;
}

// SPDX-License-Identifier: BSD-2-Clause
// The `culvert card` commands: what a user asks of a card that no daemon drives at the moment. Text for people, or
// JSON.
#pragma once
#include <stdbool.h>

struct card_cli {
    const char *device; // "vfio-user:PATH" or a PCI address; list needs none
    bool json;
    const char *dump; // list: a dump of `lspci -xxx` in place of this machine; NULL: this machine
};

// Each sets *out to a malloc'ed string (text or JSON, with its final newline), or to a sentence on failure; *out may be
// NULL when memory is out. Returns the exit code: 0, or 1.
int card_cli_list(const struct card_cli *cli, char **out);
int card_cli_info(const struct card_cli *cli, char **out);     // leaves the card as it is
int card_cli_counters(const struct card_cli *cli, char **out); // leaves the card as it is
int card_cli_reset(const struct card_cli *cli, char **out);    // zeroises tables and keys, boots firmware again

// `culvert card ...`: argv[0] is skipped, argv[1] is list, info, counters or reset, then options in any order
// (--device WHERE, --json, --dump FILE). Prints the result on stdout, what went wrong on stderr. Returns the exit code;
// 2: wrong usage.
int culvert_card_main(int argc, char **argv);

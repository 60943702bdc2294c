// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/load/load.h"

int main(int argc, char **argv)
{
    struct load_options options;
    int code;
    return options_parse(&options, argc, argv, &code) ? load_run(&options) : code;
}

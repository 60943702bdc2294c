// SPDX-License-Identifier: BSD-2-Clause
// What the tools of these tests cannot do without, in seeds of fuzz targets too: the program ends where it fails.
#ifndef CULVERT_TESTS_PKI_MUST_H
#define CULVERT_TESTS_PKI_MUST_H

#include <stdio.h>
#include <stdlib.h>

#define MUST(x)                                                                                                        \
    do {                                                                                                               \
        if (!(x)) {                                                                                                    \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x);                                                    \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

#endif

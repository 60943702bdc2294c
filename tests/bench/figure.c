// SPDX-License-Identifier: BSD-2-Clause
#include "tests/bench/figure.h"

#include <stdio.h>
#include <stdlib.h>

static void head(const char *name, double value, const char *unit, const char *mode, const char *params)
{
    printf("{\"figure\":\"%s\",\"value\":%.6g,\"unit\":\"%s\",\"mode\":\"%s\",\"params\":%s", name, value, unit, mode,
           params);
}

void figure(const char *name, double value, const char *unit, const char *mode, const char *params)
{
    head(name, value, unit, mode, params);
    printf("}\n");
    fflush(stdout);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void figure_samples(const char *name, const char *unit, const char *mode, const char *params, double *samples, size_t n)
{
    qsort(samples, n, sizeof *samples, ascending);
    double median = n % 2 ? samples[n / 2] : (samples[n / 2 - 1] + samples[n / 2]) / 2;
    head(name, median, unit, mode, params);
    printf(",\"min\":%.6g,\"median\":%.6g,\"max\":%.6g}\n", samples[0], median, samples[n - 1]);
    fflush(stdout);
}

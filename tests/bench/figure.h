// SPDX-License-Identifier: BSD-2-Clause
// Prints figures in the form of figures.jsonl.
#pragma once
#include <stddef.h>

// One exact value. params: a JSON object's text.
void figure(const char *name, double value, const char *unit, const char *mode, const char *params);
// Several samples of one: value is the median; min, median and max go with it. Sorts the samples.
void figure_samples(const char *name, const char *unit, const char *mode, const char *params, double *samples,
                    size_t n);

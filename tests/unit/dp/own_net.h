// SPDX-License-Identifier: BSD-2-Clause
// A network namespace of the test's own, with the loopback up; works without root where user namespaces are allowed.
#pragma once
#include <stdbool.h>

// false: not possible here (the test should be skipped).
bool own_net(void);

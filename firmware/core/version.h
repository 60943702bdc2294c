// SPDX-License-Identifier: BSD-2-Clause
// Firmware's own version, as FW_VERSION shows it: major 31:24, minor 23:16, patch 15:0.
#pragma once
#define FW_VERSION_TEXT "0.1.0"
#define FW_VERSION      ((0u << 24) | (1u << 16) | 0u)

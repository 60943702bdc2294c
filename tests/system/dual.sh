#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# IPv6, GRE, transport mode and selectors with ports, with strongSwan and a Linux kernel; a card with software beside it.
#   tests/system/dual.sh gre|auto|plain|ipv6|selectors|card|moves|suites
# The executables of `make check` are $B/test/system_dual_*.
LAB_ARGS=("$@")
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/lab.sh"
. "$SYSTEM/lib/uml.sh"
. "$SYSTEM/lib/strongswan.sh"
. "$SYSTEM/lib/gateway.sh"
. "$SYSTEM/lib/scenarios.sh"
. "$SYSTEM/lib/nat.sh"
. "$SYSTEM/lib/dual.sh"
. "$SYSTEM/lib/card.sh"
PART=$1
lab_start "dual-$PART"
case $PART in
gre | auto | plain | ipv6 | selectors) datapath=software ;;
card | moves | suites) datapath=card ;;
*) echo "not ok 1 - no part \"$PART\""; exit 2 ;;
esac
reason=$(gateway_needs "$datapath") || { echo "not ok 1 - $LAB_NAME: $reason"; exit 1; }
gateway_net "$datapath"
"part_$PART"
lab_end

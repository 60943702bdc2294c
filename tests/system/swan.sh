#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The daemon with its commands, strongSwan at the other end, in both roles; culvertd on the software datapath.
#   tests/system/swan.sh children|collisions|moves|commands|limits|window|timed|ipcomp
# The executables of `make check` are $B/test/system_swan_*.
LAB_ARGS=("$@")
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/lab.sh"
. "$SYSTEM/lib/uml.sh"
. "$SYSTEM/lib/strongswan.sh"
. "$SYSTEM/lib/peers.sh"
. "$SYSTEM/lib/nat.sh"
SPOKE1=192.0.2.11 # certs.sh has parts of gateway.sh, too
. "$SYSTEM/lib/certs.sh"
. "$SYSTEM/lib/swan.sh"
. "$SYSTEM/lib/swan_moves.sh"
. "$SYSTEM/lib/swan_commands.sh"
one_part swan "$1"

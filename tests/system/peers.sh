#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# How SAs live, with peers that are not ours at the other end, culvertd on the software datapath.
#   tests/system/peers.sh cookies|redirect|nat|natgre|gre6|mobike4|mobike6|fragments|alive|tunnels
# The executables of `make check` are $B/test/system_peers_*.
LAB_ARGS=("$@")
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/lab.sh"
. "$SYSTEM/lib/uml.sh"
. "$SYSTEM/lib/strongswan.sh"
. "$SYSTEM/lib/gateway.sh"
. "$SYSTEM/lib/certs.sh"
. "$SYSTEM/lib/peers.sh"
. "$SYSTEM/lib/nat.sh"
. "$SYSTEM/lib/gre.sh"
. "$SYSTEM/lib/mobike.sh"
. "$SYSTEM/lib/alive.sh"
. "$SYSTEM/lib/tunnels.sh"
one_part peers "$1"

# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Part of peers.sh: many static tunnels of one daemon; two of them to one peer. Needs peers.sh.

tunnel() { # N DESTINATION PROFILE: lines of a static tunnel with an IPsec profile of its own
    printf '%s\n' "crypto ipsec profile P$1" " set ikev2-profile $3" "interface Tunnel$1" " ip address 172.16.$(($1 / 250)).$((1 + $1 % 250)) 255.255.255.255" \
        " tunnel source Ethernet0/0" " tunnel destination $2" " tunnel mode ipsec ipv4" " tunnel protection ipsec profile P$1"
}
session_to() { # GATE ADDRESS: the SPI of our IKE SA with it
    local i n
    n=$(gate_json "$1" 'sas.#' show crypto ikev2 sa)
    for ((i = 0; i < n; i++)); do
        [[ "$(gate_json "$1" "sas.$i.remote" show crypto ikev2 sa)" = "$2"/* ]] && { gate_json "$1" "sas.$i.spi_initiator" show crypto ikev2 sa; return; }
    done
    return 1
}
anew() { local now; now=$(session_to ga "$1") && [ "$now" != "$2" ] && twice; } # ADDRESS SPI: another one, and both are up
twice() { sessions_are ga 2 && ipsecs_are ga 2 && swan_has s2 2; }
# Nothing answers a side that it has told to be gone.
rekeys() { # ADDRESS
    local before
    before=$(session_to ga "$1") && at_gate ga crypto ikev2 rekey ike remote "$1" && wait_for 20 anew "$1" "$before"
}

two_to_one() {
    local old a=192.0.2.12 b=192.0.2.112
    spoke s2 12 "local=$a, $b" remote=%any remote_ts=0.0.0.0/0
    ip -n s2 addr add "$b/24" dev eth0
    check "strongSwan starts, with two addresses" ss_start s2 s2
    gate ga 192.0.2.1 "crypto ikev2 profile LAB" "dpd 2 1 periodic" "$(tunnel 1 $a LAB)" "$(tunnel 2 $b LAB)"
    check "a tunnel to each is up" wait_for 60 twice
    for a in 192.0.2.12 192.0.2.112 192.0.2.12; do
        old=$(session_to ga "$a")
        check "the tunnel to $a is cleared" at_gate ga clear crypto ikev2 sa remote "$a"
        check "it comes again" wait_for 60 anew "$a" "$old"
        [ "$a" = "$b" ] && b=192.0.2.12 || b=192.0.2.112
        check "and has not ended the other one, which is rekeyed" rekeys "$b"
        check "both are up" wait_for 20 twice
    done
    stop charon-s2
    gates_end
}

TUNNELS=500
up_are() { [ "$(at_gate "$1" show crypto ikev2 sa | grep -c READY)" = "$2" ] && ipsecs_are "$1" "$2"; } # a request that came twice may be half open
all_up() { up_are gm $TUNNELS && up_are gh $TUNNELS; }
many() {
    local i to conf=() addr=()
    node gh && node gm
    for ((i = 0; i < TUNNELS; i++)); do
        to=10.200.$((1 + i / 250)).$((1 + i % 250))
        addr+=("addr add $to/16 dev eth0")
        conf+=("crypto ikev2 profile P$i" " match identity remote fqdn hub.lab" " identity local fqdn s$i.lab" " authentication local pre-share"
            " authentication remote pre-share" " keyring local RING" "$(tunnel "$i" "$to" "P$i")")
    done
    check "a hub with $TUNNELS addresses" ip -n gh -batch <(printf '%s\n' "${addr[@]}")
    ip -n gm addr add 10.200.0.2/16 dev eth0
    gate gh - "crypto ikev2 limit max-in-negotiation-sa-peer $TUNNELS" "crypto ikev2 cookie-challenge $TUNNELS"
    gate gm - "${conf[@]}"
    check "$TUNNELS static tunnels come up" wait_for 60 all_up
    check "the kernel refused no interface" no grep -q "no interface for" "$LAB/gh.log" "$LAB/gm.log"
    check "all are cleared" at_gate gh clear crypto ikev2 sa
    check "and are up again" wait_for 60 all_up
    check "one is no tunnel any more" configure gm "no interface Tunnel7"
    check "the others stay" wait_for 20 eval "up_are gm $((TUNNELS - 1)) && up_are gh $((TUNNELS - 1))"
}

part_tunnels() {
    two_to_one
    many
}

# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# What a gateway must do with a peer, the same for each datapath and each peer. Needs the rest of lib/.
# PEER (s1 or g2), PEER_OUT and PEER_IN (its outer and inner address) say with whom; see with_spoke1, with_spoke2.

with_spoke1() { PEER=s1 PEER_OUT=$SPOKE1 PEER_IN=10.11.0.1 WHO="strongSwan, ESP in UDP"; }
with_spoke2() { PEER=g2 PEER_OUT=$SPOKE2 PEER_IN=10.12.0.1 WHO="Linux kernel, plain ESP with ESN"; }

peer_terminate() { sc "$PEER" --terminate --ike hub --timeout 10; }
peer_gone() { ! sc "$PEER" --list-sas --raw | grep -q state=; }
hub_has_child() { [ -n "$(child_of "$PEER_OUT")" ]; }
hub_has_none() { ikes_are 0 && children_are 0; }
expect_value() { # WANT NAME CMD...
    local want=$1 name=$2 got
    shift 2
    got=$("$@")
    [ "$got" = "$want" ] || { echo "$name is \"$got\", not \"$want\""; return 1; }
}

# The hub says what it has: the suite, the form of ESP, the selectors.
child_is_as_agreed() {
    wait_for 20 hub_has_child || { echo "the hub has no child for $PEER_OUT"; return 1; }
    case $(child_field "$PEER_OUT" suite) in AES-GCM-256 | AES-GCM-256/ESN) ;; *) child_field "$PEER_OUT" suite; return 1 ;; esac
    if [ "$PEER" = s1 ]; then
        expect_value true udp child_field "$PEER_OUT" udp && expect_value false esn child_field "$PEER_OUT" esn
    else
        expect_value false udp child_field "$PEER_OUT" udp && expect_value true esn child_field "$PEER_OUT" esn
    fi
}

# The engine that carries the SA is the first one of `show crypto engine`, and has it in its tables.
engine_is_shown() {
    local type=software
    [ "$DATAPATH" = card ] && type=hardware
    expect_value "$DATAPATH" "engine in" child_field "$PEER_OUT" in.engine && expect_value "$DATAPATH" "engine out" child_field "$PEER_OUT" out.engine &&
        expect_value $type "type" cvj engines.0.type show crypto engine &&
        expect_value $(($(child_count))) "inbound SAs" cvj engines.0.tables.sas_in.used show crypto engine &&
        cv show crypto engine accelerator statistic | grep -q "$([ $type = hardware ] && echo "Device: *Culvert card" || echo "no hardware accelerator")"
}

pings_are_counted() {
    local in0 out0
    in0=$(child_field "$PEER_OUT" in.packets) out0=$(child_field "$PEER_OUT" out.packets)
    ping_all "$PEER" 5 -I "$PEER_IN" 10.0.1.2 || return 1
    ping_all lan 4 "$PEER_IN" || return 1
    soon packets_are $((in0 + 9)) $((out0 + 9))
}
packets_are() { # IN OUT: what the hub has counted of the peer's child
    expect_value "$1" "packets in" child_field "$PEER_OUT" in.packets && expect_value "$2" "packets out" child_field "$PEER_OUT" out.packets
}

# rekey_under_traffic child|ike hub|peer: both directions carry a file meanwhile. Where the machine is so busy that the
# file is through before the rekey is, it is done again with a longer one.
rekey_under_traffic() {
    local bytes=${REKEY_BYTES:-2000000} rc
    for _ in 1 2 3; do
        REKEY_BYTES=$bytes rekey_once "$@"
        rc=$?
        [ $rc = 2 ] || return $rc
        bytes=$((bytes * 3))
    done
    echo "the transfer was over before the rekey: too fast"
    return 1
}
# 2: the transfers were over too soon.
rekey_once() {
    local what=$1 by=$2 before after rekeys first soon=0
    before=$(rekey_mark "$what")
    rekeys=$(ike_stat "${what}_rekeys")
    transfer_start lan "$PEER" "$PEER_IN" "${REKEY_BYTES:-2000000}" "${REKEY_RATE:-1000000}" || return 1
    first=$TRANSFER
    transfer_start "$PEER" lan 10.0.1.2 "${REKEY_BYTES:-2000000}" "${REKEY_RATE:-1000000}" || return 1
    sleep 0.3
    if [ "$by" = hub ]; then
        cv crypto ikev2 rekey "$what" remote "$PEER_OUT" || return 1
    elif [ "$what" = child ]; then
        sc "$PEER" --rekey --child net || return 1
    else
        sc "$PEER" --rekey --ike hub || return 1
    fi
    wait_for 30 rekeyed "$what" "$before" || { echo "no rekey: $before"; return 1; }
    after=$(rekey_mark "$what")
    transfer_done "$TRANSFER" && soon=2
    transfer_end || return 1
    TRANSFER=$first
    transfer_end || return 1
    [ $soon = 0 ] || return $soon
    wait_for 20 children_are "${CHILDREN:-1}" || { echo "$(child_count) children are left after the rekey"; return 1; }
    echo "$before -> $after, ${what}_rekeys $rekeys -> $(ike_stat "${what}_rekeys")"
}
rekey_mark() { if [ "$1" = child ]; then child_field "$PEER_OUT" out.spi; else ike_field "$PEER_OUT" spi_initiator; fi; }
rekeyed() {
    local mark
    mark=$(rekey_mark "$1")
    [ -n "$mark" ] && [ "$mark" != "$2" ]
}

deleted_by_peer() { peer_terminate && wait_for 20 hub_has_none; }
deleted_by_hub() { cv clear crypto ikev2 sa remote "$PEER_OUT" && wait_for 20 peer_gone && wait_for 20 hub_has_none; }
no_way_left() { ! at "$PEER" ping -n -c 2 -i 0.2 -W 1 -I "$PEER_IN" 10.0.1.2; }

# All of it with the peer as the initiator.
peer_initiates() {
    check "$WHO sets up an SA" ss_up "$PEER" || return
    check "the SA is what was agreed ($WHO)" child_is_as_agreed
    check "the engine that carries it is shown ($WHO)" engine_is_shown
    check "pings both ways, every packet counted ($WHO)" pings_are_counted
    check "TCP file to the peer, SHA-256 equal ($WHO)" transfer lan "$PEER" "$PEER_IN" "${FILE_BYTES:-1048576}"
    check "TCP file from the peer, SHA-256 equal ($WHO)" transfer "$PEER" lan 10.0.1.2 "${FILE_BYTES:-1048576}"
    check "child rekeyed by the hub under traffic ($WHO)" rekey_under_traffic child hub
    check "child rekeyed by the peer under traffic ($WHO)" rekey_under_traffic child peer
    check "IKE SA rekeyed by the hub under traffic ($WHO)" rekey_under_traffic ike hub
    check "IKE SA rekeyed by the peer under traffic ($WHO)" rekey_under_traffic ike peer
    check "deleted by the peer, nothing is left ($WHO)" deleted_by_peer
    check "no packet passes without an SA ($WHO)" no_way_left
    check "set up again ($WHO)" ss_up "$PEER"
    check "pings after the second setup ($WHO)" ping_all "$PEER" 3 -I "$PEER_IN" 10.0.1.2
    check "deleted by the hub, nothing is left at either side ($WHO)" deleted_by_hub
}

# The hub as the initiator: its configuration has a Tunnel to the peer.
hub_initiates() {
    check "the hub sets up an SA with $WHO" wait_for 40 hub_has_child || { tail -5 "$LAB/culvertd.log"; return; }
    check "the SA is what was agreed (hub to $WHO)" child_is_as_agreed
    check "pings both ways, every packet counted (hub to $WHO)" pings_are_counted
    check "TCP file to the peer (hub to $WHO)" transfer lan "$PEER" "$PEER_IN" "${FILE_BYTES:-1048576}"
    check "TCP file from the peer (hub to $WHO)" transfer "$PEER" lan 10.0.1.2 "${FILE_BYTES:-1048576}"
    check "child rekeyed by the hub that initiated ($WHO)" rekey_under_traffic child hub
    check "child rekeyed by the peer that responded ($WHO)" rekey_under_traffic child peer
}

dead_peer_is_noticed() {
    ss_up s1 || return 1
    wait_for 20 hub_has_child || return 1
    kill_hard charon-s1
    wait_for "${DPD_SECONDS:-60}" hub_has_none || { echo "still there after ${DPD_SECONDS:-60} s"; return 1; }
    wait_for 10 eval '[ "$(ike_stat dead_peers)" -ge 1 ]' || { echo "no dead peer was counted"; return 1; }
}

ike_stat_over() { [ "$(ike_stat "$1")" -gt "$2" ]; }
# refused NOTIFY COUNTER: the setup fails with the notify, the counter says so, nothing is left.
refused() {
    local before
    before=$(ike_stat "$2")
    ss_up s1 >"$LAB/refused.out" 2>&1 && { echo "it was accepted"; return 1; }
    grep -q "$1" "$LAB/refused.out" "$LAB/s1/charon.log" || { echo "no $1"; cat "$LAB/refused.out"; return 1; }
    wait_for 10 ike_stat_over "$2" "$before" || { echo "$2 is still $before"; return 1; }
    sc s1 --terminate --ike hub --force >/dev/null 2>&1
    wait_for 20 children_are 0
}

address_comes_from_the_pool() {
    local a
    ss_up s1 || return 1
    a=$(ss_field s1 local-vips | tr -d '[]')
    case $a in 10.99.0.1[0-9] | 10.99.0.20) ;; *) echo "the address is \"$a\""; return 1 ;; esac
    soon expect_value "$a" "address at the hub" ike_field "$SPOKE1" address || return 1
    ping_all s1 3 -I "$a" 10.0.1.2 && ping_all lan 3 "$a" || return 1
    sc s1 --terminate --ike hub >/dev/null
    wait_for 20 hub_has_none
}

spokes_reach_each_other() {
    ping_all s1 4 -I 10.11.0.1 10.12.0.1 && ping_all g2 4 -I 10.12.0.1 10.11.0.1 || return 1
    transfer s1 g2 10.12.0.1 "${FILE_BYTES:-1048576}" && transfer g2 s1 10.11.0.1 "${FILE_BYTES:-1048576}"
}

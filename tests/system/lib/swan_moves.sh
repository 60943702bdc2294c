# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Part of swan.sh: MOBIKE (RFC 4555) by the daemon: addresses change at either end, in either role. Needs the rest of lib/.

# Pings from both ends while a command runs that moves one of them; they go on after it.
moving() {
    local d rc=0
    both_flow && "$@" || rc=1
    for d in in out; do
        flow_more $d 20 || rc=1
        flow_stop $d
    done
    return $rc
}
# The IKE SA is that of before, at both ends, and this is the path; as the gate has it: LOCAL REMOTE. (strongSwan's ESP in
# user space cannot be told of another address: it makes the CHILD_SA anew.)
same_at() {
    says "$1/4500 *$2/4500" at_gate ga show crypto ikev2 sa || return 1
    [ "$(gate_json ga sas.0.spi_initiator show crypto ikev2 sa)" = "$OLD" ] && agreed ga s1 1 && swan_path "$1" "$2"
}
swan_path() { sc s1 --list-sas --raw | grep -qF "local-host=$2 " && sc s1 --list-sas --raw | grep -qF "remote-host=$1 " || { sc s1 --list-sas; return 1; }; }
mark() { OLD=$(gate_json ga sas.0.spi_initiator show crypto ikev2 sa); }
mobike_is() { says "MOBIKE $1" at_gate ga show crypto ikev2 sa detailed; }
swan_told() { # strongSwan has told us of its other addresses, and had its answer
    local id
    id=$(tail -n +$((SEEN + 1)) "$LAB/s1/charon.log" | sed -n 's/.*generating INFORMATIONAL request \([0-9]*\) .*ADD_4_ADDR.*/\1/p' | tail -1)
    [ -n "$id" ] && saw s1 "parsed INFORMATIONAL response $id "
}
swan_goes() { # FROM TO: strongSwan's namespace has the other address
    ip -n s1 addr add "$2/24" dev eth0 2>/dev/null
    ip -n s1 addr del "$1/24" dev eth0
    wait_for 30 same_at 192.0.2.1 "$2"
}
we_go() { # FROM TO
    configure ga "interface Ethernet0/0" " ip address $2 255.255.255.0" || return 1
    ip -n ga addr del "$1/24" dev eth0 2>/dev/null # where it is not the daemon's to take away
    wait_for 30 same_at "$2" "$3"
}

part_moves() {
    # Where strongSwan's first link ends, its second reaches another address of ours, of which we have told.
    spoke s1 11 local=%any
    node ga 192.0.2.1 && GATES+=(ga)
    ns_add second
    wire s1 eth1 second s1x
    wire ga eth1 second gax
    bridge second br1 s1x gax
    ip -n s1 addr add 198.51.100.11/24 dev eth1
    no_offload s1 eth1
    no_offload ga eth1
    gate ga 192.0.2.1 "crypto ikev2 mobike additional-address 198.51.100.1" "interface Ethernet0/1" " device eth1" \
        " ip address 198.51.100.1 255.255.255.0"
    check "strongSwan starts" ss_start s1 s1
    check "strongSwan sets up" ss_up s1
    check "with MOBIKE" mobike_is on
    check "we tell of another address of ours" swan_logged s1 "parsed IKE_AUTH response 1 .*N(ADD_4_ADDR)"
    mark
    local before
    before=$(stat_of ga mobike_updates)
    check "strongSwan's address changes, traffic goes on by the same IKE SA" moving swan_goes 192.0.2.11 192.0.2.21
    check "it has told us (UPDATE_SA_ADDRESSES)" stat_over ga mobike_updates "$before"
    check "with its CHILD_SA" wait_for 20 agreed ga s1 1
    OLD=$(ours ga)
    check "strongSwan rekeys at the new address" eval 'sc s1 --rekey --child net && wait_for 20 all_rekeyed ga s1 1'
    check "traffic passes" passes s1 11 ga
    mark
    check "its first link goes away; it comes by the other one to our other address" moving eval \
        'ip -n s1 link set eth0 down; wait_for 40 same_at 198.51.100.1 198.51.100.11'
    check "the first is there again, and the second goes away" moving eval \
        'ip -n s1 link set eth0 up; ip -n s1 link set eth1 down; wait_for 40 same_at 192.0.2.1 192.0.2.21'
    check "strongSwan ends it" eval 'sc s1 --terminate --ike hub; wait_for 20 sessions_are ga 0'

    # We are the initiator.
    check "a static tunnel to strongSwan" eval 'configure ga "crypto ikev2 profile LAB" "dpd 2 1 periodic" "$(tunnel_to 192.0.2.21 11)"'
    check "comes up" wait_for 30 agreed ga s1 1
    check "with MOBIKE, and we are the initiator" eval 'mobike_is on && says "Initiator of SA : Yes" at_gate ga show crypto ikev2 sa detailed'
    mark
    check "our address changes, traffic goes on by the same IKE SA" moving we_go 192.0.2.1 192.0.2.33 192.0.2.21
    check "and back" moving we_go 192.0.2.33 192.0.2.1 192.0.2.21
    # Its other addresses strongSwan tells as they come; we find that the first one is gone by dead peer detection.
    since s1
    check "strongSwan has another address, and tells us" eval 'ip -n s1 addr add 192.0.2.22/24 dev eth0; wait_for 20 swan_told'
    check "the first is gone: we go to the other one, traffic goes on by the same IKE SA" moving swan_goes 192.0.2.21 192.0.2.22

    check "without MOBIKE" eval 'configure ga "no crypto ikev2 mobike" "no ip route 10.11.0.0 255.255.255.0 Tunnel1" "no interface Tunnel1" && wait_for 20 sessions_are ga 0'
    spoke s1 11 local=192.0.2.22
    check "strongSwan sets up" eval 'ss_load s1 && ss_up s1'
    check "there is none" mobike_is off
    check "we have not said that we have it" eval 'grep "parsed IKE_AUTH response" "$LAB/s1/charon.log" | tail -1 | grep -qv MOBIKE'
    check "traffic passes" passes s1 11 ga
    check "nor do we say so as initiator" eval 'sc s1 --terminate --ike hub; configure ga "$(tunnel_to 192.0.2.22 11)" && wait_for 30 agreed ga s1 1 && mobike_is off'
    check "traffic passes then, too" passes s1 11 ga
    stop charon-s1
}

#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A gateway with one of the datapaths and real peers.
#   tests/system/gateway.sh software|card spoke1|spoke2|refusals|children, software suites1|suites2|certificates
# The executables of `make check` are $B/test/system_*.
LAB_ARGS=("$@")
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/lab.sh"
. "$SYSTEM/lib/uml.sh"
. "$SYSTEM/lib/strongswan.sh"
. "$SYSTEM/lib/gateway.sh"
. "$SYSTEM/lib/scenarios.sh"
. "$SYSTEM/lib/suites.sh"
. "$SYSTEM/lib/certs.sh"
. "$SYSTEM/lib/children.sh"
DATAPATH=$1 PART=$2
lab_start "$DATAPATH-$PART"
reason=$(gateway_needs "$DATAPATH") || { echo "not ok 1 - $LAB_NAME: $reason"; exit 1; }
gateway_net "$DATAPATH"
[ "$PART" = spoke2 ] || [ "$PART" = suites2 ] && guest_boot g2 wan g2w
if [ "$DATAPATH" = card ]; then
    check "the simulated card starts" gateway_card || exit 1
fi

hub() { # the gateway with this configuration
    check "the configuration is accepted" gateway_conf "$@" || exit 1
    check "culvertd starts" gateway_start || exit 1
}
tunnel_to() { # configuration of a Tunnel to a peer that we call
    printf '%s\n' "interface Tunnel1" " ip unnumbered Ethernet0/1" " tunnel source Ethernet0/0" " tunnel destination $1" \
        " tunnel mode ipsec ipv4" " tunnel protection ipsec profile SPOKES" "ip route $2 255.255.255.0 Tunnel1"
}

case $PART in
spoke1)
    spoke1_conf
    check "strongSwan starts" ss_start s1 s1
    hub
    with_spoke1
    peer_initiates
    gateway_stop
    [ "$DATAPATH" = card ] && gateway_card
    hub "$(tunnel_to $SPOKE1 10.11.0.0)"
    hub_initiates
    ;;
spoke2)
    spoke2_conf
    check "the guest boots" spoke2_net
    check "strongSwan starts in the guest" ss_start_guest g2
    hub
    with_spoke2
    peer_initiates
    spoke1_conf
    check "strongSwan starts in a namespace" ss_start s1 s1
    check "both spokes set up SAs" eval 'ss_up s1 && ss_up g2'
    check "spoke to spoke through the hub, pings and files" spokes_reach_each_other
    [ "$DATAPATH" = card ] && check "the card did it alone: hairpin packets" wait_for 20 eval '[ "$(dp_counter hairpin_packets)" -gt 500 ]'
    gateway_stop
    [ "$DATAPATH" = card ] && gateway_card
    hub "$(tunnel_to $SPOKE2 10.12.0.0)"
    hub_initiates
    guest_halt g2
    ;;
suites1) # every algorithm that strongSwan has in user space
    SUITE_CONF=suite_conf1 SUITE_ESN=
    suite_conf1() { spoke1_conf plugins="ctr md5 chapoly gmp" "$@"; }
    with_spoke1
    suite_conf1
    check "strongSwan starts" ss_start s1 s1
    hub "$(tunnel_to $SPOKE1 10.11.0.0)" "interface Tunnel1" " shutdown"
    capture wan wan br0
    suite_rows
    capture_stop wan
    CHACHA=no
    grep -q ChaCha20 "$LAB/culvertd.log" && CHACHA=yes
    check "tshark decrypts and finds authentic what the hub and strongSwan said" suites_are_decrypted_by_tshark
    [ -n "${SUITES:-}" ] || check "another group was asked for" test "$(ike_stat invalid_ke_sent)" -ge 1
    [ -n "${SUITES:-}" ] || check "the log warned of each algorithm of old" test "$(grep -c 'not safe any more' "$LAB/culvertd.log")" -gt 10
    ;;
suites2) # and with the kernel's ESP, with extended sequence numbers
    SUITE_CONF=suite_conf2 SUITE_ESN=-esn
    suite_conf2() { spoke2_conf plugins="ctr md5 chapoly gmp" "$@"; }
    with_spoke2
    suite_conf2
    check "the guest boots" spoke2_net
    check "strongSwan starts in the guest" ss_start_guest g2
    hub "$(tunnel_to $SPOKE2 10.12.0.0)" "interface Tunnel1" " shutdown"
    suite_rows
    guest_halt g2
    ;;
refusals)
    GW_PROFILE=" dpd 2 2 periodic
 aaa authorization group psk list default default" hub "ip local pool POOL 10.99.0.10 10.99.0.20" \
        "crypto ikev2 authorization policy default" " pool POOL"
    spoke1_conf psk=not-the-right-one
    check "strongSwan starts" ss_start s1 s1
    check "a wrong pre-shared key is refused" refused AUTHENTICATION_FAILED auth_failures
    for row in "ike=aes128-sha1-modp1024 NO_PROPOSAL_CHOSEN no_proposal a weak IKE proposal" \
        "esp=chacha20poly1305 NO_PROPOSAL_CHOSEN no_proposal an ESP proposal that we do not have"; do
        read -r setting notify counter name <<<"$row"
        spoke1_conf "$setting"
        ss_load s1
        check "$name is refused" refused "$notify" "$counter"
    done
    spoke1_conf id=s1.elsewhere
    ss_load s1
    check "an identity outside the profile is refused" refused AUTHENTICATION_FAILED auth_failures
    spoke1_conf vips=0.0.0.0 local_ts=
    ss_load s1
    with_spoke1
    check "an address comes from the pool and goes back" address_comes_from_the_pool
    spoke1_conf
    ss_load s1
    check "a dead peer is noticed and forgotten" dead_peer_is_noticed
    ;;
children)
    ip -n s1 addr add 10.11.1.1/24 dev lo
    spoke1_conf
    check "strongSwan starts" ss_start s1 s1
    with_spoke1
    GW_IPSEC=" set security-association lifetime kilobytes 2560" hub
    check "strongSwan sets up an SA of 2560 kilobytes" ss_up s1
    check "files both ways, longer than that: rekeyed in time, as the datapath counts, no byte lost" lifetime_by_bytes
    check "each time the hub asked" hub_asked
    gateway_stop
    [ "$DATAPATH" = card ] && gateway_card
    several_peer
    check "strongSwan takes two children" ss_load s1
    hub
    ip -n s1 neigh flush dev eth0 # the card's port has another address now
    several_children
    gateway_stop
    [ "$DATAPATH" = card ] && gateway_card
    spoke1_conf
    ss_load s1
    hub "$(tunnel_to $SPOKE1 10.11.0.0)"
    hub_asks_for_more
    ;;
certificates)
    pki_start
    with_spoke1
    check "a CA and what it signs" certificates_made || exit 1
    certificates_both_ways
    certificates_asked_for
    certificates_by_url
    certificates_imported
    certificates_revoked
    ;;
*)
    echo "not ok 1 - no part \"$PART\""
    exit 2
    ;;
esac
check "culvertd ends cleanly" eval 'p=${PID[culvertd]}; kill -TERM "$p"; wait "$p"'
unset "PID[culvertd]"
lab_end

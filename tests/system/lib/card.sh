# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Parts of dual.sh with the simulated card: addresses that change (MOBIKE), suites that change. Needs the rest of lib/.
#
# Pings have a text inside that must not be seen on the wire outside, but is in the LAN.

PATTERN=63756c766572742d696e2d636c656172 # culvert-in-clear, as long as ping takes

hub_told() { # LINES: configured while it runs
    { printf '%s\n' "configure terminal" "$@" end; } | cv >"$LAB/said" 2>&1
    ! grep '^% ' "$LAB/said" | grep -v '% warning'
}
captures() { capture wan wan br0 && capture lan lan in0; }
# Outside were ESP, IKE and ARP, and of the text inside them nothing. Who has lost an address says so of what comes for it yet.
nothing_is_readable() {
    capture_stop lan
    nothing_in_the_clear "(icmp[0] = 3 or icmp[0] = 5) and (icmp[17] = 50 or icmp[17] = 17)" 100 || return 1
    grep -qa culvert-in-clear "$LAB/lan.pcap" || { echo "the pings in the LAN do not have the text"; return 1; }
    ! grep -qa culvert-in-clear "$LAB/wan.pcap" || { echo "the text of the pings is on the wire outside"; return 1; }
}
# Pings of 20 a second from the LAN to the peer, and back if it is no guest.
flow_names() { echo lan; [ "$PEER" = g2 ] || echo peer; }
flows_start() {
    flow_start lan "$LAB" nsenter --net=/run/netns/lan -- ping -n -i 0.05 -p $PATTERN "$PEER_IN" || return 1
    [ "$PEER" = g2 ] || flow_start peer "$LAB" nsenter "--net=/run/netns/$PEER" -- ping -n -i 0.05 -p $PATTERN -I "$PEER_IN" 10.0.1.2
}
# While they flow a command; they go on after it (go_on), or none of them is lost at all (none_lost).
under_flows() { # go_on|none_lost CMD...
    local how=$1 f rc=0
    shift
    flows_start && "$@" || rc=1
    for f in $(flow_names); do
        flow_more "$f" 20 || rc=1
        [ $how = go_on ] || flow_none_lost "$f" || rc=1
        flow_stop "$f"
    done
    return $rc
}

# ------------------------------------------------------------------------------------------------ addresses that change

# Which SAs these are: SPIs of the child, and of its IKE SA.
sa_mark() { echo "$(child_field "$PEER_OUT" in.spi) $(child_field "$PEER_OUT" out.spi) $(ike_field "$PEER_OUT" spi_initiator)"; }
mark() { MARK=$(sa_mark) && COUNTED=$(child_field "$PEER_OUT" out.packets) && [[ $MARK =~ ^0x.*\ 0x.*\ . ]]; }
# The same SAs are at this address of the peer and this one of ours.
same_sas_at() { # PEER'S OURS
    child_of "$1" >/dev/null || { echo "no child at $1"; return 1; }
    expect_value "$2" "our address" child_field "$1" local && PEER_OUT=$1 expect_value "$MARK" "SPIs" sa_mark
}
goes_to() { # PEER'S OURS CMD...
    "${@:3}" && wait_for 30 same_sas_at "$1" "$2" && PEER_OUT=$1 HUB_OUT=$2
}
# The card's own count goes on from where it was, with each ping that it encrypts and decrypts by itself. From now on the wire
# has these SPIs between these addresses alone: a row of MOVED each, SPI FROM TO SINCE.
MOVED=()
carries_there() {
    local in out since=$EPOCHREALTIME
    card_moved 9 pings_are_counted || return 1
    [ "$(child_field "$PEER_OUT" out.packets)" -gt "$COUNTED" ] || { echo "the SA's counter began anew"; return 1; }
    in=$(child_field "$PEER_OUT" in.spi) out=$(child_field "$PEER_OUT" out.spi)
    MOVED+=("${in,,} $PEER_OUT $HUB_OUT $since" "${out,,} $HUB_OUT $PEER_OUT $since")
}
went_there() {
    captured wan "ip proto 50 or udp port 4500" -tt >"$LAB/frames.log" || return 1
    printf '%s\n' "${MOVED[@]}" >"$LAB/rows"
    awk 'function address(t, a) { split(t, a, /[.:]/); return a[1] "." a[2] "." a[3] "." a[4] }
        NR == FNR { from[$1] = $2; to[$1] = $3; since[$1] = $4; next }
        match($0, /spi=0x[0-9a-f]+/) {
            spi = substr($0, RSTART + 4, RLENGTH - 4)
            if (!(spi in since) || $1 < since[spi]) next
            if (address($3) == from[spi] && address($5) == to[spi]) n[spi]++
            else { print; bad = 1 }
        }
        END { for (spi in since) if (n[spi] < 9) { print spi, "from", from[spi], "to", to[spi], "has", n[spi] + 0, "frames"; bad = 1 } exit bad }' \
        "$LAB/rows" "$LAB/frames.log"
}
# moves NAME PEER'S OURS CMD...
moves() {
    local name=$1
    shift
    check "$WHO: an SA to be moved, in the card" eval 'carried_by $PEER_OUT card AES-GCM-256 && mark'
    check "$WHO: $name: the same SA goes there, pings go on" under_flows go_on goes_to "$@" || tail -5 "$LAB/culvertd.log"
    check "$WHO: the card itself sends and takes every packet there" eval \
        'carried_by "$PEER_OUT" card AES-GCM-256 && carries_there'
}
guest_has() { guest g2 "ip addr add $2/24 dev vec0; ip addr del $1/24 dev vec0"; } # FROM TO
router_has() { ip -n nat addr add "$2/24" dev eth0 && ip -n nat addr del "$1/24" dev eth0; }
we_have() { hub_told "interface Ethernet0/0" " ip address $1 255.255.255.0"; }
swan_has_asked() { grep -q "parsed INFORMATIONAL response .* N(NATD_D_IP)" "$LAB/n1/charon.log"; } # by DPD, so that it can compare
hub_calls() { hub_told "interface Tunnel1" " no shutdown" && wait_for 30 hub_has_child; }
# The guest's strongSwan and the hub have no SA, and it is configured otherwise.
swan_anew() {
    check "no SA is left" eval 'hub_told "interface Tunnel1" " shutdown" && sc g2 --terminate --ike hub --timeout 10 >/dev/null; wait_for 20 eval "hub_has_none && peer_gone"'
    spoke2_conf local=%any "$@"
    check "strongSwan takes another configuration" ss_load g2
}

part_moves() {
    guest_boot g2 wan g2w
    check "the simulated card starts" gateway_card || exit 1
    check "a router that masquerades" nat
    behind n1 21 dpd=1s
    check "strongSwan behind it starts" ss_start n1 n1
    check "the configuration is accepted" gateway_conf "interface Tunnel1" " ip unnumbered Ethernet0/1" " tunnel source Ethernet0/0" \
        " tunnel destination $SPOKE2" " tunnel mode ipsec ipv4" " tunnel protection ipsec profile SPOKES" " shutdown"
    check "culvertd starts" gateway_start || exit 1
    check "the guest boots" eval 'spoke2_net && guest g2 "sysctl -qw net.ipv4.conf.all.promote_secondaries=1"' || exit 1
    spoke2_conf local=%any
    SS_PLACE[g2]=guest
    bg charon-g2 ss_start_guest g2 # takes its time
    check "what is on the wires is recorded" captures

    PEER=n1 PEER_OUT=$NAT PEER_IN=10.21.0.1 HUB_OUT=$HUB WHO="strongSwan behind NAT"
    check "$WHO: sets up" ss_up n1
    check "$WHO: it knows how it is seen" wait_for 20 swan_has_asked
    moves "its router's address changes" 192.0.2.10 $HUB router_has $NAT 192.0.2.10
    check "$WHO: ends it" eval 'peer_terminate && wait_for 20 hub_has_none'

    check "strongSwan starts in the guest" wait "${PID[charon-g2]}"
    unset "PID[charon-g2]"
    PEER=g2 PEER_OUT=$SPOKE2 PEER_IN=10.12.0.1 WHO="Linux kernel, plain ESP"
    check "$WHO: sets up" ss_up g2
    moves "its address changes" 192.0.2.22 $HUB guest_has $SPOKE2 192.0.2.22
    swan_anew encap=yes
    WHO="Linux kernel, ESP in UDP"
    check "$WHO: sets up" ss_up g2
    moves "its address changes" $SPOKE2 $HUB guest_has 192.0.2.22 $SPOKE2

    WHO="the hub calls, plain ESP"
    swan_anew remote=%any
    check "$WHO: it sets up" hub_calls
    moves "our address changes" $SPOKE2 192.0.2.33 we_have 192.0.2.33
    WHO="the hub calls, ESP in UDP"
    swan_anew remote=%any encap=yes
    check "$WHO: it sets up" hub_calls
    moves "our address changes" $SPOKE2 $HUB we_have $HUB
    check "each of these SAs was on the wire between its new addresses alone" soon went_there
    check "nothing was on the wire in the clear" nothing_is_readable
    guest_halt g2
}

# ------------------------------------------------------------------------------------------------ suites that change

CBC=AES-CBC-256/HMAC-SHA2-256
suites_hub() { # the transform set that it offers and takes from now on
    hub_told "crypto ipsec profile SPOKES" " set transform-set $1" && says "set transform-set $1" cv show running-config
}
# becomes BY WHERE SUITE: rekeyed by the hub or the peer the SA is there, with this suite; the one before is gone.
becomes() {
    local before
    before=$(rekey_mark child)
    if [ "$1" = hub ]; then cv crypto ikev2 rekey child remote "$PEER_OUT"; else sc "$PEER" --rekey --child net; fi || return 1
    wait_for 30 rekeyed child "$before" && wait_for 30 children_are 2 && carried_by "$PEER_OUT" "$2" "$3"
}
# The host gets less packets than are sent, once what was before has gone.
without_the_host() { # CMD...
    local before now
    before=$(dp_counter host_rx_packets)
    "$@" || return 1
    now=$(dp_counter host_rx_packets)
    [ $((now - before)) -lt 9 ] || { echo "the card gave $((now - before)) packets to the host"; return 1; }
}
changes() { # BY card|software SUITE
    check "$WHO: rekeyed by the $1 it is $3, carried by $2, no ping is lost" under_flows none_lost becomes "$@" || tail -5 "$LAB/culvertd.log"
    if [ "$2" = card ]; then
        check "$WHO: pings both ways, every packet counted, by the card itself and without the host" soon without_the_host card_moved 9 pings_are_counted
    else
        check "$WHO: pings both ways, every packet counted, none by the card itself" card_moved 0 pings_are_counted
    fi
}

# strongSwan takes both suites; the hub's configuration decides, from the next rekey on.
part_suites() {
    guest_boot g2 wan g2w
    check "the simulated card starts" gateway_card || exit 1
    spoke1_conf esp=aes256gcm16,aes256-sha256
    check "strongSwan starts" ss_start s1 s1
    check "the configuration is accepted" gateway_conf "crypto ipsec transform-set GCM esp-gcm 256" "crypto ipsec transform-set CBC esp-aes 256 esp-sha256-hmac" \
        "crypto ipsec profile SPOKES" " set transform-set GCM"
    check "culvertd starts" gateway_start || exit 1
    check "the guest boots" spoke2_net || exit 1
    spoke2_conf esp=aes256gcm16-esn,aes256-sha256-esn
    check "strongSwan starts in the guest" ss_start_guest g2
    check "what is on the wires is recorded" captures
    check "both set up" eval 'ss_up s1 && ss_up g2'
    check "the card carries both" eval 'carried_by $SPOKE1 card AES-GCM-256 && carried_by $SPOKE2 card AES-GCM-256'

    check "the hub is configured for AES-CBC" suites_hub CBC
    with_spoke1
    changes hub software $CBC
    check "what is not rekeyed is in the card still, and passes traffic" eval 'carried_by $SPOKE2 card AES-GCM-256 && card_moved 3 ping_all lan 3 10.12.0.1'
    check "from the one to the other" card_moved 8 across
    with_spoke2
    changes peer software $CBC
    check "from the one to the other" card_moved 0 across
    check "the hub is configured for AES-GCM" suites_hub GCM
    changes hub card AES-GCM-256
    check "from the one to the other" card_moved 8 across
    with_spoke1
    changes peer card AES-GCM-256
    check "from the one to the other, without the host" soon without_the_host card_moved 16 across
    check "nothing was on the wire in the clear" nothing_is_readable
    guest_halt g2
}

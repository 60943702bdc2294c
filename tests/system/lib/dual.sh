# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# The parts of dual.sh. Needs the rest of lib/.
#
# GRE: g2 has a tunnel gre1, 10.0.0.2 at its end, 10.0.0.1 at the hub's; 10.12.0.1 and 10.0.1.2 are behind the ends.

hub() { # LINES: the gateway with this configuration, started again
    [ -n "${PID[culvertd]:-}" ] && gateway_stop
    check "the configuration is accepted" gateway_conf "$@" && check "culvertd starts" gateway_start || exit 1
}

# The hub rekeys the peer's child, and the one of before is gone, with its counters.
hub_rekeys() {
    local before
    before=$(rekey_mark child)
    cv crypto ikev2 rekey child remote "$PEER_OUT" && wait_for 30 rekeyed child "$before" && wait_for 20 no spi_is_shown "$before"
}
spi_is_shown() { cv --json show crypto ipsec sa | grep -q "\"spi\": *\"$1\""; }

# ------------------------------------------------------------------------------------------------ GRE

with_gre() { PEER=g2 PEER_OUT=$SPOKE2 PEER_IN=10.12.0.1 WHO=$1; }
gre_guest() { # [KEY]: the kernel's tunnel
    guest g2 "ip link del gre1 2>/dev/null; ip link add gre1 type gre local $SPOKE2 remote $HUB ttl 64 ${1:+key $1} &&
        ip addr add 10.0.0.2/30 dev gre1 && ip link set gre1 up mtu 1400 && ip route replace 10.0.1.0/24 dev gre1 src 10.12.0.1"
}
gre_peer() { # MODE KEY=VALUE...
    local mode=$1
    shift
    spoke2_conf local_ts="$SPOKE2/32[gre]" remote_ts="$HUB/32[gre]" mode="$mode" "$@"
}
# The static example of the smart defaults: nothing is said but who the peer is and where.
gre_hub() { # DESTINATION [LINES of the tunnel]: like gateway_conf
    local to=$1
    shift
    {
        cat <<C
hostname hub
crypto ikev2 keyring my_keyring
 peer R1
  hostname g2.lab
  pre-shared-key $PSK
crypto ikev2 profile default
 match identity remote fqdn g2.lab
 identity local fqdn hub.lab
 authentication remote pre-share
 authentication local pre-share
 keyring local my_keyring
interface Tunnel0
 ip address 10.0.0.1 255.255.255.252
 tunnel source Ethernet0/0
 tunnel destination $to
 tunnel protection ipsec profile default
C
        printf '%s\n' "$@"
        cat <<C
$(gateway_ports)
ip route 10.12.0.0 255.255.255.0 Tunnel0
C
    } | sed '/^ *$/d' >"$LAB/hub.conf"
    "$CULVERTD" --check -f "$LAB/hub.conf"
}
gre_start() {
    [ -n "${PID[culvertd]:-}" ] && gateway_stop
    check "$WHO: the configuration is accepted" gre_hub "$@" && check "$WHO: culvertd starts" gateway_start || exit 1
}
gre_as_agreed() { # MODE
    wait_for 30 hub_has_child || { echo "no child"; tail -5 "$LAB/culvertd.log"; return 1; }
    expect_value true gre child_field "$PEER_OUT" gre && expect_value "$1" mode child_field "$PEER_OUT" mode &&
        expect_value Tunnel0 interface child_field "$PEER_OUT" interface &&
        expect_value false udp child_field "$PEER_OUT" udp
}
gre_ends_answer() {
    ping_all g2 4 -s 1000 10.0.0.1 && ping_all gw 4 -s 1300 10.0.0.2
}
gre_works() { # MODE
    check "$WHO: $1 mode is agreed on" gre_as_agreed "$1" || return
    check "$WHO: the ends of the tunnel answer each other" gre_ends_answer
    check "$WHO: networks behind them too, every packet counted" pings_are_counted
    check "$WHO: TCP file to the peer, SHA-256 equal" transfer lan g2 10.12.0.1 "${FILE_BYTES:-1048576}"
    check "$WHO: TCP file from the peer, SHA-256 equal" transfer g2 lan 10.0.1.2 "${FILE_BYTES:-1048576}"
    check "$WHO: child rekeyed by the hub under traffic" rekey_under_traffic child hub
    check "$WHO: child rekeyed by the peer under traffic" rekey_under_traffic child peer
    check "$WHO: $1 mode after the rekeys too" gre_as_agreed "$1"
}
# What g2 sends without an SA is in the clear, as it has been told nothing else; the hub answers none of it.
no_clear_gre() { capture_stop wan; none_captured wan "ip proto 47 and src $HUB"; }
gre_boot() {
    check "the guest boots" spoke2_net || exit 1
    # The module brings IPv6 along, whose router solicitations would be counted.
    check "it has GRE" guest g2 "modprobe ip_gre && sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1"
}

part_gre() {
    local transport=$'crypto ipsec transform-set default esp-gcm 256\n mode transport'
    guest_boot g2 wan g2w
    gre_boot
    gre_peer transport
    REKEY_BYTES=4000000 # a guest takes its time to answer
    with_gre "GRE in transport mode, the peer calls"
    check "the kernel makes a tunnel" gre_guest
    check "strongSwan starts" ss_start_guest g2
    gre_start dynamic "$transport"
    capture wan wan br0
    check "$WHO: set up" ss_up g2
    gre_works transport
    check "$WHO: deleted by the peer, nothing is left" deleted_by_peer
    check "$WHO: no packet passes without an SA" no_way_left

    with_gre "GRE in transport mode, the hub calls"
    check "the kernel forgets that nobody answered" gre_guest
    gre_start "$SPOKE2" "$transport"
    gre_works transport
    check "the hub has sent no GRE in the clear" no_clear_gre

    with_gre "GRE in tunnel mode with a key, the hub calls"
    gateway_stop
    gre_peer tunnel
    ss_load g2
    check "the kernel makes a tunnel with a key" gre_guest 77
    gre_start "$SPOKE2" " tunnel key 77"
    gre_works tunnel
    check "$WHO: another key" gre_guest 78
    check "$WHO: is refused" no_way_left

    with_gre "GRE in tunnel mode, the peer calls"
    gateway_stop
    sc g2 --terminate --ike hub --force >/dev/null 2>&1
    check "the kernel makes a tunnel" gre_guest
    gre_start dynamic
    check "$WHO: set up" ss_up g2
    gre_works tunnel
    guest_halt g2
}

# ------------------------------------------------------------------------------------------------ GRE and IPsec alone at one template

auto_hub() {
    GW_PROFILE=" aaa authorization group psk list default default" gateway_conf "ip local pool POOL 10.99.0.10 10.99.0.20" \
        "crypto ikev2 authorization policy default" " pool POOL" "crypto ikev2 profile SPOKES" " virtual-template 1 auto mode" \
        "interface Virtual-Template1 type tunnel" " no tunnel mode" "$@"
}
auto_interface() { # PEER_OUT GRE: its Virtual-Access has this mode
    wait_for 20 child_of "$1" || { echo "no child for $1"; return 1; }
    expect_value "$2" gre child_field "$1" gre && says "^Virtual-Access" child_field "$1" interface
}
auto_apart() { [ "$(child_field "$SPOKE1" interface)" != "$(child_field "$SPOKE2" interface)" ]; }
auto_between() {
    ping_all s1 4 -I 10.11.0.1 "$VIP" && ping_all g2 4 -I "$VIP" 10.11.0.1 &&
        transfer s1 g2 "$VIP" "${FILE_BYTES:-500000}" && transfer g2 s1 10.11.0.1 "${FILE_BYTES:-500000}"
}

part_auto() {
    guest_boot g2 wan g2w
    gre_boot
    # A packet in GRE says nothing of the networks behind the peer: it asks for an address, to which the hub has a route.
    gre_peer tunnel vips=0.0.0.0
    gre_guest
    spoke1_conf
    check "strongSwan starts in the guest" ss_start_guest g2
    check "strongSwan starts in a namespace" ss_start s1 s1
    check "the deck's spelling is accepted" auto_hub && check "culvertd starts" gateway_start || exit 1
    check "it is shown" says "virtual-template 1 mode auto" cv show running-config
    check "a peer with GRE sets up" ss_up g2
    check "a peer with IPsec alone sets up" ss_up s1
    check "the first has a Virtual-Access in GRE mode" auto_interface "$SPOKE2" true
    check "the second has one without" auto_interface "$SPOKE1" false
    check "they are two" auto_apart
    VIP=$(ss_field g2 local-vips | tr -d '[]')
    check "the guest routes the others through GRE" guest g2 "ip route add 10.11.0.0/24 dev gre1 src $VIP && ip route replace 10.0.1.0/24 dev gre1 src $VIP"
    with_spoke1
    check "IPsec alone: pings both ways, every packet counted" pings_are_counted
    check "IPsec alone: TCP file, SHA-256 equal" transfer lan s1 10.11.0.1 500000
    PEER=g2 PEER_OUT=$SPOKE2 PEER_IN=$VIP
    check "GRE: pings both ways, every packet counted" pings_are_counted
    check "GRE: TCP file, SHA-256 equal" transfer g2 lan 10.0.1.2 500000
    check "the two reach each other, pings and files" auto_between
    CHILDREN=2 check "GRE: rekeyed by the peer under traffic" rekey_under_traffic child peer
    check "it is in GRE mode still" auto_interface "$SPOKE2" true
    check "the peer with GRE goes" sc g2 --terminate --ike hub
    check "the other stays" wait_for 20 children_are 1
    check "and passes traffic" ping_all s1 3 -I 10.11.0.1 10.0.1.2
    guest_halt g2
}

# ------------------------------------------------------------------------------------------------ GRE without protection

plain_hub() {
    gateway_conf "crypto ikev2 profile SPOKES" " no virtual-template" "interface Tunnel0" " ip address 10.0.0.5 255.255.255.252" \
        " tunnel source Ethernet0/0" " tunnel destination $SPOKE2" " tunnel protection ipsec profile SPOKES" \
        "interface Tunnel5" " ip address 10.0.0.1 255.255.255.252" " tunnel source Ethernet0/0" " tunnel destination $SPOKE2" \
        " tunnel key 5" "ip route 10.12.0.0 255.255.255.0 Tunnel5" "$@"
}
plain_counted() {
    local in0 out0
    in0=$(if_number Tunnel5 to_kernel) out0=$(if_number Tunnel5 from_kernel)
    ping_all g2 5 -I 10.12.0.1 10.0.1.2 && ping_all lan 4 10.12.0.1 || return 1
    soon expect_value $((in0 + 9)) "packets in" if_number Tunnel5 to_kernel && soon expect_value $((out0 + 9)) "packets out" if_number Tunnel5 from_kernel
}
if_number() { # INTERFACE NAME
    local i n
    n=$(cvj 'interfaces.#' show interfaces)
    for ((i = 0; i < n; i++)); do
        [ "$(cvj "interfaces.$i.interface" show interfaces)" = "$1" ] && { cvj "interfaces.$i.$2" show interfaces; return; }
    done
    return 1
}
refused_in_the_clear() { # what g2 sends into gre2 leaves it, and the hub takes none of it
    local sent before dropped
    dropped=$(cvj gre_dropped show interfaces)
    sent=$(guest g2 "cat /sys/class/net/gre2/statistics/tx_packets") before=$(if_number Tunnel0 to_kernel)
    at g2 ping -n -c 3 -i 0.2 -W 1 10.0.0.5 && { echo "it was answered"; return 1; }
    expect_value $((sent + 3)) "packets sent" guest g2 "cat /sys/class/net/gre2/statistics/tx_packets" &&
        soon expect_value $((dropped + 3)) "packets dropped" cvj gre_dropped show interfaces &&
        expect_value "$before" "packets taken" if_number Tunnel0 to_kernel
}
plain_not_sent() {
    ns gw ping -n -c 3 -i 0.2 -W 1 10.0.0.6 && { echo "it was answered"; return 1; }
    capture_stop wan
    # Of the other tunnel, which has a key, the end of a connection may come late.
    none_captured wan "ip proto 47 and src $HUB and (ip[20:2] & 0x2000 = 0 or ip[44:4] = 0x0a000006)"
}
unprotect() { guest g2 "ip xfrm policy flush; ip xfrm state flush"; }

part_plain() {
    guest_boot g2 wan g2w
    gre_boot
    check "the kernel makes a tunnel with a key" gre_guest 5
    check "and one without, which the hub protects" guest g2 "ip link add gre2 type gre local $SPOKE2 remote $HUB ttl 64 &&
        ip addr add 10.0.0.6/30 dev gre2 && ip link set gre2 up mtu 1400"
    check "the configuration is accepted" plain_hub && check "culvertd starts" gateway_start || exit 1
    with_gre "GRE without protection"
    check "$WHO: the ends of the tunnel answer each other" gre_ends_answer
    check "$WHO: networks behind them too, every packet counted" plain_counted
    check "$WHO: TCP file to the peer, SHA-256 equal" transfer lan g2 10.12.0.1 1048576
    check "$WHO: TCP file from the peer, SHA-256 equal" transfer g2 lan 10.0.1.2 1048576
    capture wan wan br0
    check "a tunnel that is protected sends nothing in the clear while it has no SA" plain_not_sent
    check "and takes nothing in the clear" refused_in_the_clear
    gre_peer tunnel
    check "strongSwan starts" ss_start_guest g2
    check "it has an SA now" wait_for 30 hub_has_child
    check "which carries traffic" ping_all g2 3 10.0.0.5
    check "the guest forgets it" unprotect
    check "what is in the clear is refused as before" refused_in_the_clear
    check "the tunnel without protection works beside it" gre_ends_answer
    guest_halt g2
}

# ------------------------------------------------------------------------------------------------ IPv6

HUB6=2001:db8::1 SPOKE1_6=2001:db8::11
NET6=2001:db8:11::1 LAN6=2001:db8:1::2
six_net() {
    ns gw sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0 net.ipv6.conf.all.accept_dad=0 \
        net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.wan0.accept_dad=0 net.ipv6.conf.lan0.accept_dad=0 net.ipv6.conf.all.forwarding=1 &&
        ns s1 sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0 &&
        ns lan sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0 &&
        ip -n s1 addr add $SPOKE1_6/64 dev eth0 nodad && ip -n s1 addr add $NET6/64 dev lo nodad &&
        ip -n lan addr add $LAN6/64 dev in0 nodad && ip -n lan route add default via 2001:db8:1::1
}
six_hub() { # MODE LINES...: both families inside, the outer one is the mode's
    local mode=$1
    shift
    hub "crypto ikev2 keyring SPOKES" " peer six" "  address ::/0" "  pre-shared-key $PSK" "interface Ethernet0/0" " ipv6 address $HUB6/64" \
        "interface Ethernet0/1" " ipv6 address 2001:db8:1::1/64" "interface Virtual-Template1 type tunnel" " tunnel mode ipsec $mode" \
        " ipv6 unnumbered Ethernet0/1" "$@"
}
six_peer() { # OUTER INNER
    local out=$SPOKE1 to=$HUB ts=10.11.0.0/24 far=10.0.1.0/24
    [ "$1" = 6 ] && out=$SPOKE1_6 to=$HUB6
    case $2 in 6) ts=2001:db8:11::/64 far=2001:db8:1::/64 ;; both) ts=$ts,2001:db8:11::/64 far=$far,2001:db8:1::/64 ;; esac
    PEER=s1 PEER_OUT=$out INNER=$2
    ss_config s1 local="$out" remote="$to" local_ts="$ts" remote_ts="$far"
}
# Pings between the networks, by each inner family, with every packet counted.
six_pings() {
    local in0 out0 want=0
    in0=$(child_field "$PEER_OUT" in.packets) out0=$(child_field "$PEER_OUT" out.packets)
    if [ "$INNER" != 6 ]; then
        ping_all s1 4 -I 10.11.0.1 10.0.1.2 && ping_all lan 3 -s 1300 10.11.0.1 || return 1
        want=$((want + 7))
    fi
    if [ "$INNER" != 4 ]; then
        ping_all s1 4 -I $NET6 $LAN6 && ping_all lan 3 -s 1300 $NET6 || return 1
        want=$((want + 7))
    fi
    soon packets_are $((in0 + want)) $((out0 + want))
}
six_flow() { # FAMILY
    if [ "$1" = 6 ]; then flow_start ping6 "$LAB" nsenter --net=/run/netns/s1 -- ping -n -i 0.05 -I $NET6 $LAN6; else flow_start ping4 "$LAB" nsenter --net=/run/netns/s1 -- ping -n -i 0.05 -I 10.11.0.1 10.0.1.2; fi
}
rekey_under_ping() { # hub|peer
    local before f rc=0 families=$INNER
    [ "$INNER" = both ] && families="4 6"
    before=$(rekey_mark child)
    for f in $families; do six_flow "$f" || return 1; done
    if [ "$1" = hub ]; then cv crypto ikev2 rekey child remote "$PEER_OUT"; else sc s1 --rekey --child net; fi || rc=1
    [ $rc != 0 ] || wait_for 30 rekeyed child "$before" || { echo "no rekey"; rc=1; }
    [ $rc != 0 ] || wait_for 20 no spi_is_shown "$before" || { echo "$before is still there"; rc=1; }
    for f in $families; do
        flow_more "ping$f" 20 && flow_none_lost "ping$f" || rc=1
        flow_stop "ping$f"
    done
    return $rc
}
six_route() { says "2001:db8:11::/64" ip -n gw -6 route; }
six_works() {
    check "$WHO: the hub has the SA" wait_for 30 hub_has_child || { tail -3 "$LAB/culvertd.log"; return; }
    [ "$INNER" = 4 ] || check "$WHO: and a route of IPv6" soon six_route
    check "$WHO: pings both ways, every packet counted" six_pings
    check "$WHO: rekeyed by the hub, no ping lost" rekey_under_ping hub
    check "$WHO: rekeyed by the peer, no ping lost" rekey_under_ping peer
}
six_gone() {
    check "$WHO: deleted by the peer, nothing is left" deleted_by_peer
    [ "$INNER" = 4 ] || check "$WHO: no packet passes without an SA" no ns s1 ping -n -c 2 -i 0.2 -W 1 -I $NET6 $LAN6
}

part_ipv6() {
    local outer inner
    guest_boot g2 wan g2w
    check "addresses of IPv6" six_net
    six_peer 4 6
    check "strongSwan starts" ss_start s1 s1
    for outer in 4 6; do
        six_hub ipv$outer
        for inner in 6 4 both; do
            [ $outer$inner = 44 ] && continue
            WHO="IPv$inner in IPv$outer"
            [ $inner = both ] && WHO="both in IPv$outer"
            six_peer $outer $inner
            ss_load s1
            check "$WHO: the peer sets up" ss_up s1 || continue
            six_works
            six_gone
        done
    done
    six_kernel
    PEER=s1 PEER_OUT=$SPOKE1_6 INNER=both WHO="both in IPv6, the hub calls"
    six_hub ipv6 "interface Tunnel1" " ip unnumbered Ethernet0/1" " ipv6 unnumbered Ethernet0/1" " tunnel source Ethernet0/0" \
        " tunnel destination $SPOKE1_6" " tunnel mode ipsec ipv6" " tunnel protection ipsec profile SPOKES"
    six_works
}

# ------------------------------------------------------------------------------------------------ selectors with protocol and port

only_tcp() { # DIRECTION CMD...: fails, and the SA counts what it refused
    local before direction=$1
    before=$(child_field "$PEER_OUT" "$1.policy_failed")
    "${@:2}" && { echo "it was answered"; return 1; }
    wait_for 10 eval '[ "$(child_field "$PEER_OUT" "$direction.policy_failed")" -ge $((before + 3)) ]' || { echo "policy_failed is still $before or nearly so"; return 1; }
}
# The guest's kernel sends pings through the SA too, which is not what was agreed.
cheat() {
    guest g2 "id=\$(ip xfrm policy show dir out | grep -o 'reqid [0-9]*' | head -1)
        ip xfrm policy add src 10.12.0.0/24 dst 10.0.0.0/8 proto icmp dir out priority 1 tmpl src $SPOKE2 dst $HUB proto esp \$id mode tunnel"
}
clear_of_icmp() { capture_stop wan; none_captured wan icmp; }

part_selectors() {
    guest_boot g2 wan g2w
    check "the guest boots" spoke2_net || exit 1
    check "it has a route back, which strongSwan makes for no port" guest g2 "ip route add 10.0.0.0/8 via $HUB src 10.12.0.1"
    with_gre "TCP to port 5001 alone"
    spoke2_conf local_ts="10.12.0.0/24[tcp/5001]" remote_ts="10.0.0.0/8[tcp]"
    check "strongSwan starts" ss_start_guest g2
    check "the configuration is accepted" gateway_conf && check "culvertd starts" gateway_start || exit 1
    check "set up" ss_up g2
    check "the hub has a child" wait_for 20 hub_has_child
    check "the selectors are what was asked for" says "10.12.0.0/24\[6/5001\]" child_field "$PEER_OUT" remote_selectors.0
    TCP_PORT=5001 check "TCP to the port passes, SHA-256 equal" transfer lan g2 10.12.0.1 500000
    capture wan wan br0
    check "the hub refuses to send pings, and counts them" only_tcp out ns lan ping -n -c 3 -i 0.2 -W 1 10.12.0.1
    check "and TCP to another port" only_tcp out ns lan sh -c 'for i in 1 2 3; do timeout 2 bash -c "exec 3<>/dev/tcp/10.12.0.1/5002" && exit 0; done; exit 1'
    check "the peer sends what was not agreed on" cheat
    check "the hub takes no pings from it, and counts them" only_tcp in at g2 ping -n -c 3 -i 0.2 -W 1 -I 10.12.0.1 10.0.1.2
    check "nothing of it is seen in the clear" clear_of_icmp
    TCP_PORT=5001 check "TCP to the port passes still" transfer lan g2 10.12.0.1 500000
    check "rekeyed by the hub" hub_rekeys # the old one, with its counters, has gone
    TCP_PORT=5001 check "TCP to the port passes after it" transfer lan g2 10.12.0.1 500000
    check "and pings do not" only_tcp out ns lan ping -n -c 3 -i 0.2 -W 1 10.12.0.1
    guest_halt g2
}

# ------------------------------------------------------------------------------------------------ a card with software beside it

# One template for everybody: AES-GCM or AES-CBC, IPv4 and IPv6 inside and outside, GRE.
beside_hub() {
    GW_PROFILE=" aaa authorization group psk list default default" gateway_conf "ip local pool POOL 10.99.0.10 10.99.0.20" \
        "crypto ikev2 authorization policy default" " pool POOL" "crypto ipsec transform-set CBC esp-aes 256 esp-sha256-hmac" \
        "crypto ipsec profile SPOKES" " set transform-set default CBC" "crypto ikev2 keyring SPOKES" " peer six" "  address ::/0" "  pre-shared-key $PSK" \
        "crypto ikev2 profile SPOKES" " virtual-template 1 auto mode" "interface Ethernet0/0" " ipv6 address $HUB6/64" \
        "interface Ethernet0/1" " ipv6 address 2001:db8:1::1/64" "interface Virtual-Template1 type tunnel" " no tunnel mode" \
        " ipv6 unnumbered Ethernet0/1" "crypto ikev2 mobike additional-address $HUB6"
}
beside_net() { # IPv6 for the gateway and s2, whose networks are 10.13.0.0/24 and 2001:db8:13::/64
    ns_add s2
    wire s2 eth0 wan s2w
    bridge wan br0 s2w
    no_offload s2 eth0
    ns gw sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0 net.ipv6.conf.all.accept_dad=0 \
        net.ipv6.conf.default.accept_dad=0 && ns s2 sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0 &&
        ip -n s2 addr add 192.0.2.13/24 dev eth0 && ip -n s2 addr add 10.13.0.1/24 dev lo && ip -n s2 addr add 2001:db8::13/64 dev eth0 nodad && ip -n s2 addr add 2001:db8:13::1/64 dev lo nodad
}
beside_lan6() {
    ns lan sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0 net.ipv6.conf.in0.accept_dad=0 &&
        ip -n lan addr add $LAN6/64 dev in0 nodad && ip -n lan route add default via 2001:db8:1::1
}
carried_by() { # PEER_OUT card|software SUITE: it comes to that
    wait_for 20 carried_now "$@" || carried_now "$@"
}
carried_now() {
    child_of "$1" >/dev/null || { echo "no child for $1"; return 1; }
    expect_value "$2" "what carries the inbound SA" child_field "$1" in.carried_by &&
        expect_value "$2" "what carries the outbound SA" child_field "$1" out.carried_by && says "^$3" child_field "$1" suite
}
# card_moved WANT CMD: how many packets the card itself encrypts and decrypts meanwhile. The last packet of a transfer before may
# come in between on a busy machine: then it is done again.
card_moved() {
    local in0 out0 want=$1
    shift
    for _ in 1 2 3; do
        in0=$(dp_counter esp_in_packets) out0=$(dp_counter esp_out_packets)
        "$@" || return 1
        wait_for 3 card_counts $((in0 + want)) $((out0 + want)) && return 0
    done
    return 1
}
card_counts() { # IN OUT
    expect_value "$1" "packets that the card decrypted" dp_counter esp_in_packets &&
        expect_value "$2" "packets that the card encrypted" dp_counter esp_out_packets
}
second_child() { # of s1, with the same selectors and another suite
    spoke1_conf && sed -i '/^ *children {/a other {\nlocal_ts = 10.11.0.0/24\nremote_ts = 10.0.0.0/8\nesp_proposals = aes256-sha256\nupdown =\n}' \
        "$LAB/s1/swanctl.conf" && ss_load s1 && sc s1 --initiate --child other --timeout 20 && wait_for 10 children_are "$1"
}
beside_to_and_fro() { ping_all "$PEER" 5 -I "$PEER_IN" 10.0.1.2 && ping_all lan 4 "$PEER_IN"; }
beside_files() { transfer lan "$PEER" "$PEER_IN" 500000 && transfer "$PEER" lan 10.0.1.2 500000; }
beside_pings6() { ping_all s2 4 -I 2001:db8:13::1 $LAN6 && ping_all lan 3 -s 1300 2001:db8:13::1; }
across() { ping_all s1 4 -I 10.11.0.1 10.12.0.1 && ping_all g2 4 -I 10.12.0.1 10.11.0.1; }
across_files() { transfer s1 g2 10.12.0.1 500000 && transfer g2 s1 10.11.0.1 500000; }
beside_tunnel() {
    printf '%s\n' "configure terminal" "interface Tunnel1" "ip unnumbered Ethernet0/1" "tunnel source Ethernet0/0" "tunnel mode ipsec ipv4" \
        "tunnel destination 192.0.2.13" "tunnel protection ipsec profile SPOKES" end | cv >"$LAB/said" 2>&1
    ! grep '^% ' "$LAB/said" | grep -v '% warning' && wait_for 20 child_of 192.0.2.13
}
beside_gre() {
    guest g2 "modprobe ip_gre && sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1" && gre_guest
}
# What was on the wire outside is ESP, IKE and neighbour discovery.
nothing_in_the_clear() { # [FILTER of what may be there, too [FRAMES of ESP at least]]
    local known="ip proto 50 or udp port 500 or udp port 4500 or arp or ip6 proto 50 or icmp6 or ip6[6] = 0${1:+ or ($1)}"
    capture_stop wan
    none_captured wan "not ($known) or (icmp6 and (ip6[40] = 128 or ip6[40] = 129))" || return 1
    [ "$(captured wan "ip proto 50" | wc -l)" -gt "${2:-1000}" ] || { echo "the capture has no ESP"; return 1; }
}

part_card() {
    guest_boot g2 wan g2w
    check "addresses of IPv6" beside_net
    check "the simulated card starts" gateway_card || exit 1
    check "the LAN has IPv6" beside_lan6
    spoke1_conf
    check "strongSwan starts" ss_start s1 s1
    check "the configuration is accepted" beside_hub && check "culvertd starts" gateway_start || exit 1
    check "the guest boots" spoke2_net || exit 1
    spoke2_conf esp=aes256-sha256-esn
    capture wan wan br0
    SS_PLACE[g2]=guest
    bg charon-g2 ss_start_guest g2 # takes its time

    check "a peer with AES-GCM sets up" ss_up s1
    check "the card carries it" carried_by $SPOKE1 card AES-GCM-256
    with_spoke1
    check "AES-GCM: pings both ways, every packet counted, by the card itself" card_moved 9 pings_are_counted
    check "strongSwan starts in the guest" wait "${PID[charon-g2]}"
    unset "PID[charon-g2]"
    check "a peer with AES-CBC sets up" ss_up g2
    check "software carries it" carried_by $SPOKE2 software AES-CBC-256/HMAC-SHA2-256
    with_spoke2
    check "AES-CBC: pings both ways, every packet counted, none by the card itself" card_moved 0 pings_are_counted
    check "from the one to the other, pings" card_moved 8 across
    check "and files, both ways" across_files
    CHILDREN=2 check "AES-CBC: files both ways, SHA-256 equal, rekeyed by the hub meanwhile" rekey_under_traffic child hub
    CHILDREN=2 check "AES-CBC: files both ways, SHA-256 equal, rekeyed by the peer meanwhile" rekey_under_traffic child peer
    check "software carries it still" carried_by $SPOKE2 software AES-CBC-256/HMAC-SHA2-256
    check "deleted by the peer with AES-CBC" peer_terminate
    check "the other stays" wait_for 10 children_are 1
    check "nothing passes without an SA" no_way_left

    with_spoke1
    check "the other passes traffic still, by the card itself" card_moved 3 ping_all s1 3 -I 10.11.0.1 10.0.1.2
    check "it makes a second SA, with AES-CBC" second_child 2
    check "which carries the tunnel now, in software" card_moved 0 beside_to_and_fro
    check "and a file, both ways" beside_files
    check "it goes" sc s1 --terminate --child other
    check "and the first is left" wait_for 10 children_are 1
    check "which carries the tunnel again, in the card" card_moved 9 beside_to_and_fro

    ss_config s2 local=192.0.2.13,2001:db8::13 remote=$HUB local_ts=10.13.0.0/24
    PEER=s2 PEER_OUT=192.0.2.13 PEER_IN=10.13.0.1
    check "strongSwan starts in another namespace" ss_start s2 s2
    check "a peer with two addresses sets up" ss_up s2
    check "the card carries it" carried_by 192.0.2.13 card AES-GCM-256
    check "pings both ways" beside_to_and_fro
    check "its address of IPv4 goes" ip -n s2 addr del 192.0.2.13/24 dev eth0
    check "it moves to IPv6, and to software with another SA" carried_by 2001:db8::13 software AES-GCM-256
    check "pings both ways there" beside_to_and_fro
    sc s2 --terminate --ike hub --timeout 10 >/dev/null
    ip -n s2 addr add 192.0.2.13/24 dev eth0

    ss_config s2 local=2001:db8::13 remote=$HUB6 local_ts=10.13.0.0/24,2001:db8:13::/64 remote_ts=10.0.1.0/24,2001:db8:1::/64
    ss_load s2
    check "a peer sets up over IPv6, with both families inside" ss_up s2
    check "software carries it" carried_by 2001:db8::13 software AES-GCM-256
    check "pings of IPv6 both ways" beside_pings6
    PEER=s2 PEER_OUT=2001:db8::13 PEER_IN=10.13.0.1
    check "and of IPv4" beside_to_and_fro
    check "TCP files both ways, SHA-256 equal" beside_files

    sc s2 --terminate --ike hub --timeout 10 >/dev/null
    ss_config s2 local=192.0.2.13 remote=$HUB local_ts=10.13.0.0/24 esp=aes256-sha256
    ss_load s2
    check "a Tunnel is configured, to a peer that takes AES-CBC only" beside_tunnel
    PEER=s2 PEER_OUT=192.0.2.13 PEER_IN=10.13.0.1
    check "of what the hub offered the peer took what software carries" carried_by 192.0.2.13 software AES-CBC-256
    check "pings both ways" beside_to_and_fro
    check "rekeyed by the hub" hub_rekeys
    check "pings both ways after it" beside_to_and_fro

    gre_peer tunnel vips=0.0.0.0 # its networks are not in the selectors: an address that we give has a route
    check "the kernel makes a tunnel" beside_gre
    check "a peer with GRE sets up" eval 'ss_load g2 && ss_up g2'
    check "software carries it" carried_by $SPOKE2 software AES-GCM-256
    PEER=g2 PEER_OUT=$SPOKE2 PEER_IN=$(ss_field g2 local-vips | tr -d '[]')
    check "the LAN is behind the tunnel" guest g2 "ip route replace 10.0.1.0/24 dev gre1 src $PEER_IN"
    check "pings both ways" beside_to_and_fro
    check "TCP files both ways, SHA-256 equal" beside_files
    with_spoke1
    check "the card's SA beside it passes traffic" card_moved 3 ping_all s1 3 -I 10.11.0.1 10.0.1.2
    check "nothing was on the wire in the clear" nothing_in_the_clear
    check "culvertd ends cleanly" eval 'p=${PID[culvertd]}; kill -TERM "$p"; wait "$p"'
    unset "PID[culvertd]"
    guest_halt g2
}

# The kernel's ESP over IPv6, which is not in UDP.
SPOKE2_6=2001:db8::12 NET2_6=2001:db8:12::1
six_kernel_net() {
    spoke2_net && guest g2 "modprobe -a esp6 xfrm6_tunnel; ip addr add $SPOKE2_6/64 dev vec0 nodad && ip addr add $NET2_6/64 dev lo nodad"
}
six_kernel_pings() {
    local in0 out0
    in0=$(child_field "$PEER_OUT" in.packets) out0=$(child_field "$PEER_OUT" out.packets)
    ping_all g2 4 -I $NET2_6 $LAN6 && ping_all lan 3 -s 1300 $NET2_6 && ping_all g2 4 -I 10.12.0.1 10.0.1.2 && ping_all lan 3 10.12.0.1 || return 1
    soon packets_are $((in0 + 14)) $((out0 + 14))
}
six_kernel() {
    check "the guest boots, with IPv6" six_kernel_net || return
    PEER=g2 PEER_OUT=$SPOKE2_6 INNER=both WHO="both in IPv6, ESP of a Linux kernel"
    spoke2_conf local=$SPOKE2_6 remote=$HUB6 local_ts=10.12.0.0/24,2001:db8:12::/64 remote_ts=10.0.1.0/24,2001:db8:1::/64
    check "strongSwan starts in the guest" ss_start_guest g2
    check "$WHO: the peer sets up" ss_up g2
    check "$WHO: it is not in UDP" expect_value false udp child_field "$PEER_OUT" udp
    check "$WHO: pings both ways, every packet counted" six_kernel_pings
    check "$WHO: TCP file to the peer, SHA-256 equal" transfer lan g2 10.12.0.1 500000
    guest_halt g2
}

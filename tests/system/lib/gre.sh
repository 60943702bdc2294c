# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Parts of peers.sh: GRE against the GRE of a Linux kernel in a guest, through a NAT, and over IPv6. Needs nat.sh.

GRE_TRANSPORT=("crypto ipsec transform-set default esp-gcm 256" " mode transport")

g2_net() { # ADDRESS LENGTH [GATEWAY]: boots no guest, but waits for it; IPv6 only where the address is
    guest_wait g2 && guest_kernel_esp g2 || return 1
    case $1 in *:*) guest g2 "modprobe -a esp6 xfrm6_tunnel ip6_gre" || return 1 ;; *) guest g2 "modprobe ip_gre; sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1; true" ;; esac
    guest g2 "ip addr add $1/$2 dev vec0 $([[ $1 == *:* ]] && echo nodad) && ip link set vec0 up && ip addr add 10.12.0.1/24 dev lo &&
        { [ -z '${3:-}' ] || ip route add default via '${3:-}'; }; ethtool -K vec0 tso off gso off gro off 2>/dev/null; true"
}
child_at() { # GATE FIELD [N]
    gate_json "$1" "sas.${3:-0}.$2" show crypto ipsec sa
}
all_children_are() { # GATE FIELD VALUE COUNT
    local i
    for ((i = 0; i < $4; i++)); do [ "$(child_at "$1" "$2" $i)" = "$3" ] || { at_gate "$1" --json show crypto ipsec sa; return 1; }; done
    ipsecs_are "$1" "$4"
}

# ------------------------------------------------------------------------------------------------ transport mode through a NAT

g2_pings() { ping_all g2 3 -s 1000 10.0.1.1 && ping_all ga 3 -s 1300 -I 10.0.1.1 10.12.0.1; }
gn_pings() { ping_all gn 3 -s 1000 10.0.1.1 && ping_all ga 3 -s 1300 -I 10.0.1.1 "$GN"; }
gn_address() { GN=$(ip -n gn -4 -o addr show dev tun1 | grep -o 'inet [0-9.]*' | cut -d' ' -f2) && [ -n "$GN" ]; }
both_files() { # at the same time, out of the gateway and into it
    bg file-g2 eval 'transfer ga g2 10.12.0.1 500000 && transfer g2 ga 10.0.1.1 500000'
    transfer ga gn "$GN" 500000 && transfer gn ga 10.0.1.1 500000 || return 1
    wait "${PID[file-g2]}" || { cat "$LAB/file-g2.log"; return 1; }
    unset "PID[file-g2]"
}
# Its one child is another afterwards. strongSwan takes the old outbound SA away before it has the new one in the kernel: what
# is sent in between is lost, so the old one must have gone.
g2_rekeyed() { # CMD...
    local before
    before=$(ss_field g2 spi-in)
    "$@" && wait_for 40 g2_has_another "$before"
}
g2_has_another() {
    local now
    now=$(sc g2 --list-sas --raw | grep -oE '\bspi-in=[^ }]+')
    [ "$(wc -w <<<"$now")" = 1 ] && [ "$now" != "spi-in=$1" ]
}

part_natgre() {
    check "a router that masquerades" nat || exit 1
    ip -n nat tuntap add dev g2w mode tap
    bridge nat br1 g2w
    guest_boot g2 nat g2w
    inside gn 24
    # One peer has a tunnel of its own, as its networks are known; the other is cloned one, and asks for an address.
    gate ga 192.0.2.1 "${GRE_TRANSPORT[@]}" "ip local pool POOL 10.99.0.10 10.99.0.20" "crypto ikev2 authorization policy default" " pool POOL" \
        "crypto ikev2 profile LAB" " aaa authorization group psk list default default" "interface Virtual-Template1 type tunnel" " tunnel mode gre ip" \
        "crypto ikev2 profile G2" " match identity remote fqdn g2.lab" " identity local fqdn hub.lab" " authentication remote pre-share" \
        " authentication local pre-share" " keyring local RING" "crypto ipsec profile G2" " set ikev2-profile G2" "interface Tunnel2" \
        " ip address 10.0.0.1 255.255.255.252" " tunnel source Ethernet0/0" " tunnel destination dynamic" " tunnel protection ipsec profile G2" \
        "ip route 10.12.0.0 255.255.255.0 Tunnel2"
    check "the guest boots behind the router" g2_net 10.200.0.12 24 10.200.0.1 || exit 1
    check "its kernel makes a GRE tunnel" guest g2 "ip link add gre1 type gre local 10.200.0.12 remote 192.0.2.1 ttl 64 && ip addr add 10.0.0.2/30 dev gre1 &&
        ip link set gre1 up mtu 1380 && ip route add 10.0.1.0/24 dev gre1 src 10.12.0.1 && ip route add 10.99.0.0/24 dev gre1 src 10.12.0.1"
    ss_config g2 local=10.200.0.12 remote=192.0.2.1 "local_ts=10.200.0.12/32[gre]" "remote_ts=192.0.2.1/32[gre]" mode=transport \
        esp=aes256gcm16-esn kernel=netlink folder=/run/lab
    check "strongSwan starts in it" ss_start_guest g2
    check "it sets up" ss_up g2 60
    check "in transport mode, in UDP, and what is inside is GRE" eval 'all_children_are ga mode transport 1 && all_children_are ga udp true 1 && all_children_are ga gre true 1'
    check "pings both ways" g2_pings
    LOOP=10.99.1.1 gate gn 10.200.0.24 "${GRE_TRANSPORT[@]}" "interface Tunnel1" " ip address negotiated" " tunnel source Ethernet0/0" " tunnel destination 192.0.2.1" \
        " tunnel mode gre ip" " tunnel protection ipsec profile LAB" "ip route 10.0.1.0 255.255.255.0 Tunnel1" "ip route 10.12.0.0 255.255.255.0 Tunnel1"
    check "a second peer behind the same router, one of ours, comes up" wait_for 40 eval 'ipsecs_are gn 1 && gn_address'
    check "in transport mode too, both behind one address" eval 'all_children_are ga mode transport 2 && nat_ports_are ga 2'
    check "pings both ways with each" eval 'g2_pings && gn_pings'
    check "files with both at once" both_files
    check "the two reach each other through the gateway" eval 'ping_all g2 3 "$GN" && ping_all gn 3 10.12.0.1'
    check "the guest rekeys" g2_rekeyed sc g2 --rekey --child net
    check "the gateway rekeys both" g2_rekeyed at_gate ga crypto ikev2 rekey child
    check "transport mode after the rekeys too" wait_for 20 all_children_are ga mode transport 2
    check "pings after them" eval 'g2_pings && gn_pings'
    check "the guest leaves" sc g2 --terminate --ike hub
    check "the other stays" wait_for 20 ipsecs_are ga 1
    check "and passes traffic" gn_pings
    guest_halt g2
}

# ------------------------------------------------------------------------------------------------ over IPv6

SIX_HUB=2001:db8::1 SIX_G2=2001:db8::12
gre6_lines() { # DESTINATION
    printf '%s\n' "${GRE_TRANSPORT[@]}" "crypto ikev2 keyring RING" " peer six" "  address ::/0" "  pre-shared-key $PSK" "interface Ethernet0/0" \
        " ipv6 address $SIX_HUB/64" "interface Tunnel1" " ip address 10.0.0.1 255.255.255.252" " ipv6 address 2001:db8:99::1/64" \
        " tunnel source Ethernet0/0" " tunnel destination $1" " tunnel mode gre ipv6" " tunnel protection ipsec profile LAB" \
        "ip route 10.12.0.0 255.255.255.0 Tunnel1"
}
gre6_config() { # MODE
    ss_config g2 local=$SIX_G2 remote=$SIX_HUB "local_ts=$SIX_G2/128[gre]" "remote_ts=$SIX_HUB/128[gre]" mode="$1" esp=aes256gcm16-esn \
        kernel=netlink folder=/run/lab
}
# The default of the kernel, an encapsulation limit (RFC 2473), is a destination option after its IPv6 header.
gre6_kernel() { # LIMIT [KEY]
    guest g2 "ip link del gre6 2>/dev/null; ip link add gre6 type ip6gre local $SIX_G2 remote $SIX_HUB hoplimit 64 encaplimit $1 ${2:+key $2} &&
        ip addr add 10.0.0.2/30 dev gre6 && ip addr add 2001:db8:99::2/64 dev gre6 nodad && ip link set gre6 up mtu 1360 && ip route replace 10.0.1.0/24 dev gre6 src 10.12.0.1"
}
gre6_works() { # MODE
    check "$WHO: $1 mode, not in UDP, and what is inside is GRE" eval "all_children_are ga mode $1 1 && all_children_are ga udp false 1 && all_children_are ga gre true 1"
    check "$WHO: the outer addresses are of IPv6" eval '[ "$(child_at ga remote)" = $SIX_G2 ]'
    check "$WHO: IPv4 both ways" eval 'ping_all g2 3 -s 1000 10.0.0.1 && ping_all ga 3 -s 1300 10.0.0.2 && ping_all ga 3 -I 10.0.1.1 10.12.0.1'
    check "$WHO: IPv6 both ways" eval 'ping_all g2 3 -s 1000 2001:db8:99::1 && ping_all ga 3 -s 1200 2001:db8:99::2'
    check "$WHO: files both ways, SHA-256 equal" eval 'transfer ga g2 10.0.0.2 500000 && transfer g2 ga 10.0.0.1 500000'
    check "$WHO: the guest rekeys" g2_rekeyed sc g2 --rekey --child net
    check "$WHO: the gateway rekeys" g2_rekeyed at_gate ga crypto ikev2 rekey child
    check "$WHO: $1 mode after the rekeys too" wait_for 20 all_children_are ga mode "$1" 1
    check "$WHO: pings after them" eval 'ping_all g2 3 10.0.0.1 && ping_all ga 3 2001:db8:99::2'
}
gre6_silent() { ! ping_all g2 2 -W 1 10.0.0.1; }

part_gre6() {
    ip -n wan link show br0 >/dev/null 2>&1 || ip -n wan link add br0 type bridge mcast_snooping 0
    ip -n wan tuntap add dev g2w mode tap
    bridge wan br0 g2w
    guest_boot g2 wan g2w
    node ga
    ns ga sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0 net.ipv6.conf.eth0.disable_ipv6=0 \
        net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.eth0.accept_dad=0
    gate ga 192.0.2.1 "$(gre6_lines dynamic)"
    check "the guest boots, with IPv6" g2_net $SIX_G2 64 || exit 1
    check "its kernel makes a GRE tunnel over IPv6, with an encapsulation limit" gre6_kernel 4
    gre6_config transport
    check "strongSwan starts in it" ss_start_guest g2
    WHO="the guest calls, transport mode"
    check "$WHO: set up" ss_up g2 60
    gre6_works transport
    check "$WHO: the guest ends it" sc g2 --terminate --ike hub
    check "$WHO: nothing is left" wait_for 20 sessions_are ga 0
    check "$WHO: nothing passes without an SA" gre6_silent

    WHO="the gateway calls, tunnel mode, with a key"
    gre6_config tunnel
    check "$WHO: strongSwan takes it" ss_load g2
    check "$WHO: the kernel makes a tunnel" gre6_kernel 4 7
    check "$WHO: the gateway is configured" configure ga "crypto ipsec transform-set default esp-gcm 256" "mode tunnel" "interface Tunnel1" \
        "tunnel key 7" "tunnel destination $SIX_G2"
    check "$WHO: set up" wait_for 40 ipsecs_are ga 1
    gre6_works tunnel
    guest_halt g2
}

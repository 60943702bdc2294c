#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck source-path=SCRIPTDIR/lib
# The configuration payload with strongSwan at the other end, culvertd on the software datapath:
#   client    strongSwan asks for virtual IPs: addresses of our pools, name servers, split networks by selectors
#   server    strongSwan has the pools: our `ip address negotiated`, what it tells, its private attributes
#   client6, server6   the same with addresses of both families
#   default   a keyring and a Tunnel interface are all that we have: the profile is the smart default's
#   contact   strongSwan restarts without INITIAL_CONTACT: initial-contact force
# Usage: config.sh client|server|client6|server6|default|contact. TAP on stdout.
LAB_ARGS=("$@")
. "$(dirname "$(readlink -f "$0")")/lib/lab.sh"
. "$SYSTEM/lib/strongswan.sh"
PART=$1
CULVERTD=$B/test/culvertd
CULVERT=$B/bin/culvert
PSK=lab-pre-shared-key # as ss_config has it
lab_start "config-$PART"
for f in "$CULVERTD" "$CULVERT"; do [ -x "$f" ] || { echo "not ok 1 - $f is not built"; exit 1; }; done
command -v charon-systemd >/dev/null || skip_all "no strongSwan here"

cv() { "$CULVERT" -s "$LAB/cv.sock" "$@"; }
route() { ip -n gw route show | grep -q -- "$1" || { ip -n gw route show; return 1; }; }
route6() { ip -n gw -6 route show | grep -q -- "$1" || { ip -n gw -6 route show; return 1; }; }
start_culvertd() {
    bg culvertd ns gw "$CULVERTD" -f "$LAB/gw.conf" -s "$LAB/cv.sock"
    wait_for 40 eval 'cv show version || ! alive culvertd'
    alive culvertd && cv show version || { cat "$LAB/culvertd.log"; return 1; } # and not one that was to have ended
}

# What configurations have in common: the outside, the profile of peers of this name, a tunnel for who calls, one that we
# start. More lines of the same follow them.
OUTSIDE='interface Ethernet0/0
 device eth0
 ip address 192.0.2.1 255.255.255.0'
TEMPLATE='interface Virtual-Template1 type tunnel
 ip unnumbered Loopback0
 tunnel mode ipsec ipv4
 tunnel protection ipsec profile default'
TUNNEL='interface Tunnel0
 tunnel source Ethernet0/0
 tunnel destination 192.0.2.11
 tunnel mode ipsec ipv4
 tunnel protection ipsec profile default'
profile() { # one.lab | domain lab
    printf '%s\n' "crypto ikev2 profile default" " match identity remote fqdn $*" " identity local fqdn hub.lab" \
        " authentication local pre-share key $PSK" " authentication remote pre-share key $PSK"
}
pools_conf() { # POOLS LOCAL_TS: strongSwan at one gives addresses of these pools, which come on stdin
    ss_config one local=192.0.2.11 remote=192.0.2.1 start=none plugins=attr
    cat >"$LAB/one/swanctl.conf" <<C
connections {
    spokes {
        version = 2
        local_addrs = 192.0.2.11
        remote_addrs = %any
        pools = $1
        proposals = aes256gcm16-prfsha384-x25519
        local {
            auth = psk
            id = one.lab
        }
        remote {
            auth = psk
        }
        children {
            net {
                local_ts = $2
                esp_proposals = aes256gcm16
                updown =
            }
        }
    }
}
$(cat)
secrets {
    ike-lab {
        secret = "$PSK"
    }
}
C
}

ns_add wan gw one two
for n in gw one two; do
    wire $n eth0 wan $n
    bridge wan br0 $n
    ns $n sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0
done
ip -n one addr add 192.0.2.11/24 dev eth0
ip -n two addr add 192.0.2.12/24 dev eth0

# replaced NAME SPI: strongSwan has another IKE SA than that, with its child, and that one is gone.
replaced() {
    local all
    all=$(sc "$1" --list-sas --raw | grep -oE '\binitiator-spi=[^ }]+')
    [ "$(wc -w <<<"$all")" = 1 ] && [ "$all" != "initiator-spi=$2" ] && ss_child_up "$1"
}
# Our first messages, which have no SPI of a responder yet, do not reach strongSwan; or they do again.
calls_are_lost() {
    ns one nft add table ip lab && ns one nft add chain ip lab in "{ type filter hook input priority 0; }" &&
        ns one nft add rule ip lab in udp dport 500 @th,128,64 0 drop
}
calls_arrive() { ns one nft delete table ip lab; }

client_conf() { # NAME ADDRESS
    ss_config "$1" local="$2" remote=192.0.2.1 remote_ts=10.1.0.0/16,10.2.0.0/16 vips=0.0.0.0 start=none
}

client() {
    cat >"$LAB/gw.conf" <<C
hostname hub
ip local pool vpn 10.9.0.10 10.9.0.11
crypto ikev2 authorization policy default
 pool vpn
 netmask 255.255.255.0
 dns 10.1.0.53 10.1.0.54
 banner Welcome
 def-domain lab.example
 route set remote 10.1.0.0 255.255.0.0
$(profile domain lab)
 virtual-template 1
interface Loopback0
 ip address 10.1.0.1 255.255.255.255
$OUTSIDE
$TEMPLATE
C
    client_conf one 192.0.2.11
    client_conf two 192.0.2.12
    check "culvertd starts" start_culvertd || return
    check "strongSwan starts" ss_start one one || return
    check "a client with a virtual IP connects" ss_up one || return
    check "it has the pool's first address" says "local-vips=.*10.9.0.10" sc one --list-sas --raw
    check "its selectors are that address and the split networks" says "local-ts=.10.9.0.10/32. remote-ts=.10.1.0.0/16 10.2.0.0/16." sc one --list-sas --raw
    check "the name servers reach its resolver" says "nameserver 10.1.0.53" cat "$LAB/one/resolv.conf"
    check "both of them" says "nameserver 10.1.0.54" cat "$LAB/one/resolv.conf"
    check "the hub shows the address" soon says "Assigned host addr: 10.9.0.10" cv show crypto ikev2 sa detailed
    check "and says nothing that was not asked for" no says "Local subnets" cv show crypto ikev2 sa detailed
    check "the hub has a route to it" soon route "10.9.0.10 dev va1"
    check "traffic passes from the client's address" ping_all one 5 -I 10.9.0.10 10.1.0.1
    check "and to it" ping_all gw 5 10.9.0.10
    old=$(ss_field one initiator-spi)
    check "reauthentication keeps the address" sc one --rekey --ike hub --reauth
    check "there is another IKE SA" soon replaced one "$old"
    check "it is still the pool's first" soon says "local-vips=.*10.9.0.10" sc one --list-sas --raw
    check "traffic passes after it" ping_all one 5 -I 10.9.0.10 10.1.0.1
    check "a second client starts" ss_start two two || return
    check "it gets another address" ss_up two
    check "the pool's second" says "local-vips=.*10.9.0.11" sc two --list-sas --raw
    check "the first client goes" sc one --terminate --ike hub
    check "and comes again" ss_up one
    check "with the address that it had" says "local-vips=.*10.9.0.10" sc one --list-sas --raw
    sc two --terminate --ike hub >/dev/null
    check "one address is in use, one is free" soon says "vpn .* 1 *1" cv show ip local pool
    printf 'configure terminal\nip local pool vpn 10.9.0.10 10.9.0.10\nend\n' | cv >/dev/null
    check "an exhausted pool: no tunnel for the second client" no ss_up two 15
    check "it is told why" soon grep -q "INTERNAL_ADDRESS_FAILURE" "$LAB/two/charon.log"
    check "and its IKE SA stays" soon says "state=ESTABLISHED" sc two --list-sas --raw
    check "the failure is counted" soon says "address_failures *[1-9]" cv show crypto ikev2 stats

    # A hub that serves only those who ask for their configuration; the first client asks for none any more.
    printf 'configure terminal\nip local pool vpn 10.9.0.10 10.9.0.11\ncrypto ikev2 profile default\nconfig-exchange required\nend\n' | cv >/dev/null
    check "whoever asks for its configuration has a tunnel" eval 'sc two --terminate --ike hub; ss_up two'
    ss_config one local=192.0.2.11 remote=192.0.2.1 remote_ts=10.1.0.0/16 start=none
    check "whoever does not has none" eval 'sc one --terminate --ike hub; ss_load one && no ss_up one 15'
    check "it is told why" soon grep -q "FAILED_CP_REQUIRED" "$LAB/one/charon.log"
    check "and its IKE SA stays" soon says "state=ESTABLISHED" sc one --list-sas --raw
    check "it is counted" soon says "cp_required *[1-9]" cv show crypto ikev2 stats
    printf 'configure terminal\ncrypto ikev2 profile default\nno config-exchange required\nend\n' | cv >/dev/null
    check "without the policy it has one" eval 'sc one --terminate --ike hub; ss_up one'
    stop culvertd charon-one charon-two
}

server() {
    cat >"$LAB/gw.conf" <<C
hostname spoke
crypto ikev2 authorization policy default
 route set interface
 route accept any tag 9 distance 15
$(profile one.lab)
$OUTSIDE
$TUNNEL
 ip address negotiated
C
    ip -n one addr add 10.8.0.1/32 dev lo
    pools_conf lab 10.8.0.0/16 <<'C'
pools {
    lab {
        addrs = 10.8.9.9-10.8.9.9
        dns = 10.8.0.53, 2001:db8::53
        nbns = 10.8.0.137
        netmask = 255.255.255.0
        subnet = 10.8.0.0/16, 192.0.2.0/24
        split_include = 10.88.0.0/16
        split_exclude = 10.8.77.0/24
        28672 = "Welcome to the lab"
        28674 = "lab.example"
        28675 = "a.example,b.example"
        28681 = "192.0.2.77"
        25 = "c.example"
        7 = "something else"
        12345 = "nobody knows this one"
    }
}
C
    check "strongSwan starts" ss_start one one || return
    check "culvertd starts" start_culvertd || return
    check "the tunnel comes up" wait_for 30 says "UP-ACTIVE" cv show crypto session || { tail -5 "$LAB/culvertd.log" "$LAB/one/charon.log"; return; }
    check "the interface has the address that it was given" soon says "10.8.9.9" cv show ip interface brief
    check "the network that it was told is routed, with its distance" soon route "10.8.0.0/16 dev tun0 .*metric 15"
    check "the split network too" soon route "10.88.0.0/16 dev tun0 .*metric 15"
    check "not the one that strongSwan itself is in" no route "192.0.2.0/24 dev tun0"
    check "the tag is with the route" soon says "10.88.0.0/16 .*tag 9" cv show ip route
    cv show crypto ikev2 sa detailed >"$LAB/detail"
    for text in "Pushed IP address: 10.8.9.9/24" "DNS: 10.8.0.53 2001:db8::53" "WINS: 10.8.0.137" \
        "Default domain: lab.example" "Split DNS: .*a.example,b.example" "Split DNS: .*c.example" \
        "Backup gateways: 192.0.2.77" "Banner: Welcome to the lab" "Remote application: something else" \
        "Excluded networks: 10.8.77.0/24" "192.0.2.0/24 *refused"; do
        check "shown: $text" grep -q -- "$text" "$LAB/detail"
    done
    cv show crypto ikev2 client flexvpn >"$LAB/client"
    for text in "Current state: ACTIVE" "Peer: 192.0.2.11" "Tunnel interface: Tunnel0" "Pushed IP address: 10.8.9.9/24" \
        "DNS: 10.8.0.53 2001:db8::53" "Split networks: .*10.88.0.0/16" "Backup gateways: 192.0.2.77" "Banner: Welcome to the lab"; do
        check "the client's view: $text" grep -q -- "$text" "$LAB/client"
    done
    check "traffic passes" ping_all gw 5 10.8.0.1
    check "and back" ping_all one 5 -I 10.8.0.1 10.8.9.9
    check "strongSwan puts up with a CFG_SET" soon grep -q "it knows no CFG_SET" "$LAB/culvertd.log"
    check "a rekey of the IKE SA keeps it all" eval 'cv crypto ikev2 rekey ike && wait_for 20 says "\"ike_rekeys\": *1" cv --json show crypto ikev2 stats'
    check "the address" says "10.8.9.9" cv show ip interface brief
    check "the routes" route "10.8.0.0/16 dev tun0"
    check "traffic passes after it" ping_all gw 5 10.8.0.1
    calls_are_lost # or the tunnel is there again before we look
    check "strongSwan ends the session" sc one --terminate --ike spokes
    check "the routes go" wait_for 20 no route "dev tun0 .*metric 15"
    calls_arrive
    check "the tunnel comes again by itself" wait_for 40 says "UP-ACTIVE" cv show crypto session
    check "traffic passes again" ping_all gw 5 10.8.0.1
    stop culvertd charon-one
}

# ---------------------------------------------------------------------------------------------- both families
client6() {
    cat >"$LAB/gw.conf" <<C
hostname hub
ip local pool vpn 10.9.0.10 10.9.0.20
ipv6 local pool vpn6 2001:db8:9::/112 128
crypto ikev2 authorization policy default
 pool vpn
 ipv6 pool vpn6
 dns 10.1.0.53
 ipv6 dns 2001:db8:1::53
$(profile domain lab)
 virtual-template 1
interface Loopback0
 ip address 10.1.0.1 255.255.255.255
 ipv6 address 2001:db8:1::1/128
$OUTSIDE
$TEMPLATE
 ipv6 unnumbered Loopback0
C
    ss_config one local=192.0.2.11 remote=192.0.2.1 remote_ts=10.1.0.0/16,2001:db8:1::/64 vips=0.0.0.0,:: start=none
    check "culvertd starts" start_culvertd || return
    check "strongSwan starts" ss_start one one || return
    check "a client with two virtual IPs connects" ss_up one || return
    check "it has an IPv4 address" says "local-vips=.*10.9.0.10" sc one --list-sas --raw
    check "and an IPv6 address" says "local-vips=.*2001:db8:9::1" sc one --list-sas --raw
    check "its selectors have both" says "local-ts=.10.9.0.10/32 2001:db8:9::1/128." sc one --list-sas --raw
    check "the IPv4 name server reaches its resolver" says "nameserver 10.1.0.53" cat "$LAB/one/resolv.conf"
    check "the IPv6 name server, too" says "nameserver 2001:db8:1::53" cat "$LAB/one/resolv.conf"
    check "the hub shows both" soon says "Assigned host IPv6 addr: 2001:db8:9::1" cv show crypto ikev2 sa detailed
    check "the hub has a route to the IPv6 address" soon route6 "2001:db8:9::1 dev va1"
    check "IPv4 passes" ping_all one 5 -I 10.9.0.10 10.1.0.1
    check "IPv6 passes" ping_all one 5 -I 2001:db8:9::1 2001:db8:1::1
    check "and to the client" ping_all gw 5 2001:db8:9::1
    check "the IPv6 pool counts" soon says "vpn6 .* 65534 *1" cv show ipv6 local pool
    check "the client goes" sc one --terminate --ike hub
    check "and comes again" ss_up one
    check "with the address that it had" says "local-vips=.*2001:db8:9::1" sc one --list-sas --raw
    check "IPv6 passes again" ping_all one 5 -I 2001:db8:9::1 2001:db8:1::1
    sc one --terminate --ike hub >/dev/null
    check "both addresses go back" wait_for 20 says "vpn6 .* 65535 *0" cv show ipv6 local pool
    # A policy without a pool for one family gives the other.
    printf 'configure terminal\ncrypto ikev2 authorization policy default\nno pool\nend\n' | cv >/dev/null
    check "without an IPv4 pool it gets IPv6 alone" ss_up one
    check "and nothing of IPv4" no says "local-vips=.*10.9" sc one --list-sas --raw
    stop culvertd charon-one
}

server6() {
    cat >"$LAB/gw.conf" <<C
hostname spoke
$(profile one.lab)
$OUTSIDE
$TUNNEL
 ip address negotiated
 ipv6 address negotiated
C
    ip -n one addr add 10.8.0.1/32 dev lo
    ip -n one addr add 2001:db8:8::1/128 dev lo
    pools_conf "four, six" "10.8.0.0/16, 2001:db8:8::/48" <<'C'
pools {
    four {
        addrs = 10.8.9.9-10.8.9.9
        dns = 10.8.0.53
    }
    six {
        addrs = 2001:db8:8:9::9-2001:db8:8:9::9
        dns = 2001:db8:8::53
        subnet = 2001:db8:8::/48
    }
}
C
    check "strongSwan starts" ss_start one one || return
    check "culvertd starts" start_culvertd || return
    check "the tunnel comes up" wait_for 30 says "UP-ACTIVE" cv show crypto session || { tail -5 "$LAB/culvertd.log" "$LAB/one/charon.log"; return; }
    check "the interface has the IPv4 address" soon says "10.8.9.9" ip -n gw addr show tun0
    check "and the IPv6 address" soon says "2001:db8:8:9::9/" ip -n gw addr show tun0
    check "the IPv6 network that was told is routed" soon route6 "2001:db8:8::/48 dev tun0 .*metric 1 "
    check "shown" soon says "Pushed IPv6 address: 2001:db8:8:9::9" cv show crypto ikev2 sa detailed
    check "with the name servers of both" says "DNS: 10.8.0.53 2001:db8:8::53" cv show crypto ikev2 sa detailed
    check "IPv4 passes" ping_all gw 5 10.8.0.1
    check "IPv6 passes" ping_all gw 5 2001:db8:8::1
    check "and back" ping_all one 5 -I 2001:db8:8::1 2001:db8:8:9::9
    calls_are_lost # or it is there again before we look
    check "strongSwan ends the session" sc one --terminate --ike spokes
    check "the IPv6 route goes" wait_for 20 no route6 "2001:db8:8::/48 dev tun0"
    calls_arrive
    check "it comes again by itself" wait_for 40 says "UP-ACTIVE" cv show crypto session
    check "IPv6 passes again" ping_all gw 5 2001:db8:8::1
    stop culvertd charon-one
}

# ---------------------------------------------------------------------------------------------- smart defaults
default() {
    cat >"$LAB/gw.conf" <<C
hostname site
crypto ikev2 keyring RING
 peer one
  address 192.0.2.0 255.255.255.0
  pre-shared-key $PSK
$OUTSIDE
$TUNNEL
 ip address 10.9.0.1 255.255.255.252
C
    ip -n one addr add 10.8.0.1/32 dev lo
    ip -n two addr add 10.8.0.1/32 dev lo
    local ts="local_ts=10.8.0.0/24 remote_ts=10.9.0.0/30 start=none"
    # shellcheck disable=SC2086
    ss_config one local=192.0.2.11 remote=192.0.2.1 id=192.0.2.11 remote_id=192.0.2.1 $ts
    # shellcheck disable=SC2086
    ss_config two local=192.0.2.12 remote=192.0.2.1 id=192.0.2.12 remote_id=192.0.2.1 $ts
    check "strongSwan starts" ss_start one one || return
    check "culvertd starts" start_culvertd || return
    check "we bring the tunnel up" wait_for 15 says "UP-ACTIVE" cv show crypto session || { tail -5 "$LAB/culvertd.log" "$LAB/one/charon.log"; return; }
    check "as initiator" says "Initiator of SA : Yes" cv show crypto ikev2 sa detailed
    check "by the default profile" says "Profile: default" cv show crypto ikev2 sa detailed
    check "traffic passes" ping_all gw 5 -I 10.9.0.1 10.8.0.1
    check "and back" ping_all one 5 -I 10.8.0.1 10.9.0.1
    # Now strongSwan calls; our own first messages do not reach it.
    calls_are_lost
    stop culvertd
    sc one --terminate --ike hub >/dev/null 2>&1
    check "culvertd starts again" start_culvertd || return
    check "strongSwan calls" ss_up one
    check "and is answered" wait_for 30 says "Initiator of SA : No" cv show crypto ikev2 sa detailed
    check "by the default profile, too" says "Profile: default" cv show crypto ikev2 sa detailed
    check "traffic passes again" ping_all one 5 -I 10.8.0.1 10.9.0.1
    check "strongSwan rekeys the child" sc one --rekey --child net
    sleep 1
    check "traffic passes on" ping_all one 5 -I 10.8.0.1 10.9.0.1
    check "another strongSwan starts" ss_start two two || return
    check "with the key, but not the tunnel's far end, it is refused" no ss_up two 15
    check "by AUTHENTICATION_FAILED" soon grep -q "AUTHENTICATION_FAILED\|AUTH_FAILED" "$LAB/two/charon.log"
    check "and the log says why" grep -q "no profile is for 192.0.2.12" "$LAB/culvertd.log"
    stop culvertd charon-one charon-two
}

# ---------------------------------------------------------------------------------------------- a peer that says nothing
sas() { [ "$(cv show crypto ikev2 sa | grep -c READY)" = "$1" ] || { cv show crypto ikev2 sa; return 1; }; }
restart_one() { # as after a loss of power
    kill_hard charon-one
    rm -f "$LAB/one/vici"
    check "strongSwan starts again" ss_start one one && check "and connects" ss_up one
}
contact() {
    cat >"$LAB/gw.conf" <<C
hostname hub
$(profile domain lab)
 virtual-template 1
interface Loopback0
 ip address 10.1.0.1 255.255.255.255
$OUTSIDE
$TEMPLATE
C
    ss_config one local=192.0.2.11 remote=192.0.2.1 remote_ts=10.1.0.0/16 local_ts=10.8.0.0/24 start=none
    sed -i 's/version = 2/version = 2\n        unique = never/' "$LAB/one/swanctl.conf"
    ip -n one addr add 10.8.0.1/32 dev lo
    check "culvertd starts" start_culvertd || return
    check "strongSwan starts" ss_start one one || return
    check "it connects" ss_up one || return
    restart_one || return
    check "without force the session of before stays" soon sas 2
    printf 'configure terminal\ncrypto ikev2 profile default\ninitial-contact force\nend\n' | cv >/dev/null
    cv clear crypto ikev2 sa >/dev/null
    check "one of these cannot answer: clear fast waits for nobody" cv clear crypto ikev2 sa fast
    check "and none is left" says "There are no SAs" cv show crypto ikev2 sa
    check "strongSwan has heard of it" soon no says "state=" sc one --list-sas --raw # or it makes use of that one
    check "with force there is one" ss_up one
    restart_one
    check "and one after a restart" wait_for 10 sas 1
    check "the log says why" grep -q "is down: the peer has restarted" "$LAB/culvertd.log"
    check "traffic passes" ping_all one 5 -I 10.8.0.1 10.1.0.1
    old=$(ss_field one initiator-spi)
    check "reauthentication" sc one --rekey --ike hub --reauth
    check "leaves one, too" wait_for 40 eval 'replaced one "$old" && sas 1'
    check "traffic passes after it" ping_all one 5 -I 10.8.0.1 10.1.0.1
    stop culvertd charon-one
}

"$PART"
lab_end

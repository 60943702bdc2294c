# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Parts of peers.sh with a router that masquerades (nftables) between the peers and the gateway.
#
#   nat [SECONDS]         the router: 192.0.2.9 outside, 10.200.0.1 on its bridge br1; it forgets a mapping after so many of silence
#   inside NAME N         a namespace behind it: 10.200.0.N
#   behind NAME N KEY=VALUE...    a namespace with strongSwan behind it: 10.200.0.N, and the network 10.N.0.0/24 behind that
NAT=192.0.2.9

nat() {
    node nat $NAT
    ns nat sysctl -qw net.ipv4.ip_forward=1
    ns nat ip link add br1 type bridge mcast_snooping 0
    ip -n nat addr add 10.200.0.1/24 dev br1
    ip -n nat link set br1 up
    ns nat nft -f - <<'N' && ns nat sysctl -qw "net.netfilter.nf_conntrack_udp_timeout=${1:-30}" "net.netfilter.nf_conntrack_udp_timeout_stream=${1:-120}"
table ip lab {
    chain out {
        type nat hook postrouting priority srcnat;
        oifname "eth0" ip saddr 10.200.0.0/24 masquerade random
    }
}
N
}
inside() { # NAME N: a namespace behind it
    ns_add "$1"
    wire "$1" eth0 nat "n$1"
    bridge nat br1 "n$1"
    ip -n "$1" addr add "10.200.0.$2/24" dev eth0
    ip -n "$1" route add default via 10.200.0.1
    no_offload "$1" eth0
}
behind() {
    local name=$1 n=$2
    shift 2
    [ -e "/run/netns/$name" ] || { inside "$name" "$n" && ip -n "$name" addr add "10.$n.0.1/24" dev lo; }
    ss_config "$name" "local=10.200.0.$n" remote=192.0.2.1 "local_ts=10.$n.0.0/24" remote_ts=10.0.1.0/24 "$@"
}
nat_remotes() { # GATE: addresses and ports of its peers, each once
    local n i
    n=$(gate_json "$1" 'sas.#' show crypto ikev2 sa)
    for ((i = 0; i < n; i++)); do gate_json "$1" "sas.$i.remote" show crypto ikev2 sa; done | sort -u
}
nat_ports_are() { # GATE COUNT: so many, all of the router's address
    local all
    all=$(nat_remotes "$1")
    [ "$(grep -c "^$NAT/" <<<"$all")" = "$2" ] && [ "$(wc -l <<<"$all")" = "$2" ] || { echo "$all"; return 1; }
}
# Pings from each spoke at once (NAME:N ...), none lost, while a command runs, and a little longer.
pings_under() { # "NAME:N ..." CMD...
    local all=$1 p rc=0
    shift
    for p in $all; do
        flow_start "${p%:*}" "$LAB" nsenter --net="/run/netns/${p%:*}" -- ping -n -i 0.1 -s 600 -I "10.${p#*:}.0.1" 10.0.1.1 || rc=1
    done
    "$@" || rc=1
    for p in $all; do
        flow_more "${p%:*}" 10 && flow_none_lost "${p%:*}" || rc=1
        flow_stop "${p%:*}"
    done
    return $rc
}
files_at_once() { # NAME:N ...: a file to each, all at the same time
    local p rc=0
    for p; do bg "file-${p%:*}" eval "transfer ga ${p%:*} 10.${p#*:}.0.1 400000"; done
    for p; do
        wait "${PID[file-${p%:*}]}" || { cat "$LAB/file-${p%:*}.log"; rc=1; }
        unset "PID[file-${p%:*}]"
    done
    return $rc
}

# ------------------------------------------------------------------------------------------------ several peers behind one NAT

rekey_some() { # each kind from each side
    local c1 c2 i1
    c1=$(sc n1 --list-sas --raw | grep -o 'spi-in=[^ ]*' | head -1)
    c2=$(sc n2 --list-sas --raw | grep -o 'spi-in=[^ ]*' | head -1)
    i1=$(sc n1 --list-sas --raw | grep -o 'initiator-spi=[^ ]*' | head -1)
    sc n1 --rekey --child net && sc n1 --rekey --ike hub && at_gate ga crypto ikev2 rekey child session "$(session_of ga 10.22.0.0)" || return 1
    wait_for 20 eval '! sc n1 --list-sas --raw | grep -q "$c1"' && wait_for 20 eval '! sc n2 --list-sas --raw | grep -q "$c2"' &&
        wait_for 20 eval '! sc n1 --list-sas --raw | grep -q "$i1"' || { echo "not all were rekeyed"; return 1; }
}
session_of() { # GATE NETWORK: the session with the network at its other end
    local i n
    n=$(gate_json "$1" 'sas.#' show crypto ipsec sa)
    for ((i = 0; i < n; i++)); do
        gate_json "$1" "sas.$i.remote_selectors" show crypto ipsec sa | grep -q "$2/" && { gate_json "$1" "sas.$i.session" show crypto ipsec sa; return; }
    done
    return 1
}
leaves() { sc n3 --terminate --ike hub && wait_for 20 ipsecs_are ga 2; }
# Nothing is said for longer than the router remembers, but for keepalives; then the inside hears from outside first.
outside_first() { # SECONDS CMD...: a command of pings from outside
    sleep "$1"
    shift
    "$@"
}
from_hub() { local n; for n; do ping_all ga 3 -I 10.0.1.1 "10.$n.0.1" || return 1; done; }

part_nat() {
    local keep="keep_alive = 3s" never="unique = never"
    check "a router that masquerades, and forgets after 10 seconds" nat 10 10 || exit 1
    gate ga 192.0.2.1
    behind n1 21 daemon="$keep"
    behind n2 22 daemon="$keep" id=twin.lab conn="$never"
    behind n3 23 daemon="$keep" id=twin.lab conn="$never"
    check "three strongSwan behind it start, two of them with one identity" eval 'ss_start n1 n1 && ss_start n2 n2 && ss_start n3 n3'
    inside gn 24
    spoke s2 12 remote=%any
    check "a strongSwan outside starts" ss_start s2 s2
    gate gn 10.200.0.24 "crypto ikev2 nat keepalive 5" "$(tunnel_to 192.0.2.12 12)"
    check "one of ours behind the router sets up to a strongSwan outside" wait_for 30 ipsecs_are gn 1
    check "it knows that it is behind a NAT" says '"nat_local": true' at_gate gn --json show crypto ikev2 sa
    check "traffic passes" passes s2 12 gn
    check "the first sets up" ss_up n1
    check "the second sets up" ss_up n2
    check "the third sets up" ss_up n3
    check "the gateway has three sessions with one address, each at a port of its own" wait_for 20 nat_ports_are ga 3
    check "it knows that they are behind a NAT" says '"nat_remote": true' at_gate ga --json show crypto ikev2 sa
    check "pings through the three at once, and a file to each" pings_under "n1:21 n2:22 n3:23" files_at_once n1:21 n2:22 n3:23
    check "one rekeys both its SAs, the gateway one of another, no ping of the three is lost" pings_under "n1:21 n2:22 n3:23" rekey_some
    check "the three are at the same ports" wait_for 20 nat_ports_are ga 3
    local before seen="parsed INFORMATIONAL response .* N(NATD_D_IP)" asked="parsed INFORMATIONAL request .* N(NATD_D_IP)"
    before=$(stat_of ga udp_keepalives_in)
    check "after 15 seconds of silence the gateway reaches each" outside_first 15 from_hub 21 22 23
    check "because of their keepalives" test "$(stat_of ga udp_keepalives_in)" -ge $((before + 6))
    check "and strongSwan reaches ours" ping_all s2 3 -I 10.12.0.1 10.0.1.1
    check "one leaves, no ping of the others is lost" pings_under "n1:21 n2:22" leaves
    behind n3 23 id=twin.lab dpd=3s
    check "it comes again, and says that it is the only one of its identity (INITIAL_CONTACT)" eval 'ss_load n3 && ss_up n3'
    check "the session of its twin is gone" wait_for 20 eval 'ipsecs_are ga 2 && ! session_of ga 10.22.0.0'
    check "the other stays, and passes traffic" passes n1 21 ga
    check "as it does itself" passes n3 23 ga
    stop charon-n2

    # The router has another address: what it had mapped is gone. Behind a NAT strongSwan learns it by its DPD, and tells (MOBIKE).
    behind n1 21 dpd=3s
    check "the first comes again, with DPD" eval 'sc n1 --terminate --ike hub && ss_load n1 && ss_up n1'
    check "so does ours" eval 'configure gn "crypto ikev2 profile LAB" "dpd 2 2 periodic" && at_gate gn clear crypto ikev2 sa'
    : >"$LAB/s2/charon.log"
    : >"$LAB/n1/charon.log"
    : >"$LAB/n3/charon.log"
    check "all have asked, so that they can compare" wait_for 40 eval 'swan_logged n1 "$seen" && swan_logged n3 "$seen" && swan_logged s2 "$asked"'
    before=$(stat_of ga mobike_updates)
    check "the router's address changes" eval 'ip -n nat addr add 192.0.2.10/24 dev eth0; ip -n nat addr del $NAT/24 dev eth0'
    NAT=192.0.2.10
    check "both peers tell the gateway" wait_for 30 nat_ports_are ga 2
    check "by UPDATE_SA_ADDRESSES" wait_for 20 stat_over ga mobike_updates $((before + 1))
    check "traffic passes from the gateway" wait_for 20 from_hub 21 23
    check "ours tells strongSwan" wait_for 30 stat_over gn mobike_updates 0
    check "traffic from strongSwan passes" wait_for 20 ping_all s2 2 -I 10.12.0.1 10.0.1.1
    check "and both ways" passes s2 12 gn
    check "and both ways" eval 'passes n1 21 ga && passes n3 23 ga'
    stop charon-n1 charon-n3 charon-s2
}

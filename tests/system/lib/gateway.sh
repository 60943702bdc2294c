# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# The gateway under test, with either datapath. Needs lab.sh.
#
#   wan:  bridge br0: out0 (the gateway's outside), s1w (spoke 1), g2w (spoke 2, a guest)      192.0.2.0/24
#   gw:   culvertd, 192.0.2.1 and 10.0.1.1. With the card: its TAP devices. Without: veths wan0 and lan0
#   lan:  a host behind the gateway, in0 10.0.1.2/24
#   s1:   spoke 1, 192.0.2.11, network 10.11.0.0/24 behind it.     g2: spoke 2, 192.0.2.12, network 10.12.0.0/24
#
#   gateway_net DATAPATH          software or card; makes wan, gw, lan, s1
#   gateway_card [OPTIONS]        starts culvert-sim (card only)
#   gateway_conf [LINES]          writes $LAB/hub.conf; LINES are added at its end
#   gateway_ports                 prints its lines for both interfaces, for a configuration of one's own
#   gateway_start                 culvertd; waits until it answers
#   cv COMMAND...                 a command of the gateway;   cvj PATH COMMAND...   a value of its JSON
CULVERTD=$B/bin/culvertd
CULVERT=$B/bin/culvert
SIM=${SIM:-$B/bin/culvert-sim}
FIRMWARE=${FIRMWARE:-$B/firmware/culvert.elf}
HUB=192.0.2.1
PSK=lab-pre-shared-key

gateway_needs() {
    local f
    [ "$1" = card ] && set -- "$SIM" "$FIRMWARE" || set --
    for f in "$CULVERTD" "$CULVERT" "$@"; do [ -e "$f" ] || { echo "$f is not built"; return 1; }; done
}

gateway_net() {
    DATAPATH=$1
    ns_add wan gw lan s1
    wire s1 eth0 wan s1w
    ip -n wan tuntap add dev g2w mode tap
    bridge wan br0 s1w g2w
    ip -n s1 addr add 192.0.2.11/24 dev eth0
    ip -n s1 addr add 10.11.0.1/24 dev lo
    if [ "$DATAPATH" = software ]; then
        wire gw wan0 wan out0
        wire gw lan0 lan in0
        bridge wan br0 out0
        gateway_lan
    fi
    ns gw sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
    no_offload s1 eth0
}
gateway_lan() {
    ip -n lan link set in0 up
    ip -n lan addr add 10.0.1.2/24 dev in0
    ip -n lan route add default via 10.0.1.1
    no_offload lan in0
}

# The card: its ports are TAP devices in wan; the inside one is moved to the LAN's namespace, whose host uses it.
gateway_card() {
    bg sim nsenter --net=/run/netns/wan -- $NICE "$SIM" --firmware "$FIRMWARE" --socket "$LAB/card.sock" \
        --port0 tap:out0 --port1 tap:in0 --uart "$LAB/uart.log" --stats "$LAB/sim.stats" "$@"
    wait_for 20 test -S "$LAB/card.sock" || { echo "culvert-sim did not start"; cat "$LAB/sim.log"; return 1; }
    wait_for 20 ip -n wan link show in0 || return 1
    ip -n wan link set in0 netns lan
    bridge wan br0 out0
    no_offload wan out0
    gateway_lan
}

# The lines of a configuration for both ports, which are the card's, if there is one.
gateway_ports() {
    local device0=" device wan0" device1=" device lan0"
    [ "$DATAPATH" = software ] || device0='' device1=''
    printf '%s\n' "interface Ethernet0/0" "$device0" " ip address $HUB 255.255.255.0" \
        "interface Ethernet0/1" "$device1" " ip address 10.0.1.1 255.255.255.0"
}
gateway_conf() {
    local card=
    [ "$DATAPATH" = software ] || card="card vfio-user $LAB/card.sock"
    cat >"$LAB/hub.conf" <<C
hostname hub
$card
crypto ikev2 keyring SPOKES
 peer spokes
  address 0.0.0.0 0.0.0.0
  pre-shared-key $PSK
crypto ikev2 profile SPOKES
 match identity remote fqdn domain lab
 identity local fqdn hub.lab
 authentication remote pre-share
 authentication local pre-share
 keyring local SPOKES
${GW_PROFILE:-}
 virtual-template 1
crypto ipsec profile SPOKES
 set ikev2-profile SPOKES
${GW_IPSEC:-}
$(gateway_ports)
interface Virtual-Template1 type tunnel
 ip unnumbered Ethernet0/1
 tunnel mode ipsec ipv4
 tunnel protection ipsec profile SPOKES
C
    [ $# -gt 0 ] && printf '%s\n' "$@" >>"$LAB/hub.conf"
    sed -i '/^$/d' "$LAB/hub.conf"
    "$CULVERTD" --check -f "$LAB/hub.conf"
}

gateway_start() {
    bg culvertd nsenter --net=/run/netns/gw -- "$CULVERTD" -f "$LAB/hub.conf" -s "$LAB/cv.sock" --export-keys "$LAB/keys.log" ${GW_OPTIONS:-}
    wait_for "${GW_SECONDS:-40}" gateway_answers || { echo "culvertd did not start"; tail -20 "$LAB/culvertd.log"; return 1; }
    alive culvertd || { echo "culvertd ended"; tail -20 "$LAB/culvertd.log"; return 1; }
}
gateway_answers() { cv show version || ! alive culvertd; }
gateway_stop() { stop culvertd; [ "$DATAPATH" = card ] && stop sim; return 0; }

cv() { "$CULVERT" -s "$LAB/cv.sock" "$@"; }
cvj() { local path=$1; shift; "$CULVERT" -s "$LAB/cv.sock" --json "$@" | "$TOOL" json "$path"; }
cvsum() { local list=$1 path=$2; shift 2; "$CULVERT" -s "$LAB/cv.sock" --json "$@" | "$TOOL" json-sum "$list" "$path"; }

ike_count() { cvj 'sas.#' show crypto ikev2 sa; }
child_count() { cvj 'sas.#' show crypto ipsec sa; }
ike_stat() { cvj "$1" show crypto ikev2 stats; }
children_are() { [ "$(child_count)" = "$1" ]; }
ikes_are() { [ "$(ike_count)" = "$1" ]; }
# The number of a peer in a list of SAs, by outer address (IKE SAs: with a port).
number_in() { # LIST ADDRESS
    local i n
    n=$("$TOOL" json 'sas.#' <<<"$1")
    for ((i = 0; i < n; i++)); do
        case $("$TOOL" json "sas.$i.remote" <<<"$1") in "$2" | "$2"/*) echo "$i"; return ;; esac
    done
    return 1
}
child_of() { number_in "$(cv --json show crypto ipsec sa)" "$1"; }
# A field of a peer's child or IKE SA, all of one list: another one has others, and other numbers.
field_of() { # LIST ADDRESS FIELD
    local i
    i=$(number_in "$1" "$2") && "$TOOL" json "sas.$i.$3" <<<"$1"
}
child_field() { field_of "$(cv --json show crypto ipsec sa)" "$1" "$2"; }
ike_field() { field_of "$(cv --json show crypto ikev2 sa)" "$1" "$2"; }
# A counter of the datapath.
dp_counter() { "$CULVERT" -s "$LAB/cv.sock" --json show card | "$TOOL" json-named counters "$1"; }

SPOKE1=192.0.2.11
SPOKE2=192.0.2.12
spoke1_conf() { ss_config s1 local=$SPOKE1 remote=$HUB local_ts=10.11.0.0/24 "$@"; }
spoke2_conf() { ss_config g2 local=$SPOKE2 remote=$HUB local_ts=10.12.0.0/24 kernel=netlink folder=/run/lab esp=aes256gcm16-esn "$@"; }
spoke2_net() {
    guest_wait g2 || return 1
    guest g2 "ip addr add $SPOKE2/24 dev vec0; ip link set vec0 up; ip addr add 10.12.0.1/24 dev lo; ethtool -K vec0 tso off gso off gro off 2>/dev/null; true"
    guest_kernel_esp g2
}

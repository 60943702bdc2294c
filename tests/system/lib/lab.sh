# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# The lab: network namespaces, background processes, captures, results. Source it first; it starts the script again in
# mount and network namespaces of its own (with a user namespace too if not root), so that nothing it makes is seen
# from outside, any number of labs run side by side, and interfaces are gone when the last process is.
#
#   lab_start NAME            enter; $LAB is a scratch folder, removed at the end (KEEP=1 keeps it)
#   ns_add N...  ns N CMD     a network namespace; run a command in it
#   wire A DEV B DEV          a veth pair from namespace A to namespace B
#   node NAME ADDRESS...      a namespace with eth0 on the bridge of wan
#   bg NAME CMD               in the background; its output goes to $LAB/NAME.log, its pid to ${PID[NAME]}
#   stop NAME...              ends what bg started
#   wait_for SECONDS CMD      until CMD succeeds; shows what it said last if it never does;  soon CMD   for 20 s
#   says TEXT CMD, no CMD     CMD says something with TEXT in it; CMD fails
#   capture NAME NS DEV       tcpdump into $LAB/NAME.pcap;   capture_stop NAME;   captured, some_captured, none_captured NAME FILTER
#   ok, not_ok, check, skip_all   results as TAP
set -u
SYSTEM=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
TOP=$(cd "$SYSTEM/../.." && pwd)
B=${B:-build}
case $B in /*) ;; *) B=$TOP/$B ;; esac
export B
TOOL=$B/test/labtool
NICE=${NICE-nice -n 2}
declare -A PID=()
LAB_NSS=()
LAB_FAILED=0
LAB_COUNT=0

# Everything printed as TAP; scripts may replace these (the demo does).
ok() { LAB_COUNT=$((LAB_COUNT + 1)); echo "ok $LAB_COUNT - $LAB_NAME: $*"; }
not_ok() { LAB_COUNT=$((LAB_COUNT + 1)); LAB_FAILED=1; echo "not ok $LAB_COUNT - $LAB_NAME: $*"; }
note() { echo "# $*"; }
# check NAME CMD...: ok if the command succeeds; its output is the reason if not
check() {
    local name=$1
    shift
    if "$@" >"$LAB/check.out" 2>&1; then # in this shell, so that what it sets stays
        ok "$name"
    else
        not_ok "$name"
        tail -20 "$LAB/check.out" | sed 's/^/#   /'
        return 1
    fi
}
skip_all() { echo "ok 1 - ${LAB_NAME:-lab} # SKIP $*"; exit 0; }

lab_start() {
    LAB_NAME=$1
    if [ -z "${LAB_INSIDE:-}" ]; then
        local how=(-nm --propagation private)
        [ "$(id -u)" = 0 ] || how=(-Urnm --propagation private)
        unshare "${how[@]}" mount -t tmpfs lab /run 2>/dev/null || skip_all "no namespaces of our own here"
        [ -c /dev/net/tun ] || skip_all "no /dev/net/tun"
        LAB_INSIDE=1 exec unshare "${how[@]}" "$0" "${LAB_ARGS[@]}"
    fi
    mount -t tmpfs -o mode=755 lab /run || skip_all "no tmpfs on /run"
    mkdir -p /run/netns
    LAB=$(mktemp -d "${TMPDIR:-/tmp}/culvert-lab.XXXXXX")
    export LAB
    [ -x "$TOOL" ] && cp "$TOOL" "$LAB/labtool" && TOOL=$LAB/labtool # where guests see it too
    trap lab_cleanup EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    ip link set lo up
}

lab_cleanup() {
    local rc=$? n p
    trap - EXIT
    trap '' INT TERM HUP
    set +u
    stop "${!PID[@]}"
    for n in "${LAB_NSS[@]}"; do # what is left in our namespaces was started by something that we started
        for p in $(ip netns pids "$n" 2>/dev/null); do
            [ "$p" = $$ ] || kill -KILL "$p" 2>/dev/null
        done
    done
    if [ "$rc" != 0 ] || [ "$LAB_FAILED" != 0 ]; then
        local keep=$B/system/$LAB_NAME
        rm -rf "$keep"
        mkdir -p "$keep"
        find "$LAB" -maxdepth 2 \( -name '*.log' -o -name '*.conf' -o -name '*.pcap' -o -name '*.json' -o -name '*.stats' \) ! -name keys.log -size -20M \
            -printf '%P\n' 2>/dev/null | while read -r n; do cp -f "$LAB/$n" "$keep/${n//\//-}"; done # s1/charon.log: s1-charon.log
        echo "# logs: $keep"
    fi
    if [ -n "${KEEP:-}" ]; then echo "# scratch: $LAB"; else rm -rf "$LAB"; fi
    [ "$rc" = 0 ] && rc=$LAB_FAILED
    exit "$rc"
}

# The end of a script of tests.
lab_end() { echo "1..$LAB_COUNT"; exit $LAB_FAILED; }

ns_add() {
    local n
    for n; do
        ip netns add "$n" && LAB_NSS+=("$n")
        # no neighbour discovery of IPv6 on wires that must carry nothing but ESP, IKE and ARP
        # Where the first address goes, the kernel takes away those of its network that came after it, unless told not to: a
        # peer that looks in that moment goes elsewhere, and has no reason to come back.
        ns "$n" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1 net.ipv4.conf.all.promote_secondaries=1
        ip -n "$n" link set lo up
    done
}
ns() { local n=$1; shift; nsenter --net="/run/netns/$n" -- "$@"; }

# Not through a host name service or a slow path: a veth pair named at both ends, up.
wire() {
    ip link add "$2" netns "$1" type veth peer name "$4" netns "$3"
    ip -n "$1" link set "$2" up
    ip -n "$3" link set "$4" up
    wait_for 20 link_is "$1" "$2" "state UP" && wait_for 20 link_is "$3" "$4" "state UP"
}
# The kernel works on a link that has come up later, in a busy moment seconds later; a bridge passes on nothing until then.
link_is() { ip -n "$1" -d link show "$2" | grep -q -- "$3"; } # NS DEV PATTERN
bridge() { # NS BRIDGE DEV...
    local n=$1 b=$2 d
    shift 2
    ip -n "$n" link show "$b" >/dev/null 2>&1 || ip -n "$n" link add "$b" type bridge mcast_snooping 0
    ip -n "$n" link set "$b" up
    for d; do
        ip -n "$n" link set "$d" master "$b" up
        wait_for 20 link_is "$n" "$d" "NO-CARRIER\|state forwarding"
    done
}
node() { # NAME ADDRESS...: a namespace with eth0 on the bridge of wan
    local n=$1 a
    shift
    ns_add "$n"
    wire "$n" eth0 wan "w$n"
    bridge wan br0 "w$n"
    for a; do ip -n "$n" addr add "$a/24" dev eth0; done
    no_offload "$n" eth0
}
no_offload() { ns "$1" ethtool -K "$2" tso off gso off gro off tx off >/dev/null 2>&1 || true; }

bg() {
    local name=$1
    shift
    [ "$1" != ns ] || set -- nsenter --net="/run/netns/$2" -- "${@:3}" # of a shell function only the shell around it would be stopped
    "$@" >"$LAB/$name.log" 2>&1 </dev/null &
    PID[$name]=$!
}
alive() { kill -0 "${PID[$1]:-0}" 2>/dev/null; }
stop() {
    local name p
    for name; do [ -n "${PID[$name]:-}" ] && kill -TERM "${PID[$name]}" 2>/dev/null; done
    for name; do
        p=${PID[$name]:-}
        [ -n "$p" ] || continue
        wait_for "${STOP_SECONDS:-8}" eval "! kill -0 $p" 2>/dev/null || kill -KILL "$p" 2>/dev/null
        wait "$p" 2>/dev/null
        unset "PID[$name]"
    done
    return 0
}
kill_hard() { kill -KILL "${PID[$1]}"; wait "${PID[$1]}" 2>/dev/null; unset "PID[$1]"; }

now_ms() { local t=${EPOCHREALTIME/./}; echo "$((t / 1000))"; }
wait_for() {
    local until=$(($(now_ms) + $1 * 1000)) said
    said=$LAB/wait-$BASHPID-$RANDOM.out # one inside another has its own
    shift
    until "$@" >"$said" 2>&1; do
        [ "$(now_ms)" -lt "$until" ] || { cat "$said"; rm -f "$said"; return 1; }
        sleep 0.05
    done
    rm -f "$said"
}
soon() { wait_for 20 "$@"; }
no() { ! "$@"; }
says() { # TEXT COMMAND...: what it says has this text
    local text=$1
    shift
    "$@" >"$LAB/said" 2>&1
    grep -q -- "$text" "$LAB/said" || { cat "$LAB/said"; return 1; }
}

# tcpdump changes its user and groups at the start, which a user namespace forbids; there dumpcap has to do.
real_root() { grep -q '^ *0 *0 *4294967295$' /proc/self/uid_map; }
capture() {
    local how=(tcpdump -Z root -U -s0 -B 16384) said="listening on" # room for bursts, in KiB
    real_root || how=(dumpcap -P -q -s0 -B 16) said="Capturing on"  # in MiB
    local before
    before=$(packet_sockets "$2")
    rm -f "$LAB/capture-$1.log"
    bg "capture-$1" nsenter --net="/run/netns/$2" -- "${how[@]}" -i "$3" -w "$LAB/$1.pcap"
    wait_for 10 grep -q "$said" "$LAB/capture-$1.log" || { cat "$LAB/capture-$1.log"; return 1; }
    wait_for 10 eval '[ "$(packet_sockets '"$2"')" -gt '"$before"' ]' # dumpcap says so before it does so
}
packet_sockets() { ns "$1" grep -c " 0003 " /proc/net/packet; } # that take frames
capture_stop() { sleep 0.3; stop "capture-$1"; }
# The frames of a capture that pass a filter, a line each. tcpdump changes its groups for reading too.
captured() { # NAME FILTER [OPTIONS of tcpdump]
    local how=()
    real_root || how=(unshare -U --map-user=1000 --map-group=1000)
    "${how[@]}" tcpdump -n "${@:3}" -r "$LAB/$1.pcap" "$2" 2>"$LAB/captured.log" || { cat "$LAB/captured.log"; return 1; }
}
some_captured() { captured "$@" >"$LAB/frames.log" && [ -s "$LAB/frames.log" ]; } # NAME FILTER, of a capture that goes on, too
none_captured() { # NAME FILTER
    captured "$@" >"$LAB/frames.log" && [ ! -s "$LAB/frames.log" ] && return 0
    head "$LAB/frames.log"
    return 1
}

. "$SYSTEM/lib/flow.sh"

# ping_all FROM COUNT ARGS...: every one of COUNT is answered, within 10 s each
# One by one: of several, ping waits for the last no longer than the interval, whatever -W says, once it has had an answer.
ping_all() {
    local from=$1 count=$2 out
    shift 2
    # shellcheck disable=SC2016
    out=$(at "$from" sh -c 'n=$1; shift; while [ "$n" -gt 0 ]; do ping -n -c 1 -W 10 "$@" || exit 1; n=$((n - 1)); done' ping "$count" "$@" 2>&1) && return 0
    echo "$out" | tail -8
    return 1
}
# One way to run something at a place: a namespace, or a guest if there is one of that name.
at() {
    local where=$1
    shift
    if declare -F guest >/dev/null && [ -n "${GUEST[$where]:-}" ]; then
        guest "$where" "$(printf '%q ' "$@")"
    else
        ns "$where" "$@"
    fi
}

# transfer FROM TO ADDRESS BYTES [RATE]: a file by TCP; the SHA-256 of both ends is the same. Sets TRANSFER_MS. TCP_PORT: that port.
transfer_start() {
    local from=$1 to=$2 address=$3 bytes=$4 rate=${5:-0} id=$((RANDOM % 12000)) # ports that nobody else is given
    while [ -e "$LAB/xfer-$BASHPID-$id.in" ]; do id=$((RANDOM % 12000)); done
    TRANSFER=xfer-$BASHPID-$id
    TRANSFER_PORT=${TCP_PORT:-$((20000 + id))}
    "$TOOL" make "$LAB/$TRANSFER.in" "$bytes" "$id"
    TRANSFER_T0=$(now_ms)
    bg "$TRANSFER-recv" at_file "$to" "$TOOL" recv "$LAB/$TRANSFER.out" "$TRANSFER_PORT"
    wait_for 10 at "$to" sh -c "ss -Hltn sport = :$TRANSFER_PORT | grep -q ." || { echo "nobody listens"; return 1; }
    bg "$TRANSFER-send" at_file "$from" "$TOOL" send "$LAB/$TRANSFER.in" "$address" "$TRANSFER_PORT" "$rate"
}
at_file() { at "$@"; }
transfer_done() { { ! alive "$1-send" && ! alive "$1-recv"; } || grep -q ^labtool: "$LAB/$1-send.log" "$LAB/$1-recv.log"; }
transfer_end() {
    local seconds=${1:-60} a b
    wait_for "$seconds" transfer_done "$TRANSFER"
    if alive "$TRANSFER-send" || alive "$TRANSFER-recv"; then
        echo "the transfer did not end (limit $seconds s): $(stat -c %s "$LAB/$TRANSFER.out") of $(stat -c %s "$LAB/$TRANSFER.in") bytes"
        cat "$LAB/$TRANSFER-send.log" "$LAB/$TRANSFER-recv.log"
        stop "$TRANSFER-send" "$TRANSFER-recv"
        return 1
    fi
    TRANSFER_MS=$(($(now_ms) - TRANSFER_T0))
    a=$(sha256sum <"$LAB/$TRANSFER.in")
    b=$(sha256sum <"$LAB/$TRANSFER.out")
    TRANSFER_SHA=${b%% *}
    unset "PID[$TRANSFER-send]" "PID[$TRANSFER-recv]"
    [ "$a" = "$b" ] || { echo "SHA-256 differs: sent $a, received $b"; cat "$LAB/$TRANSFER-"*.log; return 1; }
    rm -f "$LAB/$TRANSFER.in" "$LAB/$TRANSFER.out"
}
transfer() { transfer_start "$@" && transfer_end; }

# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# The lab: network namespaces, background processes, captures, results. Source it first; it starts the script again in
# mount and network namespaces of its own (with a user namespace too if not root), so that nothing it makes is seen
# from outside, any number of labs run side by side, and interfaces are gone when the last process is.
#
#   lab_start NAME            enter; $LAB is a scratch folder, removed at the end (KEEP=1 keeps it)
#   ns_add N...  ns N CMD     a network namespace; run a command in it
#   wire A DEV B DEV          a veth pair from namespace A to namespace B
#   bg NAME CMD               in the background; its output goes to $LAB/NAME.log, its pid to ${PID[NAME]}
#   stop NAME...              ends what bg started
#   wait_for SECONDS CMD      until CMD succeeds
#   capture NAME NS DEV       tcpdump into $LAB/NAME.pcap
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
            -exec cp -f {} "$keep/" \; 2>/dev/null
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
        ns "$n" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
        ip -n "$n" link set lo up
    done
}
ns() { local n=$1; shift; nsenter --net="/run/netns/$n" -- "$@"; }

# Not through a host name service or a slow path: a veth pair named at both ends, up.
wire() {
    ip link add "$2" netns "$1" type veth peer name "$4" netns "$3"
    ip -n "$1" link set "$2" up
    ip -n "$3" link set "$4" up
}
bridge() { # NS BRIDGE DEV...
    local n=$1 b=$2 d
    shift 2
    ip -n "$n" link show "$b" >/dev/null 2>&1 || ip -n "$n" link add "$b" type bridge mcast_snooping 0
    ip -n "$n" link set "$b" up
    for d; do ip -n "$n" link set "$d" master "$b" up; done
}
no_offload() { ns "$1" ethtool -K "$2" tso off gso off gro off tx off >/dev/null 2>&1 || true; }

bg() {
    local name=$1
    shift
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
    local until=$(($(now_ms) + $1 * 1000))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$(now_ms)" -lt "$until" ] || return 1
        sleep 0.05
    done
}

# tcpdump changes its user and groups at the start, which a user namespace forbids; there dumpcap has to do.
real_root() { grep -q '^ *0 *0 *4294967295$' /proc/self/uid_map; }
capture() {
    local how=(tcpdump -Z root -U -s0 -B 16384) said="listening on" # room for bursts, in KiB
    real_root || how=(dumpcap -P -q -s0 -B 16) said="Capturing on"  # in MiB
    rm -f "$LAB/capture-$1.log"
    bg "capture-$1" nsenter --net="/run/netns/$2" -- "${how[@]}" -i "$3" -w "$LAB/$1.pcap"
    wait_for 10 grep -q "$said" "$LAB/capture-$1.log" || { cat "$LAB/capture-$1.log"; return 1; }
    [ "$said" = "listening on" ] || sleep 0.5 # it says so before it does so
}
capture_stop() { sleep 0.3; stop "capture-$1"; }

# ping_all FROM COUNT ARGS...: every one of COUNT is answered
ping_all() {
    local from=$1 count=$2 out
    shift 2
    out=$(at "$from" ping -n -c "$count" -i "${PING_I:-0.1}" -W 5 "$@") && grep -q " $count received" <<<"$out" && return 0
    echo "$out"
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

# transfer FROM TO ADDRESS BYTES [RATE]: a file by TCP; the SHA-256 of both ends is the same. Sets TRANSFER_MS.
transfer_start() {
    local from=$1 to=$2 address=$3 bytes=$4 rate=${5:-0} id=$RANDOM
    TRANSFER=xfer-$id
    TRANSFER_PORT=$((20000 + id))
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

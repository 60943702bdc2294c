# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Daemons in network namespaces, driven by their commands as a user would; TAP on stdout. Source it first: it starts the
# script again in network and mount namespaces of its own, so that nothing here meets anything else on the machine.
#
#   daemons_begin WHAT           enter, or skip with WHAT where that cannot be; $W is a scratch folder, removed at the end
#   check NAME COMMAND...        the test is that the command succeeds; what it said is the reason if not
#   until_true SECONDS COMMAND.. until it succeeds;   soon COMMAND...: the same for 20 s, says what it said last
#   says TEXT COMMAND...         it says something with TEXT in it
#   start NAME [CONFIGURATION]   a daemon in the namespace NAME, with $W/NAME.conf; its log is $W/NAME.log
#   stop NAME                    ends it; sets rc
#   at NAME COMMAND...           a command to it
#   stat_of NAME FIELD           a number of its `show crypto ikev2 stats`
#   daemons_end                  the script's exit code
B=${B:-build}
case $B in /*) ;; *) B=$PWD/$B ;; esac
export B # the script is started again in namespaces
D=$B/test/culvertd C=$B/bin/culvert
pids=()
failed=0
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../../system/lib/flow.sh"

daemons_begin() {
    if [ -z "${CULVERT_NS:-}" ]; then
        local flags=-nm
        [ "$(id -u)" = 0 ] || flags=-Urnm
        if ! unshare $flags --propagation private true 2>/dev/null || [ ! -c /dev/net/tun ]; then
            echo "ok - $1 # SKIP no network namespaces or no /dev/net/tun here"
            exit 0
        fi
        CULVERT_NS=1 exec unshare $flags --propagation private "$0"
    fi
    W=$(mktemp -d)
    trap daemons_cleanup EXIT
    mount -t tmpfs none /run && mkdir -p /run/netns
}
daemons_cleanup() {
    local all=("${pids[@]}" "${FLOW_PID[@]}")
    [ ${#all[@]} -eq 0 ] || kill -KILL "${all[@]}" 2>/dev/null
    wait 2>/dev/null
    rm -rf "$W"
}
daemons_end() { exit $failed; }
ok() { echo "ok - $1"; }
bad() {
    local log
    echo "not ok - $1${2:+: $2}"
    failed=1
    for log in "$W"/*.log; do [ -e "$log" ] && tail -40 "$log" | sed "s/^/# $(basename "$log" .log): /"; done
}
check() {
    local name=$1
    shift
    if "$@" >"$W/out" 2>&1; then ok "$name"; else bad "$name" "$(head -3 "$W/out" | tr '\n' ' ')"; fi
}
until_true() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.1
    done
}
soon() {
    local end=$((SECONDS + 20))
    until "$@" >"$W/soon" 2>&1; do
        [ $SECONDS -lt $end ] || { cat "$W/soon"; return 1; }
        sleep 0.1
    done
}
says() {
    local text=$1
    shift
    "$@" | grep -q -- "$text"
}
start() {
    ip netns exec "$1" "$D" -f "$W/${2:-$1}.conf" -s "$W/$1.sock" >>"$W/$1.log" 2>&1 &
    pids+=($!)
    eval "pid_$1=$!"
    until_true 30 "$C" -s "$W/$1.sock" show version || { bad "$1 starts"; exit 1; }
}
stop() {
    local pid="pid_$1"
    kill -TERM "${!pid}"
    wait "${!pid}"
    rc=$?
}
at() {
    local name=$1
    shift
    "$C" -s "$W/$name.sock" "$@"
}
stat_of() { at "$1" --json show crypto ikev2 stats | grep -o "\"$2\": *[0-9]*" | grep -o '[0-9]*$'; }

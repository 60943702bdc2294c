# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# A flow of pings that lasts as long as the events it has to outlive, however long these take on a busy machine, and of
# which each packet is accounted for. (ping -c N -i 0.02 does neither: its end comes by the clock, and for the last answer
# it waits no longer than for the fastest one, so that a slow answer counts as a lost packet.)
#
#   flow_start NAME DIR CMD...   CMD: a ping without a count, and no shell function, such as
#                                `ip netns exec a ping -n -i 0.02 10.0.0.1`. Its output is DIR/flow-NAME; waits for a
#                                first answer
#   flow_more NAME COUNT [S]     until COUNT more answers have come (or S seconds have passed, default 30)
#   flow_none_lost NAME [N]      ends it: no packet (or no more than N) is missing before the last one that was answered
#   flow_stop NAME               ends it
declare -A FLOW=() FLOW_PID=()

flow_start() {
    local name=$1
    FLOW[$name]=$2/flow-$name
    shift 2
    "$@" >"${FLOW[$name]}" 2>&1 </dev/null &
    FLOW_PID[$name]=$!
    flow_more "$name" 1
}
# The highest number of the packets that were answered, and how many were.
flow_state() {
    sed -n 's/.*bytes from .*icmp_seq=\([0-9]*\).*/\1/p' "${FLOW[$1]}" | sort -nu | awk '{ last = $1 } END { print last + 0, NR }'
}
flow_count() { local state; state=$(flow_state "$1"); echo "${state#* }"; }
flow_more() {
    local want until=$((SECONDS + ${3:-30}))
    want=$(($(flow_count "$1") + $2))
    until [ "$(flow_count "$1")" -ge "$want" ]; do
        [ $SECONDS -lt $until ] || { echo "flow $1: $(flow_count "$1") answers, not $want"; tail -2 "${FLOW[$1]}"; return 1; }
        sleep 0.1
    done
}
flow_stop() {
    [ -n "${FLOW_PID[$1]:-}" ] || return 0
    kill -TERM "${FLOW_PID[$1]}" 2>/dev/null
    wait "${FLOW_PID[$1]}" 2>/dev/null
    unset "FLOW_PID[$1]"
    return 0
}
flow_none_lost() {
    local state
    flow_more "$1" 5 || return 1 # what was sent before has had its time
    flow_stop "$1"
    state=$(flow_state "$1")
    [ $((${state% *} - ${state#* })) -le "${2:-0}" ] && return 0
    echo "of ${state% *} packets ${state#* } were answered; missing:" $(comm -23 <(seq "${state% *}" | sort) \
        <(sed -n 's/.*bytes from .*icmp_seq=\([0-9]*\).*/\1/p' "${FLOW[$1]}" | sort -u) | sort -n | head -20)
    return 1
}

# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Parts of swan.sh: several CHILD_SAs, collisions. Needs the rest of lib/.

# ------------------------------------------------------------------------------------------------ both sides' lists

# A line for each CHILD_SA: the SPI that we receive on, the one that we send on; the peer's list the same way round.
ours() { # GATE
    local n i
    n=$(gate_json "$1" 'sas.#' show crypto ipsec sa)
    for ((i = 0; i < n; i++)); do
        echo "$(gate_json "$1" "sas.$i.in.spi" show crypto ipsec sa) $(gate_json "$1" "sas.$i.out.spi" show crypto ipsec sa)"
    done | sed 's/0x//g' | tr A-F a-f | sort
}
theirs() { # SPOKE
    sc "$1" --list-sas --raw | grep -oE 'state=INSTALLED|spi-(in|out)=[0-9a-f]*' |
        awk '/^state=/ {up = 1} /^spi-in=/ {i = substr($0, 8)} /^spi-out=/ {if (up) print substr($0, 9), i; up = 0}' |
        while read -r a b; do printf '%08x %08x\n' "0x$a" "0x$b"; done | sort
}
ready_are() { [ "$(at_gate "$1" show crypto ikev2 sa | grep -c READY)" = "$2" ]; } # those being deleted do not count
# Both have the same CHILD_SAs, so many, in one IKE SA.
agreed() { # GATE SPOKE COUNT
    local a b
    a=$(ours "$1") b=$(theirs "$2")
    [ "$a" = "$b" ] && [ "$(grep -c . <<<"$a")" = "$3" ] && ready_are "$1" "$([ "$3" = 0 ] && echo 0 || echo 1)" && return 0
    printf 'the gate has\n%s\nstrongSwan has\n%s\n' "$a" "$b"
    return 1
}

# ------------------------------------------------------------------------------------------------ several CHILD_SAs in one IKE SA

# A value of the newest CHILD_SA with this network behind the peer.
child_of_net() { # GATE NETWORK PATH
    local i n
    n=$(gate_json "$1" 'sas.#' show crypto ipsec sa)
    for ((i = n - 1; i >= 0; i--)); do
        gate_json "$1" "sas.$i.remote_selectors" show crypto ipsec sa | grep -qF "$2" && { gate_json "$1" "sas.$i.$3" show crypto ipsec sa; return; }
    done
    return 1
}
# Pings both ways between networks, each packet counted by the CHILD_SA of that network and by no other.
net_passes() { # GATE N
    local m before=() after=() want
    for m in 11 21 31; do before+=("$(child_of_net "$1" "10.$m.0.0/24" in.packets)/$(child_of_net "$1" "10.$m.0.0/24" out.packets)"); done
    ping_all s1 3 -I "10.$2.0.1" 10.0.1.1 && ping_all "$1" 2 -I 10.0.1.1 "10.$2.0.1" || return 1
    for m in 11 21 31; do after+=("$(child_of_net "$1" "10.$m.0.0/24" in.packets)/$(child_of_net "$1" "10.$m.0.0/24" out.packets)"); done
    for m in 0 1 2; do
        want=${before[m]}
        [ $((m * 10 + 11)) = "$2" ] && want=$((${want%/*} + 5))/$((${want#*/} + 5))
        [ "${after[m]}" = "$want" ] || { echo "network $((m * 10 + 11)): ${before[m]} -> ${after[m]}, not $want"; return 1; }
    done
}
nets_pass() { local g=$1 n; shift; for n; do net_passes "$g" "$n" || return 1; done; }
routed() { ip -n "$1" route show | grep -qF "$2"; }
stays_away() { ! ns s1 ping -n -c 2 -i 0.2 -W 1 -I "10.$1.0.1" 10.0.1.1; }
# Every CHILD_SA of before is another one.
all_rekeyed() { # GATE SPOKE COUNT, the lists of before in OLD
    local now
    agreed "$1" "$2" "$3" && now=$(ours "$1") && [ -z "$(comm -12 <(echo "$now") <(echo "$OLD"))" ]
}
ike_of() { gate_json "$1" sas.0.spi_initiator show crypto ikev2 sa; }
# The IKE SA is another one, at both ends, and has so many CHILD_SAs.
ike_rekeyed() { # GATE SPOKE COUNT, that of before in OLD_IKE
    local now
    agreed "$1" "$2" "$3" && sessions_are "$1" 1 && now=$(ike_of "$1") && [ "$now" != "$OLD_IKE" ] &&
        sc "$2" --list-sas --raw | grep -qi "initiator-spi=$now "
}
three_nets() { # KEY=VALUE...: strongSwan with a child for each of three networks
    local more="connections { hub { children {"$'\n' n
    for n in 21 31; do
        more+="net$n {
local_ts = 10.$n.0.0/24
remote_ts = 10.0.1.0/24
esp_proposals = aes256gcm16
rekey_time = 0s
updown =
}
"
    done
    spoke s1 11 more="$more } } }" "$@"
    for n in 21 31; do ip -n s1 addr replace "10.$n.0.1/24" dev lo; done
}

part_children() {
    three_nets
    check "strongSwan starts" ss_start s1 s1
    gate ga 192.0.2.1
    check "strongSwan sets up with the first of three networks" ss_up s1
    check "and asks for the second" sc s1 --initiate --child net21 --timeout 20
    check "and the third" sc s1 --initiate --child net31 --timeout 20
    check "one IKE SA has three CHILD_SAs at both ends" wait_for 20 agreed ga s1 3
    check "each carries the traffic of its network" nets_pass ga 11 21 31
    OLD=$(ours ga)
    check "strongSwan rekeys each" eval 'sc s1 --rekey --child net && sc s1 --rekey --child net21 && sc s1 --rekey --child net31'
    check "there are three new ones" wait_for 20 all_rekeyed ga s1 3
    check "which carry the traffic of their networks" nets_pass ga 11 21 31
    OLD=$(ours ga)
    check "we rekey them all" at_gate ga crypto ikev2 rekey child
    check "there are three new ones again" wait_for 20 all_rekeyed ga s1 3
    check "which carry the traffic of their networks too" nets_pass ga 11 21 31
    OLD_IKE=$(ike_of ga)
    check "strongSwan rekeys the IKE SA" sc s1 --rekey --ike hub
    check "which keeps the three" wait_for 20 ike_rekeyed ga s1 3
    check "strongSwan deletes the second" sc s1 --terminate --child net21
    check "two are left" wait_for 20 agreed ga s1 2
    check "the first carries its traffic" passes s1 11 ga
    check "the third carries its traffic" passes s1 31 ga
    check "the second carries none" stays_away 21
    check "and has no route any more" wait_for 20 no routed ga 10.21.0.0/24 # once those that it replaced are gone, too
    check "it comes again" sc s1 --initiate --child net21 --timeout 20
    check "three are there again" wait_for 20 agreed ga s1 3
    check "each carries the traffic of its network" nets_pass ga 11 21 31
    check "we delete all CHILD_SAs" at_gate ga clear crypto ipsec sa
    check "none is left at either side" wait_for 20 eval 'ipsecs_are ga 0 && [ -z "$(theirs s1)" ]'
    check "strongSwan ends the IKE SA" eval 'sc s1 --terminate --ike hub; wait_for 20 sessions_are ga 0'

    # We are the initiator. The first CHILD_SA is offered everything, and strongSwan takes of that what its first child has.
    check "a static tunnel to strongSwan" eval 'configure ga "$(tunnel_to 192.0.2.11 11)"'
    check "comes up" wait_for 30 agreed ga s1 1
    local net="selectors 10.0.1.0 255.255.255.0"
    check "selectors with bits outside their mask are refused" no at_gate ga crypto ikev2 child $net 10.21.0.1 255.255.255.0
    check "we ask for the second network" says "^1 done" at_gate ga crypto ikev2 child $net 10.21.0.0 255.255.255.0
    check "and the third" says "^1 done" at_gate ga crypto ikev2 child remote 192.0.2.11 $net 10.31.0.0 255.255.255.0
    check "our IKE SA has three CHILD_SAs at both ends" wait_for 20 agreed ga s1 3
    check "each carries the traffic of its network" nets_pass ga 11 21 31
    OLD=$(ours ga)
    check "we rekey them all" at_gate ga crypto ikev2 rekey child
    check "there are three new ones" wait_for 20 all_rekeyed ga s1 3
    OLD_IKE=$(ike_of ga)
    check "we rekey the IKE SA" at_gate ga crypto ikev2 rekey ike
    check "which keeps the three, and each carries the traffic of its network" eval 'wait_for 20 ike_rekeyed ga s1 3 && nets_pass ga 11 21 31'
    check "strongSwan deletes the third" sc s1 --terminate --child net31
    check "two are left" wait_for 20 agreed ga s1 2
    check "the others carry their traffic" eval 'passes s1 11 ga && passes s1 21 ga'
    check "the third carries none" stays_away 31
    check "another one without selectors is for the traffic of the first" says "^1 done" at_gate ga crypto ikev2 child
    check "three are there" wait_for 20 agreed ga s1 3
    check "two of them for one network" eval '[ "$(at_gate ga --json show crypto ipsec sa | grep -c 10.11.0.0/24)" = 2 ]'
    check "traffic passes" eval 'passes s1 11 ga && passes s1 21 ga'
    check "what strongSwan has no child for is refused" at_gate ga crypto ikev2 child $net 10.99.0.0 255.255.255.0
    check "and said" logged ga 20 "TS_UNACCEPTABLE"
    check "the three are still there" wait_for 20 agreed ga s1 3
    stop charon-s1
}

# ------------------------------------------------------------------------------------------------ collisions

# Traffic in both directions while a command runs; every packet of it is answered.
both_flow() {
    flow_start in "$LAB" nsenter --net=/run/netns/s1 -- ping -n -i 0.05 -I 10.11.0.1 10.0.1.1 &&
        flow_start out "$LAB" nsenter --net=/run/netns/ga -- ping -n -i 0.05 -I 10.0.1.1 10.11.0.1
}
under_pings() {
    local d rc=0
    both_flow && "$@" || rc=1
    for d in in out; do
        flow_more $d 10 && flow_none_lost $d || rc=1
        flow_stop $d
    done
    return $rc
}

# Both ends are told while they are stopped, and go on together.
told_at_once() { # "COMMAND of the gate" "COMMAND of strongSwan"
    local g=${PID[ga]} c=${PID[charon-s1]}
    kill -STOP "$g" "$c"
    at_gate ga $1 >"$LAB/told-gate" 2>&1 &
    local a=$!
    sc s1 $2 >"$LAB/told-swan" 2>&1 &
    local b=$!
    sleep 0.15 # they have been given the commands; if not, nothing collides, and that is counted
    kill -CONT "$g" "$c"
    wait $a
    wait $b
    return 0
}

# Or the requests of both are lost, and meet when they are sent again.
told_while_deaf() { # "COMMAND of the gate" "COMMAND of strongSwan"
    local rc=0
    deaf ga && deaf s1 || return 1
    if ! at_gate ga $1 >"$LAB/told-gate" 2>&1 || ! sc s1 $2 >"$LAB/told-swan" 2>&1; then
        cat "$LAB/told-gate" "$LAB/told-swan"
        rc=1
    elif ! wait_for 10 eval 'has_missed ga && has_missed s1'; then
        echo "not both have sent a request"
        rc=1
    fi
    ns ga nft delete table ip deaf && ns s1 nft delete table ip deaf && return $rc
}
deaf() { # takes no IKE messages, but ESP
    ns "$1" nft -f - <<'N'
table ip deaf {
    chain in {
        type filter hook input priority 0;
        udp dport 4500 @th,64,32 0 counter drop
    }
}
N
}
has_missed() { ! ns "$1" nft list table ip deaf | grep -q 'packets 0 '; }

# Neither has an exchange that waits or is under way: the next request of each is the one that it is told to send.
quiet() {
    local state
    state="$(at_gate ga --json show crypto ikev2 sa | grep -oE '"requests_(queued|out)": [1-9]')$(sc s1 --list-sas --raw |
        grep -oE 'tasks-(queued|active)=\[[^]]+')"
    [ -z "$state" ] && sessions_are ga 1 && ready_are ga 1 && [ "$(sc s1 --list-sas | grep -c ', IKEv2')" = 1 ] && return 0
    echo "$state"
    at_gate ga show crypto ikev2 sa
    sc s1 --list-sas
    return 1
}
# One CHILD_SA and one IKE SA at both ends, and none of them is one of before.
renewed() { # child|ike, with OLD
    agreed ga s1 1 || return 1
    if [ "$1" = child ]; then [ "$(ours ga)" != "$OLD" ]; else [ "$(gate_json ga sas.0.spi_initiator show crypto ikev2 sa)" != "$OLD" ]; fi
}
old_of() { if [ "$1" = child ]; then ours ga; else gate_json ga sas.0.spi_initiator show crypto ikev2 sa; fi; }
# collide child|ike TIMES: both rekey at once until so many collisions were counted, at most six times as often.
collide() {
    local what=$1 times=$2 i first swan="--rekey --child net"
    [ "$what" = child ] || swan="--rekey --ike hub"
    first=$(stat_of ga collisions)
    for ((i = 0; i < times * 6 && $(stat_of ga collisions) - first < times; i++)); do
        wait_for 90 quiet || { echo "no quiet after $i times"; return 1; }
        OLD=$(old_of "$what")
        told_at_once "crypto ikev2 rekey $what" "$swan"
        wait_for 30 renewed "$what" || { renewed "$what"; echo "after $i times"; return 1; }
    done
    echo "$i times, $(($(stat_of ga collisions) - first)) collisions"
    [ "$(stat_of ga collisions)" -gt "$first" ] # a machine with other work has fewer
}
# The same with requests that are lost first. One is sent again before the other, and that is late then.
cross() { # child|ike TIMES
    local what=$1 i swan="--rekey --child net"
    [ "$what" = child ] || swan="--rekey --ike hub"
    for ((i = 0; i < $2; i++)); do
        wait_for 90 quiet || { echo "no quiet after $i times"; return 1; }
        OLD=$(old_of "$what")
        told_while_deaf "crypto ikev2 rekey $what" "$swan" || return 1
        wait_for 30 renewed "$what" || { renewed "$what"; echo "after $i times"; return 1; }
    done
}
# One end deletes what the other one rekeys. Either may be first: both have the same then, one CHILD_SA or none.
delete_meets_rekey() { # "COMMAND of the gate" "COMMAND of strongSwan" TIMES
    local i none=0
    for ((i = 0; i < $3 || (none == 0 && i < 4 * $3); i++)); do
        wait_for 90 quiet || { echo "no quiet after $i times"; return 1; }
        told_at_once "$1" "$2"
        wait_for 30 alike && sleep 0.5 && wait_for 30 alike || { alike; echo "after $i times"; return 1; }
        if [ -z "$(ours ga)" ]; then
            none=$((none + 1))
            # (What strongSwan had asked for may fail late, and swanctl then says that this has.)
            ss_up s1
            wait_for 20 agreed ga s1 1 || { agreed ga s1 1; return 1; }
        fi
    done
    echo "$i times, $none times nothing was left"
    [ $none -ge 1 ]
}
alike() { agreed ga s1 1 || { [ -z "$(ours ga)$(theirs s1)" ] && { ikes_alike 0 || ikes_alike 1; }; }; }
ikes_alike() { ready_are ga "$1" && [ "$(sc s1 --list-sas | grep -c ', ESTABLISHED, IKEv2')" = "$1" ]; }

part_collisions() {
    spoke s1 11 daemon="delete_rekeyed_delay = 1"
    check "strongSwan starts" ss_start s1 s1
    gate ga 192.0.2.1
    check "strongSwan sets up" ss_up s1
    check "both rekey the CHILD_SA at once, again and again: nothing is lost, one is left" under_pings collide child 5
    check "both rekey the IKE SA at once, again and again: nothing is lost, one is left" under_pings collide ike 5
    check "their requests for the CHILD_SA are lost and come again: nothing else is lost" under_pings cross child 4
    check "their requests for the IKE SA are lost and come again: nothing else is lost" under_pings cross ike 4
    check "we delete the CHILD_SA that strongSwan rekeys" delete_meets_rekey "clear crypto ipsec sa" "--rekey --child net" 4
    check "strongSwan deletes the CHILD_SA that we rekey" delete_meets_rekey "crypto ikev2 rekey child" "--terminate --child net" 4
    check "we delete the IKE SA that strongSwan rekeys" delete_meets_rekey "clear crypto ikev2 sa" "--rekey --ike hub" 4
    check "strongSwan deletes the IKE SA that we rekey" delete_meets_rekey "crypto ikev2 rekey ike" "--terminate --ike hub" 4
    check "there is one CHILD_SA, which carries traffic" eval 'wait_for 20 agreed ga s1 1 && passes s1 11 ga'
    check "strongSwan ends it" sc s1 --terminate --ike hub
    check "nothing is left, half open or whole" wait_for 120 eval 'agreed ga s1 0 && sessions_are ga 0 && says "\"half_open\": 0" at_gate ga --json show crypto ikev2 stats && ! sc s1 --list-sas --raw | grep -q state='
    stop charon-s1
}

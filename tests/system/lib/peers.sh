# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# The parts of peers.sh, and what they have in common. Needs lab.sh, uml.sh and strongswan.sh.
#
#   gate NAME ADDRESS [LINES]   (- for an address that we give it ourselves) a node with culvertd: hub.lab, serves *.lab; Loopback0 is 10.0.1.1. LINES end its configuration
#   at_gate NAME COMMAND...     a command of it;  stat_of NAME COUNTER   of `show crypto ikev2 stats`
CULVERTD=$B/test/culvertd
CULVERT=$B/bin/culvert
PSK=lab-pre-shared-key
GATES=()

# A node with a network behind it: strongSwan, 192.0.2.N and 10.N.0.1, not started yet.
spoke() { # NAME N KEY=VALUE...
    local name=$1 n=$2
    shift 2
    [ -e "/run/netns/$name" ] || { node "$name" "192.0.2.$n" && ip -n "$name" addr add "10.$n.0.1/24" dev lo; }
    ss_config "$name" "local=192.0.2.$n" remote=192.0.2.1 "local_ts=10.$n.0.0/24" remote_ts=10.0.1.0/24 "$@"
}

gate_conf() { # NAME ADDRESS [LINES]
    local name=$1 address=$2
    shift 2
    cat >"$LAB/$name.conf" <<C
hostname $name
crypto ikev2 keyring RING
 peer all
  address 0.0.0.0 0.0.0.0
  pre-shared-key $PSK
crypto ikev2 profile LAB
 match identity remote fqdn domain lab
 identity local fqdn hub.lab
 authentication remote pre-share
 authentication local pre-share
 keyring local RING
 virtual-template 1
crypto ipsec profile LAB
 set ikev2-profile LAB
interface Loopback0
 ip address ${LOOP:-10.0.1.1} 255.255.255.255
interface Ethernet0/0
 device eth0
$([ "$address" = - ] || echo " ip address $address 255.255.255.0")
interface Virtual-Template1 type tunnel
 ip unnumbered Loopback0
 tunnel mode ipsec ipv4
 tunnel protection ipsec profile LAB
C
    [ $# -eq 0 ] || printf '%s\n' "$@" >>"$LAB/$name.conf"
    sed -i '/^$/d' "$LAB/$name.conf"
    "$CULVERTD" --check -f "$LAB/$name.conf"
}
gate_start() {
    bg "$1" nsenter --net="/run/netns/$1" -- "$CULVERTD" -f "$LAB/$1.conf" -s "$LAB/$1.sock"
    wait_for 30 at_gate "$1" show version || { tail -20 "$LAB/$1.log"; return 1; }
}
gate() {
    [ -e "/run/netns/$1" ] || node "$1"
    [[ " ${GATES[*]} " == *" $1 "* ]] || GATES+=("$1")
    check "the configuration of $1 is accepted" gate_conf "$@" && check "$1 starts" gate_start "$1" || exit 1
}
gates_end() {
    local g
    for g in "${GATES[@]}"; do
        check "$g ends cleanly" eval "kill -TERM ${PID[$g]}; wait ${PID[$g]}"
        unset "PID[$g]"
    done
    GATES=()
}
at_gate() { local g=$1; shift; "$CULVERT" -s "$LAB/$g.sock" "$@"; }
gate_json() { local g=$1 path=$2; shift 2; "$CULVERT" -s "$LAB/$g.sock" --json "$@" | "$TOOL" json "$path"; }
configure() { # NAME LINES...
    local g=$1 out
    shift
    out=$( (echo "configure terminal"; printf '%s\n' "$@"; echo end) | at_gate "$g" 2>&1) || { echo "$out"; return 1; }
    ! grep -qE 'error|expected|abort' <<<"$out" || { echo "$out"; return 1; }
}
stat_of() { gate_json "$1" "$2" show crypto ikev2 stats; }
stat_over() { [ "$(stat_of "$1" "$2")" -gt "$3" ]; }
logged() { wait_for "${2:-20}" grep -q -- "$3" "$LAB/$1.log" || { tail -5 "$LAB/$1.log"; return 1; }; } # NAME SECONDS TEXT
swan_logged() { grep -q -- "$2" "$LAB/$1/charon.log" || { tail -5 "$LAB/$1/charon.log"; return 1; }; }
sessions_are() { [ "$(gate_json "$1" 'sas.#' show crypto ikev2 sa)" = "$2" ]; }
ipsecs_are() { [ "$(gate_json "$1" 'sas.#' show crypto ipsec sa)" = "$2" ]; }
# Set up by us: strongSwan has its CHILD_SA before its answer is on the way, so that alone is not enough for traffic.
up_to() { ss_child_up "$2" && ipsecs_are "$1" 1; } # GATE SPOKE
# Both ends speak through the tunnel: SPOKE N GATE.
passes() { ping_all "$1" 4 -I "10.$2.0.1" 10.0.1.1 && ping_all "$3" 3 -I 10.0.1.1 "10.$2.0.1"; }
tunnel_to() { # ADDRESS N: lines of a static tunnel that we start
    printf '%s\n' "interface Tunnel1" " ip unnumbered Loopback0" " tunnel source Ethernet0/0" " tunnel destination $1" \
        " tunnel mode ipsec ipv4" " tunnel protection ipsec profile LAB" "ip route 10.$2.0.0 255.255.255.0 Tunnel1"
}

# ------------------------------------------------------------------------------------------------ cookies

part_cookies() {
    spoke s1 11
    spoke s2 12
    check "strongSwan starts" ss_start s1 s1
    gate ga 192.0.2.1 "crypto ikev2 cookie-challenge 0"
    check "we ask for a cookie: strongSwan sets up" ss_up s1
    check "traffic passes" passes s1 11 ga
    check "a cookie was sent, none was bad" eval '[ "$(stat_of ga cookies_sent)" -ge 1 ] && [ "$(stat_of ga cookies_bad)" = 0 ]'
    check "strongSwan saw it" swan_logged s1 "parsed IKE_SA_INIT response 0 \[ N(COOKIE) \]"
    check "one who does not return it is asked as well" says "answer: 41" ns s1 "$TOOL" half-open 192.0.2.1 3
    check "and nothing is kept of it" says '"half_open": 0' at_gate ga --json show crypto ikev2 stats
    check "strongSwan ends it" sc s1 --terminate --ike hub
    check "nothing is left" wait_for 20 sessions_are ga 0
    check "the limit goes up while we run" configure ga "crypto ikev2 cookie-challenge 100"
    local before
    before=$(stat_of ga cookies_sent)
    check "strongSwan sets up without" ss_up s1
    check "no cookie was asked for" test "$(stat_of ga cookies_sent)" = "$before"
    check "strongSwan ends it again" sc s1 --terminate --ike hub

    # Half-open SAs of one address are enough for it: for everybody (cookie_threshold), for that one (cookie_threshold_ip).
    spoke s2 12 daemon="cookie_threshold = 2
    cookie_threshold_ip = 0
    half_open_timeout = 300"
    check "strongSwan that asks for cookies starts" ss_start s2 s2
    check "two SAs are half open at it" says "answer: 33" ns ga "$TOOL" half-open 192.0.2.12 2
    check "a static tunnel to it" eval 'configure ga "$(tunnel_to 192.0.2.12 12)"'
    check "comes up" wait_for 30 up_to ga s2
    check "with the cookie that strongSwan asked for" swan_logged s2 "parsed IKE_SA_INIT request 0 \[ N(COOKIE) SA KE No"
    check "we show it" wait_for 10 says "cookie was asked for" at_gate ga show crypto ikev2 sa detailed
    check "traffic passes over it" passes s2 12 ga
    stop charon-s1 charon-s2
}

# ------------------------------------------------------------------------------------------------ redirect

redirected() { # FROM TO: the session is at the second gateway and at none but it
    wait_for 20 ipsecs_are "$2" 1 || { echo "no session at $2"; tail -5 "$LAB/$2.log"; return 1; }
    wait_for 20 sessions_are "$1" 0 || { echo "a session at $1"; at_gate "$1" show crypto ikev2 sa; return 1; }
    wait_for 20 sessions_are "$2" 1
}
# Each request of strongSwan had its redirect, and it called once; a gateway that keeps nothing answers what is sent again anew.
redirected_once() { # GATE NAME
    local sent again
    sent=$(stat_of "$1" redirects_sent)
    again=$(grep -c "retransmit [0-9]* of request with message ID 0" "$LAB/$2/charon.log")
    [ "$sent" -ge 1 ] && [ "$sent" -le $((1 + again)) ] && [ "$(grep -c "initiating IKE_SA hub.* to 192.0.2.1\$" "$LAB/$2/charon.log")" = 1 ] && return 0
    echo "$sent redirects"
    grep -E "initiating|retransmit" "$LAB/$2/charon.log"
    return 1
}
swan_is_at() { # NAME ADDRESS: its one IKE SA is with this gateway
    local out
    out=$(sc "$1" --list-sas --raw)
    [ "$(grep -o 'remote-host=[^ ]*' <<<"$out")" = "remote-host=$2" ] || { echo "$out"; return 1; }
}
# strongSwan 5.9.8 to 5.9.11 obeys a redirect in IKE_AUTH and ends by a double free at once (its commit 595fa077b6 says why).
# What is ours is proved before that; from 5.9.12 on the session must be there too.
redirected_or_broken() {
    wait_for 20 eval '! alive charon-s1 || ipsecs_are gb 1' || { echo "no session at gb"; return 1; }
    if alive charon-s1 && redirected ga gb && passes s1 11 gb; then return 0; fi # it may end after any of these
    ! alive charon-s1 && says "strongSwan 5\.9\.\([89]\|10\|11\) " swanctl --version
}

part_redirect() {
    spoke s1 11
    gate ga 192.0.2.1 "crypto ikev2 redirect target 192.0.2.7" "crypto ikev2 redirect gateway init"
    gate gb 192.0.2.7
    check "strongSwan starts" ss_start s1 s1
    check "at IKE_SA_INIT: strongSwan calls the first gateway and sets up" ss_up s1
    check "at IKE_SA_INIT: the session is at the second" redirected ga gb
    check "at IKE_SA_INIT: strongSwan was sent there" swan_logged s1 "redirected to 192.0.2.7"
    check "at IKE_SA_INIT: once, without an SA" eval 'redirected_once ga s1 && [ "$(stat_of ga sas_up)" = 0 ]'
    check "at IKE_SA_INIT: the second was told from where" swan_logged s1 "N(REDIR_FROM)"
    check "at IKE_SA_INIT: traffic passes" passes s1 11 gb

    check "the first redirects no more" configure ga "no crypto ikev2 redirect gateway init"
    check "an established session is sent back" says "^1 done" at_gate gb crypto ikev2 redirect gateway 192.0.2.1
    check "the first has the session" redirected gb ga
    check "strongSwan has no SA but that one" wait_for 20 swan_is_at s1 192.0.2.1
    check "traffic passes there" passes s1 11 ga
    check "strongSwan ends it" sc s1 --terminate --ike hub
    check "nothing is left" wait_for 20 sessions_are ga 0

    check "it redirects those whom it knows" configure ga "crypto ikev2 redirect gateway auth"
    local before
    before=$(stat_of ga redirects_sent)
    : >"$LAB/s1/charon.log"
    ss_up s1 >"$LAB/up.out" 2>&1 & # says that it failed where strongSwan ends
    check "at IKE_AUTH: strongSwan is sent there" wait_for 20 swan_logged s1 "parsed IKE_AUTH response 1 .*N(REDIR) \]"
    check "at IKE_AUTH: by a gateway that has proved who it is" wait_for 20 swan_logged s1 "authentication of 'hub.lab' with pre-shared key successful"
    check "at IKE_AUTH: it goes there" wait_for 20 swan_logged s1 "initiating IKE_SA hub.* to 192.0.2.7"
    check "at IKE_AUTH: and has the session, or is a strongSwan that breaks off there" redirected_or_broken
    check "at IKE_AUTH: by one redirect" test "$(stat_of ga redirects_sent)" = $((before + 1))
    stop charon-s1

    # The other way round: strongSwan can send clients elsewhere only once they are there.
    spoke s2 12 remote=%any
    spoke s3 13 remote=%any
    check "two gateways that are strongSwan start" eval 'ss_start s2 s2 && ss_start s3 s3'
    gate gc 192.0.2.3 "crypto ikev2 redirect client" "$(tunnel_to 192.0.2.12 12)"
    check "we are at the first" wait_for 30 up_to gc s2
    check "traffic passes" passes s2 12 gc
    check "it sends us on" sc s2 --redirect --ike hub --gateway 192.0.2.13
    check "we go to the second" wait_for 30 ss_child_up s3
    check "we have followed one redirect" eval '[ "$(stat_of gc redirects_followed)" = 1 ]'
    check "we have no session but that one" wait_for 20 eval 'sessions_are gc 1 && ipsecs_are gc 1 && says 192.0.2.13 at_gate gc show crypto ikev2 sa'
    check "the first has none" wait_for 20 eval '! sc s2 --list-sas --raw | grep -q state='
    check "traffic passes there, which strongSwan sends" ping_all s3 4 -I 10.13.0.1 10.0.1.1
    check "and that we send" ping_all gc 4 -I 10.0.1.1 10.13.0.1
    check "we follow no more" configure gc "no crypto ikev2 redirect client"
    check "and call the first again" at_gate gc clear crypto ikev2 sa
    check "which we reach" wait_for 30 up_to gc s2
    check "and which knows that we stay" eval 'sc s2 --redirect --ike hub --gateway 192.0.2.13; wait_for 20 swan_logged s2 "client does not support IKE redirection"'
    stop charon-s2 charon-s3
}

# The end of a script of parts: runs the function part_NAME in a lab of its own.
one_part() { # SCRIPT NAME
    local f
    PART=$2
    lab_start "$1-$PART"
    for f in "$CULVERTD" "$CULVERT"; do [ -x "$f" ] || { echo "not ok 1 - $f is not built"; exit 1; }; done
    command -v charon-systemd >/dev/null || skip_all "no strongSwan here"
    declare -F "part_$PART" >/dev/null || { echo "not ok 1 - no part \"$PART\""; exit 2; }
    ns_add wan
    "part_$PART"
    gates_end
    lab_end
}

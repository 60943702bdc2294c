# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Parts of swan.sh: what single commands do, on the wire or at strongSwan. Needs the rest of lib/, and nat.sh.

detail() { says "$2" at_gate "$1" show crypto ikev2 sa detailed; }
field() { gate_json "$1" "sas.0.$2" show crypto ikev2 sa; }
over() { sc "$1" --terminate --ike hub >/dev/null 2>&1; wait_for 20 sessions_are "$2" 0; }
up_with() { # GATE SPOKE N: strongSwan calls, and traffic passes
    ss_up "$2" || return 1
    wait_for 20 agreed "$1" "$2" 1 && passes "$2" "$3" "$1"
}
called() { wait_for 30 agreed "$1" "$2" 1 && passes "$2" "$3" "$1"; }
since() { # SPOKE: what strongSwan has logged since then, into SEEN
    SEEN=$(wc -l <"$LAB/$1/charon.log")
}
saw() { tail -n +$((SEEN + 1)) "$LAB/$1/charon.log" | grep -q -- "$2" || { tail -n +$((SEEN + 1)) "$LAB/$1/charon.log" | tail -15; return 1; }; }
saw_not() { ! tail -n +$((SEEN + 1)) "$LAB/$1/charon.log" | grep -- "$2"; }
between() { [ -n "$1" ] && [ "$1" -ge "$2" ] && [ "$1" -le "$3" ] || { echo "$1 is not from $2 to $3"; return 1; }; }
another_session() { # GATE: one that is up, and not that of before, in OLD
    sessions_are "$1" 1 && ready_are "$1" 1 && [ "$(ike_of "$1")" != "$OLD" ]
}

childless() {
    since s1
    check "childless: we begin without a CHILD_SA" eval 'configure ga "crypto ikev2 profile LAB" "initiate childless" "$(tunnel_to 192.0.2.11 11)" && called ga s1 11'
    check "childless: IKE_AUTH had none, a CREATE_CHILD_SA made it" eval 'saw s1 "parsed IKE_AUTH request 1 \[ IDi" && saw_not s1 "parsed IKE_AUTH request.*TSi" && saw s1 "parsed CREATE_CHILD_SA request"'
    check "childless only: we begin without" eval 'configure ga "crypto ikev2 profile LAB" "initiate childless only" && mark && at_gate ga clear crypto ikev2 sa && wait_for 30 another_session ga'
    check "childless only: and none follows" eval 'sleep 1.5; ipsecs_are ga 0 && [ -z "$(theirs s1)" ] && [ "$(field ga established)" = true ]'
    check "childless only: until it is asked for" eval 'at_gate ga crypto ikev2 child && called ga s1 11'
    configure ga "crypto ikev2 profile LAB" "no initiate childless" "no ip route 10.11.0.0 255.255.255.0 Tunnel1" "no interface Tunnel1" >/dev/null
    over s1 ga
    spoke s1 11 conn="childless = force"
    ss_load s1
    since s1
    check "childless: strongSwan insists on it" up_with ga s1 11
    check "childless: its IKE_AUTH had no CHILD_SA" eval 'saw s1 "generating IKE_AUTH request 1" && saw_not s1 "generating IKE_AUTH request.*TSi"'
    over s1 ga
}

ppks() {
    local key=pqpqpqpqpqpqpqpqpqpq
    configure ga "crypto ikev2 keyring RING" " peer all" "  ppk manual id pq key $key required" >/dev/null
    spoke s1 11
    ss_load s1
    check "ppk: strongSwan without it is refused, where it is required" no ss_up s1 10
    check "ppk: the log says why" logged ga 10 "has not the post-quantum key that is required"
    check "ppk: and counts it" stat_over ga ppk_missing 0
    local swan="secrets { ppk-pq {
id = pq
secret = $key
} }"
    spoke s1 11 conn="ppk_id = pq
ppk_required = yes" more="$swan"
    ss_load s1
    check "ppk: strongSwan with it calls" up_with ga s1 11
    check "ppk: it is in the keys" detail ga "post-quantum key in use"
    check "ppk: a rekey of both SAs goes on with it" eval 'OLD=$(ours ga); sc s1 --rekey --ike hub && sc s1 --rekey --child net && wait_for 20 all_rekeyed ga s1 1 && passes s1 11 ga && detail ga "post-quantum key in use"'
    over s1 ga
    check "ppk: we call" eval 'configure ga "$(tunnel_to 192.0.2.11 11)" && called ga s1 11'
    check "ppk: it is in the keys" detail ga "post-quantum key in use"
    configure ga "no ip route 10.11.0.0 255.255.255.0 Tunnel1" "no interface Tunnel1" "crypto ikev2 keyring RING" " peer all" "  no ppk" >/dev/null
    over s1 ga
    spoke s1 11
    ss_load s1
}

lifetimes() {
    configure ga "crypto ikev2 profile LAB" "lifetime 300" "crypto ipsec profile LAB" "set security-association lifetime seconds 200" >/dev/null
    check "lifetime: of an IKE SA and of a CHILD_SA that strongSwan makes" up_with ga s1 11
    check "lifetime: 300 seconds, and a rekey at 80 to 90 percent of it" eval '[ "$(field ga lifetime)" = 300 ] && between "$(field ga rekey_seconds)" 200 270'
    check "lifetime: 200 seconds of the CHILD_SA" between "$(gate_json ga sas.0.remaining_seconds show crypto ipsec sa)" 100 200
    configure ga "crypto ikev2 profile LAB" "no lifetime" "crypto ipsec profile LAB" "no set security-association lifetime seconds" >/dev/null
    over s1 ga
}

# Half-open SAs are over after 30 seconds: each check makes as many as there may be. So many more are tried.
open_to() { # SPOKE COUNT: there are so many, and one that would be more was dropped and counted
    local before now
    before=$(stat_of ga init_dropped_limit)
    for _ in 1 2 3 4 5; do # of those of before some may end now, and a gateway that is slow has not heard all
        ns "$1" timeout 2 "$TOOL" half-open 192.0.2.1 "$(($2 + 1))" >/dev/null 2>&1
        now=$(stat_of ga half_open)
        [ "$now" = "$2" ] && stat_over ga init_dropped_limit "$before" && return 0
        [ "$now" -le "$2" ] || break
    done
    at_gate ga show crypto ikev2 stats | grep -E "half_open|init_|sas "
    return 1
}
# More than 64 kilobytes are asked for, until some of it was refused.
memory_asked() {
    ns s1 timeout 4 "$TOOL" half-open 192.0.2.1 300 >/dev/null 2>&1
    stat_over ga unauthenticated_refused 0
}
none_open() { [ "$(stat_of ga half_open)" = 0 ]; }

part_limits() {
    spoke s1 11
    spoke s2 12
    gate ga 192.0.2.1 "crypto ikev2 limit max-in-negotiation-sa-peer 2"
    check "strongSwan starts" eval 'ss_start s1 s1 && ss_start s2 s2'
    check "two half-open SAs of one peer, and no third" open_to s1 2
    check "another peer is served" eval 'ss_up s2 && passes s2 12 ga'
    check "three half-open SAs in all" eval 'configure ga "no crypto ikev2 limit max-in-negotiation-sa-peer" "crypto ikev2 limit max-in-negotiation-sa 3" && open_to s1 3'
    check "and none of another peer" eval 'open_to s2 3'
    wait_for 60 none_open # so that none of the next ones ends before they have been tried
    check "five IKE SAs of any kind" eval 'configure ga "no crypto ikev2 limit max-in-negotiation-sa" "crypto ikev2 limit max-sa 5" && open_to s1 4'
    check "nobody else is served then" no ss_up s1 2
    sc s1 --terminate --ike hub --force >/dev/null 2>&1
    check "the one that is there goes on" passes s2 12 ga
    check "64 kilobytes for all who are not authenticated" eval 'configure ga "no crypto ikev2 limit max-sa" "crypto ikev2 limit unauthenticated-memory 64" \
        "crypto ikev2 cookie-challenge 1000" "crypto ikev2 limit max-in-negotiation-sa-peer 1000" && [ "$(stat_of ga unauthenticated_bytes_bound)" = 65536 ]'
    check "more is refused, and counted" wait_for 30 memory_asked
    check "what is held is not more" test "$(stat_of ga unauthenticated_bytes)" -le 65536
    check "the one that is there goes on" passes s2 12 ga
    check "without limits strongSwan is served again" eval 'configure ga "no crypto ikev2 limit unauthenticated-memory" "no crypto ikev2 cookie-challenge" \
        "no crypto ikev2 limit max-in-negotiation-sa-peer" && wait_for 60 none_open && ss_up s1 && passes s1 11 ga'
    stop charon-s1 charon-s2
}

# tcpdump hands on what it has once in a second: what came after the messages is there, so they are.
wire_stop() { # FILTER
    wait_for 20 some_captured wire "$1"
    capture_stop wire
}
ESP_OF_OURS="udp port 4500 and src 192.0.2.1 and udp[4:2] > 12 and udp[8:4] != 0"
# The longest IP datagram with an IKE message, of what this address has sent.
longest() { # CAPTURE ADDRESS
    captured "$1" "udp port 4500 and src $2 and udp[8:4] = 0" -v | sed -n 's/.*, length \([0-9]*\)).*/\1/p' | sort -n | tail -1
}
with_certs() { # KEY=VALUE...: strongSwan, by certificates
    spoke s1 11 plugins="x509 pubkey pkcs1 pkcs8" "$@"
    sed -i -e "0,/auth = psk/s||auth = pubkey\n            certs = s1.pem|" -e "s/auth = psk/auth = pubkey/" "$LAB/s1/swanctl.conf"
    ss_load s1
}
fragments() { # certificates make IKE_AUTH long
    mkdir -p "$LAB/s1/"{x509,x509ca,private}
    cp "$PKI/root.pem" "$LAB/s1/x509ca/"
    cp "$PKI/s1.pem" "$LAB/s1/x509/"
    cp "$PKI/s1.key" "$LAB/s1/private/"
    with_certs
    local before again
    before=$(stat_of ga fragments_out)
    capture wire ga eth0
    check "fragmentation mtu 1500: certificates at both ends" eval 'configure ga "crypto ikev2 fragmentation mtu 1500" "crypto pki trustpoint LAB" "ca-certificate file $PKI/root.pem" "certificate file $PKI/hub.pem" \
        "key file $PKI/hub.key" "revocation-check none" "crypto ikev2 profile LAB" "no authentication remote pre-share" \
        "authentication remote ecdsa-sig" "authentication local ecdsa-sig" "pki trustpoint LAB" "$(tunnel_to 192.0.2.11 11)" && called ga s1 11'
    wire_stop "$ESP_OF_OURS"
    check "fragmentation mtu 1500: IKE_AUTH is longer than 700 bytes" test "$(longest wire 192.0.2.1)" -gt 700
    check "fragmentation mtu 1500: in one piece" test "$(stat_of ga fragments_out)" = "$before"
    since s1
    capture wire ga eth0
    check "fragmentation mtu 620: we call" eval 'configure ga "crypto ikev2 fragmentation mtu 620" && at_gate ga clear crypto ikev2 sa && called ga s1 11'
    wire_stop "$ESP_OF_OURS"
    check "fragmentation mtu 620: no datagram of ours is longer" between "$(longest wire 192.0.2.1)" 577 620
    check "fragmentation mtu 620: there were fragments" stat_over ga fragments_out "$before"
    check "fragmentation mtu 620: which strongSwan has put together" saw s1 "received fragment #[12] of 2, reassembled fragmented IKE message"
    configure ga "no ip route 10.11.0.0 255.255.255.0 Tunnel1" "no interface Tunnel1" >/dev/null
    over s1 ga
    stop charon-s1
    spoke s1 11 plugins="x509 pubkey pkcs1 pkcs8" daemon="fragment_size = 576"
    ss_start s1 s1
    with_certs daemon="fragment_size = 576"
    before=$(stat_of ga fragments_out) again=$(stat_of ga reassembled)
    capture wire ga eth0
    check "fragmentation mtu 620: strongSwan calls" up_with ga s1 11
    wire_stop "$ESP_OF_OURS"
    check "fragmentation mtu 620: we have put its fragments together" stat_over ga reassembled "$again"
    check "fragmentation mtu 620: and answered in fragments" stat_over ga fragments_out "$before"
    check "fragmentation mtu 620: no datagram of ours is longer" between "$(longest wire 192.0.2.1)" 577 620
    over s1 ga
    before=$(stat_of ga fragments_out) again=$(stat_of ga reassembled)
    check "no fragmentation: strongSwan calls" eval 'configure ga "no crypto ikev2 fragmentation" && up_with ga s1 11'
    check "no fragmentation: there was none" eval '[ "$(stat_of ga fragments_out)" = "$before" ] && [ "$(stat_of ga reassembled)" = "$again" ] && detail ga "Fragmentation off"'
    over s1 ga
}

part_commands() {
    pki_start
    check "certificates are made" eval 'ca_new root p256 && cert_new hub p256 root DNS:hub.lab && cert_new s1 p256 root DNS:s1.lab' || return
    spoke s1 11 plugins="x509 pubkey pkcs1 pkcs8"
    gate ga 192.0.2.1
    check "strongSwan starts" ss_start s1 s1
    childless
    ppks
    lifetimes
    fragments
    stop charon-s1
}

# ------------------------------------------------------------------------------------------------ what takes its time: each at a gate of its own

# Milliseconds between one keepalive and the next that have gone to this address: how many times, the middle one, all together.
keepalives() { # CAPTURE ADDRESS
    captured "$1" "udp port 4500 and dst $2 and udp[4:2] = 9 and udp[8] = 255" -tt |
        awk '{split($1, t, "."); ms = t[1] % 1000000 * 1000 + substr(t[2], 1, 3); if (n++) print ms - last; last = ms}' | sort -n |
        awk '{d[NR] = $1; sum += $1} END {print NR, d[int((NR + 1) / 2)] + 0, sum + 0}'
}
seen() { [ "$(keepalives "$1" "$2" | cut -d" " -f1)" -ge "$3" ]; }
regular() { # CAPTURE ADDRESS SECONDS: by this interval; one may be late, and the next one early then
    local n middle all
    read -r n middle all <<<"$(keepalives "$1" "$2")"
    [ "$n" -ge 5 ] && between "$middle" $(($3 * 1000 - 100)) $(($3 * 1000 + 900)) >/dev/null && [ "$all" -ge $((n * $3 * 1000 - 3000)) ] && return 0
    echo "$n keepalives after a first one, $middle ms apart, $all ms in all"
    captured "$1" "udp port 4500 and dst $2 and udp[4:2] = 9 and udp[8] = 255" -tt
    return 1
}

part_timed() {
    check "a router that masquerades" nat 60 120 || exit 1
    # Two of ours behind it: one interval from the profile, one for all.
    spoke s1 11 remote=%any
    spoke s2 12 remote=%any
    spoke s3 13 remote=192.0.2.4 conn="over_time = 20s
rand_time = 0s"
    spoke s4 14 remote=%any
    behind_nat gk 10.200.0.31
    behind_nat gl 10.200.0.32
    check "strongSwan starts" eval 'ss_start s1 s1 && ss_start s2 s2 && ss_start s3 s3 && ss_start s4 s4'
    gate gk 10.200.0.31 "crypto ikev2 nat keepalive 9" "crypto ikev2 profile LAB" " nat keepalive 5" "$(tunnel_to 192.0.2.11 11)"
    gate gl 10.200.0.32 "crypto ikev2 nat keepalive 6" "$(tunnel_to 192.0.2.12 12)"
    gate gr 192.0.2.4 "crypto ikev2 profile LAB" " reauthentication 60"
    gate gi 192.0.2.5 "crypto ikev2 profile LAB" " reauthentication 60" "$(tunnel_to 192.0.2.14 14)"
    check "reauthentication: strongSwan sets up" ss_up s3
    since s3
    OLD=$(ike_of gr)
    check "reauthentication: it was told to come again in 60 seconds (AUTH_LIFETIME)" swan_logged s3 "received AUTH_LIFETIME of [56][0-9]s, scheduling reauthentication"
    check "reauthentication: we have written that down" between "$(gate_json gr sas.0.authenticated_seconds show crypto ikev2 sa)" 30 60
    check "reauthentication: we call a strongSwan, and will come again" eval 'wait_for 30 ipsecs_are gi 1 && between "$(gate_json gi sas.0.reauthenticate_seconds show crypto ikev2 sa)" 20 60'
    check "reauthentication: pings flow through both" eval 'flow_start s3 "$LAB" nsenter --net=/run/netns/s3 -- ping -n -i 0.2 -I 10.13.0.1 10.0.1.1 &&
        flow_start s4 "$LAB" nsenter --net=/run/netns/s4 -- ping -n -i 0.2 -I 10.14.0.1 10.0.1.1'
    check "keepalive: two of ours behind the router have set up" eval 'wait_for 30 ipsecs_are gk 1 && wait_for 30 ipsecs_are gl 1'
    capture wire wan br0
    check "keepalive: there are some of each" wait_for 120 eval 'seen wire 192.0.2.11 5 && seen wire 192.0.2.12 5'
    capture_stop wire
    check "keepalive: each 5 seconds, as the profile says" regular wire 192.0.2.11 5
    check "keepalive: each 6 seconds, as is said for all" regular wire 192.0.2.12 6
    check "keepalive: strongSwan reaches them through it" eval 'ping_all s1 3 -I 10.11.0.1 10.0.1.1 && ping_all s2 3 -I 10.12.0.1 10.0.1.1'
    check "reauthentication: strongSwan comes again" wait_for 60 saw s3 "reauthenticating IKE_SA"
    check "reauthentication: its session is a new one" wait_for 30 eval 'another_session gr && between "$(field gr authenticated_seconds)" 1 60'
    check "reauthentication: we have come again, too" wait_for 60 stat_over gi reauthentications 0
    check "reauthentication: there is one SA of each" wait_for 30 eval 'sessions_are gr 1 && sessions_are gi 1 && ipsecs_are gr 1 && ipsecs_are gi 1'
    # But for those that met the moment in which one end has the new CHILD_SA and the other one has not: two seconds' worth.
    check "reauthentication: strongSwan's pings were answered" flow_none_lost s3 10
    check "reauthentication: and those through the tunnel that we began" flow_none_lost s4 10
    stop charon-s1 charon-s2 charon-s3 charon-s4
}
behind_nat() { # NAME ADDRESS: a node behind the router
    ns_add "$1"
    wire "$1" eth0 nat "n$1"
    bridge nat br1 "n$1"
    ip -n "$1" addr add "$2/24" dev eth0
    ip -n "$1" route add default via 10.200.0.1
    no_offload "$1" eth0
    GATES+=("$1")
}

# ------------------------------------------------------------------------------------------------ a window, between two of ours

sent_while_deaf() { # COUNT: of four that are asked for, while the other one does not listen
    local before
    before=$(field ga next_out) # by their IDs: each may go out again
    kill -STOP "${PID[gb]}"
    for _ in 1 2 3 4; do at_gate ga crypto ikev2 child >/dev/null; done
    WENT=$(($(field ga next_out) - before))
    kill -CONT "${PID[gb]}"
    [ "$WENT" = "$1" ] || { echo "$WENT were sent"; return 1; }
}
part_window() {
    gate gb 192.0.2.2 "crypto ikev2 window 4"
    gate ga 192.0.2.1 "crypto ikev2 window 3" "crypto ikev2 profile LAB" " identity local fqdn ga.lab" "$(tunnel_to 192.0.2.2 12)"
    check "two of ours, with windows of 3 and 4" wait_for 30 ipsecs_are ga 1
    check "each knows the other's" eval 'wait_for 20 detail ga "peer.s window 4" && wait_for 20 detail gb "peer.s window 3"'
    check "of four requests as many go out at once as the peer takes" sent_while_deaf 4
    check "and all are answered" eval 'wait_for 30 ipsecs_are ga 5 && wait_for 30 ipsecs_are gb 5'
    check "without a window" eval 'configure gb "no crypto ikev2 window" && at_gate ga clear crypto ikev2 sa && wait_for 30 detail ga "peer.s window 1" && wait_for 30 ipsecs_are ga 1'
    check "one goes out" sent_while_deaf 1
    check "and all are answered one after the other" eval 'wait_for 30 ipsecs_are ga 5 && wait_for 30 ipsecs_are gb 5'
}

# ------------------------------------------------------------------------------------------------ a peer that offers IPComp

part_ipcomp() {
    ns wan ip tuntap add dev g2w mode tap
    node ga 192.0.2.1 && GATES+=(ga)
    bridge wan br0 g2w
    guest_boot g2 wan g2w
    gate ga 192.0.2.1
    check "the guest boots" eval 'guest_wait g2 && guest g2 "ip addr add 192.0.2.12/24 dev vec0; ip link set vec0 up; ip addr add 10.12.0.1/24 dev lo;
        ethtool -K vec0 tso off gso off gro off 2>/dev/null; modprobe ipcomp; modprobe deflate; true" && guest_kernel_esp g2' || exit 1
    ss_config g2 local=192.0.2.12 remote=192.0.2.1 local_ts=10.12.0.0/24 remote_ts=10.0.1.0/24 kernel=netlink folder=/run/lab \
        child="ipcomp = yes"
    check "strongSwan starts" ss_start_guest g2
    check "it sets up" ss_up g2 40
    check "and has offered IPComp" says "IPCOMP_SUP" guest g2 "grep 'generating IKE_AUTH request' /run/lab/charon.log"
    check "which we have not taken" no says "IPCOMP_SUP" guest g2 "grep 'parsed IKE_AUTH response' /run/lab/charon.log"
    check "it has its CHILD_SA, and traffic passes" eval 'wait_for 20 ipsecs_are ga 1 && passes g2 12 ga'
    check "long packets, too" ping_all g2 3 -s 1300 -I 10.12.0.1 10.0.1.1
    OLD=$(ours ga)
    check "a rekey offers it again, and goes through" eval 'sc g2 --rekey --child net && wait_for 30 all_rekeyed ga g2 1 && passes g2 12 ga'
    check "we call it" eval 'sc g2 --terminate --ike hub; configure ga "$(tunnel_to 192.0.2.12 12)" && wait_for 40 ipsecs_are ga 1 && passes g2 12 ga'
    guest_halt g2
}

#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# How sessions begin and are renewed as the configuration says, with strongSwan in both roles, over the software datapath:
# post-quantum keys, IKE_AUTH without a child, authenticating again.
LAB_ARGS=("$@")
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/lab.sh"
. "$SYSTEM/lib/strongswan.sh"
. "$SYSTEM/lib/gateway.sh"
. "$SYSTEM/lib/scenarios.sh"
. "$SYSTEM/lib/suites.sh"
lab_start renew
reason=$(gateway_needs software) || { echo "not ok 1 - $LAB_NAME: $reason"; exit 1; }
gateway_net software
with_spoke1

hub() { # LINES, in a profile and a keyring that are entered: the gateway, which calls as soon as Tunnel1 is not shut down
    [ -n "${PID[culvertd]:-}" ] && gateway_stop
    check "the configuration is accepted" gateway_conf "interface Tunnel1" " ip unnumbered Ethernet0/1" " tunnel source Ethernet0/0" \
        " tunnel destination $SPOKE1" " tunnel mode ipsec ipv4" " tunnel protection ipsec profile SPOKES" " shutdown" \
        "ip route 10.11.0.0 255.255.255.0 Tunnel1" "$@" && check "culvertd starts" gateway_start || exit 1
}
peer() { # LINES of the connection, in place of none; PPK: its key
    spoke1_conf
    local line
    for line; do sed -i "s/^        version = 2/&\n        $line/" "$LAB/s1/swanctl.conf"; done
    [ -z "${PPK:-}" ] || sed -i "s/^secrets {/&\n    ppk1 {\n        id = pq\n        secret = $PPK\n    }/" "$LAB/s1/swanctl.conf"
    sc s1 --load-all --clear --noprompt >"$LAB/load.out" 2>&1 || { cat "$LAB/load.out"; return 1; }
}
hub_calls() { configure 0 "interface Tunnel1" "no shutdown" && wait_for 20 hub_has_child || { tail -5 "$LAB/culvertd.log"; return 1; }; }
hub_rests() { configure 0 "interface Tunnel1" "shutdown" && wait_for 10 hub_has_none && wait_for 10 peer_gone; }
rekeyed_by_both() { # the IKE SA by strongSwan, then the child by the hub
    local ike child
    ike=$(rekey_mark ike) child=$(rekey_mark child)
    sc s1 --rekey --ike hub && wait_for 20 rekeyed ike "$ike" && wait_for 20 ikes_are 1 &&
        cv crypto ikev2 rekey child remote "$PEER_OUT" && wait_for 20 rekeyed child "$child" && wait_for 20 children_are 1
}
both_ping() { ping_all s1 3 -I 10.11.0.1 10.0.1.2 && ping_all lan 3 10.11.0.1; }

# ---------------------------------------------------------------------------------- post-quantum keys (RFC 8784)
PPK=a-key-that-no-quantum-computer-finds
spoke1_conf
check "strongSwan starts" ss_start s1 s1
hub "crypto ikev2 keyring SPOKES" " peer spokes" "  ppk manual id pq key $PPK required"
check "both require the key" peer "ppk_id = pq" "ppk_required = yes"
check "strongSwan calls" ss_up s1
check "it is in the keys, traffic passes" eval 'expect_value true ppk ike_field $PEER_OUT ppk && both_ping'
check "rekeys by either side keep it" eval 'rekeyed_by_both && expect_value true ppk ike_field $PEER_OUT ppk && both_ping'
check "deleted by strongSwan, nothing is left" deleted_by_peer
check "the hub calls" hub_calls
check "it is in the keys, traffic passes" eval 'expect_value true ppk ike_field $PEER_OUT ppk && both_ping'
check "and the hub rests" hub_rests
PPK=another-key-for-that-name-it-is-ok check "strongSwan has another key of that name" peer "ppk_id = pq" "ppk_required = yes"
check "it is refused" refused AUTHENTICATION_FAILED auth_failures
failures_over() { [ "$(grep -c "authentication failed" "$LAB/culvertd.log")" -gt "$1" ]; }
no_child() {
    local before
    before=$(grep -c "authentication failed" "$LAB/culvertd.log")
    configure 0 "interface Tunnel1" "no shutdown" && wait_for 15 failures_over "$before" && children_are 0
}
check "by whoever calls" no_child
check "and the hub rests" hub_rests
PPK='' check "strongSwan has none" peer
check "it is refused, as the hub requires one" refused AUTHENTICATION_FAILED auth_failures
check "and the log says so" grep -q "has not the post-quantum key that is required" "$LAB/culvertd.log"

# ---------------------------------------------------------------------------------- IKE_AUTH without a child (RFC 6023)
PPK=
hub "crypto ikev2 profile SPOKES" " initiate childless"
check "strongSwan begins without a child" peer "childless = force"
check "strongSwan calls, and asks for a child then" ss_up s1
check "traffic passes" both_ping
check "deleted by strongSwan, nothing is left" deleted_by_peer
check "the hub calls, and asks for a child then" hub_calls
check "traffic passes" both_ping
childless_auth() { grep -q 'parsed IKE_AUTH request 1 \[ \(EF(.*) \)\?IDi [^]]*AUTH [^]]*\]' "$LAB/s1/charon.log" && grep 'parsed IKE_AUTH request 1 \[ IDi' "$LAB/s1/charon.log" | tail -1 | grep -vq 'TSi'; }
check "its IKE_AUTH asked for none" childless_auth
check "and the hub rests" hub_rests
check "strongSwan does not do without" peer "childless = never"
check "the hub calls, and asks for a child at once" hub_calls
check "traffic passes" both_ping
check "and the hub rests" hub_rests

# ---------------------------------------------------------------------------------- authenticating again
hub "crypto ikev2 profile SPOKES" " reauthentication 3600"
check "strongSwan knows no lifetime of authentication" peer "reauth_time = 0" "over_time = 300"
check "strongSwan calls" ss_up s1
check "it hears how long its authentication holds (RFC 4478)" wait_for 5 grep -q "received AUTH_LIFETIME of 3600s" "$LAB/s1/charon.log"
# hub|peer: no ping is lost, it is another IKE SA, one is left. Who answers IKE_AUTH sends by the new CHILD_SA before the other
# one has it, if a busy machine takes its time in between, and what is sent then is lost: that is tried again.
again_by() {
    local rc
    for _ in 1 2 3; do
        again_once "$1"
        rc=$?
        [ $rc = 2 ] || return $rc
    done
    return 1
}
again_once() { # 2: a ping was lost
    local before rc=0
    before=$(rekey_mark ike)
    flow_start again "$LAB" nsenter --net=/run/netns/s1 -- ping -n -i 0.05 -I 10.11.0.1 10.0.1.2 && flow_more again 10 &&
        another_by "$1" "$before" || rc=1
    [ $rc = 1 ] || flow_none_lost again || rc=2
    flow_stop again
    return $rc
}
another_by() { # hub|peer BEFORE
    if [ "$1" = hub ]; then cv crypto ikev2 reauthenticate remote "$PEER_OUT"; else sc s1 --rekey --ike hub --reauth; fi || return 1
    wait_for 60 rekeyed ike "$2" || { echo "no other IKE SA"; return 1; }
    wait_for 30 ikes_are 1 && wait_for 30 children_are 1 || { echo "$(ike_count) IKE SAs, $(child_count) children"; return 1; }
    sleep 9 # the old SA's end may come eight seconds later
}
check "strongSwan authenticates again, no ping is lost" again_by peer
check "traffic passes" both_ping
check "deleted by strongSwan, nothing is left" deleted_by_peer
check "the hub calls" hub_calls
check "the hub authenticates again, no ping is lost" again_by hub
check "traffic passes" both_ping
check "and the hub rests" hub_rests
check "culvertd ends cleanly" eval 'p=${PID[culvertd]}; kill -TERM "$p"; wait "$p"'
unset "PID[culvertd]"
lab_end

#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# EAP with strongSwan in both roles, over the software datapath: the methods, with and without an identity asked for,
# refusals, a certificate that was revoked, and EAP alone (RFC 5998).
LAB_ARGS=("$@")
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/lab.sh"
. "$SYSTEM/lib/strongswan.sh"
. "$SYSTEM/lib/gateway.sh"
. "$SYSTEM/lib/scenarios.sh"
. "$SYSTEM/lib/eap.sh"
lab_start eap
reason=$(gateway_needs software) || { echo "not ok 1 - $LAB_NAME: $reason"; exit 1; }
gateway_net software
with_spoke1
check "certificates are made" eap_certs || exit 1

hub() { # LINES: the gateway as authenticator, started again
    [ -n "${PID[culvertd]:-}" ] && gateway_stop
    check "the configuration is accepted ($*)" eap_hub "$@" && check "culvertd starts" gateway_start || exit 1
}
calls() { # METHOD LINE NAME: the gateway as supplicant, started again
    [ -n "${PID[culvertd]:-}" ] && gateway_stop
    check "$3: the configuration is accepted" eap_calls "$2" && check "$3: culvertd starts" gateway_start || exit 1
}

# ---------------------------------------------------------------------------------- strongSwan is the supplicant
hub " eap methods ms-chapv2 gtc md5 tls"
for method in mschapv2 md5 gtc; do
    eap_peer $method
    check "$method: traffic passes" eap_up alice
    eap_peer $method secret=looking-glass
    check "$method: a wrong password is refused" eap_refused "wrong password"
    eap_peer $method eap_id=mallory
    check "$method: an unknown user is refused" eap_refused "no such user"
done
eap_peer mschapv2 eap_id='LAB\alice'
check "mschapv2: a domain before the name does not matter" eap_up 'LAB.alice'
eap_peer tls eap_id=
check "tls: traffic passes" eap_up s1.lab
eap_peer tls eap_id= cert=rogue
check "tls: a certificate of another CA is refused" eap_refused "certificate is refused"
eap_peer tls eap_id=alice
check "tls: a peer without a certificate for its identity is refused" eap_refused "peer did not return a certificate"

check "what happened is counted" wait_for 10 eval '[ "$(cvj succeeded show crypto eap)" = 5 ] && [ "$(cvj failed show crypto eap)" = 8 ]'

hub " eap methods gtc"
eap_peer mschapv2
check "a method that is not allowed is refused" eap_refused "none of the methods"

EAP_QUERY='' hub
eap_peer mschapv2 eap_id= secret=builder
check "without query-identity the user is the IKE identity" eap_up s1.lab

check "a list revokes the certificate of s1" eap_revoke
EAP_REVOCATION=$'revocation-check crl\n crl file '$LAB/pki/crl.pem hub " eap methods tls"
eap_peer tls eap_id=
check "tls: a certificate that was revoked is refused" eap_refused "certificate is refused: .*revoked"

# A server that takes connections and says nothing: the conversation ends in its time (before the fetch gives up after 8
# seconds), and others go on meanwhile.
bg silent nsenter --net=/run/netns/s1 -- socat TCP-LISTEN:8888,fork,reuseaddr EXEC:"sleep 60"
check "a server that is silent starts" wait_for 20 eval 'ns s1 ss -Hltn "sport = :8888" | grep -q .'
EAP_REVOCATION=$'revocation-check ocsp\n ocsp url http://'$SPOKE1:8888/ hub " eap methods tls ms-chapv2" " eap timeout 5"
eap_peer tls eap_id=
sc s1 --initiate --child net --timeout 20 >"$LAB/waiting.log" 2>&1 &
check "tls: it waits for the answer about a certificate" wait_for 20 eval '[ "$(cvj under_way show crypto eap)" = 1 ]'
check "and the daemon answers all the while" eval 'for i in 1 2 3 4 5; do timeout 4 "$CULVERT" -s "$LAB/cv.sock" show crypto eap || exit 1; done'
check "an answer that never comes ends it" wait_for 30 grep -q "EAP of s1.lab by TLS fails: no answer from backend" "$LAB/culvertd.log"
check "and is counted" wait_for 10 eval '[ "$(cvj timeouts show crypto eap)" = 1 ] && [ "$(cvj under_way show crypto eap)" = 0 ]'
eap_peer mschapv2
check "others go on" eap_up alice
stop silent

EAP_LOCAL="authentication local eap" hub " eap methods tls"
eap_peer tls eap_id= eap_only=1
check "EAP alone: traffic passes" eap_up s1.lab
gateway_stop

# ---------------------------------------------------------------------------------- strongSwan is the authenticator
for method in mschapv2 md5 gtc; do
    word=${method/msch/ms-ch}
    eap_server $method
    calls $method "authentication local eap $word username alice password 0 wonderland" "$method, as supplicant"
    check "$method, as supplicant: traffic passes" eap_called
    calls $method "authentication local eap $word username alice password 0 looking-glass" "$method, as supplicant"
    check "$method, as supplicant: a wrong password is refused" wait_for 30 grep -q "EAP as alice fails" "$LAB/culvertd.log"
    gateway_stop
done
eap_server tls
calls tls "authentication local eap tls" "tls, as supplicant"
check "tls, as supplicant: traffic passes" eap_called
eap_server tls eap_only=1
EAP_REMOTE=eap calls tls "authentication local eap tls" "EAP alone, as supplicant"
check "EAP alone, as supplicant: traffic passes" eap_called
lab_end

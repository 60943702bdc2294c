#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Who strongSwan may be and who we are to it, with strongSwan in both roles, over the software datapath: every kind of
# identity chooses its profile and its key out of many; certificate maps; a key at one side and a certificate at the
# other; another session of a peer that starts anew (INITIAL_CONTACT).
LAB_ARGS=("$@")
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/lab.sh"
. "$SYSTEM/lib/strongswan.sh"
. "$SYSTEM/lib/gateway.sh"
. "$SYSTEM/lib/scenarios.sh"
. "$SYSTEM/lib/suites.sh"
. "$SYSTEM/lib/certs.sh"
lab_start identities
reason=$(gateway_needs software) || { echo "not ok 1 - $LAB_NAME: $reason"; exit 1; }
gateway_net software
with_spoke1
pki_start

# Each row: strongSwan's identity | the profile that is meant | the key of its keyring's entry | who we are to it | calls:
# who calls. We cannot call where the key goes by an identity that the profile does not name: we prove ourselves first.
ROWS=(
    "r1.example.com|FQDN|key-of-fqdn|hub.example.com"
    "r2.example.com|DOMAIN|key-of-hostname|hub.lab|peer"
    "r3.example.com|DOMAIN|key-of-address|hub.lab"
    "joe@example.com|MAIL|key-of-mail|hub@example.com"
    "ann@example.com|MAILS|key-of-address|192.0.2.1"
    "keyid:group7|GROUP|key-of-group|keyid:the-hub"
    "198.51.100.9|NET|key-of-id|2001:db8::1|peer"
    "198.51.100.8|NET|key-of-address|2001:db8::1"
    "192.0.2.11|HOST|key-of-address|hub.lab"
    "2001:db8:1::7|SIX|key-of-address|hub.lab"
    '"O=Lab, OU=Test, CN=joe"|NAME|key-of-address|hub.lab'
    "somebody.else|ANY|key-of-address|hub.lab"
)
hub_conf() {
    cat >"$LAB/hub.conf" <<C
hostname hub
crypto ikev2 keyring K
 peer fqdn
  identity fqdn r1.example.com
  pre-shared-key key-of-fqdn
 peer hostname
  hostname r2.example.com
  pre-shared-key key-of-hostname
 peer mail
  identity email joe@example.com
  pre-shared-key key-of-mail
 peer group
  identity key-id group7
  pre-shared-key key-of-group
 peer id
  identity address 198.51.100.9
  pre-shared-key key-of-id
 peer net
  address 192.0.2.0 255.255.255.0
  pre-shared-key key-of-address
 peer other
  address 0.0.0.0 0.0.0.0
  pre-shared-key wrong
C
    profile ANY "any" "fqdn hub.lab"
    profile FQDN "fqdn r1.example.com" "fqdn hub.example.com"
    profile DOMAIN "fqdn domain example.com" "fqdn hub.lab"
    profile MAIL "email joe@example.com" "email hub@example.com"
    profile MAILS "email domain example.com" "address 192.0.2.1"
    profile GROUP "key-id group7" "key-id the-hub"
    profile NET "address 198.51.100.0 255.255.255.0" "address 2001:db8::1"
    profile HOST "address 192.0.2.11" "fqdn hub.lab"
    profile SIX "address 2001:db8:1::/48" "fqdn hub.lab"
    profile NAME "dn cn=joe,ou=test,o=lab" "fqdn hub.lab"
    profile ELSEWHERE "fqdn r1.example.com" "fqdn elsewhere.lab" " match address local 10.0.1.1"
    cat >>"$LAB/hub.conf" <<C
crypto ipsec profile OUT
 set ikev2-profile ANY
$(gateway_ports)
interface Virtual-Template1 type tunnel
 ip unnumbered Ethernet0/1
 tunnel mode ipsec ipv4
 tunnel protection ipsec profile default
interface Tunnel1
 ip unnumbered Ethernet0/1
 tunnel source Ethernet0/0
 tunnel destination $SPOKE1
 tunnel mode ipsec ipv4
 tunnel protection ipsec profile OUT
 shutdown
ip route 10.11.0.0 255.255.255.0 Tunnel1
C
    sed -i '/^$/d' "$LAB/hub.conf"
    "$CULVERTD" --check -f "$LAB/hub.conf"
}
profile() { # NAME MATCH IDENTITY [LINES]
    printf '%s\n' "crypto ikev2 profile $1" " match identity remote $2" " identity local $3" " authentication local pre-share" \
        " authentication remote pre-share" " keyring local K" " virtual-template 1" "${@:4}" >>"$LAB/hub.conf"
}
served_by() { # PROFILE KIND: the one session is of this profile
    wait_for 15 hub_has_child || { echo "no child"; tail -5 "$LAB/culvertd.log"; return 1; }
    expect_value "$1" profile ike_field "$PEER_OUT" ikev2_profile && ping_all s1 3 -I 10.11.0.1 10.0.1.2
}
peer_calls() { # PROFILE
    ss_up s1 || { tail -5 "$LAB/culvertd.log"; return 1; }
    served_by "$1" && expect_value false "we have called" ike_field "$PEER_OUT" initiator && deleted_by_peer
}
hub_calls() { # PROFILE
    configure 0 "crypto ipsec profile OUT" "set ikev2-profile $1" "interface Tunnel1" "no shutdown" && served_by "$1" &&
        expect_value true "we have called" ike_field "$PEER_OUT" initiator || return 1
    configure 0 "interface Tunnel1" "shutdown" && wait_for 10 hub_has_none && wait_for 10 peer_gone
}

spoke1_conf
check "strongSwan starts" ss_start s1 s1
check "the configuration is accepted" hub_conf && check "culvertd starts" gateway_start || exit 1
for row in "${ROWS[@]}"; do
    IFS='|' read -r id name key we calls <<<"$row"
    spoke1_conf id="$id" remote_id="$we" psk="$key"
    check "strongSwan is $id" ss_load s1
    check "$id calls: profile $name" peer_calls "$name" || sc s1 --terminate --ike hub --force >/dev/null 2>&1
    [ -n "$calls" ] || check "profile $name calls $id" hub_calls "$name" || configure 0 "interface Tunnel1" "shutdown" >/dev/null
done
spoke1_conf id=joe@example.com remote_id=hub@example.com psk=key-of-address
ss_load s1
check "the key of another entry is refused" refused AUTHENTICATION_FAILED auth_failures
spoke1_conf id=r1.example.com remote_id=hub.example.com psk=key-of-fqdn
ss_load s1
spoke1_conf id=r1.example.com remote_id=192.0.2.1 psk=key-of-address # which MAILS does not want
ss_load s1
no_such() {
    configure 0 "crypto ipsec profile OUT" "set ikev2-profile MAILS" "interface Tunnel1" "no shutdown" &&
        wait_for 15 grep -q "the responder's identity is not what the profile asks for" "$LAB/culvertd.log" && children_are 0
}
check "who is called and is somebody else is refused" no_such
check "and no more is asked of it" configure 0 "interface Tunnel1" "shutdown"

# ---------------------------------------------------------------------------------- it has lost everything and calls again
again() {
    ss_up s1 && wait_for 10 hub_has_child || return 1
    local first
    first=$(ike_field "$PEER_OUT" session)
    kill_hard charon-s1
    ss_start s1 s1 && ss_up s1 || return 1
    wait_for 10 ikes_are 1 && wait_for 10 children_are 1 || { echo "$(ike_count) IKE SAs, $(child_count) children"; return 1; }
    [ "$(ike_field "$PEER_OUT" session)" != "$first" ] || { echo "it is the old one"; return 1; }
    grep -q "session $first with .* is down" "$LAB/culvertd.log" && ping_all s1 3 -I 10.11.0.1 10.0.1.2
}
spoke1_conf id=r1.example.com remote_id=hub.example.com psk=key-of-fqdn
ss_load s1
check "strongSwan starts anew and calls: INITIAL_CONTACT ends what was before" again
hub_ends() { gateway_stop; wait_for 20 peer_gone; } # strongSwan has heard of it: else it asks the next one for a child of that session
lost_hub() {
    local before
    before=$(sc s1 --list-sas --raw | grep -o 'uniqueid=[0-9]*' | head -1)
    kill_hard culvertd
    gateway_start || return 1
    configure 0 "crypto ipsec profile OUT" "set ikev2-profile FQDN" "interface Tunnel1" "no shutdown" && served_by FQDN || return 1
    wait_for 10 one_there || { sc s1 --list-sas; return 1; }
    [ "$(sc s1 --list-sas --raw | grep -o 'uniqueid=[0-9]*' | head -1)" != "$before" ]
}
one_there() { [ "$(sc s1 --list-sas --raw | grep -o 'state=ESTABLISHED' | wc -l)" = 1 ]; }
spoke1_conf id=r1.example.com remote_id=hub.example.com psk=key-of-fqdn
ss_load s1
sc s1 --terminate --ike hub >/dev/null 2>&1
wait_for 10 hub_has_none
check "set up again" ss_up s1
check "the hub starts anew and calls: strongSwan ends what was before" lost_hub
hub_ends

# ---------------------------------------------------------------------------------- a key at one side, a certificate at the other
mixed_hub() { # LOCAL REMOTE LINES: the ways of both sides
    gateway_conf "crypto pki trustpoint LAB" " ca-certificate file $PKI/root.pem" " certificate file $PKI/hub-p256.pem" \
        " key file $PKI/hub-p256.key" " revocation-check none" "crypto pki certificate map RSA 10" " issuer-name eq cn=root,o=lab" \
        " subject-name co cn = s1-rsa" "crypto pki certificate map EC 10" " issuer-name co root" " subject-name nc rsa" \
        " subject-name ne cn=s1-rsa,ou=test,o=lab" "crypto ikev2 profile SPOKES" " no authentication remote pre-share" \
        " pki trustpoint LAB" " authentication local $1" " authentication remote $2" "${@:3}" &&
        { gateway_start || return 1; }
}
mixed_peer() { # CERT (or none) REMOTE
    cert_peer "${1:-s1-p256}" ""
    [ -n "$1" ] || sed -i -e '0,/auth = pubkey/s//auth = psk/' -e '/^ *certs = /d' "$LAB/s1/swanctl.conf"
    if [ "$2" = psk ]; then
        awk '/^ *remote \{/ { r = 1 } r && /auth = pubkey/ { sub("pubkey", "psk"); r = 0 } 1' "$LAB/s1/swanctl.conf" >"$LAB/s1/new" &&
            mv "$LAB/s1/new" "$LAB/s1/swanctl.conf"
    fi
    ss_load s1
}
says_auth() { # LOCAL REMOTE
    wait_for 10 hub_has_child || { tail -5 "$LAB/culvertd.log"; return 1; }
    case $(ike_field "$PEER_OUT" auth_local)/$(ike_field "$PEER_OUT" auth_remote) in
    $1/$2) ping_all s1 3 -I 10.11.0.1 10.0.1.2 ;;
    *) ike_field "$PEER_OUT" auth_local; ike_field "$PEER_OUT" auth_remote; return 1 ;;
    esac
}
check "a CA and what it signs" certificates_made || exit 1
stop charon-s1
cert_peer s1-p256 ""
check "strongSwan starts" ss_start s1 s1
check "the hub signs, peers have a key" mixed_hub ecdsa-sig pre-share
check "strongSwan has it" mixed_peer "" pubkey
check "it calls" ss_up s1
check "we have signed, it had a key" says_auth '[!P]*' PSK
hub_ends
check "the hub signs, peers have a key, and the hub calls" mixed_hub ecdsa-sig pre-share "$(printf '%s\n' "interface Tunnel1" " ip unnumbered Ethernet0/1" \
    " tunnel source Ethernet0/0" " tunnel destination $SPOKE1" " tunnel mode ipsec ipv4" " tunnel protection ipsec profile SPOKES" \
    "ip route 10.11.0.0 255.255.255.0 Tunnel1")"
check "we have signed, it had a key" says_auth '[!P]*' PSK
hub_ends
check "the hub has a key, peers sign" mixed_hub pre-share ecdsa-sig
check "strongSwan does" mixed_peer s1-p256 psk
check "it calls" ss_up s1
check "we had a key, it has signed" says_auth PSK '[!P]*'
hub_ends
check "the hub has a key, peers sign, and the hub calls" mixed_hub pre-share ecdsa-sig "$(printf '%s\n' "interface Tunnel1" " ip unnumbered Ethernet0/1" \
    " tunnel source Ethernet0/0" " tunnel destination $SPOKE1" " tunnel mode ipsec ipv4" " tunnel protection ipsec profile SPOKES" \
    "ip route 10.11.0.0 255.255.255.0 Tunnel1")"
check "we had a key, it has signed" says_auth PSK '[!P]*'
hub_ends

# ---------------------------------------------------------------------------------- certificate maps
check "profiles by certificate maps" mixed_hub ecdsa-sig ecdsa-sig "$(printf '%s\n' "crypto ikev2 profile OF-RSA" " match certificate RSA" \
    " identity local fqdn hub.lab" " authentication local ecdsa-sig" " authentication remote rsa-sig" " pki trustpoint LAB" " virtual-template 2" \
    "crypto ikev2 profile OF-EC" " match certificate EC" " identity local fqdn hub.lab" " authentication local ecdsa-sig" \
    " authentication remote ecdsa-sig" " pki trustpoint LAB" " virtual-template 2" "interface Virtual-Template2 type tunnel" \
    " ip unnumbered Ethernet0/1" " tunnel mode ipsec ipv4" " tunnel protection ipsec profile default")"
for kind in rsa p256; do
    check "strongSwan has a certificate of $kind" mixed_peer s1-$kind pubkey
    name=OF-RSA
    [ $kind = rsa ] || name=OF-EC
    check "its certificate chooses profile $name, though its identity fits another" peer_calls $name
done
check "culvertd ends cleanly" eval 'p=${PID[culvertd]}; kill -TERM "$p"; wait "$p"'
unset "PID[culvertd]"
lab_end

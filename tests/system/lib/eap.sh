# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# EAP with strongSwan at the other end, in either role. Needs lab.sh, strongswan.sh and gateway.sh.
#
#   eap_certs                        $LAB/pki: a CA, hub.lab, s1.lab; and s1 of a CA that nobody trusts (rogue)
#   eap_revoke                       $LAB/pki/crl.pem, which revokes s1.lab
#   eap_hub [LINES]                  configuration of the gateway as authenticator; LINES are added to the profile
#   eap_peer METHOD KEY=VALUE...     strongSwan as supplicant: eap_id secret cert (s1 or rogue) eap_only
#   eap_calls METHOD LINE            configuration of the gateway as supplicant; LINE is its authentication local
#   eap_server METHOD KEY=VALUE...   strongSwan as authenticator: secret eap_only
EAP_PLUGINS="random nonce aes des sha1 sha2 md4 md5 hmac kdf drbg gcm curve25519 openssl pem pkcs1 x509 pubkey constraints \
socket-default vici updown resolve eap-identity eap-mschapv2 eap-md5 eap-gtc eap-tls xauth-generic kernel-libipsec kernel-netlink"

eap_certs() {
    local d=$LAB/pki name use
    mkdir -p "$d"
    for name in ca other; do
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$d/$name.key" -out "$d/$name.pem" \
            -days 30 -subj "/O=Lab/CN=$name" -addext basicConstraints=critical,CA:TRUE || return 1
    done
    eap_cert ca hub hub.lab serverAuth,clientAuth && eap_cert ca s1 s1.lab serverAuth,clientAuth &&
        eap_cert other rogue s1.lab clientAuth
}
eap_cert() { # CA NAME DNS USE
    local d=$LAB/pki
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$d/$2.key" -out "$d/$2.csr" -subj "/O=Lab/CN=$3" &&
        openssl x509 -req -in "$d/$2.csr" -CA "$d/$1.pem" -CAkey "$d/$1.key" -CAcreateserial -out "$d/$2.pem" -days 20 \
            -extfile <(echo "subjectAltName=DNS:$3"; echo "extendedKeyUsage=$4"; echo "basicConstraints=CA:FALSE")
}

# A list of the CA's that revokes s1's certificate.
eap_revoke() {
    local d=$LAB/pki
    printf 'R\t400101000000Z\t%s\t%s\tunknown\t/O=Lab/CN=s1.lab\n' "$(date -u +%y%m%d%H%M%SZ)" \
        "$(openssl x509 -in "$d/s1.pem" -noout -serial | cut -d= -f2)" >"$d/index.txt"
    printf '[ca]\ndefault_ca=x\n[x]\ndatabase=%s/index.txt\ndefault_md=sha256\n' "$d" >"$d/ca.cnf"
    openssl ca -gencrl -config "$d/ca.cnf" -keyfile "$d/ca.key" -cert "$d/ca.pem" -crldays 10 -out "$d/crl.pem"
}

eap_base() { # the gateway without its profile
    cat <<C
hostname hub
aaa new-model
aaa authentication login USERS local
username alice password 0 wonderland
username s1.lab password builder
crypto pki trustpoint LAB
 ca-certificate file $LAB/pki/ca.pem
 certificate file $LAB/pki/hub.pem
 key file $LAB/pki/hub.key
 ${EAP_REVOCATION:-revocation-check none}
crypto ikev2 profile SPOKES
 match identity remote fqdn domain lab
 identity local fqdn hub.lab
 pki trustpoint LAB
C
}
eap_rest() {
    cat <<C
crypto ipsec profile SPOKES
 set ikev2-profile SPOKES
$(gateway_ports)
C
}
eap_conf() { sed -i '/^ *$/d' "$LAB/hub.conf" && "$CULVERTD" --check -f "$LAB/hub.conf"; }

eap_hub() {
    {
        eap_base
        printf '%s\n' " ${EAP_LOCAL:-authentication local ecdsa-sig}" " authentication remote eap ${EAP_QUERY-query-identity}" \
            " aaa authentication eap USERS" " virtual-template 1" "$@"
        eap_rest
        printf '%s\n' "interface Virtual-Template1 type tunnel" " ip unnumbered Ethernet0/1" " tunnel mode ipsec ipv4" \
            " tunnel protection ipsec profile SPOKES"
    } >"$LAB/hub.conf"
    eap_conf
}

eap_calls() {
    {
        eap_base
        printf '%s\n' " $1" " authentication remote ${EAP_REMOTE:-ecdsa-sig}"
        eap_rest
        printf '%s\n' "interface Tunnel1" " ip unnumbered Ethernet0/1" " tunnel source Ethernet0/0" \
            " tunnel destination $SPOKE1" " tunnel mode ipsec ipv4" " tunnel protection ipsec profile SPOKES" \
            "ip route 10.11.0.0 255.255.255.0 Tunnel1"
    } >"$LAB/hub.conf"
    eap_conf
}

# The settings of the daemon itself, then a connection whose two ends are given as text.
eap_swan() { # LOCAL REMOTE SECRETS
    local d=$LAB/s1 f
    mkdir -p "$d/x509" "$d/x509ca" "$d/private"
    cp "$LAB/pki/ca.pem" "$d/x509ca/"
    rm -f "$d/private/"* "$d/x509/"*
    cp "$LAB/pki/$EAP_CERT.key" "$d/private/"
    cp "$LAB/pki/$EAP_CERT.pem" "$d/x509/"
    cat >"$d/strongswan.conf" <<C
charon-systemd {
    load = $EAP_PLUGINS
    filelog {
        main {
            path = $d/charon.log
            default = 1
            flush_line = yes
        }
    }
    journal {
        default = -1
    }
    plugins {
        vici {
            socket = unix://$d/vici
        }
        resolve {
            file = $d/resolv.conf
        }
        eap-gtc {
            backend = generic
        }
        eap-tls {
            fragment_size = 500
        }
    }
    retransmit_tries = 3
    retransmit_timeout = 1.0
}
C
    cat >"$d/swanctl.conf" <<C
connections {
    hub {
        version = 2
        local_addrs = $SPOKE1
        remote_addrs = $HUB
        proposals = aes256gcm16-prfsha384-x25519
        rekey_time = 0
        local {
            $1
        }
        remote {
            $2
        }
        children {
            net {
                local_ts = 10.11.0.0/24
                remote_ts = 10.0.0.0/8
                esp_proposals = aes256gcm16
                rekey_time = 0
                updown =
            }
        }
    }
}
secrets {
    $3
}
C
}

eap_peer() {
    local method=$1 eap_id=alice secret=wonderland cert=s1 eap_only= remote="auth = pubkey" kv
    shift
    for kv; do local "${kv%%=*}=${kv#*=}"; done
    local own="auth = eap-$method
            id = s1.lab
            ${eap_id:+eap_id = $eap_id}"
    [ "$method" = tls ] && own="$own
            certs = $cert.pem"
    [ -n "$eap_only" ] && remote="auth = eap"
    EAP_CERT=$cert eap_swan "$own" "$remote
            id = hub.lab" "eap-1 {
        id = ${eap_id:-s1.lab}
        secret = \"$secret\"
    }"
    eap_swan_load
}

eap_server() {
    local method=$1 secret=wonderland eap_only= own="auth = pubkey
            certs = s1.pem" kv
    shift
    for kv; do local "${kv%%=*}=${kv#*=}"; done
    [ -n "$eap_only" ] && own="auth = eap-$method
            certs = s1.pem"
    EAP_CERT=s1 eap_swan "$own
            id = s1.lab" "auth = eap-$method
            id = hub.lab
            eap_id = %any" "eap-1 {
        id = alice
        secret = \"$secret\"
    }"
    eap_swan_load
}
# A new daemon each time: it keeps certificates and secrets that were there before.
eap_swan_load() {
    [ -n "${PID[charon-s1]:-}" ] && stop charon-s1
    ss_start s1 s1
}

# strongSwan calls, and traffic passes; the gateway knows by whom it was called.
eap_up() { # IDENTITY (a pattern)
    ss_up s1 || { eap_diagnosis; return 1; }
    wait_for 20 hub_has_child || { echo "the hub has no child"; return 1; }
    ping_all s1 2 -I 10.11.0.1 10.0.1.2 || return 1
    grep -qx "$1" <<<"$(cvj sas.0.eap_id show crypto ikev2 sa)" || { cv show crypto ikev2 sa detailed; return 1; }
    grep -q "EAP of $1 by .* succeeds" "$LAB/culvertd.log" || { grep "EAP" "$LAB/culvertd.log"; return 1; }
    ss_down
}
# Who has heard what: the last words of both, whose sockets there are, whether neighbours are known.
eap_diagnosis() {
    tail -6 "$LAB/s1/charon.log"
    tail -4 "$LAB/culvertd.log"
    cv show crypto ikev2 stats | grep -iE 'messages|dropped' | head -4
    ns s1 ss -Huanp | head -3
    ns s1 ip neigh show "$HUB"
    ns gw ip neigh show "$SPOKE1"
}
ss_down() { sc s1 --terminate --ike hub --timeout 10 >/dev/null 2>&1; wait_for 20 hub_has_none; }

eap_said() { tail -n "+$(($1 + 1))" "$LAB/culvertd.log" | grep -q "EAP .*$2"; } # since that line of the log
eap_refused() { # WHY
    local lines
    lines=$(wc -l <"$LAB/culvertd.log")
    ss_up s1 20 && { echo "it was not refused"; return 1; }
    wait_for 20 eap_said "$lines" "$1" || { grep EAP "$LAB/culvertd.log" | tail -3; eap_diagnosis; echo "without the reason: $1"; return 1; }
    wait_for 20 hub_has_none || { echo "and something of it stays"; return 1; }
}

# The gateway calls.
eap_called() {
    wait_for 40 hub_has_child || { grep -E "EAP|ikev2" "$LAB/culvertd.log" | tail -5; tail -20 "$LAB/s1/charon.log"; return 1; }
    ping_all lan 2 10.11.0.1 || return 1
    gateway_stop
}

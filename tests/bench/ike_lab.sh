# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# A responder, ours or strongSwan, and culvert-load as all its initiators. Needs lab.sh, strongswan.sh, gateway.sh.
#
#   i: culvert-load; every address of 10.1.0.0/16 and 10.2.0.0/16 is its own (a local route).    r: the responder, 192.0.2.1
#   behind the responder 10.0.0.1, which answers echoes; behind initiator n: address n of 10.64.0.0/10
#
#   ike_net                              makes both
#   ike_net6                             and addresses of IPv6: 2001:db8::1, load's of 2001:db8:1::/64; 2001:db8:f::1, 2001:db8:10::/64
#   responder_start WHO GROUP [AUTH]     WHO: our or swan; sets RESPONDER, its process
#       AUTH: psk, ecdsa256, rsa2048; eap, eap-only: initiators by EAP (strongSwan: eap-mschapv2, eap-tls, eap-tls-only), with an ECDSA
#       certificate at the responder; names user0 ... user29, passwords secret-0 ...
#   certs_make                           an authority, the hub's and the spokes' certificates (ECDSA P-256, RSA-2048)
#   cert_make KIND NAME                  one more
#   responder_stop
#   load ARGS...                         culvert-load; its JSON in LOAD
#   load_json PATH                       a value of it
#   cpu_ms PID, rss_kib PID
# OUR_DEVICE=none: each session of culvertd has a device of its own, else they share one. OUR_CERT: another certificate than hub.
# OUR_OUTER: 4 or 6: both families inside, and which of them outside; addresses for those who ask (10.99.0.0/24,
# 2001:db8:99::/112). SWAN_OUTER=6: strongSwan's at IPv6, both families inside. LOAD_ENDS: where culvert-load calls, from where.
# RESPONDER_CPU: the core that the responder is pinned to (none if empty); LOAD_CPU the same for culvert-load.
LOAD_TOOL=$B/bin/culvert-load
SWAN_VERSION=$(dpkg-query -W -f='${source:Upstream-Version}' charon-systemd 2>/dev/null)
RESPONDER_CPU=${RESPONDER_CPU-1}
LOAD_CPU=${LOAD_CPU-0}
declare -A OUR_GROUP=([x25519]=31 [ecp256]=19)

ike_needs() {
    local f
    for f in "$CULVERTD" "$CULVERT" "$LOAD_TOOL"; do [ -x "$f" ] || { echo "$f is not built" >&2; exit 1; }; done
    [ -z "$RESPONDER_CPU" ] || [ "$(nproc)" -ge 2 ] || { echo "two processors are needed: one for each end" >&2; exit 1; }
}
have_swan() { command -v $SS_DAEMON >/dev/null; }

ike_net() {
    ns_add i r
    wire i eth0 r eth0
    ip -n i addr add 192.0.2.2/24 dev eth0
    ip -n r addr add 192.0.2.1/24 dev eth0
    ip -n r addr add 10.0.0.1/32 dev lo
    ip -n i route add local 10.1.0.0/16 dev lo
    ip -n i route add local 10.2.0.0/16 dev lo
    ip -n r route add 10.1.0.0/16 via 192.0.2.2
    ip -n r route add 10.2.0.0/16 via 192.0.2.2
    ns r sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 net.ipv4.ip_forward=1
    ns i sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
}

ike_net6() {
    local n
    for n in i r; do
        ns $n sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0 net.ipv6.conf.eth0.disable_ipv6=0 \
            net.ipv6.conf.lo.disable_ipv6=0 net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.eth0.accept_dad=0 || return 1
    done
    ns r sysctl -qw net.ipv6.conf.all.forwarding=1
    ip -n i addr add 2001:db8::2/64 dev eth0 nodad
    ip -n r addr add 2001:db8::1/64 dev eth0 nodad
    ip -n r addr add 2001:db8:f::1/128 dev lo
    ip -n i -6 route add local 2001:db8:1::/64 dev lo
    ip -n r -6 route add 2001:db8:1::/64 via 2001:db8::2
}

# All spokes share a certificate: dns:spoke.lab is the identity of each.
certs_make() {
    local kind name
    mkdir -p "$LAB/pki"
    for kind in ecdsa256 rsa2048; do
        for name in ca hub spoke; do
            if [ $kind = rsa2048 ]; then
                openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$LAB/pki/$kind-$name.key" 2>/dev/null || return 1
            else
                openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$LAB/pki/$kind-$name.key" || return 1
            fi
        done
        openssl req -x509 -new -key "$LAB/pki/$kind-ca.key" -subj "/CN=Lab $kind" -days 30 -out "$LAB/pki/$kind-ca.pem" \
            -addext basicConstraints=critical,CA:true -addext keyUsage=critical,keyCertSign,cRLSign || return 1
        for name in hub spoke; do
            cert_sign "$kind" "$name" || return 1
        done
    done
}
cert_sign() { # KIND NAME: there is a key
    openssl req -new -key "$LAB/pki/$1-$2.key" -subj "/CN=$2.lab" -out "$LAB/pki/$2.csr" &&
        openssl x509 -req -in "$LAB/pki/$2.csr" -CA "$LAB/pki/$1-ca.pem" -CAkey "$LAB/pki/$1-ca.key" -CAcreateserial -days 30 -out "$LAB/pki/$1-$2.pem" \
            -extfile <(printf 'subjectAltName=DNS:%s.lab\nkeyUsage=critical,digitalSignature\nbasicConstraints=CA:false\n' "$2") 2>/dev/null
}
cert_make() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$LAB/pki/$1-$2.key" && cert_sign "$1" "$2"; }
# Of the responder's certificate, for an authentication.
cert_kind() { case $1 in eap*) echo ecdsa256 ;; *) echo "$1" ;; esac; }
# The options of culvert-load for an authentication: psk, ecdsa256, rsa2048
auth_options() {
    [ "$1" = psk ] || echo --cert "$LAB/pki/$1-spoke.pem" --key "$LAB/pki/$1-spoke.key" --ca "$LAB/pki/$1-ca.pem" --id spoke.lab
}

pinned() { local cpu=$1; shift; if [ -n "$cpu" ]; then taskset -c "$cpu" "$@"; else "$@"; fi; }

our_auth() { # AUTH: the profile's lines
    case $1 in
    psk) printf '%s\n' " authentication remote pre-share" " authentication local pre-share" " keyring local ALL" ;;
    eap*)
        local own=ecdsa-sig
        [ "$1" = eap-only ] && own=eap
        printf '%s\n' " authentication remote eap query-identity" " authentication local $own" " aaa authentication eap USERS" \
            " eap methods ms-chapv2 gtc md5 tls" " pki trustpoint LAB"
        ;;
    *)
        local way=rsa-sig
        [ "$1" = ecdsa256 ] && way=ecdsa-sig
        printf '%s\n' " authentication remote $way" " authentication local $way" " pki trustpoint LAB"
        ;;
    esac
}
our_trust() { # AUTH
    local kind n
    kind=$(cert_kind "$1")
    [ "$1" = psk ] || printf '%s\n' "crypto pki trustpoint LAB" " revocation-check none" \
        " ca-certificate file $LAB/pki/$kind-ca.pem" " certificate file $LAB/pki/$kind-${OUR_CERT:-hub}.pem" " key file $LAB/pki/$kind-${OUR_CERT:-hub}.key"
    [ "$kind" = "$1" ] && return
    printf '%s\n' "aaa new-model" "aaa authentication login USERS local"
    for ((n = 0; n < 30; n++)); do echo "username user$n password secret-$n"; done
}
our_conf() { # GROUP AUTH
    cat <<C
hostname bench
${OUR_LINES:-crypto ikev2 cookie-challenge 1000}
$(our_trust "${2:-psk}")
crypto ikev2 proposal P
 encryption aes-gcm-256
 prf sha384
 group ${OUR_GROUP[$1]}
crypto ikev2 policy P
 proposal P
crypto ikev2 keyring ALL
 peer all
  address 0.0.0.0 0.0.0.0
  pre-shared-key $PSK
$(our_six)
crypto ikev2 profile ALL
 match identity remote fqdn domain lab
 identity local fqdn hub.lab
$(our_auth "${2:-psk}")
$([ -z "${OUR_OUTER:-}" ] || echo " aaa authorization group psk list default default")
 virtual-template 1
crypto ipsec profile ALL
 set ikev2-profile ALL
interface Ethernet0/0
 device eth0
 ip address 192.0.2.1 255.255.255.0
$([ -z "${OUR_OUTER:-}" ] || echo " ipv6 address 2001:db8::1/64")
interface Loopback0
 ip address 10.0.0.1 255.255.255.255
$([ -z "${OUR_OUTER:-}" ] || echo " ipv6 address 2001:db8:f::1/128")
interface Virtual-Template1 type tunnel
$([ "${OUR_DEVICE:-}" = none ] || echo " device spokes")
 ip unnumbered Loopback0
$([ -z "${OUR_OUTER:-}" ] || echo " ipv6 unnumbered Loopback0")
 ip mtu 1400
 tunnel mode ipsec ipv${OUR_OUTER:-4}
 tunnel protection ipsec profile ALL
C
}
our_six() {
    [ -z "${OUR_OUTER:-}" ] || printf '%s\n' " peer six" "  address ::/0" "  pre-shared-key $PSK" "ip local pool four 10.99.0.1 10.99.0.250" \
        "ipv6 local pool six 2001:db8:99::/112 128" "crypto ikev2 authorization policy default" " pool four" " ipv6 pool six"
}
our_start() {
    our_conf "$@" | sed '/^$/d' >"$LAB/responder.conf"
    bg responder nsenter --net=/run/netns/r -- $(pinned_words) "$CULVERTD" -f "$LAB/responder.conf" -s "$LAB/responder.sock" --log-level warning
    wait_for 40 "$CULVERT" -s "$LAB/responder.sock" show version || { cat "$LAB/responder.log"; return 1; }
    RESPONDER=${PID[responder]}
}
pinned_words() { [ -z "$RESPONDER_CPU" ] || echo taskset -c "$RESPONDER_CPU"; }

# strongSwan at its best: a hash table for its IKE SAs, as many segments, no cookies or limits, no log, no routes of its own.
swan_start() { # GROUP AUTH
    local auth=psk remote=psk certs= kind n plugins= eap=
    kind=$(cert_kind "${2:-psk}")
    [ "$kind" = psk ] || auth=pubkey remote=pubkey certs="certs = $LAB/pki/$kind-hub.pem"
    case ${2:-psk} in eap*) remote=${2%-only} eap=yes plugins="des md4 md5 eap-identity eap-mschapv2 eap-tls" ;; esac
    case ${2:-psk} in *-only) auth=$remote ;; esac
    mkdir -p "$LAB/responder"
    cat >"$LAB/responder/strongswan.conf" <<C
charon-systemd {
    load = random nonce aes sha1 sha2 hmac kdf drbg gcm curve25519 pem pkcs1 pkcs8 x509 pubkey constraints openssl $plugins kernel-libipsec kernel-netlink socket-default vici
    filelog {
        main {
            path = $LAB/responder/charon.log
            default = -1
        }
    }
    journal {
        default = -1
    }
    plugins {
        vici {
            socket = unix://$LAB/responder/vici
        }
    }
    cookie_threshold = 0
    block_threshold = 0
    ikesa_table_size = ${SWAN_TABLE:-32768}
    ikesa_table_segments = 16
    threads = ${SWAN_THREADS:-16}
    install_routes = no
    delete_rekeyed_delay = 1
}
C
    cat >"$LAB/responder/swanctl.conf" <<C
connections {
    any {
        version = 2
        local_addrs = $([ "${SWAN_OUTER:-4}" = 6 ] && echo 2001:db8::1 || echo 192.0.2.1)
        proposals = aes256gcm16-prfsha384-$1
        childless = ${SWAN_CHILDLESS:-allow}
        rekey_time = 0
        local {
            auth = $auth
            id = hub.lab
            $certs
        }
        remote {
            auth = $remote
            ${eap:+eap_id = %any}
        }
        children {
            net {
                local_ts = 0.0.0.0/0${SWAN_OUTER:+,::/0}
                remote_ts = 10.64.0.0/10${SWAN_OUTER:+,2001:db8:10::/64}
                esp_proposals = aes256gcm16
                rekey_time = 0
            }
        }
    }
}
secrets {
    ike-lab {
        secret = "$PSK"
    }
$([ -z "$eap" ] || for ((n = 0; n < 30; n++)); do printf 'eap-%s {\nid = user%s\nsecret = secret-%s\n}\n' $n $n $n; done)
}
C
    if [ -n "$certs" ]; then
        mkdir -p "$LAB/responder/x509ca" "$LAB/responder/private"
        rm -f "$LAB/responder/x509ca/"* "$LAB/responder/private/"*
        cp "$LAB/pki/$kind-ca.pem" "$LAB/responder/x509ca/"
        cp "$LAB/pki/$kind-hub.key" "$LAB/responder/private/"
    fi
    SS_DAEMON="$(pinned_words) $SS_DAEMON" ss_start responder r || return 1
    RESPONDER=${PID[charon-responder]}
    wait_for 20 ip -n r route replace 10.64.0.0/10 dev ipsec0 src 10.0.0.1 || return 1
    [ -z "${SWAN_OUTER:-}" ] || wait_for 20 ip -n r -6 route replace 2001:db8:10::/64 dev ipsec0 src 2001:db8:f::1
}
responder_start() { local who=$1; shift; "${who}_start" "$@" >&2; }
# Not cleanly: that would measure its deletes.
responder_stop() {
    kill -KILL "$RESPONDER"
    stop responder charon-responder
    ip -n r -4 route flush proto static 2>/dev/null
    rm -f "$LAB/responder/vici"
}

# Milliseconds of processor time that a process has used (from /proc/PID/schedstat, in ns, of all its threads).
cpu_ms() { cat /proc/"$1"/task/*/schedstat | awk '{ n += $1 } END { printf "%.3f", n / 1e6 }'; }
rss_kib() { awk '/^(RssAnon|RssFile|RssShmem):/ { n += $2 } END { print n }' "/proc/$1/status"; }

load() {
    LOAD=$(nsenter --net=/run/netns/i -- ${LOAD_CPU:+taskset -c $LOAD_CPU} "$LOAD_TOOL" --json -q ${LOAD_ENDS--t 192.0.2.1 -l 10.1.0.0 --encap} "$@")
}
load_json() { "$TOOL" json "$1" <<<"$LOAD"; }

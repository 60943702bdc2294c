# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Certificates for the lab, by the openssl command, and servers that tell what is revoked. Needs the rest of lib/.
#
#   ca_new NAME KEY [BY]            a CA: $PKI/NAME.pem, .key; of another one if BY is given. KEY: rsa p256 p384 ed25519
#   cert_new NAME KEY BY SAN [EXT]  an end entity; EXT: lines of extensions
#   cert_revoke NAME BY             notes it in BY's list;  crl_new BY: $PKI/BY.crl
#   web_start, ocsp_start BY, slow_start   servers in the LAN: files of $PKI, an OCSP responder, one that never answers
#   cert_hub NAME...                hub.conf's lines for certificates: our own, and more lines of the trustpoint
#                                   CERT_FIRST: one of CA other that stands before it, and whom we trust as well
#   cert_peer CERT CHAIN [KEY=VALUE...]   strongSwan of s1 with this certificate (CHAIN: one more to send, or none)
WEB=10.0.1.2:8080
OCSP=10.0.1.2:8081
SLOW=10.0.1.2:8082

pki_start() { PKI=$LAB/pki && mkdir -p "$PKI"; }

key_new() { # FILE KIND
    case $2 in
    rsa) openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$1" 2>/dev/null ||
        openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$1" 2>/dev/null ;;
    p256 | p384) openssl genpkey -algorithm EC -pkeyopt "ec_paramgen_curve:P-${2#p}" -out "$1" ;;
    ed25519) openssl genpkey -algorithm ED25519 -out "$1" ;;
    esac
}

ca_new() {
    local name=$1 by=${3:-}
    key_new "$PKI/$name.key" "$2" || return 1
    printf 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n' >"$PKI/$name.ext"
    : >"$PKI/$name.index"
    openssl req -new -key "$PKI/$name.key" -subj "/O=Lab/CN=$name" -out "$PKI/$name.csr" || return 1
    if [ -z "$by" ]; then
        openssl x509 -req -in "$PKI/$name.csr" -key "$PKI/$name.key" -days 30 -extfile "$PKI/$name.ext" -out "$PKI/$name.pem"
    else
        cert_sign "$name" "$by"
    fi
}

cert_sign() { # NAME BY: signs $PKI/NAME.csr with $PKI/NAME.ext, and keeps the serial number in BY's index
    local serial
    serial=$(openssl rand -hex 8) serial=5${serial^^}
    [ $((${#serial} % 2)) = 0 ] || serial=0$serial
    openssl x509 -req -in "$PKI/$1.csr" -CA "$PKI/$2.pem" -CAkey "$PKI/$2.key" -set_serial "0x$serial" -days 20 \
        -extfile "$PKI/$1.ext" -out "$PKI/$1.pem" || return 1
    printf 'V\t490101000000Z\t\t%s\tunknown\t/CN=%s\n' "$serial" "$1" >>"$PKI/$2.index"
}

cert_new() {
    local name=$1
    key_new "$PKI/$name.key" "$2" || return 1
    printf '%s\n' "subjectAltName=$4" "keyUsage=digitalSignature" ${5:+"$5"} >"$PKI/$name.ext"
    openssl req -new -key "$PKI/$name.key" -subj "/O=Lab/OU=Test/CN=$name" -out "$PKI/$name.csr" || return 1
    cert_sign "$name" "$3"
}

cert_revoke() {
    sed -i -E "s|^V\t([^\t]*)\t\t([^\t]*)\t(.*/CN=$1)\$|R\t\1\t240101000000Z,keyCompromise\t\2\t\3|" "$PKI/$2.index"
    grep -q "^R.*/CN=$1\$" "$PKI/$2.index"
}

crl_new() {
    printf '[ca]\ndefault_ca=d\n[d]\ndatabase=%s\ndefault_md=sha256\ndefault_crl_days=1\n' "$PKI/$1.index" >"$PKI/$1.cnf"
    openssl ca -gencrl -config "$PKI/$1.cnf" -cert "$PKI/$1.pem" -keyfile "$PKI/$1.key" -out "$PKI/$1.crl.pem" 2>/dev/null &&
        openssl crl -in "$PKI/$1.crl.pem" -outform DER -out "$PKI/$1.crl"
}

# What answers a request for a file of $PKI, and notes it.
web_serve() {
    cat >"$PKI/serve" <<'S'
#!/bin/bash
read -r _ path _
while read -r line && [ "${line%$'\r'}" != "" ]; do :; done
file=$1/$(basename "$path")
echo "$path" >>"$1/web.hits"
printf 'HTTP/1.1 200 OK\r\nContent-Length: %s\r\nConnection: close\r\n\r\n' "$(stat -c %s "$file")"
cat "$file"
S
    chmod +x "$PKI/serve"
    : >"$PKI/web.hits"
}
web_start() {
    web_serve
    bg web nsenter --net=/run/netns/lan -- socat "TCP-LISTEN:${WEB#*:},bind=${WEB%:*},reuseaddr,fork" "EXEC:$PKI/serve $PKI"
    wait_for 10 listens "$WEB"
}
ocsp_start() {
    bg ocsp nsenter --net=/run/netns/lan -- openssl ocsp -port "${OCSP#*:}" -index "$PKI/$1.index" -CA "$PKI/$1.pem" \
        -rsigner "$PKI/$1.pem" -rkey "$PKI/$1.key" -ndays 1
    wait_for 10 listens "$OCSP"
}
slow_start() {
    bg slow nsenter --net=/run/netns/lan -- socat "TCP-LISTEN:${SLOW#*:},bind=${SLOW%:*},reuseaddr,fork" SYSTEM:"cat >/dev/null; sleep 60"
    wait_for 10 listens "$SLOW"
}
listens() { ns lan ss -Hltn "sport = :${1#*:}" | grep -q .; }

cert_hub() { # NAME [LINES of the trustpoint]...
    local own=$1
    shift
    [ "$own" = imported ] || own=" ca-certificate file $PKI/root.pem"$'\n'" certificate file $PKI/$own.pem"$'\n'" key file $PKI/$own.key"
    [ -z "${CERT_FIRST:-}" ] || printf '%s\n' "crypto pki trustpoint FIRST" " ca-certificate file $PKI/other.pem" \
        " certificate file $PKI/$CERT_FIRST.pem" " key file $PKI/$CERT_FIRST.key" "crypto ikev2 profile SPOKES" " pki trustpoint FIRST"
    printf '%s\n' "crypto pki trustpoint LAB" "${own#imported}" "${@:- revocation-check none}" "crypto ikev2 profile SPOKES" " no keyring" \
        " no authentication remote pre-share" " authentication local ${HUB_AUTH:-ecdsa-sig}" " authentication remote rsa-sig" \
        " authentication remote ecdsa-sig" " authentication remote eddsa-sig" " pki trustpoint LAB" " identity local ${HUB_ID:-fqdn hub.lab}"
}

cert_peer() {
    local cert=$1 chain=$2 f
    shift 2
    spoke1_conf plugins="x509 pubkey pkcs1 pkcs8 mgf1" "$@"
    rm -rf "$LAB/s1/"{x509,x509ca,private}
    mkdir -p "$LAB/s1/"{x509,x509ca,private}
    cp "$PKI/root.pem" "$LAB/s1/x509ca/"
    [ -z "$chain" ] || cp "$PKI/$chain.pem" "$LAB/s1/x509ca/"
    for f in $cert ${PEER_ALSO:-}; do
        cp "$PKI/$f.pem" "$LAB/s1/x509/"
        cp "$PKI/$f.key" "$LAB/s1/private/"
    done
    # Only the trust anchor is trusted; an intermediate is sent, and that is all.
    sed -i -e "0,/auth = psk/s||auth = ${PEER_AUTH:-pubkey}\n            certs = $cert.pem|" -e "s/auth = psk/auth = pubkey/" \
        "$LAB/s1/swanctl.conf"
}

# cert_refused REASON: the hub's log says it, the peer hears AUTHENTICATION_FAILED.
cert_refused() {
    local lines reason=$1
    lines=$(wc -l <"$LAB/culvertd.log")
    refused AUTHENTICATION_FAILED auth_failures || return 1
    wait_for 10 eval 'tail -n "+$((lines + 1))" "$LAB/culvertd.log" | grep -q "$reason"' || { echo "the log lacks \"$1\""; tail -5 "$LAB/culvertd.log"; return 1; }
}

# ------------------------------------------------------------------------------------------------ what is proved

certificates_made() {
    local k
    ca_new root p384 && ca_new sub p256 root && ca_new other p256 || return 1
    for k in rsa p256 p384 ed25519; do
        cert_new "hub-$k" "$k" root DNS:hub.lab && cert_new "s1-$k" "$k" root DNS:s1.lab || return 1
    done
    cert_new hub-sub p256 sub DNS:hub.lab && cat "$PKI/sub.pem" >>"$PKI/hub-sub.pem" || return 1
    cert_new s1-sub p256 sub DNS:s1.lab "crlDistributionPoints=URI:http://$WEB/sub.crl" &&
        cert_new s1-crl p256 root DNS:s1.lab "crlDistributionPoints=URI:http://$WEB/root.crl" &&
        cert_new s1-ocsp p256 root DNS:s1.lab "authorityInfoAccess=OCSP;URI:http://$OCSP/" &&
        cert_new s1-slow p256 root DNS:s1.lab "authorityInfoAccess=OCSP;URI:http://$SLOW/" &&
        cert_new s1-name p256 root DNS:elsewhere.lab && cert_new s1-other p256 other DNS:s1.lab
}

way_of() { case $1 in rsa) echo "${2:-rsa-sig}" ;; ed25519) echo eddsa-sig ;; *) echo ecdsa-sig ;; esac; }

# Every kind of key at both ends, each end first.
certificates_both_ways() {
    local k
    cert_peer s1-rsa ""
    check "strongSwan starts" ss_start s1 s1
    for k in rsa p256 p384 ed25519; do
        HUB_AUTH=$(way_of $k) gateway_conf_certs "hub-$k" || return
        cert_peer "s1-$k" ""
        check "the peer takes its certificate ($k)" ss_load s1
        check "certificates of $k, strongSwan initiates" session_from_peer
        gateway_stop
        HUB_AUTH=$(way_of $k) TUNNEL=yes gateway_conf_certs "hub-$k" || return
        check "certificates of $k, the hub initiates" session_from_hub
        gateway_stop
    done
    HUB_ID=dn gateway_conf_certs hub-p256 || return
    PEER_AUTH=ike:rsa/pss-sha256 cert_peer s1-rsa "" remote_id='"O=Lab, OU=Test, CN=hub-p256"'
    ss_load s1
    check "RSA-PSS, and the hub's identity is its subject" session_from_peer
    cert_peer s1-sub sub remote_id='"O=Lab, OU=Test, CN=hub-p256"' id='"O=Lab, OU=Test, CN=s1-sub"'
    ss_load s1
    sed -i 's/match identity remote fqdn domain lab/match identity remote any/' "$LAB/hub.conf"
    check "the hub reads its configuration again" cv configure replace startup
    check "a chain with an intermediate CA, and the peer's identity is its subject" session_from_peer
    gateway_stop
    gateway_conf_certs hub-sub || return
    cert_peer s1-p256 ""
    ss_load s1
    check "the hub's chain has an intermediate CA, which it sends" session_from_peer
    gateway_stop
}

# Of two certificates of different CAs the one goes whose CA the peer asks for, to whoever calls.
certificates_asked_for() {
    local ca
    check "a certificate of another CA" cert_new hub-other p256 other DNS:hub.lab
    for ca in root other; do
        CERT_FIRST=hub-other gateway_conf_certs hub-p256 || return
        cert_peer s1-p256 ""
        cp "$PKI/$ca.pem" "$LAB/s1/x509ca/root.pem" # all that it trusts, and asks for
        stop charon-s1
        rm -f "$LAB/s1/charon.log"
        check "strongSwan starts, which trusts $ca" ss_start s1 s1
        check "strongSwan asks for a certificate of $ca, and gets it" session_from_peer
        check "it was that one" says_cert $ca 1
        gateway_stop
        CERT_FIRST=hub-other TUNNEL=yes gateway_conf_certs hub-p256 || return
        check "the hub calls, and gives strongSwan a certificate of $ca" session_from_hub
        check "it was that one" says_cert $ca 2
        gateway_stop
    done
    stop charon-s1
    cert_peer s1-p256 ""
    check "strongSwan starts" ss_start s1 s1
}
says_cert() { # CA COUNT: so many certificates has strongSwan got, and all of them are the hub's of this CA
    local name=p256 got
    [ "$1" = root ] || name=other
    got=$(grep "received end entity cert" "$LAB/s1/charon.log")
    [ "$(wc -l <<<"$got")" = "$2" ] && [ "$(grep -c "CN=hub-$name" <<<"$got")" = "$2" ] || { echo "$got"; return 1; }
}

# Certificates that are named by URL (RFC 7296 3.6), both ways: strongSwan finds the hub's and names its own, whose URL is the
# SHA-1 of it, and the hub finds that.
URLS=$SPOKE1:8088
certificates_by_url() {
    local own hub
    ca_new by p256 root && cert_new s1-by p256 root DNS:s1.lab || return 1
    for own in s1-by hub-p256; do openssl x509 -in "$PKI/$own.pem" -outform DER -out "$PKI/$own.der"; done
    own=$(sha1sum <"$PKI/s1-by.der" | cut -d' ' -f1)
    cp "$PKI/s1-by.der" "$PKI/$own"
    web_serve
    bg urls nsenter --net=/run/netns/s1 -- socat "TCP-LISTEN:${URLS#*:},bind=${URLS%:*},reuseaddr,fork" "EXEC:$PKI/serve $PKI"
    check "a server of certificates starts" wait_for 20 urls_listen
    hub=" revocation-check none"$'\n'" certificate url http://$URLS/hub-p256.der"$'\n'"crypto ikev2 http-url cert"
    gateway_conf_certs hub-p256 "$hub" || return
    by_url_peer
    stop charon-s1
    rm -f "$LAB/s1/charon.log"
    check "strongSwan starts, which looks certificates up and names its own" ss_start s1 s1
    check "strongSwan calls, certificates are named by URL" session_from_peer
    check "the hub has fetched strongSwan's" expect_value 1 "certificates looked up" ike_stat certificates_looked_up
    check "show crypto pki crls has it" says_found "$own"
    check "and strongSwan the hub's" grep -q 'received hash-and-url for end entity cert "http://'"$URLS"'/hub-p256.der' "$LAB/s1/charon.log"
    check "each was fetched once" expect_value 2 fetches wc -l <"$PKI/web.hits"
    check "again" session_from_peer
    check "the hub has it yet, and strongSwan too or asks again" expect_value 1 "fetches of strongSwan's" grep -c "$own" "$PKI/web.hits"
    gateway_stop
    TUNNEL=yes gateway_conf_certs hub-p256 "$hub" || return
    check "the hub calls, certificates are named by URL" session_from_hub
    check "the hub has fetched strongSwan's" expect_value 1 "certificates looked up" ike_stat certificates_looked_up
    gateway_stop
    cp "$PKI/s1-p256.pem" "$PKI/$own" # something else
    gateway_conf_certs hub-p256 "$hub" || return
    check "what is there has another hash: refused" cert_refused "what is there has another hash"
    gateway_stop
    rm "$PKI/$own"
    gateway_conf_certs hub-p256 "$hub" || return
    check "nothing is there: refused" cert_refused "the peer's certificate, which it names by URL: "
    stop urls
    gateway_stop
    bg urls nsenter --net=/run/netns/s1 -- socat "TCP-LISTEN:${URLS#*:},bind=${URLS%:*},reuseaddr,fork" SYSTEM:"cat >/dev/null; sleep 60"
    check "a server that does not answer starts" wait_for 20 urls_listen
    gateway_conf_certs hub-p256 "$hub" || return
    check "the server does not answer: refused, and others go on meanwhile" dead_urls
    gateway_stop
    gateway_conf_certs hub-p256 || return # without http-url cert
    check "if the hub does not look up, strongSwan sends its certificate" session_from_peer
    check "and nothing was looked up" expect_value 0 "certificates looked up" ike_stat certificates_looked_up
    stop urls
    gateway_stop
}
by_url_peer() {
    cert_peer s1-by ""
    sed -i -e 's/^charon-systemd {/&\n    hash_and_url = yes/' -e 's/^    load = /&curl /' "$LAB/s1/strongswan.conf"
    printf '%s\n' "authorities {" " root {" "  cacert = root.pem" "  cert_uri_base = http://$URLS/" " }" "}" >>"$LAB/s1/swanctl.conf"
}
says_found() { cv show crypto pki crls | grep -A2 "Certificate of a peer: http://$URLS/$1" | grep -q "State: valid"; }
dead_urls() {
    ss_up s1 30 >"$LAB/dead.out" 2>&1 &
    local waiting=$!
    # That it says so proves that the daemon answers while it waits.
    wait_for 20 looking_up || { echo "it is not asked, or held up"; return 1; }
    wait "$waiting" && { echo "it was accepted"; return 1; }
    wait_for 10 grep -q "which it names by URL: the server did not answer in time" "$LAB/culvertd.log" || { tail -5 "$LAB/culvertd.log"; return 1; }
    wait_for 20 hub_has_none
}
urls_listen() { ns s1 ss -Hltn "sport = :${URLS#*:}" | grep -q .; }
looking_up() { cv show crypto pki crls | grep -A2 "Certificate of a peer" | grep -q fetching; }

# Key and certificates by an exec command; the daemon has them again after it has been away.
certificates_imported() {
    GW_OPTIONS="--state $LAB/state"
    gateway_conf_certs hub-rsa || return
    check "an import is refused while the configuration names files" eval \
        '! cv crypto pki import LAB pem file $PKI/root.pem $PKI/hub-p256.pem $PKI/hub-p256.key'
    check "PEM files are imported" cv crypto pki import NEW pem file "$PKI/root.pem" "$PKI/hub-p256.pem" "$PKI/hub-p256.key"
    check "a key of another certificate is not" eval \
        '! cv crypto pki import NEW pem file $PKI/root.pem $PKI/hub-p256.pem $PKI/hub-rsa.key'
    check "show crypto pki certificates has it" expect_value "cn=hub-p256,ou=Test,o=Lab" subject \
        cvj 0.subject show crypto pki certificates NEW
    check "the key's file is only ours" expect_value 600 mode stat -c %a "$LAB/state/pki/NEW/key.pem"
    openssl pkcs12 -export -inkey "$PKI/hub-p384.key" -in "$PKI/hub-p384.pem" -certfile "$PKI/root.pem" -passout pass:lab \
        -out "$PKI/hub-p384.p12"
    check "a wrong password is refused" eval '! cv crypto pki import LAB2 pkcs12 $PKI/hub-p384.p12 password wrong'
    check "PKCS #12 is imported" cv crypto pki import LAB2 pkcs12 "$PKI/hub-p384.p12" password lab
    check "a CA alone is imported" cv crypto pki authenticate ONLYCA file "$PKI/other.pem"
    check "the configuration has the trustpoints, and no key" eval \
        'cv show running-config | grep -q "^crypto pki trustpoint LAB2" && ! cv show running-config | grep -q PRIVATE'
    gateway_stop
    cp -r "$LAB/state/pki/LAB2" "$LAB/state/pki/LAB"
    gateway_conf_certs imported || return
    cert_peer s1-p256 ""
    ss_load s1
    check "a session with what was imported" session_from_peer
    check "an import is forgotten" eval 'cv no crypto pki import LAB; [ ! -e $LAB/state/pki/LAB ]'
    gateway_stop
    GW_OPTIONS=
}
gateway_conf_certs() { # CERTIFICATE [LINES of the trustpoint]
    local lines
    lines=$(cert_hub "$@")
    [ -z "${TUNNEL:-}" ] || lines=$lines$'\n'$(tunnel_to "$SPOKE1" 10.11.0.0)
    check "the configuration with $1 is accepted" gateway_conf "$lines" && check "culvertd starts with $1" gateway_start
}
session_from_peer() {
    ss_up s1 || { tail -5 "$LAB/culvertd.log"; return 1; }
    wait_for 20 hub_has_child || return 1
    ping_all s1 3 -I 10.11.0.1 10.0.1.2 || return 1
    sc s1 --terminate --ike hub >/dev/null 2>&1
    wait_for 20 hub_has_none
}
session_from_hub() {
    wait_for 40 hub_has_child || { tail -5 "$LAB/culvertd.log"; return 1; }
    ping_all lan 3 10.11.0.1
}

# What is not to be trusted, and servers that say so, or nothing.
certificates_revoked() {
    crl_new root && crl_new sub
    check "a server of CRLs and an OCSP responder start" eval 'web_start && ocsp_start root && slow_start'
    gateway_conf_certs hub-p256 " revocation-check crl" || return
    cert_peer s1-crl ""
    ss_load s1
    check "a certificate that is not in the CRL is accepted" session_from_peer
    cert_peer s1-p256 ""
    ss_load s1
    check "one that names no CRL is refused" cert_refused "cannot be learnt (crl: it names no CRL)"
    cert_peer s1-name ""
    ss_load s1
    check "an identity that is not in the certificate is refused" cert_refused "the peer's identity is not in it"
    cert_peer s1-other ""
    ss_load s1
    check "a certificate of another CA is refused" cert_refused "unable to get local issuer certificate"
    cert_revoke s1-crl root && crl_new root
    cert_peer s1-crl ""
    ss_load s1
    check "what was fetched is kept" session_from_peer
    cv clear crypto pki crls >/dev/null
    check "a certificate that the CRL names is refused" cert_refused "it is revoked (keyCompromise)"
    check "the CRL was fetched twice" expect_value 2 "fetches" grep -c root.crl "$PKI/web.hits"
    check "show crypto pki crls has it" expect_value valid "state" cvj 0.state show crypto pki crls
    gateway_stop

    gateway_conf_certs hub-p256 " revocation-check ocsp" || return
    cert_peer s1-ocsp ""
    ss_load s1
    check "a certificate that the OCSP responder calls good is accepted" session_from_peer
    cert_revoke s1-ocsp root
    stop ocsp
    check "the responder starts again" ocsp_start root
    cv clear crypto pki crls >/dev/null
    check "a certificate that the OCSP responder calls revoked is refused" cert_refused "it is revoked (keyCompromise)"
    check "an OCSP responder that never answers holds up nobody else" dead_responder
    gateway_stop
    gateway_conf_certs hub-p256 " revocation-check ocsp none" || return
    cert_peer s1-slow "" retries=8
    ss_load s1
    check "with none as the last method its silence is no refusal" session_from_peer
}

# A session that waits for a dead responder, and meanwhile one that does not ask it.
dead_responder() {
    local rc
    PEER_ALSO=s1-slow cert_peer s1-p256 "" retries=8
    sed -e '/^secrets/,$d' -e 's/^    hub {/    slow {/' -e 's/s1-p256.pem/s1-slow.pem/' -e 's/^            net {/            slownet {/' \
        "$LAB/s1/swanctl.conf" >"$LAB/s1/slow.part"
    sed -i '1d' "$LAB/s1/slow.part"                                # "connections {"
    sed -i '$d' "$LAB/s1/slow.part"                                # and its end
    sed -i "/^connections {/r $LAB/s1/slow.part" "$LAB/s1/swanctl.conf"
    cert_new s1-good p256 root DNS:s1.lab "authorityInfoAccess=OCSP;URI:http://$OCSP/" || return 1
    cp "$PKI/s1-good.pem" "$LAB/s1/x509/" && cp "$PKI/s1-good.key" "$LAB/s1/private/"
    sed -i 's/s1-p256.pem/s1-good.pem/' "$LAB/s1/swanctl.conf"
    stop ocsp && ocsp_start root && ss_load s1 || return 1
    for _ in 1 2 3; do
        dead_responder_once
        rc=$?
        [ $rc = 2 ] || return $rc
        cv clear crypto pki crls >/dev/null
    done
    echo "the other was over before: nothing is proved"
    return 1
}
# 2: the machine was so busy that the time for the dead one was over.
dead_responder_once() {
    local waiting late=no
    sc s1 --initiate --child slownet --timeout 30 >"$LAB/slow.out" 2>&1 &
    waiting=$!
    wait_for 20 fetching || { echo "the responder was not asked"; cat "$LAB/slow.out"; return 1; }
    ss_up s1 15 || { echo "held up"; tail -5 "$LAB/culvertd.log"; return 1; }
    ping_all s1 3 -I 10.11.0.1 10.0.1.2 || return 1
    fetching || late=yes
    wait "$waiting" && { echo "it was accepted"; return 1; }
    grep -q "cannot be learnt (http://$SLOW/: the server did not answer in time)" "$LAB/culvertd.log" ||
        { echo "no reason in the log"; tail -5 "$LAB/culvertd.log"; return 1; }
    sc s1 --terminate --ike hub >/dev/null 2>&1
    wait_for 20 hub_has_none || return 1
    [ $late = no ] || return 2
}
fetching() { cv show crypto pki crls | grep -A2 "$SLOW" | grep -q fetching; }

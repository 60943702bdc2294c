# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Every algorithm with a peer: a row is one suite of IKE and one of ESP, set in the running gateway and in strongSwan, set
# up by either side, with pings through it before and after a rekey with key exchange, and a rekey of the IKE SA. Needs the rest of lib/.
#
# strongSwan's IKE proposal | encryption | integrity | prf | group | what `show crypto ikev2 sa` says |
# strongSwan's ESP proposal | transform set | what `show crypto ipsec sa` says | how many warnings
SUITE_ROWS=(
    "aes256gcm16-prfsha384-x25519|aes-gcm-256||sha384|31|AES-GCM 256 HMAC-SHA2-384 none 31|aes256gcm16|esp-gcm 256|AES-GCM-256|0"
    "aes192gcm16-prfsha512-ecp384|aes-gcm-192||sha512|20|AES-GCM 192 HMAC-SHA2-512 none 20|aes192gcm16|esp-gcm 192|AES-GCM-192|0"
    "aes128gcm16-prfsha256-ecp256|aes-gcm-128||sha256|19|AES-GCM 128 HMAC-SHA2-256 none 19|aes128gcm16|esp-gcm|AES-GCM-128|0"
    "chacha20poly1305-prfsha256-ecp521|chacha20-poly1305||sha256|21|ChaCha20-Poly1305 0 HMAC-SHA2-256 none 21|chacha20poly1305|esp-chacha20-poly1305|ChaCha20-Poly1305|0"
    "aes256ctr-sha256-modp2048|aes-ctr-256|sha256|sha256|14|AES-CTR 256 HMAC-SHA2-256 HMAC-SHA2-256-128 14|aes256ctr-sha256|esp-ctr 256 esp-sha256-hmac|AES-CTR-256/HMAC-SHA2-256-128|0"
    "aes192ctr-sha384-modp3072|aes-ctr-192|sha384|sha384|15|AES-CTR 192 HMAC-SHA2-384 HMAC-SHA2-384-192 15|aes192ctr-sha384|esp-ctr 192 esp-sha384-hmac|AES-CTR-192/HMAC-SHA2-384-192|0"
    "aes128ctr-sha1-modp4096|aes-ctr-128|sha|sha|16|AES-CTR 128 HMAC-SHA1 HMAC-SHA1-96 16|aes128ctr-sha1|esp-ctr esp-sha-hmac|AES-CTR-128/HMAC-SHA1-96|0"
    "aes256-sha512-x25519|aes-cbc-256|sha 512|sha 512|31|AES-CBC 256 HMAC-SHA2-512 HMAC-SHA2-512-256 31|aes256-sha512|esp-aes 256 esp-sha512-hmac|AES-CBC-256/HMAC-SHA2-512-256|0"
    "aes192-sha384-ecp384|aes-cbc-192|sha384|sha384|20|AES-CBC 192 HMAC-SHA2-384 HMAC-SHA2-384-192 20|aes192-sha384|esp-aes 192 esp-sha384-hmac|AES-CBC-192/HMAC-SHA2-384-192|0"
    "aes128-sha256-ecp256|aes-cbc-128|sha256|sha256|19|AES-CBC 128 HMAC-SHA2-256 HMAC-SHA2-256-128 19|aes128-sha256|esp-aes 128 esp-sha256-hmac|AES-CBC-128/HMAC-SHA2-256-128|0"
    "aes128-sha1-modp2048|aes-cbc-128|sha1|sha1|14|AES-CBC 128 HMAC-SHA1 HMAC-SHA1-96 14|aes128-sha1|esp-aes 128 esp-sha-hmac|AES-CBC-128/HMAC-SHA1-96|0"
    "3des-sha1-modp1536|3des|sha1|sha1|5|3DES 0 HMAC-SHA1 HMAC-SHA1-96 5|3des-sha1|esp-3des esp-sha-hmac|3DES/HMAC-SHA1-96|4"
    "3des-md5-modp1024|3des|md5|md5|2|3DES 0 HMAC-MD5 HMAC-MD5-96 2|3des-md5|esp-3des esp-md5-hmac|3DES/HMAC-MD5-96|7"
    "aes128-md5-modp1024|aes-cbc-128|md5|md5|2|AES-CBC 128 HMAC-MD5 HMAC-MD5-96 2|aes128-md5|esp-aes 128 esp-md5-hmac|AES-CBC-128/HMAC-MD5-96|5"
    "aes256gcm16-prfsha384-x25519|aes-gcm-256||sha384|31|AES-GCM 256 HMAC-SHA2-384 none 31|null-sha256|esp-null esp-sha256-hmac|NULL/HMAC-SHA2-256-128|0"
    # several proposals with one suite in common, and both sides guess the other group first
    "aes128gcm16-chacha20poly1305-prfsha256-modp4096-ecp384,aes192ctr-3des-sha384-md5-prfsha256-modp4096-ecp384|aes-gcm-256 aes-cbc-192 aes-ctr-192|sha512 sha384|sha256|31 20|AES-CTR 192 HMAC-SHA2-256 HMAC-SHA2-384-192 20|3des-aes192ctr-md5-sha384|esp-ctr 192 esp-sha384-hmac|AES-CTR-192/HMAC-SHA2-384-192|0"
)

# Commands in configuration mode; what it says must be only the warnings, WARNINGS of them.
configure() {
    local want=$1 said
    shift
    said=$(printf '%s\n' "configure terminal" "$@" end | cv 2>&1)
    [ "$(grep -c '% warning' <<<"$said")" = "$want" ] && ! grep '^% ' <<<"$said" | grep -qv '% warning' && return 0
    echo "$want warnings were expected; it said: $said"
    return 1
}

suite_configure() { # the gateway and the peer
    configure "$WARNINGS" "crypto ikev2 proposal default" "encryption $ENCR" "integrity ${INTEG:-sha256}" "prf $PRF" "group $GROUP" \
        "crypto ipsec transform-set default $TSET" "crypto ipsec profile SPOKES" "set pfs group${GROUP##* }" || return 1
    "$SUITE_CONF" "ike=$IKE" "esp=$ESP-${IKE##*-}$SUITE_ESN"
    ss_load "$PEER"
}
suite_ike() { echo "$(ike_field "$PEER_OUT" encryption) $(ike_field "$PEER_OUT" key_bits) $(ike_field "$PEER_OUT" prf) $(ike_field "$PEER_OUT" integrity) $(ike_field "$PEER_OUT" group)"; }
# SUITE of the child; after a rekey with the group of its key exchange.
suite_child_is() {
    local got
    got=$(child_field "$PEER_OUT" suite)
    case $got in "$1" | "$1"/ESN | "$1"/*) ;; *) echo "the child's suite is $got, not $1"; return 1 ;; esac
    expect_value "$([ -n "$SUITE_ESN" ] && echo true || echo false)" esn child_field "$PEER_OUT" esn
}
# A guest on a busy machine loses a packet now and then; a suite that is wrong loses it each time.
suite_ping() { ping_all "$@" || ping_all "$@"; }
# One packet at a time: after a first answer ping waits only two round trips for the others.
suite_pings() {
    local size
    suite_ping "$PEER" 1 -s 100 -I "$PEER_IN" 10.0.1.2 || return 1
    for size in 0 1 56 57 733 1300; do # to the peer and back
        suite_ping lan 1 -s $size "$PEER_IN" || {
            echo "of $size bytes; in $(child_field "$PEER_OUT" in.packets), out $(child_field "$PEER_OUT" out.packets), counters:"
            cv show card | grep -vE ' 0  ' | sed -n '/Counters/,$p'
            return 1
        }
    done
}
# What must work once it is set up: SUITE as agreed, pings, a rekey with key exchange by hub or peer, pings.
suite_works() {
    local before
    wait_for 40 hub_has_child || { echo "no child"; tail -5 "$LAB/culvertd.log"; return 1; }
    expect_value "$SAYS" "the suite of the IKE SA" suite_ike && suite_child_is "$CHILD" && suite_pings || return 1
    before=$(rekey_mark child)
    if [ "$1" = hub ]; then cv crypto ikev2 rekey child remote "$PEER_OUT"; else sc "$PEER" --rekey --child net; fi || return 1
    wait_for 30 rekeyed child "$before" && wait_for 20 children_are 1 || { echo "the child was not rekeyed"; tail -5 "$LAB/culvertd.log"; return 1; }
    suite_child_is "$CHILD" && suite_pings || return 1
    before=$(rekey_mark ike)
    if [ "$1" = hub ]; then cv crypto ikev2 rekey ike remote "$PEER_OUT"; else sc "$PEER" --rekey --ike hub; fi || return 1
    wait_for 30 rekeyed ike "$before" && wait_for 20 ikes_are 1 || { echo "the IKE SA was not rekeyed"; tail -5 "$LAB/culvertd.log"; return 1; }
    expect_value "$SAYS" "the suite of the IKE SA after a rekey" suite_ike
}
suite_peer_initiates() { ss_up "$PEER" && suite_works peer && deleted_by_peer; }
suite_hub_initiates() {
    configure "$WARNINGS" "interface Tunnel1" "no shutdown" && suite_works hub || return 1
    configure "$WARNINGS" "interface Tunnel1" "shutdown" && wait_for 20 hub_has_none && wait_for 20 peer_gone
}
# SUITES, a pattern, chooses some of the rows.
suite_rows() {
    local row
    for row in "${SUITE_ROWS[@]}"; do [[ $row =~ ${SUITES:-.} ]] && suite_row "$row"; done
    return 0
}
suite_row() {
    local IKE ENCR INTEG PRF GROUP SAYS ESP TSET CHILD WARNINGS
    IFS='|' read -r IKE ENCR INTEG PRF GROUP SAYS ESP TSET CHILD WARNINGS <<<"$1"
    check "configured: $IKE, $TSET" suite_configure || return
    check "peer initiates: IKE $IKE, ESP $TSET$SUITE_ESN" suite_peer_initiates || sc "$PEER" --terminate --ike hub --force >/dev/null 2>&1
    check "hub initiates: IKE $IKE, ESP $TSET$SUITE_ESN" suite_hub_initiates ||
        configure "$WARNINGS" "interface Tunnel1" "shutdown" >/dev/null
}
# tshark, with the keys that the daemon exported, finds every ESP packet authentic and an IP packet in it, and an AUTH payload
# in every IKE_AUTH message; but for ChaCha20-Poly1305, which it does not know. CHACHA: is there any?
suites_are_decrypted_by_tshark() {
    local uat=() line esp ike chacha=0
    [ "$CHACHA" = yes ] && chacha=8 # two set-ups, each with a rekey, two directions
    while read -r line; do uat+=(-o "uat:$line"); done <"$LAB/keys.log"
    tshark -r "$LAB/wan.pcap" -o esp.enable_encryption_decode:TRUE -o esp.enable_authentication_check:TRUE "${uat[@]}" -Y 'esp or isakmp' \
        -T fields -e esp.spi -e esp.icv_good -e frame.protocols -e isakmp.exchangetype -e isakmp.ispi -e isakmp.auth.method \
        >"$LAB/decrypted" 2>"$LAB/tshark.log" || { head -3 "$LAB/tshark.log"; return 1; }
    esp=$(awk -F'\t' '$1 != "" { if ($2 == 1 && $3 ~ /esp:ip/) good++; else bad[$1] } END { print good + 0, length(bad) }' "$LAB/decrypted")
    ike=$(awk -F'\t' '$4 == 35 { if ($6 != "") good[$5]; else bad[$5] } END { print length(good), length(bad) }' "$LAB/decrypted")
    echo "ESP packets decrypted and SPIs not: $esp; IKE SAs decrypted and not: $ike"
    [ "${esp% *}" -ge 28 ] && [ "${esp#* }" = $chacha ] && [ "${ike% *}" -ge 2 ] && [ "${ike#* }" = $((chacha / 4)) ]
}

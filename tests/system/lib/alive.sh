# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Parts of peers.sh: long messages on a wire that takes short ones, and how each side finds that the other is gone.
# Needs peers.sh and certs.sh.

# ------------------------------------------------------------------------------------------------ fragments of IKE (RFC 7383)

# A wire with short packets, and a host that takes no fragments of IP, as many firewalls do.
narrow() {
    local n
    for n; do
        ip -n "$n" link set eth0 mtu 600 && ns "$n" nft -f - <<'N' || return 1
table ip lab {
    chain in {
        type filter hook prerouting priority -450;
        ip frag-off & 0x3fff != 0 counter drop
    }
}
N
    done
}
fragments_refused() { [ "$(ns "$1" nft list table ip lab | grep -o 'packets [0-9]*' | cut -d' ' -f2)" -gt 0 ]; }
frag_certs() { pki_start && ca_new root rsa && cert_new hub rsa root DNS:hub.lab && cert_new s1 rsa root DNS:s1.lab && cert_new s2 rsa root DNS:s2.lab; }
frag_spoke() { # NAME N KEY=VALUE...
    local name=$1
    spoke "$@" plugins="x509 pubkey pkcs1 pkcs8 mgf1" daemon="fragment_size = 576" retries=5
    mkdir -p "$LAB/$name/"{x509,x509ca,private}
    cp "$PKI/root.pem" "$LAB/$name/x509ca/"
    cp "$PKI/$name.pem" "$LAB/$name/x509/"
    cp "$PKI/$name.key" "$LAB/$name/private/"
    sed -i -e "0,/auth = psk/s||auth = pubkey\n            certs = $name.pem|" -e "s/auth = psk/auth = pubkey/" "$LAB/$name/swanctl.conf"
}
fragments_went() { # BEFORE-IN BEFORE-OUT BEFORE-WHOLE: several of each
    [ "$(stat_of ga fragments_in)" -ge $(($1 + 2)) ] && [ "$(stat_of ga fragments_out)" -ge $(($2 + 2)) ] && [ "$(stat_of ga reassembled)" -gt "$3" ]
}

part_fragments() {
    local in out whole
    check "a CA and certificates" frag_certs || exit 1
    frag_spoke s1 11
    frag_spoke s2 12 remote=%any
    node ga
    check "a wire that takes 600 bytes, hosts that take no fragments" narrow s1 s2 ga
    check "strongSwan starts" eval 'ss_start s1 s1 && ss_start s2 s2'
    gate ga 192.0.2.1 "crypto ikev2 fragmentation mtu 576" "crypto pki trustpoint LAB" " ca-certificate file $PKI/root.pem" \
        " certificate file $PKI/hub.pem" " key file $PKI/hub.key" " revocation-check none" "crypto ikev2 profile LAB" " no keyring" \
        " no authentication remote pre-share" " authentication local rsa-sig" " authentication remote rsa-sig" " pki trustpoint LAB"
    check "strongSwan calls: certificates of both sides arrive" ss_up s1
    check "in fragments both ways" wait_for 20 fragments_went 0 0 0
    check "ours are no longer than it was told" swan_logged s1 "received fragment #2 of"
    check "traffic passes" passes s1 11 ga
    in=$(stat_of ga fragments_in) out=$(stat_of ga fragments_out) whole=$(stat_of ga reassembled)
    check "ours calls strongSwan" configure ga "$(tunnel_to 192.0.2.12 12)"
    check "certificates of both sides arrive" wait_for 30 eval 'ss_child_up s2 && ipsecs_are ga 2'
    check "in fragments both ways (ours calls)" wait_for 20 fragments_went "$in" "$out" "$whole"
    check "traffic passes (ours calls)" passes s2 12 ga
    check "no host had to refuse a fragment of IP" eval '! fragments_refused ga && ! fragments_refused s1 && ! fragments_refused s2'
    check "without fragments of IKE" eval 'configure ga "no crypto ikev2 fragmentation" && sc s1 --terminate --ike hub'
    check "the same does not come up" no ss_up s1 8
    check "because fragments of IP are refused" fragments_refused ga
    stop charon-s1 charon-s2
}

# ------------------------------------------------------------------------------------------------ is the other side there?

dpd_sent() { gate_json "$1" sas.0.dpd_sent show crypto ikev2 sa; }
dpd_is_over() { [ "$(dpd_sent "$1")" -gt "$2" ]; }
kill_gate() { kill -KILL "${PID[$1]}"; wait "${PID[$1]}" 2>/dev/null; unset "PID[$1]"; return 0; }
swan_spis() { sc "$1" --list-sas --raw | grep -o 'initiator-spi=[^ ]*' | sort -u; }
swan_has() { [ "$(swan_spis "$1" | wc -l)" = "$2" ]; }
swan_has_another() { swan_has "$1" 1 && [ "$(swan_spis "$1")" != "$2" ]; }

part_alive() {
    local before old
    spoke s1 11
    spoke s2 12 remote=%any
    check "strongSwan starts" eval 'ss_start s1 s1 && ss_start s2 s2'

    gate ga 192.0.2.1 "crypto ikev2 profile LAB" " dpd 2 1 periodic"
    check "strongSwan sets up" ss_up s1
    check "periodic: we ask, it answers, and the session stays" eval 'wait_for 30 dpd_is_over ga 2 && sessions_are ga 1 && [ "$(stat_of ga dead_peers)" = 0 ]'
    check "periodic: strongSwan sees it" swan_logged s1 "parsed INFORMATIONAL request .* \[ \]"
    kill_hard charon-s1
    check "periodic: a strongSwan that is gone is found, without traffic" wait_for 60 sessions_are ga 0
    check "periodic: as a dead peer" eval '[ "$(stat_of ga dead_peers)" = 1 ]'

    check "on demand is configured" configure ga "crypto ikev2 profile LAB" "dpd 2 1 on-demand"
    check "strongSwan starts again" ss_start s1 s1
    check "on demand: it sets up" ss_up s1
    check "on demand: traffic passes" passes s1 11 ga
    before=$(dpd_sent ga)
    sleep 7
    check "on demand: nobody asks where there is no traffic" eval '[ "$(dpd_sent ga)" = "$before" ] && sessions_are ga 1'
    kill_hard charon-s1
    sleep 7
    check "on demand: nor is it found then" sessions_are ga 1
    bg pings nsenter --net=/run/netns/ga -- ping -n -q -i 0.5 -I 10.0.1.1 10.11.0.1
    check "on demand: traffic without an answer makes us ask, and find it" wait_for 60 sessions_are ga 0
    stop pings
    check "on demand: as a dead peer" eval '[ "$(stat_of ga dead_peers)" = 2 ]'

    # It calls until ours is there again, however long that takes: one try of it is over after six seconds.
    spoke s1 11 dpd=1s child="dpd_action = restart" retries=2 conn="keyingtries = 0"
    check "strongSwan with DPD of its own starts" ss_start s1 s1
    check "its DPD: it sets up" ss_up s1
    check "its DPD: it asks" wait_for 30 swan_logged s1 "sending DPD request"
    check "its DPD: we answer" wait_for 30 swan_logged s1 "parsed INFORMATIONAL response"
    check "its DPD: it is satisfied" eval '! swan_logged s1 "giving up" && sessions_are ga 1'
    old=$(swan_spis s1)
    check "ours is killed" kill_gate ga
    check "its DPD: it finds that, and starts anew" wait_for 60 swan_logged s1 "restarting CHILD_SA net"
    check "ours starts again" gate_start ga
    check "its DPD: it is back by itself" wait_for 90 eval 'ipsecs_are ga 1 && swan_has_another s1 "'"$old"'"'
    check "its DPD: traffic passes" passes s1 11 ga
    check "strongSwan ends it" sc s1 --terminate --ike hub

    # Who has lost all: the other side hears of it in the first message (INITIAL_CONTACT), or by an answer to ESP.
    spoke s1 11
    check "INITIAL_CONTACT: strongSwan sets up" eval 'ss_load s1 && ss_up s1'
    kill_hard charon-s1
    check "INITIAL_CONTACT: it starts again, and calls" eval 'ss_start s1 s1 && ss_up s1'
    check "INITIAL_CONTACT: it has said so" swan_logged s1 "generating IKE_AUTH request .* N(INIT_CONTACT)"
    check "INITIAL_CONTACT: what was before is gone" wait_for 20 sessions_are ga 1
    check "INITIAL_CONTACT: traffic passes" passes s1 11 ga
    bg pings nsenter --net=/run/netns/s1 -- ping -n -q -i 0.2 -I 10.11.0.1 10.0.1.1
    check "ours is killed again" kill_gate ga
    check "INVALID_SPI: ours starts with nothing" gate_start ga
    check "INVALID_SPI: it tells strongSwan, which sends on" wait_for 30 stat_over ga invalid_spi_sent 1
    check "INVALID_SPI: strongSwan, which must not trust that, has its SA" swan_has s1 1
    stop pings charon-s1 ga

    gate ga 192.0.2.1 "$(tunnel_to 192.0.2.12 12)"
    # Authenticated, that is: of an SA that was half open it does not know whose it was.
    check "INITIAL_CONTACT: ours calls strongSwan" wait_for 30 up_to ga s2
    old=$(swan_spis s2)
    check "INITIAL_CONTACT: ours is killed" kill_gate ga
    check "INITIAL_CONTACT: and starts again" gate_start ga
    check "INITIAL_CONTACT: strongSwan has the new session, and that alone" wait_for 60 eval 'swan_has_another s2 "'"$old"'" && up_to ga s2'
    check "INITIAL_CONTACT: because we said so" swan_logged s2 "received INITIAL_CONTACT"
    check "INITIAL_CONTACT: traffic passes (ours calls)" passes s2 12 ga
    stop charon-s2
}

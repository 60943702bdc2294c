# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Parts of peers.sh: MOBIKE (RFC 4555), the outer address of either side changes. Both families. Needs peers.sh.

six_on() { # NAME...: IPv6 on its wire, with duplicate address detection as it comes
    local n
    for n; do ns "$n" sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0 net.ipv6.conf.eth0.disable_ipv6=0 || return 1; done
}
# Has the address, which is past detection.
settled() { ip -n "$1" addr show dev eth0 | grep -F "inet6 $2/" | grep -qv tentative; }
address_add() { # NAME ADDRESS
    if [ "$FAMILY" = 4 ]; then ip -n "$1" addr add "$2/24" dev eth0; else ip -n "$1" addr add "$2/64" dev eth0 && wait_for 20 settled "$1" "$2"; fi
}
address_del() { if [ "$FAMILY" = 4 ]; then ip -n "$1" addr del "$2/24" dev eth0; else ip -n "$1" addr del "$2/64" dev eth0; fi; }

gm_ike() { gate_json gm "sas.0.spi_initiator" show crypto ikev2 sa; }
gm_child() { gate_json gm "sas.0.in.spi" show crypto ipsec sa; }
gm_is_at() { [ "$(gate_json gm "sas.0.local" show crypto ipsec sa)" = "$1" ]; }
swan_sees() { sc "$1" --list-sas --raw | grep -q "remote-host=$2 "; }
moves_to() { # OLD NEW: ours goes, and says so
    wait_for 20 gm_is_at "$2" || { gate_json gm sas.0.local show crypto ipsec sa; tail -3 "$LAB/gm.log"; return 1; }
    wait_for 20 swan_sees s2 "$2" || { sc s2 --list-sas; return 1; }
}
stays_at() { sleep 1.5; gm_is_at "$1"; } # longer than it waits for more changes to come
both_rekeyed() { # IKE CHILD: neither is left
    sessions_are gm 1 && ipsecs_are gm 1 && [ "$(gm_ike)" != "$1" ] && [ "$(gm_child)" != "$2" ] && return 0
    at_gate gm show crypto ikev2 sa
    at_gate gm show crypto ipsec sa
    return 1
}
hub_child() { gate_json ga "sas.0.in.spi" show crypto ipsec sa; }
hub_sees() { [ "$(gate_json ga "sas.0.remote" show crypto ipsec sa)" = "$1" ]; }
# Until then strongSwan sends from an address that it has no more.
hub_has_another() { ipsecs_are ga 1 && [ "$(hub_child)" != "$1" ]; }

mobike() { # FAMILY A B C S: ours is at A, then B, then C; strongSwan at S
    FAMILY=$1
    local a=$2 b=$3 c=$4 s=$5 mode=ipv4 six=() before
    node gm
    spoke s2 12 "local=$s" remote=%any
    if [ "$FAMILY" = 6 ]; then
        mode=ipv6
        six=("crypto ikev2 keyring RING" " peer six" "  address ::/0" "  pre-shared-key $PSK")
        check "IPv6" eval 'six_on gm s2 && address_add s2 "$s"' || exit 1
    fi
    check "it has an address" address_add gm "$a"
    check "strongSwan starts" ss_start s2 s2
    gate gm - "${six[@]}" "$(tunnel_to "$s" 12)" "interface Tunnel1" " tunnel mode ipsec $mode"
    check "ours calls strongSwan" wait_for 30 ipsecs_are gm 1
    check "traffic passes" passes s2 12 gm
    before=$(gm_ike)

    check "another address" address_add gm "$b"
    check "is no reason to go there" stays_at "$a"
    check "pings flow" flow_start move "$LAB" nsenter --net=/run/netns/gm -- ping -n -i 0.05 -I 10.0.1.1 10.12.0.1
    check "the first address goes" address_del gm "$a"
    check "ours goes to the other, and strongSwan with it" moves_to "$a" "$b"
    check "they go on after it" flow_more move 50
    flow_stop move
    check "traffic passes both ways" passes s2 12 gm
    # strongSwan's ESP in user space cannot be told of another address: it rekeys the child by itself.
    check "by the same IKE SA" test "$(gm_ike)" = "$before"
    check "by UPDATE_SA_ADDRESSES" stat_over gm mobike_updates 0
    check "the IPsec SA of before is gone" wait_for 20 ipsecs_are gm 1
    check "a rekey of each SA from there" eval 'at_gate gm crypto ikev2 rekey ike && at_gate gm crypto ikev2 rekey child && wait_for 30 both_rekeyed '"$before $(gm_child)"
    check "traffic passes after it" passes s2 12 gm
    if [ "$FAMILY" = 6 ]; then
        check "a third address" address_add gm "$c"
        check "is no reason to go there" stays_at "$b"
        check "but one that the kernel would rather not use any more is left" eval 'ip -n gm addr change "$b/64" dev eth0 valid_lft forever preferred_lft 0 && moves_to "$b" "$c"'
        check "traffic passes" passes s2 12 gm
    fi
    stop charon-s2
    gates_end
    ip -n gm addr flush dev eth0
    ip -n s2 addr flush dev eth0

    # The other way round.
    spoke s1 11 "local=$s" "remote=$a"
    [ "$FAMILY" = 4 ] || check "IPv6" six_on s1
    node ga
    [ "$FAMILY" = 4 ] || check "IPv6 at the gateway" six_on ga
    check "it has an address" address_add ga "$a"
    check "strongSwan has one" eval 'ip -n s1 addr flush dev eth0; address_add s1 "$s"'
    check "strongSwan starts" ss_start s1 s1
    gate ga - "${six[@]}" "interface Virtual-Template1 type tunnel" " tunnel mode ipsec $mode"
    check "strongSwan calls ours" ss_up s1
    check "traffic passes" passes s1 11 ga
    before=$(hub_child)
    check "strongSwan gets another address" address_add s1 "$b"
    check "and loses the first" address_del s1 "$s"
    check "ours goes with it" wait_for 20 hub_sees "$b"
    check "by UPDATE_SA_ADDRESSES" stat_over ga mobike_updates 0
    check "with its ESP, by a rekey" wait_for 20 hub_has_another "$before"
    check "traffic passes both ways" passes s1 11 ga
    check "one IKE SA, one IPsec SA" eval 'wait_for 20 sessions_are ga 1 && ipsecs_are ga 1'
    stop charon-s1
}

part_mobike4() { mobike 4 192.0.2.3 192.0.2.33 192.0.2.34 192.0.2.12; }
part_mobike6() { mobike 6 2001:db8::3 2001:db8::33 2001:db8::34 2001:db8::12; }

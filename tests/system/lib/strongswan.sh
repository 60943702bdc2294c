# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# strongSwan as a peer. Needs lab.sh, and uml.sh for a peer in a guest.
#
#   ss_config NAME KEY=VALUE...   writes $LAB/NAME/{strongswan,swanctl}.conf. Keys: local remote id remote_id psk local_ts
#       remote_ts ike esp plus start (start_action), vips, encap, dpd, rekey (child's rekey_time), replay, folder
#       (the folder as the peer sees it), kernel (libipsec or netlink), plugins (more of them), mode (tunnel or transport);
#       more lines: daemon (of charon-systemd), conn (of the connection), child (of its child), more (of swanctl.conf)
#   ss_start NAME NS              charon-systemd in a namespace (user-space ESP, always in UDP)
#   ss_start_guest NAME           the same in a guest, with its kernel's ESP
#   sc NAME ARGS                  swanctl
ss_config() {
    local name=$1 kv
    shift
    local local= remote= id="$name.lab" remote_id=hub.lab psk=lab-pre-shared-key local_ts= remote_ts=10.0.0.0/8
    local ike=aes256gcm16-prfsha384-x25519 esp=aes256gcm16 start=none vips= encap=no dpd=0s rekey=0s replay=64
    local kernel=libipsec folder=$LAB/$name retries= plugins= mode=tunnel daemon= conn= child= more=
    for kv; do local "${kv%%=*}=${kv#*=}"; done
    mkdir -p "$LAB/$name"
    local load="random nonce $plugins aes sha1 sha2 hmac kdf drbg gcm curve25519 openssl pem socket-default vici updown resolve"
    [ "$kernel" = libipsec ] && load="$load kernel-libipsec kernel-netlink" || load="$load kernel-netlink"
    cat >"$LAB/$name/strongswan.conf" <<C
charon-systemd {
    load = $load
    filelog {
        main {
            path = $folder/charon.log
            default = 1
            knl = 1
            flush_line = yes
        }
    }
    journal {
        default = -1
    }
    plugins {
        vici {
            socket = unix://$folder/vici
        }
        resolve {
            file = $folder/resolv.conf
        }
    }
    retransmit_tries = ${retries:-3}
    retransmit_timeout = 1.0
    make_before_break = yes
    port = 500
    port_nat_t = 4500
    $daemon
}
C
    cat >"$LAB/$name/swanctl.conf" <<C
connections {
    hub {
        version = 2
        local_addrs = $local
        remote_addrs = $remote
        ${vips:+vips = $vips}
        encap = $encap
        proposals = $ike
        dpd_delay = $dpd
        rekey_time = 0
        $conn
        local {
            auth = psk
            id = $id
        }
        remote {
            auth = psk
            id = $remote_id
        }
        children {
            net {
                ${local_ts:+local_ts = $local_ts}
                remote_ts = $remote_ts
                esp_proposals = $esp
                mode = $mode
                start_action = $start
                rekey_time = $rekey
                replay_window = $replay
                updown =
                $child
            }
        }
    }
}
secrets {
    ike-lab {
        secret = "$psk"
    }
}
$more
C
}
SS_DAEMON=/usr/sbin/charon-systemd

ss_start() {
    local name=$1 n=$2
    SS_PLACE[$name]=$n
    bg "charon-$name" nsenter --net="/run/netns/$n" -- env STRONGSWAN_CONF="$LAB/$name/strongswan.conf" $SS_DAEMON
    wait_for 30 sc "$name" --stats || { echo "strongSwan of $name did not start"; cat "$LAB/charon-$name.log"; return 1; }
    ss_load "$name"
}
declare -A SS_PLACE=()

ss_start_guest() {
    local name=$1
    SS_PLACE[$name]=guest
    guest "$name" "STRONGSWAN_CONF=/run/lab/strongswan.conf setsid $SS_DAEMON >/run/lab/charon.out 2>&1 9<&- &"
    wait_for 60 sc "$name" --stats || { echo "strongSwan of guest $name did not start"; guest "$name" "tail -5 /run/lab/charon.log"; return 1; }
    ss_load "$name"
}

sc() {
    local name=$1
    shift
    if [ "${SS_PLACE[$name]}" = guest ]; then
        guest "$name" "SWANCTL_DIR=/run/lab STRONGSWAN_CONF=/run/lab/strongswan.conf swanctl $(printf '%q ' "$@") --uri unix:///run/lab/vici"
    else
        ns "${SS_PLACE[$name]}" env SWANCTL_DIR="$LAB/$name" STRONGSWAN_CONF="$LAB/$name/strongswan.conf" \
            swanctl "$@" --uri "unix://$LAB/$name/vici"
    fi
}
# Takes its configuration (again); swanctl complains of folders for certificates, which are not needed.
ss_load() {
    local out
    out=$(sc "$1" --load-all --noprompt 2>&1) || { echo "$out"; return 1; }
}
ss_up() { sc "$1" --initiate --child net --timeout "${2:-20}"; }
ss_child_up() { sc "$1" --list-sas --raw | grep -q 'state=INSTALLED'; }
# An SPI or other field of the raw listing, first one.
ss_field() { sc "$1" --list-sas --raw | grep -oE "\b$2=[^ }]+" | head -1 | cut -d= -f2; }

# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# user-mode-linux guests: peers with a Linux kernel of their own. Needs lab.sh.
#
#   guest_boot NAME NS TAP    boots in the background; its only interface vec0 is on TAP in the namespace
#   guest_wait NAME...        until they have booted
#   guest NAME 'COMMANDS'     runs them in the guest: its output and exit code
#   guest_halt NAME...
# A guest sees the host's root read-only, has memory of its own on /run, /tmp, /var and /dev, and shares $LAB with the
# host at the same path; $LAB/NAME is its /run/lab.
declare -A GUEST=() GUEST_SEQ=()

guest_prepare() {
    [ -e "$LAB/guest-init" ] && return
    cp "$SYSTEM/lib/guest-init" "$LAB/guest-init"
    chmod 755 "$LAB/guest-init"
    cp "$(command -v mount)" "$LAB/mount" # without the setuid bit, which fails in a user namespace
    chmod 755 "$LAB/mount"
}

guest_boot() {
    local g=$1 n=$2 tap=$3
    guest_prepare
    mkdir -p "$LAB/$g"
    rm -f "$LAB/$g"/{booted,request.*,output.*,status.*}
    GUEST[$g]=1
    echo 0 >"$LAB/$g/next"
    bg "guest-$g" nsenter --net="/run/netns/$n" -- env TMPDIR="${UML_TMP:-/dev/shm}" LD_PRELOAD="$B/test/uml_xstate.so" $NICE \
        linux.uml "umid=$g" "uml_dir=$LAB/uml" "mem=${UML_MEM:-128M}" root=/dev/root rootfstype=hostfs rootflags=/ ro \
        "init=$LAB/guest-init" con=null con0=fd:0,fd:1 ssl=null quiet \
        "vec0:transport=tap,ifname=$tap,depth=128,gro=1" "lab=$LAB" "guest=$g"
    # On a busy machine a guest may leave a frame lying until the next one comes. Something comes, which is not on the bridge.
    bg "nudge-$g" nsenter --net="/run/netns/$n" -- "$TOOL" nudge "$tap"
}

guest_wait() {
    local g
    for g; do
        wait_for 60 test -e "$LAB/$g/booted" || { echo "guest $g did not boot"; tail -5 "$LAB/guest-$g.log"; return 1; }
    done
}

# Puts a request and sets K to its number, which is kept in a file so that it also works from a subshell.
guest_ask() {
    local d=$LAB/$1
    shift
    exec 8>"$d/lock"
    flock 8
    K=$(<"$d/next")
    echo $((K + 1)) >"$d/next"
    printf '%s\n' "$*" >"$d/request.new"
    mv "$d/request.new" "$d/request.$K"
    exec 8>&-
}
guest() {
    local g=$1 d=$LAB/$1 K k
    guest_ask "$@"
    k=$K
    wait_for "${GUEST_SECONDS:-120}" test -e "$d/status.$k" || { echo "guest $g does not answer: $*"; return 124; }
    cat "$d/output.$k"
    return "$(<"$d/status.$k")"
}

guest_halt() {
    local g
    for g; do
        [ -n "${PID[guest-$g]:-}" ] || continue
        guest_ask "$g" 'echo o >/proc/sysrq-trigger'
        wait_for 5 eval "! kill -0 ${PID[guest-$g]}" 2>/dev/null
        stop "guest-$g" "nudge-$g"
        unset "GUEST[$g]"
    done
}

guest_kernel_esp() {
    guest "$1" 'modprobe -a xfrm_user esp4 gcm seqiv authenc echainiv cbc sha256_generic xfrm4_tunnel 2>/dev/null; true'
}

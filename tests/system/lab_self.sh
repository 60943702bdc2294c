#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The lab proves itself: strongSwan in a namespace against strongSwan with a kernel's ESP in a guest, without us.
LAB_ARGS=("$@")
. "$(dirname "$0")/lib/lab.sh"
. "$SYSTEM/lib/uml.sh"
. "$SYSTEM/lib/strongswan.sh"
lab_start lab-self
ns_add wan s1
wire s1 eth0 wan s1w
ip -n wan tuntap add dev g2w mode tap
bridge wan br0 s1w g2w
ip -n s1 addr add 192.0.2.11/24 dev eth0
ip -n s1 addr add 10.11.0.1/24 dev lo
guest_boot g2 wan g2w
ss_config s1 local=192.0.2.11 remote=192.0.2.12 local_ts=10.11.0.0/24 remote_ts=10.12.0.0/24 remote_id=g2.lab
ss_config g2 local=192.0.2.12 remote=192.0.2.11 local_ts=10.12.0.0/24 remote_ts=10.11.0.0/24 remote_id=s1.lab \
    kernel=netlink folder=/run/lab
check "strongSwan starts in a namespace" ss_start s1 s1
check "a guest boots" guest_wait g2
guest g2 'ip addr add 192.0.2.12/24 dev vec0; ip link set vec0 up; ip addr add 10.12.0.1/24 dev lo'
guest_kernel_esp g2
check "strongSwan starts in a guest" ss_start_guest g2
check "the wire is captured" capture wan wan br0
check "the namespace sets up an SA with the guest" ss_up s1
check "ping through ESP" ping_all s1 3 -I 10.11.0.1 10.12.0.1
check "a file of 1 MiB arrives whole" transfer s1 g2 10.12.0.1 1048576
check "a file of 1 MiB arrives whole the other way" transfer g2 s1 10.11.0.1 1048576
capture_stop wan
check "nothing but ESP, IKE and ARP is on the wire" "$TOOL" frames "$LAB/wan.pcap"
check "the file's text is not on the wire" eval '! "$TOOL" holds "$LAB/wan.pcap" CULVERT-CLEAR-TEXT'
guest_halt g2
lab_end

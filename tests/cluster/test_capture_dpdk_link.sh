#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A tap read by DPDK's net_af_xdp, and what happens to it: its frames get VLAN tags; its worker stands still
# until the ring is full, and each frame lost is counted; it goes down and up, loses its carrier, has another
# name, is removed and comes back. Capture goes on by itself.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/comings.sh"
. "$(dirname "$0")/mirror.sh"
why=$(mirror_missing)
[ -x "$BIN/spliff-worker-dpdk" ] || why='no libdpdk to build mode dpdk with'
[ -n "$why" ] || find /usr/lib* -name 'librte_net_af_xdp.so*' | grep -q . || why='no net_af_xdp driver of DPDK'
[ -z "$why" ] || { skip "$TEST" "$why"; finish; exit; }

begin 1
mirror_up 1 || die 'cannot make the mirror port'
echo 'huge_pages = never' >>"$WORK/spliff.cfg"
comings_begin net_af_xdp0,iface=tap0 dpdk 1

mirror_as tc/tagged || die 'cannot tag'
wait_for 10 captured /count/tagged || die 'nothing is captured with VLAN tags'
mirror_as tc

before=$(counter capture.link)
kill -STOP "$(node_pid worker-1)"
flood 6000 50
kill -CONT "$(node_pid worker-1)"
wait_for 10 eval '[ "$(counter capture.kernel_drops)" -gt 0 ]' || die 'no frame was lost'
wait_for 10 eval '[ $(($(counter capture.link) - before)) -ge 6000 ]' ||
    die "of 6000 frames $(($(counter capture.link) - before)) were received or counted as lost"
wait_for 10 captured /count/after || die 'nothing is captured after the ring was full'

down_and_up tap0
no_carrier tap0 server mir0
other_name tap0
server ip link del mir0 || die 'cannot remove the interface'
gone_and_back tap0 1 mirror_pair 1
[ "$(counter manager.restarts)" -eq 0 ] || die 'an interface that went was taken for a crash'
stop
server ip link show tap0 | grep -q 'prog/xdp' && die 'a program is left behind'
pass "$TEST"
finish

#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A tap read by DPDK's net_af_xdp, and what happens to it: it goes down and up, loses its carrier, is
# removed and comes back. Capture goes on by itself.
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
down_and_up tap0
no_carrier tap0 server mir0
server ip link del mir0 || die 'cannot remove the interface'
gone_and_back tap0 1 mirror_pair 1
[ "$(counter manager.restarts)" -eq 0 ] || die 'an interface that went was taken for a crash'
stop
server ip link show tap0 | grep -q 'prog/xdp' && die 'a program is left behind'
pass "$TEST"
finish

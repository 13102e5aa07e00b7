#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A tap read by DPDK, two queues and two workers, and the interface behind the mirror read by
# AF_PACKET at the same time: both log the same. A killed worker leaves the other alone, a quiet one
# sleeps, and nothing is left behind, neither in the kernel nor in /var/run.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/mirror.sh"
. "$(dirname "$0")/beside.sh"
why=$(mirror_missing)
[ -x "$BIN/spliff-worker-dpdk" ] || why='no libdpdk to build mode dpdk with'
[ -n "$why" ] || find /usr/lib* -name 'librte_net_af_xdp.so*' | grep -q . || why='no net_af_xdp driver of DPDK'
[ -z "$why" ] || { skip "$TEST" "$why"; finish; exit; }

files() { find /run/spliff/dpdk /dev/hugepages -name 'spliff*' -o -name 'rtemap*' 2>/dev/null; }
files_before=$(files)
left_behind() {
    server ip -d link show tap0 2>/dev/null | grep -oE 'prog/xdp.*|promiscuity [1-9]'
    files | grep -vxF -e "$files_before" -e none
}
nothing_left() { [ -z "$(left_behind)" ]; }

begin 2
mirror_up || die 'cannot make the mirror port'
wire_frames
echo 'huge_pages = never' >>"$WORK/spliff.cfg"

node_cfg 2 net_af_xdp0,iface=sv0 dpdk
cluster start >"$WORK/start.out" 2>"$WORK/start.err" && die 'takes an interface that has an address'
grep -q 'sv0: it carries the address 192.0.2.2.*force' "$WORK/start.err" || die 'does not say why not'

node_cfg 2 net_af_xdp0,iface=tap0 dpdk
start
begin_kernel
both_see || die 'a cluster sees nothing'
talk
wait_for 10 counted || die 'requests are missing'
[ "$(busy_workers)" -eq 2 ] || die 'one worker has it all: the other queue is not read'
stop
end_kernel
same_as_kernel conn http ssl dns
wait_for 5 nothing_left || { left_behind; die 'the cluster has left something behind'; }

start
first=$(node_pid worker-1) second=$(node_pid worker-2)
kill -9 "$first" || die 'no worker to kill'
restarted() { [ -n "$(node_pid worker-1)" ] && [ "$(node_pid worker-1)" != "$first" ]; }
wait_for 15 restarted || die 'the killed worker does not come back'
[ "$(node_pid worker-2)" = "$second" ] || die 'the other worker died, too'
sees_all() { get "http://$SERVER4/again" && same_last; }
same_last() { [ "$(column http uri | grep -c again)" -gt 0 ]; }
wait_for 10 sees_all || die 'nothing is captured after a worker was killed'
# Quiet workers sleep until something wakes them: once a second they look at the clock.
looks() { echo $(($(counter loop.spins) + $(counter loop.yields) + $(counter loop.sleeps))); }
before=$(looks)
sleep 2 # the time in which they are counted
more=$(($(looks) - before))
[ "$more" -le 100 ] || die "two quiet workers looked for frames $more times in 2 seconds"
kill -9 "$(node_pid manager)" || die 'no manager to kill'
start
wait_for 10 sees_all || die 'nothing is captured after the manager was killed'
# Also with one that captures in another way, from another interface.
kill -9 "$(node_pid manager)" || die 'no manager to kill'
server ip link show tap0 | grep -q prog/xdp || die 'a killed manager takes its program with it'
node_cfg 1 sv0 af_packet
start
wait_for 5 nothing_left || { left_behind; die 'a start in another mode leaves what a killed manager left'; }
stop
wait_for 5 nothing_left || { left_behind; die 'what a killed manager left is still there'; }
pass "$TEST"
finish

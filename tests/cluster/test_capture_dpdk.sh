#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A tap read by DPDK, two queues and two workers, and the interface behind the mirror read by
# AF_PACKET at the same time: both log the same. A killed worker leaves the other alone, a quiet one
# costs next to nothing, and nothing is left behind, neither in the kernel nor in /var/run.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/mirror.sh"
why=$(mirror_missing)
[ -x "$BIN/spliff-worker-dpdk" ] || why='no libdpdk to build mode dpdk with'
[ -n "$why" ] || find /usr/lib* -name 'librte_net_af_xdp.so*' | grep -q . || why='no net_af_xdp driver of DPDK'
[ -z "$why" ] || { skip "$TEST" "$why"; finish; exit; }

left_behind() {
    server ip link show tap0 2>/dev/null | grep -o 'prog/xdp.*'
    find /var/run/dpdk /dev/hugepages -name 'spliff*' -o -name 'rtemap*' 2>/dev/null
}
nothing_left() { [ -z "$(left_behind)" ]; }

begin 2
mirror_up || die 'cannot make the mirror port'
client ethtool -K cl0 tx off tso off gso off gro off >/dev/null 2>&1
server ethtool -K sv0 tx off tso off gso off gro off >/dev/null 2>&1
echo 'huge_pages = never' >>"$WORK/spliff.cfg"

node_cfg 2 net_af_xdp0,iface=sv0 dpdk
cluster start >"$WORK/start.out" 2>"$WORK/start.err" && die 'takes an interface that has an address'
grep -q 'sv0: it carries the address 192.0.2.2.*force' "$WORK/start.err" || die 'does not say why not'

node_cfg 2 net_af_xdp0,iface=tap0 dpdk
start
server "$BIN/spliff-cluster" run -i sv0 -w 2 --log-dir "$WORK/kernel" --quiet 2>"$WORK/kernel.err" &
kernel=$!
client ip addr add 192.0.2.99/24 dev cl0
both_see() {
    get --interface 192.0.2.99 "http://$SERVER4/moved" && has_records http 1 && [ -s "$WORK/kernel/http.log" ]
}
wait_for 10 both_see || die 'a cluster sees nothing'
for n in $(seq 6); do
    get "http://$SERVER4/count/plain/$n" "http://$SERVER4/count/plain/next/$n" || die 'curl'
    get "https://$SERVER4/count/$n" || die 'curl over TLS'
    get "http://[$SERVER6]/count/plain/$n" "https://[$SERVER6]/count/$n" || die 'curl over IPv6'
    client dig +short +time=2 @$SERVER4 www.example.org >/dev/null || die 'dig'
    get "http://$SERVER4/files/20k.txt" || die 'curl of a file'
done
counted() { [ "$(column http uri | grep -c plain)" -eq "$(grep -c plain "$WORK/www/access.log")" ]; }
wait_for 10 counted || die 'requests are missing'
both=$(cluster status --json | python3 -c '
import json, sys
nodes = json.load(sys.stdin)["nodes"]
print(sum(1 for n in nodes if n.get("counters", {}).get("flow.tcp", 0) > 4))')
[ "$both" -eq 2 ] || die 'one worker has it all: the other queue is not read'
stop
kill -INT "$(pgrep -P $kernel)" 2>/dev/null || kill -INT $kernel
wait $kernel
"$ROOT/tests/cluster/same_logs.py" "$LOGS" "$WORK/kernel" conn http ssl dns >"$WORK/diff" ||
    { head -n 20 "$WORK/diff"; die 'the logs differ from those of AF_PACKET'; }
wait_for 5 nothing_left || { left_behind; die 'the cluster has left something behind'; }

# ticks PID: of CPU so far, a hundredth of a second each.
ticks() { awk '{print $14 + $15}' "/proc/$1/stat"; }
start
first=$(node_pid worker-1) second=$(node_pid worker-2)
kill -9 "$first" || die 'no worker to kill'
restarted() { [ -n "$(node_pid worker-1)" ] && [ "$(node_pid worker-1)" != "$first" ]; }
wait_for 15 restarted || die 'the killed worker does not come back'
[ "$(node_pid worker-2)" = "$second" ] || die 'the other worker died, too'
sees_all() { get "http://$SERVER4/again" && same_last; }
same_last() { [ "$(column http uri | grep -c again)" -gt 0 ]; }
wait_for 10 sees_all || die 'nothing is captured after a worker was killed'
idle() { [ "$(counter loop.mode_switches)" -gt 0 ]; }
wait_for 5 idle || die 'no worker has begun to sleep'
before=$(ticks "$second")
sleep 4 # the thing that is measured
used=$(($(ticks "$second") - before))
[ "$used" -le 8 ] || die "a quiet worker used $used hundredths of a second in 4 seconds"
kill -9 "$(node_pid manager)" || die 'no manager to kill'
start
wait_for 10 sees_all || die 'nothing is captured after the manager was killed'
stop
wait_for 5 nothing_left || { left_behind; die 'what a killed manager left is still there'; }
pass "$TEST"
finish

#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A tap read by AF_XDP, two queues and two workers, and the interface behind the mirror read by
# AF_PACKET at the same time: both log the same, to the byte. Nothing is left in the kernel when the
# cluster has stopped, and what a killed manager leaves is gone with the next one.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/mirror.sh"
why=$(mirror_missing)
"$BIN/spliff-cluster" version | grep -q -- +xdp || why="built without libxdp"
[ -z "$why" ] || { skip "$TEST" "$why"; finish; exit; }

# What of us is in the kernel, of all namespaces.
left_behind() {
    bpftool -j prog show | python3 -c '
import json, sys
print("\n".join(p["name"] for p in json.load(sys.stdin) if p.get("name") == "spliff_af_xdp"))'
    bpftool map show | grep af_xdp_
    server ip link show tap0 2>/dev/null | grep -o 'prog/xdp.*'
}
nothing_left() { [ -z "$(left_behind)" ]; }

nothing_left || die 'another run of this test has left something behind, or is under way'
begin 2
mirror_up || die 'cannot make the mirror port'
client ethtool -K cl0 tx off tso off gso off gro off >/dev/null 2>&1
server ethtool -K sv0 tx off tso off gso off gro off >/dev/null 2>&1

# An interface that the host uses is not taken away from it; nor one with more queues than workers.
node_cfg 2 sv0 af_xdp
cluster start >"$WORK/start.out" 2>"$WORK/start.err" && die 'takes an interface that has an address'
grep -q 'sv0: it carries the address 192.0.2.2.*force' "$WORK/start.err" || die 'does not say why not'
node_cfg 1 tap0 af_xdp
cluster start >"$WORK/start.out" 2>"$WORK/start.err" && die 'one worker for two queues'
grep -q 'tap0: has 2 receive queues, and 1 worker.*ethtool -L tap0' "$WORK/start.err" ||
    die 'does not say how to set the queues'

node_cfg 2 tap0 af_xdp
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
mirror_as tc/tagged || die 'cannot tag'
server timeout 10 tcpdump -qni mir0 -c 1 'vlan 7' >/dev/null 2>&1 &
tagged=$!
for n in $(seq 6); do
    get "http://$SERVER4/count/plain/tagged/$n" "https://$SERVER4/count/tagged" || die 'curl'
done
wait $tagged || die 'the copies have no VLAN tag'
mirror_as tc
# Fragments of one datagram come in by the queue of their addresses, and are put together there.
client bash -c "head -c 4000 /dev/zero >/dev/udp/$SERVER4/9"
counted() { [ "$(column http uri | grep -c plain)" -eq "$(grep -c plain "$WORK/www/access.log")" ]; }
wait_for 10 counted || die 'requests are missing'
[ "$(counter capture.refused)" -eq 0 ] || die 'frames were refused'
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
wait_for 5 nothing_left || { left_behind; die 'the cluster has left something in the kernel'; }

# A killed manager takes its children with it, but not the program; the next start does.
start
kill -9 "$(node_pid manager)" || die 'no manager to kill'
start
get "http://$SERVER4/count/again"
wait_for 10 has_records http 1 || die 'nothing is captured after the manager was killed'
stop
wait_for 5 nothing_left || { left_behind; die 'what a killed manager left is still there'; }
pass "$TEST"
finish

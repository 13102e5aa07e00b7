#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A tap read by AF_XDP, two queues and two workers, and the interface behind the mirror read by
# AF_PACKET at the same time: both log the same, to the byte. Nothing is left in the kernel when the
# cluster has stopped, and what a killed manager leaves is gone with the next one.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/mirror.sh"
. "$(dirname "$0")/beside.sh"
. "$(dirname "$0")/programs.sh"
why=$(af_xdp_missing)
[ -z "$why" ] || { skip "$TEST" "$why"; finish; exit; }

# What of this test's clusters is in the kernel, of all namespaces.
left_behind() {
    show_new prog spliff_af_xdp
    show_new map 'af_xdp_[^ ]*'
    server ip link show tap0 2>/dev/null | grep -o 'prog/xdp.*'
}
nothing_left() { [ -z "$(left_behind)" ]; }

begin 2
mirror_up || die 'cannot make the mirror port'
wire_frames

# An interface that the host uses is not taken away from it; nor one with more queues than workers.
node_cfg 2 sv0 af_xdp
cluster start >"$WORK/start.out" 2>"$WORK/start.err" && die 'takes an interface that has an address'
grep -q 'sv0: it carries the address 192.0.2.2.*force' "$WORK/start.err" || die 'does not say why not'
# Nor one whose frames another interface of the host's gets.
if server ip link add link tap0 name above0 type macvlan 2>/dev/null; then
    node_cfg 2 tap0 af_xdp
    cluster start >"$WORK/start.out" 2>"$WORK/start.err" && die 'takes an interface that has another above it'
    grep -q 'tap0: it carries the interface above0.*force' "$WORK/start.err" || die 'does not say what is above it'
    server ip link del above0
fi
node_cfg 1 tap0 af_xdp
cluster start >"$WORK/start.out" 2>"$WORK/start.err" && die 'one worker for two queues'
grep -q 'tap0: has 2 receive queues, and 1 worker.*ethtool -L tap0' "$WORK/start.err" ||
    die 'does not say how to set the queues'

node_cfg 2 tap0 af_xdp
start
begin_kernel
both_see || die 'a cluster sees nothing'

talk
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
wait_for 10 counted || die 'requests are missing'
[ "$(counter capture.refused)" -eq 0 ] || die 'frames were refused'
[ "$(busy_workers)" -eq 2 ] || die 'one worker has it all: the other queue is not read'
stop
end_kernel
same_as_kernel conn http ssl dns
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

#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A tap read by AF_XDP, and what happens to it: the MTU grows to jumbo frames, which lie in several
# pieces; a worker is killed, and its successor reads on; it stands still until its memory is full,
# and each frame lost is counted; the link goes down and up, loses its carrier, has another
# name, is removed and comes back.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/comings.sh"
. "$(dirname "$0")/mirror.sh"
why=$(af_xdp_missing)
[ -z "$why" ] || { skip "$TEST" "$why"; finish; exit; }

begin 1
mirror_up 1 || die 'cannot make the mirror port'
node_cfg 1 tap0 af_xdp
printf 'af_xdp_buffer_size = 2M\naf_xdp_frame_size = 2K\nbusy_poll = 50us\n' >>"$WORK/spliff.cfg"

# A huge page, if the machine can spare one, is taken and given back.
huge_free() { awk '$1 == "HugePages_Free:" {print $2}' /proc/meminfo; }
huge=$(sysctl -n vm.nr_hugepages)
trap 'sysctl -qw vm.nr_hugepages="$huge"; cleanup' EXIT
sysctl -qw vm.nr_hugepages=$((huge + 1))
free=$(huge_free)
start
if [ "$free" -gt 0 ]; then
    grep -q 'tap0: AF_XDP.* huge pages' "$STATE/manager.stderr" || die 'a huge page is free and not used'
fi
get "http://$SERVER4/count/small" || die 'curl'
wait_for 10 has_records http 1 || die 'nothing is captured'
[ "$(counter capture.joined)" -eq 0 ] || die 'frames of 1500 bytes lie in pieces'

client ip link set cl0 mtu 9000 && server ip link set sv0 mtu 9000 && server ip link set mir0 mtu 9000 &&
    server ip link set tap0 mtu 9000 || die 'cannot change the MTU'
client ethtool -K cl0 tso off gso off gro off && server ethtool -K sv0 tso off gso off gro off
get "http://$SERVER4/files/20k.txt?jumbo" || die 'curl'
wait_for 10 has_records http 2 || die 'nothing is captured after the MTU has changed'
column http response_body_len | grep -qx 20000 || die 'the answer in jumbo frames was not read whole'
[ "$(counter capture.joined)" -gt 0 ] || die 'no jumbo frame was joined'
[ "$(counter reassembly.gap_bytes)" -eq 0 ] || die 'bytes of jumbo frames are missing'

old=$(node_pid worker-1)
kill -9 "$old" || die 'no worker to kill'
for n in $(seq 20); do
    get "http://$SERVER4/count/while-down/$n" || die 'curl'
done
restarted() {
    local now
    now=$(node_pid worker-1)
    [ -n "$now" ] && [ "$now" != "$old" ]
}
wait_for 10 restarted || die 'the worker was not restarted'
wait_for 10 has_records http 22 || die "http.log has $(count http) of 22 requests"
[ "$(counter capture.abandoned)" -le 64 ] || die 'more than a batch was in the hands of the worker'
before=$(counter capture.abandoned)
for n in 1 2; do # so many that their frames, up to five each, have room until there is a worker again
    old=$(node_pid worker-1)
    client curl -s "http://$SERVER4/count/load/$n/[1-150]" >/dev/null &
    load=$!
    kill -9 "$old"
    wait_for 10 restarted || die 'the worker was not restarted again'
    wait $load || die 'curl'
done
# Each frame that was in the worker's hands takes one request with it at most, and each kill those
# that were half read.
explained() {
    missing=$((300 - $(column http uri | grep -c load)))
    lost=$(($(counter capture.abandoned) - before))
    [ "$lost" -le 128 ] && [ "$missing" -le $((lost + 10)) ]
}
wait_for 10 explained || die "after two kills $missing of 300 requests are missing, and $lost frames were abandoned"
[ "$(counter capture.kernel_drops)" -eq 0 ] || die 'the frames of 150 requests have no room in 2 MiB'
[ -z "$(column http uri | grep -v '^-$' | sort | uniq -d)" ] || die 'a request is logged twice'

# So many frames do not fit into 2 MiB: the rest is lost, and counted one by one.
before=$(counter capture.link)
kill -STOP "$(node_pid worker-1)"
flood 3000 50
kill -CONT "$(node_pid worker-1)"
wait_for 10 eval '[ "$(counter capture.kernel_drops)" -ge 1900 ]' ||
    die "of 3000 frames in memory for 1023, $(counter capture.kernel_drops) were counted as lost"
accounted() { [ $(($(counter capture.link) - before)) -ge 3000 ]; }
wait_for 10 accounted || die 'frames are neither received nor counted as lost'
[ "$(counter capture.refused)" -eq 0 ] || die 'they were lost for another reason'

restarts=$(counter manager.restarts)
# Queues that nobody reads.
queues() { server ethtool -L tap0 rx "$1" 2>/dev/null || die 'cannot set the queues'; }
queues 2
wait_for 10 said 1 'tap0: has 2 receive queues now, and 1 are read.*ethtool -L tap0 rx 1' ||
    die 'nobody says that a queue is not read'
queues 1
wait_for 10 said 1 'tap0: has 1 receive queues again' || die 'nobody says that all queues are read'
wait_for 10 captured /count/queues || die 'nothing is captured after queues came and went'
down_and_up tap0
no_carrier tap0 server mir0
other_name tap0
server ip link del mir0 || die 'cannot remove the interface'
gone_and_back tap0 1 mirror_pair 1
# Its number is the same when it is back.
home() { client ip link set tap0 netns "$NET_SERVER" && server ip link set tap0 up; }
server ip link set tap0 netns "$NET_CLIENT" || die 'cannot move the interface'
gone_and_back tap0 2 home
[ "$(counter manager.restarts)" -eq "$restarts" ] || die 'an interface that went was taken for a crash'
stop
[ "$(huge_free)" -ge "$free" ] || die 'a huge page was not given back'
pass "$TEST"
finish

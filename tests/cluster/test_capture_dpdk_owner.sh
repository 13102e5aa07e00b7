#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A port that a process of its own keeps, with two queues that two workers read: the same logs as
# reading the file (but for what workers tell each other, which comes when it comes); a killed worker comes back alone and its queue with it, again and again; with a
# killed owner all come back; nobody has a right left, the owner sleeps, and nothing stays behind.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/huge_pages.sh"
[ -x "$BIN/spliff-worker-dpdk" ] || { skip "$TEST" 'no libdpdk to build mode dpdk with'; finish; exit; }
find /usr/lib* -name 'librte_net_pcap.so*' | grep -q . ||
    { skip "$TEST" 'no net_pcap driver of DPDK'; finish; exit; }
huge_pages_up 72 >"$WORK/why"
why=$(cat "$WORK/why")
[ -z "$why" ] || { skip "$TEST" "$why"; finish; exit; }
trap 'cleanup_cluster; huge_pages_down; rm -rf "$SHORT"; cleanup' EXIT
SHORT=$(mktemp -d /tmp/s.XXXX) # for arguments that net_pcap tells its guests, 63 bytes of them
chmod 755 "$SHORT"
cleanup_cluster() { [ ! -e "$STATE/control.sock" ] || spliff stop >/dev/null 2>&1; }
spliff() {
    local command=$1
    shift
    "$BIN/spliff-cluster" "$command" --config "$WORK/spliff.cfg" --node-cfg "$WORK/node.cfg" "$@"
}
cluster() { spliff "$@"; }

chmod 755 "$WORK"
spliff_cfg
printf 'checksums = ignore\ndpdk_port_owner = yes\ndpdk_memory = 32M\ndpdk_descriptors = 512\nuser = nobody\n' \
    >>"$WORK/spliff.cfg"
captures=()
for name in http1-exchange http1-keep-alive http2-exchange dns-types tls13; do
    captures+=("$ROOT/tests/golden/$name/input.pcap")
done
"$ROOT/tests/cluster/pcap_join.py" "$SHORT/1,$SHORT/2" "${captures[@]}"
"$ROOT/tests/cluster/pcap_join.py" "$WORK/all.pcap" "${captures[@]}"
"$BIN/spliff-cluster" run --config "$WORK/spliff.cfg" -r "$WORK/all.pcap" --log-dir "$WORK/file" --quiet ||
    die 'cannot read the capture'
flows=$(grep -vc '^#' "$WORK/file/conn.log")
node_cfg_of "vdev=net_pcap0,rx_pcap=$SHORT/1,rx_pcap=$SHORT/2" lb_procs=2

# Of the managers of this test: others may run.
managers=
started() { start && managers="$managers $(node_pid manager)"; }
left_behind() {
    local pid
    for pid in $managers; do
        find /run/spliff/dpdk /var/run/dpdk "$WORK/huge" /dev/shm -name "spliff-$pid-*" 2>/dev/null
    done
}
nothing_left() { [ -z "$(left_behind)" ]; }
lines() { { cat "$LOGS/current/conn.log"; zcat -f "$LOGS"/*-*-*/conn.*; } 2>/dev/null | grep -vc '^#'; }
has_lines() { [ "$(lines)" -ge "$1" ]; }

sed -i 's/^dpdk_port/huge_pages = never\ndpdk_port/' "$WORK/spliff.cfg"
spliff start >"$WORK/start.out" 2>"$WORK/start.err" && die 'starts without huge pages'
grep -q 'share its port in huge pages' "$WORK/start.err" || die 'does not say that huge pages are needed'
sed -i '/^huge_pages/d' "$WORK/spliff.cfg"

started
wait_for 20 has_lines "$flows" || die "$(lines) of $flows flows"
"$ROOT/tests/cluster/same_logs.py" "$LOGS" "$WORK/file" -resolved_name conn http ssl dns >"$WORK/diff" ||
    { head -n 20 "$WORK/diff"; die 'the logs differ from those of the file'; }
spliff status | grep -q '^port-1 ' || die 'status does not show the owner'

# Whose threads still have a capability, could get one, or are root's.
rights() {
    local node
    for node in port-1 worker-1 worker-2; do
        awk -v n=$node '/^Cap/ && $2 !~ /^0+$/ || /^NoNewPrivs/ && $2 != 1 || /^Uid/ && $2 == 0 {
            print n, FILENAME, $0}' /proc/"$(node_pid $node)"/task/*/status
    done
}
[ "$(id -u)" -ne 0 ] || [ -z "$(rights)" ] || { rights; die 'a thread has kept rights'; }

owner=$(node_pid port-1) other=$(node_pid worker-2)
wait_for 10 at_rest "$owner" || die 'the owner does not sleep'

# Killed again and again: each time the same flows come once more, by the new worker's queue.
for n in 1 2 3; do
    first=$(node_pid worker-1) seen=$(lines)
    kill -9 "$first" || die 'no worker to kill'
    restarted() { [ -n "$(node_pid worker-1)" ] && [ "$(node_pid worker-1)" != "$first" ]; }
    wait_for 20 restarted || die 'the killed worker does not come back'
    wait_for 20 has_lines $((seen + 1)) || die "nothing is captured after kill $n"
done
[ "$(node_pid worker-2)" = "$other" ] || die 'the other worker died, too'
[ "$(node_pid port-1)" = "$owner" ] || die 'the owner died, too'

seen=$(lines)
kill -9 "$owner" || die 'no owner to kill'
all_new() {
    [ -n "$(node_pid port-1)" ] && [ "$(node_pid port-1)" != "$owner" ] && [ -n "$(node_pid worker-2)" ] &&
        [ "$(node_pid worker-2)" != "$other" ]
}
wait_for 30 all_new || { spliff status; die 'not all come back after the owner was killed'; }
wait_for 20 has_lines $((seen + flows)) || die 'not all is captured after the owner was killed'
[ "$(left_behind | grep -c "spliff-[0-9]*-$owner")" -eq 0 ] || die 'files of the killed owner are left'
stop
wait_for 5 nothing_left || { left_behind; die 'something is left behind'; }

started
kill -9 "$(node_pid manager)" || die 'no manager to kill' # its workers end later than the next begin
started
stop
wait_for 5 nothing_left || { left_behind; die 'what a killed manager left is still there'; }

# Also with one that captures in another way.
started
owner=$(node_pid port-1)
kill -9 "$(node_pid manager)" || die 'no manager to kill'
wait_for 10 eval "! kill -0 $owner" || die 'the owner outlives its manager'
nothing_left && die 'a killed owner leaves nothing that could be taken away'
unshare -n "$BIN/spliff-cluster" run -i lo --log-dir "$WORK/lo" --quiet 2>"$WORK/lo.err" &
other=$!
wait_for 10 nothing_left
found=$?
kill -TERM $other
wait $other
[ $found -eq 0 ] || { left_behind; die 'a start in another mode leaves what a killed manager left'; }
pass "$TEST"
finish

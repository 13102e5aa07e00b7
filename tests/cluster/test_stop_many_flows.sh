#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A stop with more open flows than the spool has room for, while the logger does not write: the worker waits
# for it, and each flow is logged. When nobody is left to wait for, it says how many records are lost, with
# those for which there was no room.
. "$(dirname "$0")/lib.sh"
begin 1
cat >>"$WORK/spliff.cfg" <<'CFG'
spool_size = 4M
udp_inactivity_timeout = 1h
CFG
many_flows() {
    client python3 -c '
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for port in range(1024, 41024):
    s.sendto(b"a flow of its own", ("192.0.2.2", port))
    if port % 100 == 0:
        time.sleep(0.005)' || die 'cannot send'
    wait_for 30 has_flows || die "only $(counter flow.udp) flows came"
    flows=$(counter flow.udp)
}
has_flows() { [ "$(counter flow.udp)" -ge 30000 ]; }
is_waited_for() { [ "$(counter emit.spool_waits)" -gt 0 ]; }
logged() { column conn proto | grep -cx udp; }

start
many_flows
logger=$(node_pid logger-1)
kill -STOP "$logger" || die 'no logger to stop'
cluster stop >"$WORK/stop.out" 2>"$WORK/stop.err" &
stopping=$!
wait_for 20 is_waited_for || die 'the worker does not wait for the logger'
kill -CONT "$logger"
wait $stopping || die "stop: status $?"
[ "$(logged)" -eq "$flows" ] || die "conn.log has $(logged) lines of $flows flows"

start
before=$(logged)
many_flows
kill -STOP "$(node_pid logger-1)" || die 'no logger to stop'
manager=$(node_pid manager)
cluster stop >"$WORK/stop.out" 2>"$WORK/stop.err" &
wait_for 20 is_waited_for || die 'the worker does not wait for the logger'
kill -9 "$manager"
lost() { sed -n 's/.*worker-1: error: \([0-9]*\) records were not taken .* the manager is gone$/\1/p' "$STATE"/worker-1.stderr; }
says() { [ -n "$(lost)" ]; }
wait_for 20 says || die 'the worker does not say what is lost'
[ $(($(lost) + $(logged) - before)) -ge "$flows" ] ||
    die "of $flows flows $(($(logged) - before)) are logged, and only $(lost) records were said to be lost"
pass "$TEST"
finish

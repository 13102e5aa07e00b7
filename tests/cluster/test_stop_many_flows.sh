#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A stop with more open flows than the spool has room for, while the logger does not write: the worker waits
# for it, and each flow is logged.
. "$(dirname "$0")/lib.sh"
begin 1
cat >>"$WORK/spliff.cfg" <<'CFG'
spool_size = 4M
udp_inactivity_timeout = 1h
CFG
start
client python3 -c '
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for port in range(1024, 41024):
    s.sendto(b"a flow of its own", ("192.0.2.2", port))
    if port % 100 == 0:
        time.sleep(0.005)' || die 'cannot send'
has_flows() { [ "$(counter flow.udp)" -ge 30000 ]; }
wait_for 30 has_flows || die "only $(counter flow.udp) flows came"
flows=$(counter flow.udp)
logger=$(node_pid logger-1)
kill -STOP "$logger" || die 'no logger to stop'
cluster stop >"$WORK/stop.out" 2>"$WORK/stop.err" &
stopping=$!
is_waited_for() { [ "$(counter emit.spool_waits)" -gt 0 ]; }
wait_for 20 is_waited_for || die 'the worker does not wait for the logger'
kill -CONT "$logger"
wait $stopping || die "stop: status $?"
logged=$(column conn proto | grep -cx udp)
[ "$logged" -eq "$flows" ] || die "conn.log has $logged lines of $flows flows"
pass "$TEST"
finish

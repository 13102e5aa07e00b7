#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# kill -9 of a worker whose flows are shunted: its successor takes them out of the kernel's table, sees
# their packets again, shunts them anew and tells how they end.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/programs.sh"
begin 1
echo 'tcp_close_delay = 500ms' >>"$WORK/spliff.cfg"
head -c 60M /dev/zero >"$WORK/www/www/files/60m"
start

shunted() { [ "$(counter shunt.active)" -eq 1 ] && [ "$(counter shunt.tls)" -ge "$1" ]; }

client curl -sk --limit-rate 6M -o "$WORK/out" "https://$SERVER4/files/60m" 2>"$WORK/curl.err" &
load=$!
wait_for 10 shunted 1 || die 'the download is not shunted'
kill -9 "$(node_pid worker-1)" || die 'no worker to kill'
wait_for 10 all_running || die 'the worker was not restarted'
wait_for 10 shunted 2 || die 'the download is not shunted again'
[ "$(counter shunt.abandoned)" -eq 1 ] || die "$(counter shunt.abandoned) flows were taken out, not 1"
wait $load || die 'curl'
wait_for 10 has_records conn 1 || die 'the download is not in conn.log'
[ "$(counter shunt.active)" -eq 0 ] || die 'a flow that is over is still shunted'
loaded=$(programs)
[ -n "$loaded" ] || die 'no program is loaded'
stop
wait_for 5 are_gone $loaded || die 'a program is left in the kernel'

bytes=$(column conn resp_bytes | sort -n | tail -n 1)
[ "$bytes" -gt 1000000 ] || die "the flow is logged with $bytes bytes"
[ "$(column conn missed_bytes | sort -n | tail -n 1)" -eq 0 ] || die 'bytes are missed'

# kill -9 of the manager: its workers go with it, and so does all that they had in the kernel.
start
loaded=$(programs)
for pid in $(ip netns pids "$NET_SERVER"); do
    [ "$(cat "/proc/$pid/comm")" = spliff-cluster ] && kill -9 "$pid"
done
wait_for 10 are_gone $loaded || die 'a program outlives a manager that was killed'
pass "$TEST"
finish

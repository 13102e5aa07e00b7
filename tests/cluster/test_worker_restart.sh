#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# kill -9 of a worker: what it had emitted is logged, the packets that come while it is down wait in
# its ring, its successor reads on from there, and no record comes twice.
. "$(dirname "$0")/lib.sh"
begin 1
start
for n in $(seq 50); do
    get "http://$SERVER4/before/$n" || die 'curl'
done
# Nothing is in flight once the ring is drained; the records may still be in the spool.
wait_for 5 has_records http 50 || die "http.log has $(count http) of 50 requests"
for n in $(seq 20); do
    get "http://$SERVER4/spooled/$n"
done
old=$(node_pid worker-1)
kill -9 "$old" || die 'no worker to kill'
for n in $(seq 50); do
    get "http://$SERVER4/while-down/$n" || die 'curl'
done
wait_for 10 all_running || die 'the worker was not restarted'
[ "$(node_pid worker-1)" != "$old" ] || die 'the pid is the old one'
for n in $(seq 50); do
    get "http://$SERVER4/after/$n" || die 'curl'
done
wait_for 5 has_records http 168 || { same_requests; cluster status --json >/tmp/wr.json; die "http.log has $(count http) of 170 requests"; }
stop
same_requests >"$WORK/diff"
# The connection that was open when the worker died may be lost: its state was in the worker.
lost=$(grep -c '^<' "$WORK/diff") twice=$(column http uri | sort | uniq -d | wc -l)
[ "$lost" -le 2 ] || { head "$WORK/diff"; die "$lost requests are missing"; }
grep '^<' "$WORK/diff" | grep -vq spooled && die 'a request is missing that was not being read'
[ "$twice" -eq 0 ] || { column http uri | sort | uniq -d; die "$twice requests are logged twice"; }
pass "$TEST"
finish

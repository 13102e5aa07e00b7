#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# kill -9 of a worker: what it had emitted is logged, the packets that come while it is down wait in
# its ring, its successor reads on from there behind the batch that the worker died with, which is
# counted, and no record comes twice.
. "$(dirname "$0")/lib.sh"
begin 1
start
# all_but_lost KILLS REQUESTS: each frame that was in the worker's hands takes one request with it at
# most, and each kill those two that were half read: they were in its own memory.
all_but_lost() {
    missing=$(($2 - $(count http)))
    lost=$(counter capture.abandoned)
    [ "$lost" -le $(($1 * 64)) ] && [ "$missing" -le $((lost + $1 * 2)) ]
}
for n in $(seq 50); do
    get "http://$SERVER4/before/$n" || die 'curl'
done
# Nothing is in flight once the ring is drained; the records may still be in the spool.
wait_for 20 has_records http 50 || die "http.log has $(count http) of 50 requests"
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
wait_for 10 all_but_lost 1 170 || die "$missing of 170 requests are missing, and $lost frames were abandoned"

# In the middle of a load on one connection.
client curl -s "http://$SERVER4/load/[1-3000]" >"$WORK/curl.out" 2>&1 &
load=$!
has_served() { [ "$(wc -l <"$WORK/www/access.log")" -ge "$1" ]; }
wait_for 20 has_served 1000 || die 'curl is too slow'
kill -9 "$(node_pid worker-1)" || die 'no worker to kill'
wait $load || die 'curl'
wait_for 10 all_running || die 'the worker was not restarted again'
wait_for 10 all_but_lost 2 3170 || die "$missing of 3170 requests are missing, and $lost frames were abandoned"
stop

same_requests >"$WORK/diff"
missing=$(grep -c '^<' "$WORK/diff")
[ "$missing" -le $((lost + 4)) ] || { head "$WORK/diff"; die "$missing requests are missing, and $lost frames were abandoned"; }
grep '^<' "$WORK/diff" | grep -vqE 'spooled|load' && die 'a request is missing that was not being read'
twice=$(column http uri | grep -v '^-$' | sort | uniq -d)
[ -z "$twice" ] || { echo "$twice" | head; die 'requests are logged twice'; }
pass "$TEST"
finish

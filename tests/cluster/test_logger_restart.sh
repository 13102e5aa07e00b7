#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# kill -9 of the logger under load, three times: http.log and nginx's own log agree line by line, so
# no record was lost and none was written twice. Workers whose manager is killed do not wait for a
# logger, and say what was lost.
. "$(dirname "$0")/lib.sh"
begin 2
start
get "http://$SERVER4/first" "http://$SERVER4/second"
wait_for 20 has_records http 2 || die 'nothing is logged'
has_served() { [ "$(wc -l <"$WORK/www/access.log")" -ge "$1" ]; }
for part in 1 2 3 4; do
    client curl -s --parallel --parallel-max 4 "http://$SERVER4/load/$part/[1-5000]" \
        "http://$SERVER4/more/$part/[1-5000]" >"$WORK/curl.out" 2>&1 &
    load=$!
    # In the middle of the load.
    wait_for 20 has_served $((part * 10000 - 7000)) || die 'curl is too slow'
    old=$(node_pid logger-1)
    [ "$part" -eq 4 ] || kill -9 "$old" || die 'no logger to kill'
    wait $load || die 'curl'
    wait_for 15 all_running || die 'the logger was not restarted'
done
wait_for 20 has_records http "$(wc -l <"$WORK/www/access.log")" ||
    die "http.log has $(count http) of $(wc -l <"$WORK/www/access.log") requests"
stop
same_requests >"$WORK/diff" || { head "$WORK/diff"; die 'http.log is not what nginx served'; }

start
manager=$(node_pid manager) logger=$(node_pid logger-1)
kill -STOP "$logger" || die 'no logger to stop'
get "http://$SERVER4/lost"
sees() { [ "$(counter flow.tcp)" -ge 1 ]; }
wait_for 10 sees || die 'the workers see nothing'
kill -9 "$manager" || die 'no manager to kill'
says() { grep -q 'records were not taken.*the manager is gone' "$STATE"/worker-*.stderr; }
wait_for 10 says || die 'the workers of a killed manager do not say what was lost'
kill -CONT "$logger"
pass "$TEST"
finish

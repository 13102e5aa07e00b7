#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A logger that stands still until the spool has dropped more than it was told of, and goes on: what
# was dropped is counted, and what comes afterwards is logged.
. "$(dirname "$0")/lib.sh"
begin 1
sed -i 's/^log_flush_interval.*/log_flush_interval = 10ms/' "$WORK/spliff.cfg"
echo 'spool_size = 4M' >>"$WORK/spliff.cfg" # the least
start
get "http://$SERVER4/first"
wait_for 20 has_uri /first || die 'nothing is logged'
logger=$(node_pid logger-1)
kill -STOP "$logger" || die 'no logger to stop'
sent=0 until=$((SECONDS + 6))
has_lost() {
    for _ in {1..40}; do
        sent=$((sent + 1))
        get "http://$SERVER4/stalled/$sent"
    done
    # Between two attempts of the worker to tell it again, as far as possible from both.
    [ "$SECONDS" -ge "$until" ] && [ "$(counter emit.records_lost)" -ge 70 ]
}
wait_for 60 has_lost || die "only $(counter emit.records_lost) records are lost of $sent requests"
kill -CONT "$logger"
get "http://$SERVER4/after"
wait_for 20 has_uri /after || die 'nothing is logged any more'
[ -z "$(column http uri | sort | uniq -d)" ] || die 'a record was logged twice'
stop
pass "$TEST"
finish

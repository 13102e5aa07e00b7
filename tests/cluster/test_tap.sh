#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A live tap: any ZeroMQ subscriber on log/http/ at the bus sees the records as they are made, and
# only those.
. "$(dirname "$0")/lib.sh"
begin 1
start
"$ROOT/build/tools/cluster/tap" "ipc://$STATE/run/bus.out" log/http/ 15 >"$WORK/tap.out" 2>"$WORK/tap.err" &
tap=$!
wait_for 20 grep -q ready "$WORK/tap.err" || die 'the tap does not connect'
# A subscription takes a moment to reach the worker, so requests go on until the tap has seen one.
tapped() {
    get "http://$SERVER4/tapped" "https://$SERVER4/"
    grep -q /tapped "$WORK/tap.out"
}
wait_for 10 tapped || die 'the tap saw no record'
wait $tap || die 'the tap failed'
grep -v '^log/http/worker-1/ ' "$WORK/tap.out" && die 'the tap saw other topics'
stop
pass "$TEST"
finish

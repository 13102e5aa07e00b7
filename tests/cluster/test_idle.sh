#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# All processes of an idle cluster sleep, and nothing wakes them many times a second.
. "$(dirname "$0")/lib.sh"
begin 2
start
get "http://$SERVER4/"
wait_for 20 has_records http 1 || die 'nothing is logged'

for round in 1 2 3; do
    for node in manager logger-1 worker-1 worker-2; do
        wait_for 10 at_rest "$(node_pid $node)" || die "round $round: $node does not sleep"
    done
done
[ "$(counter loop.sleeps)" -gt 0 ] || die 'no worker counts its sleeps'
[ "$(counter loop.spins loop.yields)" -eq 0 ] || die 'a worker asks its ring again and again'
stop
pass "$TEST"
finish

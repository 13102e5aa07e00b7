#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# An idle cluster sleeps. The goal is under 1 % of a core for all processes together; the bound here
# is 3 %, so that a busy machine does not fail it.
. "$(dirname "$0")/lib.sh"
begin 2
start
get "http://$SERVER4/"
wait_for 20 has_records http 1 || die 'nothing is logged'

# CPU time of all nodes so far, in clock ticks.
ticks() {
    local node total=0
    for node in manager logger-1 worker-1 worker-2; do
        total=$((total + $(awk '{print $14 + $15}' "/proc/${pid[$node]}/stat")))
    done
    echo $total
}
declare -A pid
for node in manager logger-1 worker-1 worker-2; do
    pid[$node]=$(node_pid $node)
done
seconds=6
before=$(ticks)
sleep $seconds # the thing that is measured
used=$(($(ticks) - before))
percent=$(awk -v t=$used -v hz="$(getconf CLK_TCK)" -v s=$seconds 'BEGIN {printf "%.2f", 100 * t / hz / s}')
printf '      idle: %s %% of a core in %d s\n' "$percent" $seconds
awk -v p="$percent" 'BEGIN {exit p >= 3}' || die "an idle cluster uses $percent % of a core"
stop
pass "$TEST"
finish

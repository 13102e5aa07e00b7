#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# How workers wait for frames is shown and changed while they run, by name or all at once; one that
# was killed goes on as was set. All modes but polling sleep where there is nothing to do.
. "$(dirname "$0")/lib.sh"
begin 2

rx_mode() { cluster rx-mode "$@"; }
# in_effect NODE MODE, for wait_for.
in_effect() { rx_mode "$1" | grep -qE "^$1 +worker +[^ ]+ +sv0 +kernel +$2 +$2\$"; }
# node_counter NODE COUNTER
node_counter() {
    cluster print counters |
        awk -v n="$1" -v c="$2" '$1 == n && $2 == c {print $3}'
}

rx_mode >"$WORK/none.out" 2>"$WORK/none.err" && die 'rx-mode: status 0 without a cluster'
grep -q 'no cluster runs' "$WORK/none.err" || die 'rx-mode does not say that no cluster runs'
start
get "http://$SERVER4/"
wait_for 20 has_records http 1 || die 'nothing is logged'
in_effect worker-1 adaptive || { rx_mode; die 'the default is not shown'; }
[ "$(rx_mode | wc -l)" -eq 3 ] || { rx_mode; die 'not a header and two workers'; }
wait_for 10 at_rest "$(node_pid worker-1)" || die 'a quiet worker does not sleep'

rx_mode worker-1 poling >"$WORK/bad.out" 2>"$WORK/bad.err"
[ $? -eq 2 ] || die 'a mode that is none: the status is not 2'
grep -q "no worker and no mode 'poling'; did you mean polling" "$WORK/bad.err" || die 'a mode that is none is not named'
rx_mode logger-1 polling >/dev/null 2>&1 && die 'a logger has a mode'
rx_mode polling worker-1 >/dev/null 2>&1 && die 'a mode in front of a node is taken'
in_effect worker-1 adaptive || die 'a refused command has changed something'

rx_mode worker-1 polling >/dev/null || die "rx-mode: status $?"
wait_for 5 in_effect worker-1 polling || { rx_mode; die 'worker-1 does not poll'; }
in_effect worker-2 adaptive || die 'worker-2, which was not named, has another mode'
spins=$(node_counter worker-1 loop.spins)
polls() { [ "$(node_counter worker-1 loop.spins)" -gt $((spins + 100000)) ]; }
wait_for 10 polls || die 'worker-1 says that it polls, and does not'
rx_mode --json | python3 -c '
import json, sys
modes = [(n["name"], n["rx_mode"], n["in_effect"]) for n in json.load(sys.stdin)["nodes"]]
assert modes == [("worker-1", "polling", "polling"), ("worker-2", "adaptive", "adaptive")], modes
' || die 'rx-mode --json'

# Of what it polls without finding anything, nothing is busy time.
polls_for_nothing() {
    busy=$(node_counter worker-1 loop.busy_ns) spins=$(node_counter worker-1 loop.spins)
    wait_for 10 polls && [ "$(node_counter worker-1 loop.busy_ns)" -eq "$busy" ]
}
wait_for 20 polls_for_nothing || die 'worker-1 polls a quiet link, and counts it as busy'
busy_grows() { get "http://$SERVER4/again" && [ "$(node_counter worker-1 loop.busy_ns)" -gt "$before" ]; }
before=$(node_counter worker-1 loop.busy_ns)
wait_for 10 busy_grows || die 'packets do not count as busy time'

first=$(node_pid worker-1)
kill -9 "$first" || die 'no worker to kill'
restarted() { [ -n "$(node_pid worker-1)" ] && [ "$(node_pid worker-1)" != "$first" ]; }
wait_for 15 restarted || die 'the killed worker does not come back'
wait_for 5 in_effect worker-1 polling || { rx_mode; die 'the successor does not poll'; }

rx_mode interrupt >/dev/null || die "rx-mode for all: status $?"
for node in worker-1 worker-2; do
    wait_for 5 in_effect $node interrupt || { rx_mode; die "$node does not wait for interrupts"; }
done
wait_for 10 at_rest "$(node_pid worker-1)" || die 'a quiet worker that waits for interrupts does not sleep'
answered() { get "http://$SERVER4/more" && [ "$(column http uri | grep -c more)" -gt 0 ]; }
wait_for 10 answered || die 'nothing is captured after a change of mode'
stop
pass "$TEST"
finish

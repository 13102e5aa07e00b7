#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A cluster that asks for plaintext where none can be had does its other work all the same: without
# the program, with a probe that finds the machine unfit, and with one that always dies.
. "$(dirname "$0")/lib.sh"
begin 1
mkdir "$WORK/bin"
install -m 755 -t "$WORK/bin" "$BIN"/spliff-{cluster,worker,logger}
BIN=$WORK/bin
printf '\n[probe]\ntype=probe\nhost=localhost\n' >>"$WORK/node.cfg"

# probe_is COMMANDS: what stands in for the probe.
probe_is() {
    printf '#!/bin/bash\n%s\n' "$1" >"$WORK/bin/spliff-probe.new"
    chmod 755 "$WORK/bin/spliff-probe.new"
    mv "$WORK/bin/spliff-probe.new" "$WORK/bin/spliff-probe"
}

# works URI: a request comes to http.log.
works() {
    get "http://$SERVER4$1" || die 'curl'
    wait_for 10 logged "$1" || die "http.log lacks $1"
}
logged() { column http uri | grep -qx "$1"; }

probe_status() { cluster status 2>/dev/null | awk '$1 == "probe" {print $4}'; }

server "$BIN/spliff-cluster" run --quiet -i sv0 --plaintext >/dev/null 2>"$WORK/run.err" </dev/null
[ $? -eq 1 ] || die 'run --plaintext was not refused without the program'
grep -q 'no plaintext: .*spliff-probe' "$WORK/run.err" || die 'run does not name what is missing'
cluster check >"$WORK/check.out" || die 'check fails for want of the program'
grep -q '^no plaintext: .*spliff-probe' "$WORK/check.out" || die 'check does not name what is missing'
start
grep -q 'going on without plaintext' "$WORK/start.out" || die 'start does not say what is missing'
works /no-program
stop

probe_is 'echo "spliff-probe: error: this machine is unfit" >&2; exit 69'
start
grep -q 'no plaintext is taken: .*this machine is unfit' "$WORK/start.out" ||
    die 'start does not say why'
works /unfit
[ "$(probe_status)" = stopped ] || die "the probe is $(probe_status)"
cluster status --json | python3 -c '
import json, sys
probe = [n for n in json.load(sys.stdin)["nodes"] if n["type"] == "probe"]
sys.exit(len(probe) != 1 or probe[0]["restarts"] != 0)' || die 'an unfit probe was started again'
[ "$(grep -c 'this machine is unfit' "$STATE/manager.stderr")" -eq 1 ] || die 'it was not said once'
stop

# It stays until it is told to end, before the workers; killed, it is started again.
probe_is "trap 'exit 0' TERM; echo \$\$ >>$WORK/pids; while :; do sleep 0.05; done"
start
wait_for 5 test -s "$WORK/pids" || die 'the probe was not started'
worker=$(node_pid worker-1)
kill -9 "$(cat "$WORK/pids")"
restarted() { [ "$(wc -l <"$WORK/pids")" -eq 2 ]; }
wait_for 10 restarted || die 'the probe was not started again'
works /killed
[ "$(node_pid worker-1)" = "$worker" ] || die 'the worker did not outlive the probe'
stop
[ "$(sed -n 's/^\(.*\) stopped$/\1/p' "$WORK/stop.out" | tr '\n' ' ')" = \
    'probe worker-1 logger-1 manager ' ] || die "stopped in this order: $(cat "$WORK/stop.out")"
pass "$TEST"
finish

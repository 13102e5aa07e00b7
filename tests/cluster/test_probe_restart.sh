#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A cluster with [probe]: HTTPS of a local server is in http.log with its process; a probe that is
# killed is started again and hooks anew; packets are logged in between; it ends before the workers.
. "$(dirname "$0")/lib.sh"
begin 2
printf '\n[probe]\ntype=probe\nhost=localhost\n' >>"$WORK/node.cfg"
echo 'comm = nginx' >>"$WORK/spliff.cfg"
lacks=$(cluster check | grep -m 1 '^no plaintext')
if [ -n "$lacks" ]; then
    skip "$TEST" "$lacks"
    finish
    exit
fi

hooked() { cluster status | grep -Eq '^probe: [1-9][0-9]* files hooked in [1-9]'; }
# plain URI: the request was logged, once, as plaintext of nginx.
plain() { [ "$(paste <(column http uri) <(column http view) <(column http process) |
    grep -c "^$1	plaintext	nginx$")" -eq 1 ]; }

start
wait_for 20 hooked || die "nothing is hooked: $(cluster status | tail -n 1)"
get "https://$SERVER4/before" || die 'curl'
wait_for 10 plain /before || die 'http.log lacks the request before'

old=$(node_pid probe)
worker=$(node_pid worker-1)
kill -9 "$old" || die 'no probe to kill'
get "http://$SERVER4/between" "https://$SERVER4/" || die 'curl'
logged() { column http uri | grep -qx "$1"; }
wait_for 10 logged /between || die 'packets are not logged without the probe'
again() { all_running && [ "$(node_pid probe)" != "$old" ]; }
wait_for 20 again || die 'the probe was not started again'
wait_for 20 hooked || die 'nothing is hooked after the restart'
# Counters outlive the process, so that it may not have hooked yet: ask until it has.
after() {
    n=$((n + 1))
    get "https://$SERVER4/after/$n"
    wait_for 2 plain "/after/$n"
}
n=0
wait_for 20 after || die 'http.log lacks the requests after the restart'
[ "$(node_pid worker-1)" = "$worker" ] || die 'the worker did not outlive the probe'
stop
sed -n '/ stopped$/p' "$WORK/stop.out" | head -n 1 | grep -q '^probe ' || die 'the probe did not end first'
[ "$(column http uri | grep -v '^-$' | sort | uniq -d | wc -l)" -eq 0 ] || die 'a request is logged twice'
[ "$(column tls_plain process | sort -u)" = nginx ] || die 'tls_plain.log names another process'

# The same by `run`, with its tables at the end.
server "$BIN/spliff-cluster" run -i sv0 --plaintext --comm nginx --show-latency --show-stats \
    --format text >"$WORK/text.out" 2>"$WORK/run.err" &
run=$!
shown() {
    get "https://$SERVER4/shown"
    grep -q 'GET.*/shown' "$WORK/text.out"
}
wait_for 20 shown || die 'run --plaintext prints no request'
for p in $(ip netns pids "$NET_SERVER"); do
    [ "$(cat /proc/"$p"/comm 2>/dev/null)" = spliff-cluster ] && kill -INT "$p"
done
wait $run || die "run: status $? after an interrupt"
grep -Eq '^probe.hooked +[1-9]' "$WORK/run.err" || die 'run --show-stats lacks the counters of the probe'
grep -Eq '^worker-1 +[1-9][0-9]* +[0-9.]+.?s' "$WORK/run.err" || die 'run --show-latency shows none'
pass "$TEST"
finish

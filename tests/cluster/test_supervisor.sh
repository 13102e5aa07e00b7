#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Under supervisord, with the program section of etc/: it starts, a killed manager is started again
# and its workers are not left behind, the logs go on, and stopping the program stops all of it, as does
# a stop of the cluster.
. "$(dirname "$0")/lib.sh"
command -v supervisord >/dev/null || { skip "$TEST" 'supervisord is not installed'; finish; exit; }
begin 2
echo 'StopTimeout = 2s' >>"$WORK/spliff.cfg"
{
    printf '[unix_http_server]\nfile=%s/supervisor.sock\n' "$WORK"
    printf '[supervisord]\nlogfile=%s/supervisord.log\npidfile=%s/supervisord.pid\n' "$WORK" "$WORK"
    printf '[supervisorctl]\nserverurl=unix://%s/supervisor.sock\n' "$WORK"
    printf '[rpcinterface:supervisor]\n'
    printf 'supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n'
    sed -e "s|^command=/usr/local/bin/spliff-cluster .*|command=$BIN/spliff-cluster start --foreground \
--config $WORK/spliff.cfg --node-cfg $WORK/node.cfg|" \
        -e "s|^stderr_logfile=.*|stderr_logfile=$WORK/manager.err|" "$ROOT/etc/supervisor.conf"
} >"$WORK/supervisord.conf"
net_run supervisord --nodaemon --configuration "$WORK/supervisord.conf" --user root >"$WORK/supervisord.out" 2>&1

ctl() { server supervisorctl -c "$WORK/supervisord.conf" "$@"; }

wait_for 10 all_running || die 'supervisord does not start it'
get "http://$SERVER4/before"
wait_for 20 has_records http 1 || die 'nothing is logged'

old=$(node_pid manager)
workers="$(node_pid worker-1) $(node_pid worker-2) $(node_pid logger-1)"
kill -9 "$old"
restarted() { [ -n "$(node_pid manager)" ] && [ "$(node_pid manager)" != "$old" ] && all_running; }
wait_for 15 restarted || die 'supervisord does not start it again'
# A process that nobody waits for stays as a zombie, which is as good as gone.
gone() {
    local state
    state=$(awk '{print $3}' "/proc/$1/stat" 2>/dev/null)
    [ -z "$state" ] || [ "$state" = Z ]
}
for pid in $workers; do
    wait_for 10 gone "$pid" || die "process $pid of the killed manager still runs"
done
after() {
    get "http://$SERVER4/after"
    records http | grep -q /after
}
wait_for 10 after || die 'nothing is logged after the restart'

# The logger of a killed manager is slow to end: the next one leaves it the files until then.
old=$(node_pid manager) slow=$(node_pid logger-1)
kill -STOP "$slow"
kill -9 "$old"
wait_for 15 restarted || die 'supervisord does not start it a third time'
get "http://$SERVER4/meanwhile"
sees() { [ "$(counter flow.tcp)" -ge 1 ]; }
wait_for 10 sees || die 'the workers see nothing'
kill -CONT "$slow"
wait_for 10 gone "$slow" || die 'the logger of the killed manager still runs'
last() {
    get "http://$SERVER4/last"
    records http | grep -q /last
}
wait_for 10 last || die 'nothing is logged after a slow end'

# An end that was asked for is the end, also if a process had to be killed for it.
kill -STOP "$(node_pid worker-1)"
cluster stop >"$WORK/stop.out" 2>&1 &
first=$!
wait_for 5 grep -q '^stopping worker-1' "$WORK/stop.out" || die 'does not say what is stopped'
cluster stop >"$WORK/again.out" 2>&1
grep -q '^it is stopping already' "$WORK/again.out" || die 'a second stop is not told of the first'
wait $first && die 'a stop that has to kill does not say so'
grep -q 'worker-1 did not terminate' "$WORK/stop.out" || die 'does not say what was killed'
wait_for 5 eval 'ctl status spliff | grep -q EXITED' || die 'supervisord starts again what was stopped'
ctl start spliff >"$WORK/ctl.out" 2>&1
wait_for 10 all_running || die 'supervisord does not start it after a stop'

ctl stop spliff >"$WORK/ctl.out" 2>&1
cluster status >/dev/null 2>&1 && die 'it runs after supervisorctl stop'
for uri in before meanwhile; do
    n=$(records http | grep -c "/$uri")
    [ "$n" -eq 1 ] || die "/$uri is in http.log $n times"
done
pass "$TEST"
finish

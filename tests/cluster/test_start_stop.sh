#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# check, start, status, traffic, stop: every exchange is logged exactly once and no flow by two
# workers. A second cluster on the same state folder is refused, and no command waits for a manager that
# hangs.
. "$(dirname "$0")/lib.sh"
begin 2

cluster check >"$WORK/check.out" 2>"$WORK/check.err" || die "check: status $?"
start
cluster status >"$WORK/status.out" || die 'status: not all nodes run'
for node in manager logger-1 worker-1 worker-2; do
    grep -q "^$node " "$WORK/status.out" || die "status does not show $node"
done
cluster status --json | python3 -c 'import json, sys; json.load(sys.stdin)' ||
    die 'status --json is not JSON'
cluster start >"$WORK/second.out" 2>"$WORK/second.err" && die 'a second start was not refused'
grep -q "$(node_pid manager)" "$WORK/second.err" || die 'the refusal does not name the first one'

for n in $(seq 30); do
    get "http://$SERVER4/count/$n" || die 'curl'
done
get "http://$SERVER4:8081/count/odd-port" "http://[$SERVER6]/count/six"
for n in $(seq 10); do
    get "https://$SERVER4/" && get --tls-max 1.2 "https://$SERVER4:8443/" || die 'curl, TLS'
done
for n in $(seq 10); do
    client dig +short @$SERVER4 www.example.org >/dev/null || die 'dig'
done
wait_for 10 has_records http 32 || die "http.log has $(count http) of 32 requests"
wait_for 10 has_records ssl 20 || die "ssl.log has $(count ssl) of 20 handshakes"
wait_for 10 has_records dns 10 || die "dns.log has $(count dns) of 10 queries"

# A line that has become wrong since the start keeps nobody from looking at the cluster, nor below from ending it.
cp "$WORK/spliff.cfg" "$WORK/spliff.right"
echo 'nonsense = 1' >>"$WORK/spliff.cfg"
unknown="spliff.cfg:$(wc -l <"$WORK/spliff.cfg"): unknown key nonsense"
for command in status top 'print counters' reload; do
    cluster $command >"$WORK/wrong.out" 2>"$WORK/wrong.err" || die "$command: refused for another line"
    grep -q "warning: .*$unknown" "$WORK/wrong.err" || die "$command: no word about the line"
done

# A manager that hangs is not waited for, and one that goes on ends as it was asked to.
manager=$(node_pid manager)
kill -STOP "$manager"
for command in status reload 'print counters' rx-mode top stop; do
    cluster $command >"$WORK/hangs.${command% *}.out" 2>"$WORK/hangs.${command% *}.err" &
    echo "$! ${command% *}"
done >"$WORK/asking"
says_so() { grep -q "the manager (pid $manager) on $STATE does not answer" "$WORK/hangs.$1.err"; }
while read -r pid command; do
    wait_for 15 says_so "$command" || die "$command waits for a manager that hangs"
    wait "$pid"
    [ $? -eq 1 ] || die "$command: status is not 1 when the manager hangs"
done <"$WORK/asking"
kill -CONT "$manager"
stop
cluster start 2>"$WORK/wrong.err" && die 'a start with an unknown key was not refused'
grep -q "error: .*$unknown" "$WORK/wrong.err" || die 'start: no word about the line'
mv "$WORK/spliff.right" "$WORK/spliff.cfg"

cluster status >/dev/null 2>&1 && die 'status: 0 after stop'
cluster stop >"$WORK/stop.out" 2>&1 || die 'a second stop is not harmless'
grep ' /count/' "$WORK/www/access.log" | cut -d ' ' -f 2 | sort >"$WORK/asked"
column http uri | sort | diff "$WORK/asked" - >"$WORK/diff" || { head "$WORK/diff"; die 'http.log is not what nginx served'; }
[ "$(count ssl)" -eq 20 ] || die "ssl.log has $(count ssl) lines for 20 handshakes"
[ "$(count dns)" -eq 10 ] || die "dns.log has $(count dns) lines for 10 queries"
# 30 + 2 HTTP, 20 TLS and 10 DNS flows, each with a client port of its own.
flows=$(paste <(column conn id.orig_h) <(column conn id.orig_p) <(column conn id.resp_p) |
    grep -cE '	(80|8081|443|8443|53)$')
[ "$flows" -eq 62 ] || die "conn.log has $flows lines for 62 flows"
[ "$(column conn history | grep -c '^Sh')" -eq 52 ] || die 'a TCP flow was not seen whole'

# A stop is not said to be done while the lock is held.
net_run python3 -c '
import fcntl, os, socket, sys
lock = open(sys.argv[1] + "/lock", "w")
fcntl.flock(lock, fcntl.LOCK_EX)
lock.write(str(os.getpid()))
lock.flush()
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1] + "/control.sock")
listener.listen()
while True:
    client, _ = listener.accept()
    client.recv(100)
    client.sendall(b"exit 0\n")' "$STATE"
wait_for 10 [ -S "$STATE/control.sock" ] || die 'no false manager'
cluster stop >"$WORK/stop.out" 2>"$WORK/stop.err" && die 'a manager that stays is no error'
grep -q "the manager (pid .*) has not ended" "$WORK/stop.err" || die 'does not say that the manager stays'
grep -q 'manager stopped' "$WORK/stop.out" && die 'a manager that stays is said to be stopped'
pass "$TEST"
finish

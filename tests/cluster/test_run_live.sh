#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# `run` without configuration: live from an interface with two workers as text, until it is
# interrupted; and from tcpdump's standard output. Nothing is left behind.
. "$(dirname "$0")/lib.sh"
begin 2
export TMPDIR=$WORK/tmp
mkdir -m 1777 "$TMPDIR"

server "$BIN/spliff-cluster" run -i sv0 --workers 2 --format text --log-dir "$WORK/live" \
    >"$WORK/text.out" 2>"$WORK/run.err" &
run=$!
seen() {
    get "http://$SERVER4/live"
    grep -q 'GET.*/live' "$WORK/text.out"
}
wait_for 10 seen || die 'run -i prints no record'
get "https://$SERVER4/"
tls_seen() { grep -q 'TLSv13' "$WORK/text.out"; }
wait_for 20 tls_seen || die 'run -i prints no TLS handshake'
pid=$(ip netns pids "$NET_SERVER" | while read -r p; do
    [ "$(cat /proc/"$p"/comm 2>/dev/null)" = spliff-cluster ] && echo "$p"; done | head -n 1)
kill -INT "$pid"
wait $run || die "run -i: status $? after an interrupt"
grep -q '^#close' "$WORK/live/http.log" || die 'http.log is not closed'
grep -q /live "$WORK/live/http.log" || die 'http.log lacks the request'

server tcpdump -q -n -U -w - -i sv0 2>"$WORK/tcpdump.err" |
    "$BIN/spliff-cluster" run -r - --format json --quiet >"$WORK/json.out" 2>"$WORK/pipe.err" &
wait_for 20 grep -q 'listening on' "$WORK/tcpdump.err" || die 'tcpdump does not start'
piped() {
    get "http://$SERVER4/piped"
    grep -q '"/piped"' "$WORK/json.out"
}
wait_for 10 piped || die 'run -r - logs nothing while the pipe is open'
for p in $(ip netns pids "$NET_SERVER"); do
    [ "$(cat /proc/"$p"/comm)" = tcpdump ] && kill -INT "$p"
done
wait $! || die "run -r -: status $?"
grep '"_path":"conn"' "$WORK/json.out" | python3 -c '
import json, sys
rows = [json.loads(line) for line in sys.stdin]
sys.exit(not rows)' || die 'run -r - logs no flows at the end of the pipe'
[ -z "$(ls "$TMPDIR")" ] || die "run leaves $(ls "$TMPDIR") behind"
pass "$TEST"
finish

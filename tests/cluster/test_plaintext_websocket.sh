#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# WebSockets over TLS, both ends of one host: each is one line with what the handshake said, all frames
# counted, and the process whose plaintext it is.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/plaintext.sh"
if ! /usr/bin/python3 -c 'import websockets' 2>/dev/null; then
    skip "$TEST" "needs Debian's python3-websockets"
    finish
    exit
fi
begin_plaintext 2
net_run "$ROOT/tests/web.py" websocket $SERVER4 8765 --certificate "$WORK/www/www.example.org.pem" \
    --key "$WORK/www/www.example.org.key"
web=$!
wait_for 20 server sh -c 'ss -Hltn sport = 8765 | grep -q .' || die 'web.py websocket does not start'
start
wait_plain "$(nginx_worker)" "https://$SERVER4"

talk() { client "$ROOT/tests/web.py" talk "$@" >>"$WORK/talk.err" 2>&1 || die "talk $*"; }
for _ in 1 2 3; do
    talk "wss://$SERVER4:8765$OURS/clear"
    talk --deflate "wss://$SERVER4:8765$OURS/deflate"
done
talk --bye "wss://$SERVER4:8765$OURS/bye"

ours() { paste <(column websocket uri) <(column websocket "$1") | sed -n "s|^$OURS/[a-z]*\t||p"; }
has_ours() { [ "$(ours view | wc -l)" -ge 7 ]; }
wait_for 20 has_ours || die "websocket.log has $(ours view | wc -l) of 7 WebSockets, http.log $(column http uri |
    grep -c "^$OURS/"): $(cluster status | tail -n 2)"
stop
expect() {
    ours "$1" | sort | uniq -c | awk '{printf "%s%s*%s", sep, $1, $2; sep = " "}' >"$WORK/got"
    [ "$(cat "$WORK/got")" = "$2" ] || die "websocket.log, $1: $(cat "$WORK/got"), expected $2"
}
expect view '7*plaintext'
expect deflate '4*F 3*T'
expect subprotocol '4*- 3*chat'
expect orig_text_frames '6*3 1*4'
expect resp_continuation_frames '7*4'
expect orig_binary_bytes '4*300 3*7'
expect orig_ping_bytes '7*13'
expect compressed_frames '4*0 3*8'
expect resp_close_code '6*1000 1*4001'
# Buffers in memory: what the client says is written before it is sent, so its plaintext is first.
expect process_side '7*client'
expect process '7*web.py'
expect peer_process '7*web.py'
expect peer_pid "7*$web"
paste <(column http uri) <(column http status_code) <(column http peer_pid) |
    sed -n "s|^$OURS/[a-z]*\t||p" | sort | uniq -c | awk '{print $1, $2, $3}' >"$WORK/got"
[ "$(cat "$WORK/got")" = "7 101 $web" ] || die "http.log: $(cat "$WORK/got")"
for uid in $(ours uid); do
    paste <(column conn uid) <(column conn service) <(column conn category) | grep "^$uid" \
        >>"$WORK/conns"
done
cut -f 2- "$WORK/conns" | sort | uniq -c | awk '{print $1, $2, $3}' >"$WORK/got"
[ "$(cat "$WORK/got")" = '7 ssl,http,websocket websocket' ] || die "conn.log: $(cat "$WORK/got")"
pass "$TEST"
finish

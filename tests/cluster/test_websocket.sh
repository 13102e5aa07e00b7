#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# WebSockets, live: with and without compression, in clear and through a proxy's tunnel. Each is one
# line when it ends, with what the handshake said and all frames counted.
. "$(dirname "$0")/lib.sh"
if ! /usr/bin/python3 -c 'import websockets' 2>/dev/null; then
    skip "$TEST" "needs Debian's python3-websockets"
    finish
    exit
fi
begin 2
# The proxy lets clients through to 443 only, where the WebSocket is in place of nginx.
server nginx -c "$WORK/www/nginx.conf" -e "$WORK/www/error.log" -s quit
wait_for 10 eval '! server ss -Hltn sport = 443 | grep -q .' || die 'nginx does not end'
for what in websocket:8765 websocket:443 proxy:3128; do
    net_run "$ROOT/tests/web.py" "${what%:*}" $SERVER4 "${what#*:}"
    wait_for 20 server bash -c "exec 3<>/dev/tcp/$SERVER4/${what#*:}" 2>/dev/null ||
        die "web.py ${what%:*} does not start"
done
start

talk() { client "$ROOT/tests/web.py" talk "$@" >>"$WORK/talk.err" 2>&1 || die "talk $*"; }
for n in 1 2 3; do
    talk "ws://$SERVER4:8765/clear"
    talk --deflate "ws://$SERVER4:8765/deflate"
done
talk --bye "ws://$SERVER4:8765/bye"
talk --proxy "$SERVER4:3128" "ws://$SERVER4:443/tunnel"

wait_for 20 has_records websocket 8 || die "websocket.log has $(count websocket) of 8 WebSockets"
stop
[ "$(count websocket)" -eq 8 ] || die "websocket.log has $(count websocket) lines for 8 WebSockets"
expect() {
    column websocket "$1" | sort | uniq -c | awk '{printf "%s%s*%s", sep, $1, $2; sep = " "}' >"$WORK/got"
    [ "$(cat "$WORK/got")" = "$2" ] || die "websocket.log, $1: $(cat "$WORK/got"), expected $2"
}
expect uri '1*/bye 3*/clear 3*/deflate 1*/tunnel'
expect host "1*$SERVER4:443 7*$SERVER4:8765"
expect deflate '5*F 3*T'
expect subprotocol '5*- 3*chat'
expect orig_text_frames '7*3 1*4'
expect resp_continuation_frames '8*4'
expect orig_binary_bytes '5*300 3*7'
expect orig_ping_bytes '8*13'
expect compressed_frames '5*0 3*8'
expect resp_close_code '7*1000 1*4001'
column conn service | grep -c '^http,websocket$' | grep -qx 8 || die 'conn.log: service'
column conn category | grep -c '^websocket$' | grep -qx 8 || die 'conn.log: category'
[ "$(column tunnel tunnel_type)" = Tunnel::HTTP ] || die 'tunnel.log does not tell of the proxy'
[ "$(column http method | grep -c CONNECT)" -eq 1 ] || die 'http.log lacks the CONNECT'
pass "$TEST"
finish

#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# OpenSSL that works on buffers in memory, where no call of the library uses a socket: Node, which has
# it inside, and Python's asyncio. Beside them Python's blocking sockets. Many connections at once on
# one thread: each request is once in http.log, with the port and the processes that its path names.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/plaintext.sh"
if ! command -v node >/dev/null; then
    skip "$TEST" 'needs node'
    finish
    exit
fi
begin_plaintext 2
here=$ROOT/tests/cluster
pair=("$WORK/www/www.example.org.pem" "$WORK/www/www.example.org.key")
start

# peer NAME PORT COMMAND...: a server, and then its plaintext is seen. Sets $peer to its pid.
peer() {
    local name=$1 port=$2
    shift 2
    net_run "$@" $SERVER4 "$port" "${pair[@]}" >"$WORK/$name.access" 2>"$WORK/$name.err"
    peer=$!
    wait_for 20 server sh -c "ss -Hltn sport = $port | grep -q ." || die "$name does not start"
    wait_plain $peer "https://$SERVER4:$port"
}
ask() { client "$@" >>"$WORK/ask.out" 2>&1 || die "$*: $(tail -n 3 "$WORK/ask.out")"; }

peer node 4001 node "$here/tls_peer.js" serve
peer asyncio 4002 "$here/tls_peer.py" serve asyncio
peer ssl 4003 "$here/tls_peer.py" serve ssl
for port in 4001 4002 4003; do
    ask node "$here/tls_peer.js" ask $SERVER4 $port 10 7 1
    ask "$here/tls_peer.py" ask asyncio $SERVER4 $port 20 7 10
    ask "$here/tls_peer.py" ask ssl $SERVER4 $port 10 7 3
done
ask node "$here/tls_peer.js" ask $SERVER4 4001 10 7 2

wait_for 20 has_exchanges 910 || die "http.log has $(column http uri | grep -c "^$OURS/") of 910 requests"
stop
exchanges "$WORK"/{node,asyncio,ssl}.access --count 910 \
    --client node,tls_peer.py --server node,tls_peer.py --found node=learned,next_send
pass "$TEST"
finish

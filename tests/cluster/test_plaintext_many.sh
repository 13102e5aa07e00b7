#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# 1,000 short connections, several at once and from several processes: every request exactly once,
# with its own connection's port, which the path names, and the right processes.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/plaintext.sh"
begin_plaintext 2
start
wait_plain "$(nginx_worker)" "https://$SERVER4"
: >"$WORK/www/access.log"

clients=()
for _ in 1 2 3; do
    client "$ROOT/tests/cluster/tls_peer.py" ask ssl $SERVER4 443 300 1 8 2>>"$WORK/ask.err" &
    clients+=($!)
done
for _ in {1..100}; do
    curl_x "https://$SERVER4" 1 || die 'curl'
done
for pid in "${clients[@]}"; do
    wait "$pid" || die "tls_peer.py: $(tail -n 3 "$WORK/ask.err")"
done

wait_for 20 has_exchanges 1000 || die "http.log has $(column http uri | grep -c "^$OURS/") of 1000 requests"
stop
exchanges "$WORK/www/access.log" --count 1000 --client curl,tls_peer.py --server nginx \
    --found nginx=socket --found tls_peer.py=socket --found curl=socket
cat "$WORK/exchanges.out"
pass "$TEST"
finish

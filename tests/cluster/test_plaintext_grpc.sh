#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# gRPC over TLS between a server and clients with the gRPC library: each call is one line in grpc.log,
# with what came of it and the processes at both ends, and one in http.log.
. "$(dirname "$0")/plaintext_marked.sh"
/usr/bin/python3 -c 'import grpc' 2>/dev/null || {
    skip "$TEST" 'needs python3-grpcio'
    finish
    exit
}
begin_plaintext 2
net_run "$ROOT/tests/grpc_peer.py" serve $SERVER4 50051 "$WORK/www/www.example.org.pem" \
    "$WORK/www/www.example.org.key"
server=$!
wait_for 20 server bash -c "exec 3<>/dev/tcp/$SERVER4/50051" || die 'grpc_peer.py does not start'
start

# peer call|many ARGUMENT...: its pid is in $peer.
peer() {
    ip netns exec "$NET_CLIENT" "$ROOT/tests/grpc_peer.py" "$1" "$SERVER4:50051" \
        --ca "$WORK/www/ca.pem" "${@:2}" >>"$WORK/calls.out" &
    peer=$!
    wait $peer || die "grpc_peer.py $*"
}
# ours FIELD...: of the calls that our server has answered; the probe sees all of this machine.
ours() {
    rows grpc service pid peer_pid "$@" | awk -F '\t' -v pid=$server '
        $1 == "test.v1.Echo" && ($2 == pid || $3 == pid)' | cut -f 4-
}
is_plain() { rows grpc service method view | grep -q "^warm	$1	plaintext$"; }
warm() {
    n=$((n + 1))
    peer call "/warm/$n"
    wait_for 2 is_plain $n
}
n=0
wait_for 20 warm || die 'no plaintext of gRPC is logged'

: >"$WORK/calls.out"
peer many 200
for call in 'Split abc' 'Join a bb ccc' 'Talk a bb' Fail 'Slow x' Nothing; do
    # shellcheck disable=SC2086
    peer call $call
done
last=$peer
logged() { [ "$(ours view | wc -l)" -ge 206 ]; }
wait_for 20 logged || die "$(ours view | wc -l) records of 206 calls"
stop

# method, status, answers, their bytes: as the clients saw them and as we did
seen() {
    ours method status_name resp_messages resp_bytes | tr '\t' ' ' | sed 's/^Slow - /Slow CANCELLED /' |
        sort
}
diff <(sort "$WORK/calls.out") <(seen) || die 'the log does not say what the clients saw'
[ "$(ours view partial | sort -u)" = 'plaintext	-' ] || die "views: $(ours view partial | sort | uniq -c)"
[ "$(ours message | grep -cF 'no such thing: café 100%')" -eq 1 ] || die 'message of the failure'
[ "$(ours reset | grep -c CANCEL)" -eq 1 ] || die 'the cancelled call is not marked'
# The client of the last call, and the server.
ours method process_side pid process exe peer_pid peer_process peer_exe | grep '^Nothing' | awk -F '\t' '
    $2 == "client" {print $3, $4, $5, $6, $7, $8}
    $2 == "server" {print $6, $7, $8, $3, $4, $5}' >"$WORK/got"
exe=$(readlink -f /usr/bin/python3)
[ "$(cat "$WORK/got")" = "$last grpc_peer.py $exe $server grpc_peer.py $exe" ] ||
    die "processes: $(cat "$WORK/got")"
[ "$(ours process peer_process | sort -u)" = 'grpc_peer.py	grpc_peer.py' ] || die 'processes'
ours uid | sort -u >"$WORK/uids"
[ "$(wc -l <"$WORK/uids")" -eq 7 ] || die "$(wc -l <"$WORK/uids") connections of 7"
rows conn uid service category | grep -Ff "$WORK/uids" | cut -f 2- | sort -u >"$WORK/got"
[ "$(cat "$WORK/got")" = 'ssl,http,http2	grpc' ] || die "conn.log: $(cat "$WORK/got")"
[ "$(column ssl uid | grep -cFf "$WORK/uids")" -eq 7 ] || die 'not all of them are in ssl.log'
[ "$(rows http uid application | grep -Ff "$WORK/uids" | grep -c 'grpc$')" -eq 206 ] ||
    die 'http.log does not have every call'
rows tls_plain uid process_side library packets_seen | grep -Ff "$WORK/uids" | cut -f 2- | sort |
    uniq -c | awk '{print $1, $2, $3, $4}' >"$WORK/got"
[ "$(paste -sd , "$WORK/got")" = '7 client openssl T,7 server openssl T' ] ||
    die "tls_plain.log: $(cat "$WORK/got")"
pass "$TEST"
finish

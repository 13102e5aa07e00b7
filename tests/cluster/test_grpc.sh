#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# gRPC, live: calls of every shape between a real server and clients, in grpc.log with what came of
# them, and in http.log beside it.
. "$(dirname "$0")/lib.sh"
/usr/bin/python3 -c 'import grpc' 2>/dev/null || {
    skip "$TEST" 'needs python3-grpcio'
    finish
    exit
}
begin 2
net_run "$ROOT/tests/grpc_peer.py" serve 0.0.0.0 50051
wait_for 20 server bash -c 'exec 3<>/dev/tcp/127.0.0.1/50051'
start
peer() { client "$ROOT/tests/grpc_peer.py" "$1" "$SERVER4:50051" "${@:2}" >>"$WORK/calls.out"; }

peer many 200
peer call Split abc
peer call Join a bb ccc
peer call Talk a bb
peer call Fail
peer call Slow x
peer call Nothing
wait_for 20 has_records grpc 206 || die "$(count grpc) records of 206 calls"
stop

# method, status, answers, their bytes: as the client saw them and as we did
seen() {
    paste -d ' ' <(column grpc method) <(column grpc status_name) <(column grpc resp_messages) \
        <(column grpc resp_bytes) | sed 's/^Slow - /Slow CANCELLED /' | sort
}
diff <(sort "$WORK/calls.out") <(seen) || die 'the log does not say what the client saw'
[ "$(column grpc message | grep -cF 'no such thing: café 100%')" -eq 1 ] || die 'message of the failure'
[ "$(column grpc reset | grep -c CANCEL)" -eq 1 ] || die 'the cancelled call is not marked'
[ "$(column grpc partial | grep -c T)" -eq 0 ] || die 'records are partial although nothing was lost'
[ "$(column http application | grep -c grpc)" -eq 206 ] || die 'http.log does not have every call'
[ "$(column conn category | grep -c grpc)" -eq 7 ] || die 'conn.log does not have 7 connections of grpc'
pass "$TEST"
finish

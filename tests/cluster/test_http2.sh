#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# HTTP/2 in clear text, live: what nghttpd serves to curl, nghttp and h2load is in http.log, each
# stream once, whichever worker has the connection.
. "$(dirname "$0")/lib.sh"
for program in nghttpd nghttp h2load; do
    command -v $program >/dev/null && continue
    skip "$TEST" "needs $program (package nghttp2)"
    finish
    exit
done
begin 2
net_run nghttpd --no-tls -d "$WORK/www/www" -p /index.html=/files/20k.txt 8300 >/dev/null
wait_for 10 server bash -c 'exec 3<>/dev/tcp/127.0.0.1/8300'
start
at=http://$SERVER4:8300

client curl -s --max-time 10 --http2-prior-knowledge -A single "$at/missing" >/dev/null
client nghttp -n -H 'user-agent: pushed' "$at/index.html" >/dev/null
client h2load -n 2000 -c 4 -m 20 "$at/files/20k.txt" >"$WORK/h2load.out" || die 'h2load failed'
grep -q '2000 succeeded' "$WORK/h2load.out" || die "h2load: $(grep requests: "$WORK/h2load.out")"
wait_for 20 has_records http 2003 || die "$(count http) records of 2003 requests"
stop

[ "$(count http)" -eq 2003 ] || die "$(count http) records of 2003 requests"
[ "$(column http version | sort -u)" = 2 ] || die "versions: $(column http version | sort | uniq -c)"
[ "$(column http uri | grep -c 20k)" -eq 2001 ] || die 'requests of h2load and the push are not all there'
[ "$(column http pushed | grep -c T)" -eq 1 ] || die 'the push is not marked'
[ "$(column http partial | grep -c T)" -eq 0 ] || die 'records are partial although nothing was lost'
[ "$(column http response_body_len | grep -c '^20000$')" -eq 2001 ] || die 'body lengths are wrong'
[ "$(paste <(column http uid) <(column http stream_id) | sort | uniq -d | wc -l)" -eq 0 ] ||
    die 'a stream was logged twice'
column conn service | grep -qx http,http2 || die 'conn.log does not name the service'
pass "$TEST"
finish

#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# HTTP/3, live, on two workers: each connection is one line of quic.log; a client whose port changes
# behind its back is one line more that names the connection, whichever worker sees the new path.
. "$(dirname "$0")/lib.sh"
if ! command -v gtlsserver gtlsclient >/dev/null; then
    skip "$TEST" "needs Debian's ngtcp2-server and ngtcp2-client"
    finish
    exit
fi
begin 2
echo 'udp_inactivity_timeout = 2s' >>"$WORK/spliff.cfg"
head -c 4000000 /dev/zero >"$WORK/www/www/large"
start_gtlsserver "$WORK/www" 443 || die 'gtlsserver does not start'
start_gtlsserver "$WORK/www" 4441 --validate-addr || die 'gtlsserver --validate-addr does not start'
start

for n in 1 2 3 4 5 6; do
    h3 443 /index.html
done
h3 4441 /index.html
h3 443 /index.html --version=0x1a2a3a4a --preferred-versions=v1 --other-versions=v1
# In a burst: the path is over before the other worker has answered what it is.
for n in 1 2 3 4 5 6 7 8; do
    h3 443 /index.html --change-local-addr=50ms --nat-rebinding --delay-stream=100ms
done
# At a link's pace: the answer comes while the path lives.
server tc qdisc add dev sv0 root tbf rate 80mbit burst 32kb latency 400ms || die 'tc does not work'
for n in 1 2 3 4 5 6 7 8; do
    h3 443 /large --change-local-addr=50ms --nat-rebinding --delay-stream=100ms
done
# An answer that is on its way when a worker ends comes too late.
over() { [ "$(counter flow.active_udp)" -eq 0 ]; }
wait_for 20 over || die 'flows do not end'
stop

# A Retry is a line of its own, and so is a path.
[ "$(column quic version | grep -c '^1$')" -eq $((6 + 2 + 1 + 16)) ] ||
    die "quic.log has $(column quic version | grep -c '^1$') lines of version 1, not 25"
[ "$(column quic history | grep -c '^ISr$')" -eq 1 ] || die 'quic.log: no line for the Retry'
[ "$(column quic history | grep -c '^ISis.*h.*H.*O')" -eq 24 ] ||
    die "quic.log: $(column quic history | grep -c '^ISis.*h.*H.*O') whole handshakes of 24"
[ "$(column quic version | grep -c '^unknown-1a2a3a4a$')" -eq 1 ] ||
    die 'quic.log: no line for the version that the server refused'
column quic client_protocol | grep -v '^-$' | sort -u | grep -qx h3 || die 'quic.log: client_protocol'
[ "$(column quic path_of | grep -c '^C')" -eq 16 ] ||
    die "quic.log: $(column quic path_of | grep -c '^C') of 16 further paths are linked"
[ "$(column conn path_of | grep -c '^C')" -eq 16 ] || die 'conn.log: path_of'
unknown=$(comm -23 <(column quic path_of | grep '^C' | sort) <(column conn uid | sort))
[ -z "$unknown" ] || die "path_of is no uid of conn.log: $unknown"
[ "$(column conn category | grep -c '^web_quic$')" -eq $((25 + 16)) ] || die "conn.log: categories $(column conn category | sort | uniq -c | tr -s ' \n' ' ')"
column conn service | grep -q '^ssl,quic$' || die 'conn.log: service'
pass "$TEST"
finish

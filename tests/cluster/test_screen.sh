#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A scan, live: a client that tries the ports of a server is noticed by each of the workers that
# share its connections, and written once; one that only works is not. --no-screen hears nothing.
. "$(dirname "$0")/lib.sh"
begin 2
echo 'screen_scan_ports = 20' >>"$WORK/spliff.cfg"
start

for _ in $(seq 30); do
    get http://$SERVER4/index.html
done
client bash -c "for port in \$(seq 2000 2099); do : >/dev/tcp/$SERVER4/\$port; done" 2>/dev/null
wait_for 20 eval '[ "$(counter screen.notices)" -eq 2 ]' ||
    die "$(counter screen.notices) notices were raised, not one a worker"
client bash -c "for port in \$(seq 3000 3099); do : >/dev/tcp/$SERVER4/\$port; done" 2>/dev/null
wait_for 20 has_records conn 230 || die "conn.log has $(count conn) of 230 connections"
wait_for 10 eval '[ "$(counter log.notices_repeated)" -eq 1 ]' ||
    die "$(counter log.notices_repeated) notices were repeated"
stop
[ "$(count notice)" -eq 1 ] || die "notice.log has $(count notice) lines for one scan"
[ "$(column notice note | sort -u)" = Scan::Port_Scan ] || die "notes: $(column notice note)"
[ "$(column notice src | sort -u) $(column notice dst | sort -u)" = "192.0.2.1 $SERVER4" ] ||
    die "from $(column notice src) to $(column notice dst)"

echo 'no-screen = yes' >>"$WORK/spliff.cfg"
start
client bash -c "for port in \$(seq 2000 2099); do : >/dev/tcp/$SERVER4/\$port; done" 2>/dev/null
wait_for 20 has_records conn 330 || die "conn.log has $(count conn) of 330 connections"
stop
[ "$(count notice)" -eq 1 ] || die 'no-screen notices'
pass "$TEST"
finish

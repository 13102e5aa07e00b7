#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Live through a VXLAN link, whose outer packets have another source port in each direction and for
# each flow: two workers share the packets by the flow inside, so each connection is seen whole.
. "$(dirname "$0")/lib.sh"
requests=40
begin 2
for ns in client server; do
    [ $ns = client ] && near=1 far=2 dev=cl0 || near=2 far=1 dev=sv0
    $ns ip link add vx0 type vxlan id 42 local 192.0.2.$near remote 192.0.2.$far dstport 4789 \
        dev $dev 2>"$WORK/vxlan.err"
    if ! $ns ip link show vx0 >/dev/null 2>&1; then
        skip "$TEST" 'this kernel has no vxlan'
        finish
        exit
    fi
    $ns ip addr add 10.9.0.$near/24 dev vx0
    $ns ip link set vx0 up
done
start

for n in $(seq $requests); do
    client curl -s -o /dev/null --max-time 5 "http://10.9.0.2/count/$n" || die "request $n failed"
done
logged() { [ "$(records http | grep -c '/count/')" -eq $requests ]; }
wait_for 20 logged || die "$(records http | grep -c '/count/') of $requests requests are logged"
stop

records conn | awk -F '\t' '$3 == "10.9.0.1" && $6 == 80' >"$WORK/inner"
[ "$(wc -l <"$WORK/inner")" -eq $requests ] ||
    die "$(wc -l <"$WORK/inner") connections inside the tunnel, not $requests: some were split"
awk -F '\t' '$12 != "SF" || $8 != "http" || $17 == 0 || $19 == 0 || $21 == "-" {print; bad = 1}
    END {exit bad}' "$WORK/inner" || die 'a connection inside the tunnel is not whole'
[ "$(records tunnel | awk -F '\t' '$7 == "Tunnel::VXLAN" && $9 == 42' | grep -c DISCOVER)" -gt 0 ] ||
    die 'tunnel.log lacks the tunnel'
[ "$(records tunnel | grep -c DISCOVER)" -eq "$(records tunnel | grep -c CLOSE)" ] ||
    die 'not every tunnel is closed'
records conn | awk -F '\t' '$6 == 4789 && $8 == "vxlan" {n++} END {exit !n}' ||
    die 'conn.log lacks the outer flows'
# What encloses a flow is there to be found.
records conn | awk -F '\t' '$21 != "-" {n = split($21, p, ","); for (i = 1; i <= n; i++) print p[i]}' |
    sort -u >"$WORK/parents"
records tunnel | cut -f 2 | sort -u >"$WORK/tunnels"
[ -z "$(comm -23 "$WORK/parents" "$WORK/tunnels")" ] || die 'tunnel_parents that are in no log'
pass "$TEST"
finish

#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Live through a VXLAN link, whose outer packets have another source port in each direction and for
# each flow: two workers share the packets by the flow inside, so each connection is seen whole. Mode xdp
# sees one whole on a port that is no tunnel's.
. "$(dirname "$0")/lib.sh"
requests=40
begin 2
# link NUMBER PORT: VXLAN between both, of 10.9.NUMBER.0/24.
link() {
    local ns near far dev
    for ns in client server; do
        [ $ns = client ] && near=1 far=2 dev=cl0 || near=2 far=1 dev=sv0
        $ns ip link add vx$1 type vxlan id $((42 + $1)) local 192.0.2.$near remote 192.0.2.$far dstport $2 \
            dev $dev 2>"$WORK/vxlan.err"
        $ns ip link show vx$1 >/dev/null 2>&1 || return
        $ns ip addr add 10.9.$1.$near/24 dev vx$1
        $ns ip link set vx$1 up
    done
}
if ! link 0 4789; then
    skip "$TEST" 'this kernel has no vxlan'
    finish
    exit
fi
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

LOGS=$WORK/elsewhere
sed -i "s,^log_dir = .*,log_dir = $LOGS," "$WORK/spliff.cfg"
node_cfg 1 sv0 xdp
head -c 300000 /dev/urandom >"$WORK/www/www/big"
link 1 8473 || die 'there is no second vxlan'
start
client curl -s -o /dev/null --max-time 5 http://10.9.1.2/big || die 'no request passes'
wait_for 20 has_uri /big || die 'on another port, a request is not logged'
stop
records conn | awk -F '\t' '$3 == "10.9.1.1" && $6 == 80' >"$WORK/inner"
awk -F '\t' '$12 != "SF" || $11 < 300000 || $15 != 0 {print; bad = 1} END {exit bad || NR != 1}' "$WORK/inner" ||
    die 'on another port, the connection inside the tunnel is not whole'
pass "$TEST"
finish

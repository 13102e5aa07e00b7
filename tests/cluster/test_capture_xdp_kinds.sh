#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Mode xdp on every kind of interface: a loopback, where each packet passes twice and is counted once; a
# bridge; a VXLAN, its frames and those around them; a trunk, whose frames have VLAN tags; a tunnel, which
# has no XDP; jumbo frames, and frames that are cut
# behind us (their bytes are exact, and their packets those of the wire); generic XDP.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/xdp.sh"

# kind NAME INTERFACE URL...: both modes at once on an interface of the server's; the URLs that FROM
# (client or server) asks for show the same in both. FIELDS: left out of the comparison.
kind() {
    local name=$1 interface=$2
    shift 2
    LOGS=$WORK/$name.xdp
    OTHER=$WORK/$name.kernel
    server "$BIN/spliff-cluster" run -i "$interface" --mode xdp --xdp-mode "${MODE:-auto}" -w 2 \
        --config "$WORK/small.cfg" --log-dir "$LOGS" --quiet 2>"$WORK/$name.err" &
    local xdp=$!
    server "$BIN/spliff-cluster" run -i "$interface" -w 2 --log-dir "$OTHER" --quiet &
    local kernel=$!
    wait_for 20 begun "$LOGS" "$OTHER" || die "$name: a capture sees nothing"
    for url; do
        $FROM curl -sk --max-time 10 -o "$WORK/got" "$url" || die "$name: curl $url"
    done
    wait_for 10 has_lines "$LOGS" "$OTHER" || die "$name: requests are not logged"
    kill -TERM "$(pgrep -P $xdp)" "$(pgrep -P $kernel)" || die "$name: a capture has ended"
    wait $xdp $kernel
    "$ROOT/tests/cluster/same_logs.py" "$LOGS" "$OTHER" -resolved_name ~history ${FIELDS:-} conn ssl >"$WORK/diff" ||
        { head -n 8 "$WORK/diff"; die "$name: the logs differ"; }
}

# By requests of their own, before what is compared.
begun() {
    $FROM curl -s --max-time 2 -o /dev/null --interface "$ASKER" "$PLAIN/moved"
    [ -s "$1/http.log" ] && [ -s "$2/http.log" ]
}
has_lines() { grep -q /last "$1/http.log" && grep -q /last "$2/http.log"; }

begin 2
echo 'xdp_flow_table_size = 4096' >"$WORK/small.cfg"
head -c 3000000 /dev/urandom >"$WORK/www/www/big"
client ip addr add 192.0.2.99/24 dev cl0
server ip addr add 192.0.2.99/32 dev lo

FROM=server ASKER=192.0.2.99 PLAIN=http://127.0.0.1
MODE=offload kind loopback lo http://127.0.0.1/files/20k.txt https://127.0.0.1/big http://127.0.0.1/last
server ip addr del 192.0.2.99/32 dev lo
grep -q 'lo: tc on what comes in' "$WORK/loopback.err" || die 'how it reads a loopback is not said'
grep -q 'lo: xdp_mode has no effect' "$WORK/loopback.err" || die 'takes an option that it cannot follow'

FROM=client PLAIN=http://$SERVER4
wire_frames
MODE=generic kind generic sv0 "http://$SERVER4/files/20k.txt" "https://$SERVER4/big" "http://$SERVER4/last"
grep -q 'sv0: generic XDP' "$WORK/generic.err" || die 'generic XDP is not said'
# Where other cores cannot have the frames, the host goes on with them where they came.
cp "$WORK/small.cfg" "$WORK/without-cores.cfg"
echo 'xdp_cpus = 0,1' >>"$WORK/small.cfg"
MODE=generic kind cores sv0 "https://$SERVER4/files/20k.txt" "http://$SERVER4/last"
grep -q 'sv0: xdp_cpus has no effect without native XDP' "$WORK/cores.err" || die 'that nothing is moved is not said'
mv "$WORK/without-cores.cfg" "$WORK/small.cfg"

if [ -z "$(trunk_missing)" ]; then
    trunk cl0 client && trunk sv0 server || die 'cannot tag'
    server timeout 20 tcpdump -qni sv0 -c 1 'vlan 7 and tcp' >"$WORK/tagged" 2>/dev/null &
    tagged=$!
    MODE=native kind trunk sv0 "http://$SERVER4/files/20k.txt" "https://$SERVER4/big" "http://[$SERVER6]/last"
    wait $tagged || die 'the frames have no VLAN tag'
    trunk_end
fi

# A tunnel's frames begin with the IP header.
"$ROOT/tests/cluster/tun_pair.py" t0 "$NET_CLIENT" "$NET_SERVER" &
NET_PIDS+=($!)
wait_for 10 server ip link show t0 || die 'no tun devices'
client ip addr add 192.0.4.1/24 dev t0 && server ip addr add 192.0.4.2/24 dev t0
client ip link set t0 up && server ip link set t0 up
server ip route add 192.0.2.99/32 dev t0
PLAIN=http://192.0.4.2
kind tunnel t0 http://192.0.4.2/files/20k.txt https://192.0.4.2/big http://192.0.4.2/last
server ip route del 192.0.2.99/32 dev t0
grep -q 't0: tc in both directions' "$WORK/tunnel.err" || die 'how it reads a tunnel is not said'

# What the interface cuts is one frame for AF_PACKET; as many as on the wire here. Bytes are bytes.
client ip link set cl0 mtu 9000 && server ip link set sv0 mtu 9000
server ethtool -K sv0 tx on tso on gso on >/dev/null 2>&1
client ethtool -K cl0 tx on tso on gso on >/dev/null 2>&1
PLAIN=http://$SERVER4 FIELDS='-orig_pkts -resp_pkts -orig_ip_bytes -resp_ip_bytes -history'
MODE=native kind jumbo sv0 "http://$SERVER4/files/20k.txt" "https://$SERVER4/big" "http://$SERVER4/big" "http://$SERVER4/last"
wait_for 5 xdp_nothing_left || { xdp_left_behind; die 'something is left in the kernel'; }
pass "$TEST"
finish

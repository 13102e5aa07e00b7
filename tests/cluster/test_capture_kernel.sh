#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Mode kernel, with which the tests of the other modes compare theirs, compared with what the servers
# say: two queues and two workers, IPv4 and IPv6, frames that the kernel joined to 64 KiB, jumbo frames,
# VLAN tags, an interface that becomes part of a bridge and leaves it. Each connection is one line, whole.
# Nothing is left at the interface, also when the manager was killed.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/beside.sh"
. "$(dirname "$0")/comings.sh"

left_behind() {
    server awk 'NR > 1' /proc/net/packet
    server ip -d link show sv0 | grep -o 'promiscuity [1-9].*'
}
nothing_left() { [ -z "$(left_behind)" ]; }

# round NAME: something of each kind that is logged; URIs have the name in them.
round() {
    local host n
    for host in $SERVER4 "[$SERVER6]"; do
        for n in 1 2 3; do
            get "http://$host/count/plain/$1/$n" "http://$host/big?plain/$1/$n" || die "$1: curl"
            get "https://$host/count/$1/$n" || die "$1: curl over TLS"
        done
    done
    client dig +short +time=2 @$SERVER4 www.example.org >/dev/null || die "$1: dig"
    tls=$((tls + 6)) dns=$((dns + 1))
    wait_for 10 counted || die "$1: requests are missing"
}

# seen FILTER COMMAND...: a frame that the filter tells of passes while the command runs.
seen() {
    local filter=$1 dump
    shift
    server timeout 20 tcpdump -qni sv0 -c 1 "$filter" >/dev/null 2>"$WORK/dump" &
    dump=$!
    wait_for 5 grep -q listening "$WORK/dump" || die 'tcpdump does not start'
    "$@"
    wait $dump || die "no frame is $filter"
}

begin 2
tls=0 dns=0
server ethtool -L sv0 rx 2 tx 2 || die 'veth has no second queue'
head -c 1000000 /dev/urandom >"$WORK/www/www/big"
start
dns_before=$(count dns)
seen 'greater 40000' round gso
client ip link set cl0 mtu 9000 && server ip link set sv0 mtu 9000 || die 'cannot change the MTU'
wire_frames
seen 'greater 8000 and less 9100' round jumbo
client ip link set cl0 mtu 1500 && server ip link set sv0 mtu 1500
why=$(trunk_missing)
if [ -n "$why" ]; then
    echo "      no VLAN tags: $why"
else
    trunk cl0 client && trunk sv0 server || die 'cannot tag'
    seen 'vlan 7 and tcp' round tagged
    trunk_end
fi
member_of_bridge sv0 round bridge
[ "$(busy_workers)" -eq 2 ] || die 'one worker has it all'
[ "$(counter capture.kernel_drops)" -eq 0 ] || die 'the ring was full'
[ "$(counter reassembly.gap_bytes)" -eq 0 ] || die 'bytes are missing'
stop
wait_for 5 nothing_left || { left_behind; die 'the cluster has left something behind'; }
diff <(cut -d ' ' -f 2 "$WORK/www/access.log" | grep plain | sort) <(column http uri | grep plain | sort) \
    >"$WORK/diff" || { head "$WORK/diff"; die 'http.log is not what nginx served'; }
[ "$(column ssl established | grep -c T)" -ge "$tls" ] || die "ssl.log has $(count ssl) lines of $tls"
[ $(($(count dns) - dns_before)) -ge "$dns" ] || die "dns.log has $(count dns) lines of $dns"
split=$(flows_split)
[ -z "$split" ] || die "flows are split: $split"

start
kill -9 "$(node_pid manager)" || die 'no manager to kill'
wait_for 10 nothing_left || { left_behind; die 'a manager that was killed leaves something behind'; }
pass "$TEST"
finish

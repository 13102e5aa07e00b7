#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A worker that stands still under load, in each live mode: every frame that was sent is captured or counted
# as lost, and conn.log has the packets of those that were captured, to the packet.
. "$(dirname "$0")/lib.sh"
PER_FLOW=10 FLOWS=2000

# A capture of datagrams both ways, flow after flow within each round.
make_capture() {
    python3 - "$1" $PER_FLOW $FLOWS <<'PY'
import struct, sys
path, per_flow, flows = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])


def frame(flow, back):
    ends = [(0x0A000001, 20000 + flow), (0x0A640001, 9000)]
    (src, sport), (dst, dport) = ends[::-1] if back else ends
    udp = struct.pack(">HHHH", sport, dport, 88, 0) + b"x" * 80
    ip = struct.pack(">BBHHHBBHII", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, src, dst)
    return bytes(6) + b"\2\0\0\0\0\1\x08\0" + ip + udp


with open(path, "wb") as f:
    f.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
    for round_ in range(per_flow):
        for flow in range(flows):
            data = frame(flow, round_ & 1)
            f.write(struct.pack("<IIII", 1, flow, len(data), len(data)) + data)
PY
}

logged_packets() { paste <(column conn orig_pkts) <(column conn resp_pkts) | awk '{n += $1 + $2} END {print n + 0}'; }
accounted() { [ $(($(counter capture.packets) + $(counter capture.kernel_drops))) -ge "$sent" ]; }

# start_and_stand_still METHOD TRY: frames are sent to a worker that has stopped meanwhile. False if the link
# itself had no room for some of them, because the machine paused.
start_and_stand_still() {
    local stopped
    LOGS=$WORK/logs.$1.$2
    spliff_cfg
    printf '%s\n' 'checksums = ignore' 'af_packet_buffer_size = 1M' 'xdp_ring_size = 256K' \
        'af_xdp_buffer_size = 4M' >>"$WORK/spliff.cfg"
    start
    stopped=$(node_pid worker-1)
    kill -STOP "$stopped"
    sent=$(server "$ROOT/build/tools/bench/send" tx0 "$WORK/flows.pcap" 20000 1) || die "$1: send"
    kill -CONT "$stopped"
    case $sent in *' 0 refused') sent=${sent%% *} ;; *) return 1 ;; esac
}

# exact METHOD INTERFACE
exact() {
    local method=$1 try=1 drops packets
    node_cfg 1 "$2" "$method"
    until start_and_stand_still "$method" $try; do
        stop
        try=$((try + 1))
        [ $try -le 5 ] || die "$method: the link refuses frames: $sent"
    done
    wait_for 10 accounted
    packets=$(counter capture.packets) drops=$(counter capture.kernel_drops)
    stop
    [ "$drops" -gt 0 ] || die "$method: nothing was lost"
    [ $((packets + drops)) -eq "$sent" ] || die "$method: of $sent frames $packets were captured and $drops counted as lost"
    if [ "$method" != xdp ]; then # which counts in the kernel what does not come up
        [ "$(logged_packets)" -eq "$packets" ] || die "$method: conn.log has $(logged_packets) of $packets packets"
    fi
    printf '      %s: %d sent, %d captured, %d counted as lost\n' "$method" "$sent" "$packets" "$drops"
}

begin 1
make_capture "$WORK/flows.pcap"
server ip link add tx0 type veth peer name rx0
server sysctl -qw net.ipv6.conf.tx0.disable_ipv6=1 net.ipv6.conf.rx0.disable_ipv6=1
server ip link set tx0 up && server ip link set rx0 up || die 'no second link'
exact af_packet rx0
for method in xdp af_xdp dpdk; do
    [ $method = dpdk ] && interface=net_af_xdp0,iface=rx0 || interface=rx0
    if "$BIN/spliff-cluster" doctor -i "$interface" --mode $method | grep -q '^ok    mode'; then
        exact $method "$interface"
    fi
done
pass "$TEST"
finish

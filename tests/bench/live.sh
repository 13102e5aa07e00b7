#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Live capture under load, two workers on AF_PACKET:
# 1. wrk against nginx over a veth link, HTTP and TLS at once, as fast as the machine serves;
# 2. that traffic, recorded, sent into another veth link at a steady rate.
# Says how many packets a second came, what the kernel dropped, and how many flows have one side only,
# as they would if two workers had shared them.
# usage: live.sh [SECONDS [PACKETS-PER-SECOND]]
. "$(dirname "$0")/../cluster/lib.sh"
seconds=${1:-15} rate=${2:-200000}
ALONE="tests/bench/live.sh $seconds $rate"

# CPU time that all nodes have used since they were started.
cpu_seconds() {
    local node pid ticks=0
    for node in manager logger-1 worker-1 worker-2; do
        pid=$(node_pid $node)
        ticks=$((ticks + $(awk '{print $14 + $15}' "/proc/$pid/stat")))
    done
    awk -v t=$ticks -v hz="$(getconf CLK_TCK)" 'BEGIN {printf "%.1f", t / hz}'
}

load() {
    local url=$SERVER4/index.html
    client wrk -t 1 -c 40 -d "$1" "http://$url" >"$WORK/wrk-http" 2>&1 &
    local http=$!
    client wrk -t 1 -c 20 -d "$1" -H 'Connection: close' "https://$url" >"$WORK/wrk-tls" 2>&1 &
    wait $http $! || die 'wrk'
}

# report TITLE SECONDS: what came since the cluster was started; stops it.
report() {
    local packets drops split cpu
    packets=$(counter capture.packets) drops=$(counter capture.kernel_drops) cpu=$(cpu_seconds)
    stop
    split=$(paste <(column conn orig_pkts) <(column conn resp_pkts) <(column conn id.resp_p) |
        awk '($3 == 80 || $3 == 443) && ($1 == 0 || $2 == 0)' | wc -l)
    printf '%s: %d packets/s for %d s, %d kernel drops; %s CPU s;\n' \
        "$1" $((packets / $2)) "$2" "$drops" "$cpu"
    printf '  %d flows, %d with one side only; %d HTTP exchanges, %d TLS handshakes\n' \
        "$(count conn)" "$split" "$(count http)" "$(count ssl)"
    rm -rf "$LOGS"
    [ "$drops" -eq 0 ] && [ "$split" -eq 0 ] && return
    status=1
}

status=0
begin 2
"$ROOT/tests/bench/bench.py"
start
load "$seconds"
grep -h Requests/sec "$WORK"/wrk-* | tr -s ' ' | paste -sd ' '
report 'as served' "$seconds"

# Segments as on a wire, so that the record can be sent again.
for end in client:cl0 server:sv0; do
    ${end%:*} ethtool -K ${end#*:} tso off gso off gro off >/dev/null
done
server tcpdump -q -n -i sv0 -B 65536 -w "$WORK/load.pcap" 'tcp' 2>"$WORK/tcpdump.err" &
wait_for 5 grep -q 'listening on' "$WORK/tcpdump.err" || die 'tcpdump does not start'
load 2
sleep 1
for pid in $(ip netns pids "$NET_SERVER"); do
    [ "$(cat /proc/"$pid"/comm)" = tcpdump ] && kill -INT "$pid"
done
wait $!
server ip link add tx0 type veth peer name rx0
server sysctl -qw net.ipv6.conf.tx0.disable_ipv6=1 net.ipv6.conf.rx0.disable_ipv6=1
server ip link set tx0 up && server ip link set rx0 up
sed -i 's/interface=sv0/interface=rx0/' "$WORK/node.cfg"
echo 'checksums = ignore' >>"$WORK/spliff.cfg" # that of a packet sent again is not mended
start
sent=$(server "$ROOT/build/tools/bench/send" tx0 "$WORK/load.pcap" "$rate" "$seconds") || die 'send'
echo "sent $sent"
# The last packets wait for their block to be full or old.
all_seen() { [ "$(($(counter capture.packets) + $(counter capture.kernel_drops)))" -ge "${sent%% *}" ]; }
wait_for 5 all_seen
report 'at a steady rate' "$(echo "$sent" | awk '{print int($4 + 0.5)}')"
exit $status

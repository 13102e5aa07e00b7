#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Live capture under load: wrk against nginx over a veth link, HTTP and TLS at once, two workers on
# AF_PACKET. Says how many packets a second came, what the kernel dropped, and how many flows look as
# if two workers had shared them. usage: live.sh [SECONDS]
. "$(dirname "$0")/../cluster/lib.sh"
seconds=${1:-30}
begin 2
start

# counter NAME: its sum over all workers.
counter() {
    cluster status --json | python3 -c '
import json, sys
nodes = json.load(sys.stdin)["nodes"]
print(sum(n["counters"].get(sys.argv[1], 0) for n in nodes))' "$1"
}
before=$(counter capture.packets)
client wrk -q -t 1 -c 40 -d "$seconds" "http://$SERVER4/index.html" >"$WORK/wrk-http" 2>&1 &
http=$!
client wrk -q -t 1 -c 20 -d "$seconds" -H 'Connection: close' "https://$SERVER4/index.html" >"$WORK/wrk-tls" 2>&1 &
wait $http $!
packets=$(($(counter capture.packets) - before))
requests=$(wc -l <"$WORK/www/access.log")
drops=$(counter capture.kernel_drops)
wait_for 30 has_records http "$(grep -c . "$WORK/www/access.log")"
stop
split=$(paste <(column conn orig_pkts) <(column conn resp_pkts) <(column conn id.resp_p) |
    awk '($3 == 80 || $3 == 443) && ($1 == 0 || $2 == 0)' | wc -l)
grep -h Requests/sec "$WORK"/wrk-*
printf '%d packets/s for %d s; %d kernel drops; %d flows, %d of them with one side only\n' \
    $((packets / seconds)) "$seconds" "$drops" "$(count conn)" "$split"
printf '%d requests served, %d in http.log and %d handshakes in ssl.log\n' \
    "$requests" "$(count http)" "$(count ssl)"
[ "$drops" -eq 0 ] && [ "$split" -eq 0 ]

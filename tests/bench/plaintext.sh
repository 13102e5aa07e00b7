#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# What the plaintext view costs nginx, and how much of what was said it has:
# 1. wrk against nginx over TLS as fast as it serves, 1 KiB and 200 KB answers: without a cluster, with
#    one that sees packets alone, and with a probe as well, three times in turn;
# 2. requests at a steady rate to servers of several libraries: how many of them are in http.log, how
#    their five-tuples were found, how many have the uid of a flow with packets, and what was lost.
# usage: plaintext.sh [SECONDS]
. "$(dirname "$0")/../cluster/lib.sh"
. "$(dirname "$0")/../cluster/plaintext.sh"
seconds=${1:-10}
ALONE="tests/bench/plaintext.sh $seconds"
here=$ROOT/tests/cluster

# Seconds of CPU that a process has used.
cpu_of() { awk -v hz="$(getconf CLK_TCK)" '{printf "%.2f", ($14 + $15) / hz}' "/proc/$1/stat"; }

# serve FILE: requests/s of wrk and nginx's CPU in microseconds a request.
serve() {
    local nginx before after
    nginx=$(nginx_worker)
    before=$(cpu_of "$nginx")
    client wrk -t 1 -c 20 -d "$seconds" "https://$SERVER4/files/$1" >"$WORK/wrk.out" || die 'wrk'
    after=$(cpu_of "$nginx")
    awk -v a="$after" -v b="$before" '
        /requests in/ {n = $1}
        /Requests\/sec/ {printf "%d %.1f\n", $2, (a - b) / n * 1e6}' "$WORK/wrk.out"
}

# best FILE: of a kind's rounds "requests/s us" the highest and the lowest: others use the machine too.
best() { awk 'r < $1 {r = $1} c == "" || c > $2 {c = $2} END {print r, c}' "$1"; }

# overhead SIZE
overhead() {
    local kind round bare
    for round in {1..3}; do
        for kind in nothing packets both; do
            sed -i '/^\[probe\]/,$d' "$WORK/node.cfg"
            [ $kind != both ] || printf '[probe]\ntype=probe\nhost=localhost\n' >>"$WORK/node.cfg"
            [ $kind = nothing ] || start
            [ $kind != both ] || wait_plain "$(nginx_worker)" "https://$SERVER4"
            serve "$1.bin" >>"$WORK/$1-$kind"
            [ $kind = nothing ] || stop
            rm -rf "$LOGS"
        done
    done
    read -ra bare < <(best "$WORK/$1-nothing")
    for kind in nothing packets both; do
        best "$WORK/$1-$kind" | awk -v k=$kind -v s="$1" -v br="${bare[0]}" -v bc="${bare[1]}" \
            '{printf "%-7s %-8s %10d %7.2f %14.1f %7.2f\n", s, k, $1, $1 / br, $2, $2 / bc}'
    done
}

LOSSES='probe.ring_bytes probe.cut_bytes probe.fault_bytes probe.table_full probe.queue_bytes
    probe.pending_lost probe.tuple_none plain.missed_bytes plain.overrun_bytes plain.bound plain.stray
    emit.records_lost capture.kernel_drops'

# What was lost, and how five-tuples were found, of a cluster that runs.
tell_counters() {
    local name n
    for name in socket descriptor learned next_send; do
        n=$(counter probe.tuple_$name)
        [ "$n" -eq 0 ] || printf ' %s %d' "$name" "$n"
    done
    printf ';'
    for name in $LOSSES; do
        n=$(counter "$name")
        [ "$n" -eq 0 ] || printf ' %s %d' "$name" "$n"
    done
}

# seen NAME PORT RATE COMMS PID: requests at a rate, and what is known of them.
seen() {
    local name=$1 port=$2 rate=$3 comms=$4 pid=$5 n=$(($3 * seconds)) got made joined told
    sed -i '/^comm =/d' "$WORK/spliff.cfg"
    echo "comm = $comms" >>"$WORK/spliff.cfg"
    start
    wait_plain "$pid" "https://$SERVER4:$port"
    client h2load --h1 -t 1 -c 20 -n $n --rps $((rate / 20)) "https://$SERVER4:$port$OURS/1/1/1" \
        >"$WORK/h2load.out" || die 'h2load'
    made=$(sed -n 's/.* \([0-9]*\) succeeded.*/\1/p' "$WORK/h2load.out")
    wait_for 3 has_exchanges "$made"
    told=$(tell_counters)
    stop
    got=$(column http uri | grep -c "^$OURS/")
    joined=$(join <(paste <(column http uid) <(column http uri) | grep "$OURS/" | cut -f 1 | sort) \
        <(column conn uid | sort -u) | wc -l)
    awk -v name="$name" -v rate="$rate" -v made="$made" -v got="$got" -v joined="$joined" -v told="$told" '
        BEGIN {printf "%-12s %6d %8d %8d %8.3f %% %7.2f %% %s\n", name, rate, made, got,
            made ? 100 * got / made : 0, got ? 100 * joined / got : 0, told}'
    rm -rf "$LOGS"
}

begin_plaintext 2
head -c 1024 /dev/urandom >"$WORK/www/www/files/1k.bin"
head -c 200000 /dev/urandom >"$WORK/www/www/files/200k.bin"
lscpu | sed -n 's/^Model name: *//p'
printf '%-7s %-8s %10s %7s %14s %7s\n' answer watched requests/s ratio nginx-us/req ratio
overhead 1k
overhead 200k

pair=("$WORK/www/www.example.org.pem" "$WORK/www/www.example.org.key")
printf '\n%-12s %6s %8s %8s %10s %9s %s\n' server rate made in-log '' joined 'five-tuples by; lost'
for rate in 200 5000; do
    seen nginx 443 $rate nginx,h2load,curl "$(nginx_worker)"
done
net_run node "$here/tls_peer.js" serve $SERVER4 4001 "${pair[@]}" >/dev/null 2>"$WORK/node.err"
node=$!
net_run "$here/tls_peer.py" serve asyncio $SERVER4 4002 "${pair[@]}" >/dev/null 2>"$WORK/asyncio.err"
asyncio=$!
wait_for 20 server sh -c "ss -Hltn sport = 4001 | grep -q ." || die 'node does not start'
wait_for 20 server sh -c "ss -Hltn sport = 4002 | grep -q ." || die 'tls_peer.py does not start'
for rate in 200 2000; do
    seen node 4001 $rate node $node
done
for rate in 200 1000; do
    seen asyncio 4002 $rate tls_peer.py $asyncio
done

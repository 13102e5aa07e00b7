#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Two workers, and not our hash but the CPU or the queue says which of them gets a packet: each
# exchange is logged once, by the worker that has its packets. Client and server of a connection run on
# one CPU, and each CPU has a queue of its own, so that no connection is split.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/plaintext.sh"

# The CPUs that we may use, one with an even and one with an odd number.
CPUS=()
for cpu in $(seq 0 $(($(nproc --all) - 1))); do
    [ -n "${CPUS[$((cpu % 2))]:-}" ] || ! taskset -c "$cpu" true 2>/dev/null || CPUS[cpu % 2]=$cpu
done
if [ ${#CPUS[@]} -lt 2 ]; then
    skip "$TEST" 'there is but one CPU'
    finish
    exit
fi
begin_plaintext 2

# What end sends from a CPU, goes out by that CPU's queue.
queues() {
    local ns=$1 end=$2 i
    $ns ethtool -L "$end" rx 2 tx 2 || return 1
    for i in 0 1; do
        printf '%x' $((1 << CPUS[i])) |
            $ns tee "/sys/class/net/$end/queues/tx-$i/xps_cpus" >/dev/null || return 1
    done
}
queues client cl0 2>"$WORK/queues.err" && queues server sv0 2>>"$WORK/queues.err" && QUEUES=queue

# worker_counter NODE NAME
worker_counter() {
    cluster status --json | python3 -c '
import json, sys
print(*(n["counters"][sys.argv[2]] for n in json.load(sys.stdin)["nodes"] if n["name"] == sys.argv[1]))' "$@"
}

for mode in cpu ${QUEUES:-}; do
    spliff_cfg
    echo "fanout_mode = $mode" >>"$WORK/spliff.cfg"
    rm -rf "$LOGS"
    start
    wait_plain "$(nginx_worker)" "https://$SERVER4"
    : >"$WORK/www/access.log"
    n=0
    for i in 0 1; do
        taskset -pc "${CPUS[i]}" "$(nginx_worker)" >/dev/null
        taskset -pc "${CPUS[i]}" $$ >/dev/null
        for http in --http1.1 --http2; do
            for _ in 1 2 3 4 5 6; do
                curl_x "https://$SERVER4" '1 20k' $http || die "curl $http"
                n=$((n + 2))
            done
        done
    done
    taskset -pc "${CPUS[0]},${CPUS[1]}" $$ >/dev/null
    wait_for 20 has_exchanges $n ||
        die "fanout_mode $mode: http.log has $(column http uri | grep -c "^$OURS/") of $n requests"
    for worker in worker-1 worker-2; do
        [ "$(worker_counter $worker plain.joined)" -ge 24 ] &&
            [ "$(worker_counter $worker plain.claims)" -ge 12 ] ||
            die "fanout_mode $mode: $worker has joined $(worker_counter $worker plain.joined) sessions" \
                "and claimed $(worker_counter $worker plain.claims) flows"
    done
    stop
    exchanges "$WORK/www/access.log" --client curl --server nginx --count $n
done
[ -n "${QUEUES:-}" ] || echo "note: $TEST without fanout_mode queue: $(head -n 1 "$WORK/queues.err")"
pass "$TEST"
finish

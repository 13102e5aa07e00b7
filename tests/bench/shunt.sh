#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# What shunting saves on a link full of TLS: four downloads at once as fast as the machine goes, over a
# link whose frames are up to 64 KiB, captured by one worker in each mode with and without it. A row is
# what the worker and the programs in the kernel have used of the CPU for all of them, and how many
# packets came up; the last column is the part of what the mode needs without shunting (mode xdp, which
# has no "without": of what mode kernel needs). Mode af_xdp reads a mirror of the link, whose frames are
# those of a wire. The bytes of each connection are the same in conn.log of all rows, but for the length of a
# signature, or it fails.
# usage: shunt.sh [MEGABYTES]      of each download (500)
. "$(dirname "$0")/../cluster/lib.sh"
. "$(dirname "$0")/../cluster/programs.sh"
. "$(dirname "$0")/../cluster/mirror.sh"
megabytes=${1:-500}
ALONE="tests/bench/shunt.sh $megabytes"
DOWNLOADS=4
stats=$(sysctl -n kernel.bpf_stats_enabled)
trap 'sysctl -qw kernel.bpf_stats_enabled=$stats; cleanup' EXIT

# Nanoseconds that a process has run.
cpu_ns() { cut -d ' ' -f 1 "/proc/$1/schedstat"; }

# Runs and nanoseconds of all programs of the cluster.
program_cost() {
    local id
    for id in $(programs); do bpftool -j prog show id "$id"; done | python3 -c '
import json, sys
decoder, text, runs, ns = json.JSONDecoder(), sys.stdin.read(), 0, 0
while text.strip():
    p, end = decoder.raw_decode(text.lstrip())
    text = text.lstrip()[end:]
    runs, ns = runs + p.get("run_cnt", 0), ns + p.get("run_time_ns", 0)
print(runs, ns)'
}

download() {
    local pids=()
    for ((n = 0; n < DOWNLOADS; n++)); do
        client curl -sk --http1.1 -o /dev/null "https://$SERVER4/files/elephant" &
        pids+=($!)
    done
    wait "${pids[@]}" || die 'curl'
}

# check_bytes NAME
check_bytes() {
    column conn resp_bytes | awk '$1 > 1e6' >>"$WORK/bytes"
    [ "$(column conn missed_bytes | sort -u)" = 0 ] || die "$1: bytes are missed"
    [ "$(sort -n "$WORK/bytes" | sed -n '1p; $p' | paste -sd ' ' | awk '{print ($2 - $1 <= 16)}')" = 1 ] ||
        die "$1: the bytes in conn.log are not those of the other rows"
}

# row NAME METHOD INTERFACE OPTION...: sets cost to the seconds of worker and programs; whole is what it
# is a part of, empty: of itself.
row() {
    local name=$1 worker ns programs checked=
    node_cfg 1 "$3" "$2"
    [ "$3" != sv0 ] || checked=1
    spliff_cfg
    shift 3
    printf '%s\n' 'tcp_close_delay = 500ms' 'checksums = ignore' "$@" >>"$WORK/spliff.cfg"
    start
    get "http://$SERVER4/index.html" # what is done once is done after it
    wait_for 10 has_records conn 1 || die "$name: nothing is captured"
    worker=$(node_pid worker-1)
    ns=$(cpu_ns "$worker")
    download
    wait_for 30 has_records conn $((DOWNLOADS + 1)) || die "$name: conn.log has $(count conn) of $((DOWNLOADS + 1)) flows"
    ns=$(($(cpu_ns "$worker") - ns))
    programs=$(program_cost)
    cost=$(awk -v w=$ns -v p="${programs#* }" 'BEGIN {printf "%.3f", (w + p) / 1e9}')
    awk -v name="$name" -v w=$ns -v p="$programs" -v up="$(counter capture.packets)" \
        -v not="$(counter shunt.packets)" -v lost="$(($(counter capture.kernel_drops) + $(counter capture.refused)))" \
        -v of="${whole:-$cost}" -v c="$cost" 'BEGIN {
            split(p, f, " ")
            printf "%-18s %9.3f %10d %10d %7d %10d %5d %9.3f %7.3f\n",
                name, w / 1e9, up, not, lost, f[1], f[1] ? f[2] / f[1] : 0, c, c / of}'
    [ -z "$checked" ] || check_bytes "$name"
    stop
    rm -rf "$LOGS"
}

off=('shunt_tls = no' 'shunt_unknown = no' 'shunt_body = no')
begin 1
truncate -s "${megabytes}M" "$WORK/www/www/files/elephant"
sysctl -qw kernel.bpf_stats_enabled=1
"$ROOT/tests/bench/bench.py"
printf '%-18s %9s %10s %10s %7s %10s %5s %9s %7s\n' \
    "$DOWNLOADS x $megabytes MB" 'worker s' 'packets up' counted lost 'run' ns 'sum s' part
whole=
row 'kernel' af_packet sv0 "${off[@]}"
whole=$cost
row 'kernel, shunting' af_packet sv0
row 'xdp' xdp sv0
whole=
if [ -z "$(mirror_missing)" ] && mirror_up 1; then
    row 'af_xdp' af_xdp tap0 "${off[@]}"
    whole=$cost
    row 'af_xdp, shunting' af_xdp tap0
fi

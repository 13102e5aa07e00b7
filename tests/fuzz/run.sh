#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Runs every libFuzzer target for $FUZZ_SECONDS (30), as many at once as there are cores.
# tests/fuzz/seeds/<target>/ and the frames of the golden captures are where each starts; what it
# finds beyond them is kept in build/fuzz/corpus/<target>/ and makes the next run start further on.
# usage: run.sh TARGET...     (paths of built targets)
set -u
. "$(dirname "$0")/../lib.sh"
cd "$ROOT" || exit 1

seconds=${FUZZ_SECONDS:-30}
out=build/fuzz/out
mkdir -p "$out"

# Golden captures seed the targets that read whole capture files.
seed() {
    local name=$1 corpus=$2 pcap
    [ -d "tests/fuzz/seeds/$name" ] && cp -n tests/fuzz/seeds/"$name"/* "$corpus"/ 2>/dev/null
    python3 tests/fuzz/seeds.py "$name" "$corpus" tests/golden/*/input.pcap*
}

fuzz_one() {
    local program=$1 name corpus
    name=$(basename "$program")
    corpus=build/fuzz/corpus/$name
    mkdir -p "$corpus"
    seed "$name" "$corpus"
    "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$out/$name-" "$corpus" >"$out/$name.log" 2>&1
    echo $? >"$out/$name.status"
}

report() {
    local program=$1 name input
    name=$(basename "$program")
    if [ "$(cat "$out/$name.status")" = 0 ]; then
        pass "$name ($(sed -n 's/^stat::number_of_executed_units: *//p' "$out/$name.log") inputs)"
        return
    fi
    grep -E -m3 'ERROR|SUMMARY|CHECK failed' "$out/$name.log"
    input=$(sed -n 's/.*Test unit written to //p' "$out/$name.log" | tail -n 1)
    fail "$name" "an input breaks it, see $out/$name.log" "$program ${input:-}"
}

running=0
for program; do
    if [ "$running" -ge "$(nproc)" ]; then
        wait -n
        running=$((running - 1))
    fi
    fuzz_one "$program" &
    running=$((running + 1))
done
wait
for program; do
    report "$program"
done
finish

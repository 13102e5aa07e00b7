#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Runs the cmocka programs given as arguments and sums what they say of their cases.
set -u
. "$(dirname "$0")/lib.sh"

log=$(mktemp)
trap 'rm -f "$log"' EXIT

# count KIND: cases of that kind in cmocka's closing lines ("[  PASSED  ] 3 test(s)").
count() {
    sed -nE "s/^\[ +$1 *\] ([0-9]+) test\(s\).*/\1/p" "$log" | awk '{n += $1} END {print n + 0}'
}

run_unit() {
    local program=$1 name=${1#build/} status failed skipped passed case
    name=${name/\/test\//:}
    timeout 120 "$program" >"$log" 2>&1
    status=$?
    passed=$(count PASSED) failed=$(count FAILED) skipped=$(count SKIPPED)
    if [ $((passed + failed + skipped)) -eq 0 ] || { [ $status -ne 0 ] && [ "$failed" -eq 0 ]; }; then
        tail -n 40 "$log"
        fail "$name" "ended with status $status and no closing line" "$program"
        return
    fi
    # cmocka names a failed or skipped case twice: as it happens, and in its closing list.
    for case in $(sed -nE 's/^\[  FAILED  \] ([a-z_0-9]+)$/\1/p' "$log" | sort -u); do
        grep -B6 "^\[  FAILED  \] $case$" "$log" | head -n 7
        fail "$name:$case" "see the lines above" "$program"
    done
    for case in $(sed -nE 's/^\[  SKIPPED \] ([a-z_0-9]+)$/\1/p' "$log" | sort -u); do
        skip "$name:$case" "$(grep -m1 -i '^skip' "$log" || echo 'see its source')"
    done
    N_PASSED=$((N_PASSED + passed))
    for ((; passed > 0; passed--)); do tally_line passed "$name"; done
    [ "$failed" -ne 0 ] || printf 'ok    %s\n' "$name"
}

cd "$ROOT" || exit 1
for program; do
    run_unit "$program"
done
finish

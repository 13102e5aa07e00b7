#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The whole test run: builds, then every kind of test, then one line of sums over all of them.
# `make test` calls it. Each part can be run alone: make check, make unit, make golden,
# make cluster-test, make fuzz.
set -u
. "$(dirname "$0")/lib.sh"
cd "$ROOT" || exit 1

export TALLY=$ROOT/build/tally
mkdir -p build
: >"$TALLY"

# part TITLE COMMAND...: a runner that counts its cases itself; one that dies before it could count
# is a failure of its own.
part() {
    local title=$1 before after status began=$SECONDS
    shift
    printf '\n== %s\n' "$title"
    before=$(grep -c '^failed' "$TALLY")
    "$@"
    status=$?
    after=$(grep -c '^failed' "$TALLY")
    if [ $status -ne 0 ] && [ "$before" = "$after" ]; then
        fail "$title" "ended with status $status" "$*"
    fi
    printf -- '-- %s took %d s\n' "$title" $((SECONDS - began))
}

part build make -s -j"$(nproc)" all debug asan units fuzzers tools
part check make -s check
part unit make -s unit
part golden make -s golden
part 'golden, sanitized' make -s golden-asan
part cluster make -s cluster-test
part fuzz make -s fuzz

printf '\n'
sed -n 's/^failed\t/failed: /p' "$TALLY"
awk '{n[$1]++} END {printf "%d passed, %d failed, %d skipped\n",
      n["passed"], n["failed"], n["skipped"]; exit n["failed"] != 0}' "$TALLY"

#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Runs the cluster tests one after the other; each stands alone and cleans up after itself.
# usage: run.sh [TEST...]      names without folder and suffix
set -u
. "$(dirname "$0")/../lib.sh"
cd "$ROOT" || exit 1

[ $# -gt 0 ] || set -- $(cd tests/cluster && ls test_*.sh | sed 's/\.sh$//')
own=$(mktemp)
trap 'rm -f "$own"' EXIT

for name; do
    : >"$own"
    TALLY=$own timeout 120 "tests/cluster/$name.sh" | sed '/ passed, .* skipped$/d'
    status=${PIPESTATUS[0]}
    if [ $status -ne 0 ] && ! grep -q '^failed' "$own"; then
        fail "cluster:$name" "ended with status $status before its end" "tests/cluster/$name.sh"
    fi
    N_PASSED=$((N_PASSED + $(grep -c '^passed' "$own")))
    N_FAILED=$((N_FAILED + $(grep -c '^failed' "$own")))
    N_SKIPPED=$((N_SKIPPED + $(grep -c '^skipped' "$own")))
    [ -z "${TALLY:-}" ] || cat "$own" >>"$TALLY"
done
finish

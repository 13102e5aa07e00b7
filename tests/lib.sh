# SPDX-License-Identifier: BSD-3-Clause
# Sourced by every runner: counts results and ends with one line of sums.
#
# A runner says pass, fail or skip once for each case and ends with finish. Results also go to the
# file $TALLY, when a greater run (tests/run.sh) has set it, one line a case: the kind, then the name.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
N_PASSED=0 N_FAILED=0 N_SKIPPED=0

tally_line() {
    if [ -n "${TALLY:-}" ]; then printf '%s\t%s\n' "$1" "$2" >>"$TALLY"; fi
}

# pass NAME
pass() {
    N_PASSED=$((N_PASSED + 1))
    tally_line passed "$1"
    printf 'ok    %s\n' "$1"
}

# fail NAME WHAT-BROKE HOW-TO-RUN-IT-ALONE
fail() {
    N_FAILED=$((N_FAILED + 1))
    tally_line failed "$1"
    printf 'FAIL  %s: %s\n' "$1" "$2"
    printf '      alone: %s\n' "$3"
}

# skip NAME WHY
skip() {
    N_SKIPPED=$((N_SKIPPED + 1))
    tally_line skipped "$1"
    printf 'skip  %s: %s\n' "$1" "$2"
}

# Prints the sums as the last line; the status is that of the whole run.
finish() {
    printf '%d passed, %d failed, %d skipped\n' "$N_PASSED" "$N_FAILED" "$N_SKIPPED"
    [ "$N_FAILED" -eq 0 ]
}

# wait_for SECONDS COMMAND...: until the command succeeds; status 1 at the deadline.
wait_for() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.05
    done
}

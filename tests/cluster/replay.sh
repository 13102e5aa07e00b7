# SPDX-License-Identifier: BSD-3-Clause
# Sourced by the tests of replays that do not come to their end: a run on a pipe, and what remains of it.
# Everything lies in $work and is gone at the end.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
TEST=cluster:$(basename "$0" .sh)
ALONE="tests/cluster/$(basename "$0")"
BIN=${BIN:-$ROOT/build/bin}
work=$(mktemp -d /tmp/spliff-test.XXXXXX)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"

# lines FOLDER: what a run logged, whoever logged it.
lines() { grep -hv '^#' "$1"/*.log | sort; }

# begin WORKERS <DATA: a run that has read the data and waits for more, which fd 3 takes. Its batches are
# not sent unless they must be.
begin() {
    mkfifo "$work/input"
    echo 'log_flush_interval = 1h' >"$work/spliff.cfg"
    rm -rf "$work/logs"
    "$BIN/spliff-cluster" run -r - --workers "$1" --config "$work/spliff.cfg" --log-dir "$work/logs" \
        --show-stats <"$work/input" >/dev/null 2>"$work/err" &
    run=$!
    exec 3>"$work/input"
    cat >&3
    wait_for 20 all_idle "$1" || fail "$TEST" 'the pipe is not read' "$ALONE"
}
children() { pgrep -P $run "spliff-$1"; }
asleep() { grep -q '^State:.[ST]' "/proc/$1/status"; }
unread() { python3 -c 'import fcntl, struct, termios
print(struct.unpack("i", fcntl.ioctl(3, termios.FIONREAD, b"\0" * 4))[0])'; }
all_idle() {
    local pid
    [ "$(children worker | wc -l)" -eq "$1" ] && [ "$(unread)" -eq 0 ] || return 1
    for pid in $(children worker) $(children reader); do
        asleep "$pid" || return 1
    done
}

# finished NAME STATUS RECORDS PATTERN: how the run ended; so many records were made at least, and all of
# them are logged.
finished() {
    local status made logged
    wait $run
    status=$?
    exec 3>&- # may be closed already
    rm "$work/input"
    made=$(awk '$1 == "emit.records" {print $2 + $3}' "$work/err")
    logged=$(lines "$work/logs" | wc -l)
    if [ "$status" -ne "$2" ] || ! grep -qE "$4" "$work/err"; then
        grep -v '^[a-z_]*\.' "$work/err"
        fail "$1" "status $status, or not a word of it" "$ALONE"
    elif [ "${made:-0}" -lt "$3" ] || [ "$made" -ne "$logged" ]; then
        fail "$1" "${made:-0} records were made and $logged logged" "$ALONE"
    else
        pass "$1"
    fi
}

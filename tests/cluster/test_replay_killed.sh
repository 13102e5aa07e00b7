#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# kill -9 of the worker of a replay: the run fails and says so, and every record that had been made
# is logged all the same, also those of batches that were still open.
set -u
. "$(dirname "$0")/../lib.sh"
TEST=cluster:$(basename "$0" .sh)
ALONE="tests/cluster/$(basename "$0")"
BIN=${BIN:-$ROOT/build/bin}
work=$(mktemp -d /tmp/spliff-test.XXXXXX)
trap 'rm -rf "$work"' EXIT

# A capture of which the end never comes; batches that are not sent unless they must be.
mkfifo "$work/input"
echo 'log_flush_interval = 1h' >"$work/spliff.cfg"
"$BIN/spliff-cluster" run -r - --config "$work/spliff.cfg" --log-dir "$work/logs" --show-stats \
    <"$work/input" >/dev/null 2>"$work/err" &
run=$!
exec 3>"$work/input"
cat "$ROOT/tests/golden/http1-pipelined/input.pcap" >&3
worker() { pgrep -P $run spliff-worker; }
idle() {
    [ -n "$(worker)" ] && grep -q '^State:.S' "/proc/$(worker)/status" &&
        python3 -c 'import fcntl, struct, sys, termios
sys.exit(struct.unpack("i", fcntl.ioctl(3, termios.FIONREAD, b"\0" * 4))[0] != 0)'
}
wait_for 10 idle || { fail "$TEST" 'the worker does not read its input' "$ALONE"; finish; exit 1; }
kill -9 "$(worker)"
wait $run
status=$?
exec 3>&-
made=$(awk '$1 == "emit.records" {print $2}' "$work/err")
logged=$(cat "$work"/logs/*.log | grep -vc '^#')
if [ "$status" -ne 1 ] || ! grep -q 'worker-1 was killed by signal 9' "$work/err"; then
    cat "$work/err"
    fail "$TEST" "status $status, and not a word of the killed worker" "$ALONE"
elif [ "${made:-0}" -eq 0 ] || [ "$made" -ne "$logged" ]; then
    fail "$TEST" "${made:-0} records were made and $logged logged" "$ALONE"
else
    pass "$TEST"
fi
finish

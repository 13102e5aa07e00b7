#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A capture file that several workers read themselves, in turn: what remains when one of them is killed or
# the run is interrupted, and when the file is not what it should be, or changes while it is read. Nobody
# waits for the dead, every record that had been made is logged, and what is wrong is said once.
#
# A run stands still in the middle of its file as long as nobody takes its output: the logger waits for
# that, and the workers for the logger, since a replay drops nothing.
. "$(dirname "$0")/replay.sh"

exchanges $((96 << 20)) "$work/capture.pcap"
printf '%s\n' 'log_flush_interval = 1h' 'spool_size = 4M' >"$work/spliff.cfg"
mkfifo "$work/output"
exec 3<>"$work/output"

# start FILE: a run of it by three workers, as far as it comes. drain: on to its end.
start() {
    rm -rf "$work/logs"
    "$BIN/spliff-cluster" run -r "$1" --workers 3 --config "$work/spliff.cfg" --log-dir "$work/logs" \
        --format json --show-stats >"$work/output" 2>"$work/err" 3>&- &
    run=$!
}
drain() {
    timeout 60 cat <"$work/output" >/dev/null 3>&- &
    drain=$!
}
stands_still() {
    local pid
    [ "$(children worker | wc -l)" -eq 3 ] && [ "$(unread)" -gt 32768 ] || return 1
    for pid in $(children worker) $(children logger); do
        asleep "$pid" || return 1
    done
}
hold() {
    start "$1"
    wait_for 30 stands_still || fail "$TEST" 'it does not wait for its output' "$ALONE"
    [ -z "$(children reader)" ] || fail "$TEST" 'there is a reader process' "$ALONE"
}

# ends NAME STATUS RECORDS PATTERN: as finished, but it may hang.
is_over() { ! [ -e /proc/$run ] || grep -q '^State:.Z' /proc/$run/status; }
ends() {
    wait_for 60 is_over || { fail "$1" 'it hangs' "$ALONE" && kill -9 $(children worker) $run; }
    kill $drain
    exec 3>&-
    finished "$@"
    exec 3<>"$work/output"
}

# same_as FILE: the records are those that one worker makes of the file.
same_as() {
    timeout 60 "$BIN/spliff-cluster" run -r "$1" --log-dir "$work/alone" --quiet 2>"$work/alone.err"
    if ! diff <(lines "$work/alone") <(lines "$work/logs") >"$work/diff"; then
        head -n 10 "$work/diff"
        fail "$TEST: $2" 'other records than of one worker' "$ALONE"
    fi
    rm -rf "$work/alone"
}
size() { stat -c %s "$1"; }

for n in 1 2 3; do
    hold "$work/capture.pcap"
    kill -9 "$(children worker | sed -n ${n}p)"
    drain
    ends "$TEST: worker $n of 3 killed" 1 10000 'worker-[123] was killed by signal 9'
    [ "$(sum_of capture.read_bytes)" -ge "$(size "$work/capture.pcap")" ] ||
        fail "$TEST: worker $n of 3 killed" 'the others did not read to the end of the file' "$ALONE"
done

hold "$work/capture.pcap"
kill -INT $run
drain
ends "$TEST: interrupted" 1 1000 ''

# A cut in the middle of a frame; a frame that cannot be, in the middle.
half=$(python3 - "$work" <<'PYTHON'
import struct, sys
data = open(sys.argv[1] + "/capture.pcap", "rb").read()
at = 24
while at < len(data) // 2:
    at += 16 + struct.unpack("<I", data[at + 8 : at + 12])[0]
open(sys.argv[1] + "/cut.pcap", "wb").write(data[: at + 20])
open(sys.argv[1] + "/corrupt.pcap", "wb").write(data[: at + 8] + b"\xff\xff\xff\x7f" + data[at + 12 :])
print(at)
PYTHON
)
for name in cut corrupt; do
    start "$work/$name.pcap"
    drain
    ends "$TEST: $name file" 65 10000 "$name.pcap: .* at byte $half: "
    [ "$(grep -c "$name.pcap: " "$work/err")" -eq 1 ] || fail "$TEST: $name file" 'not one line' "$ALONE"
    same_as "$work/$name.pcap" "$name file"
done

# More comes while it is read.
head -c "$half" "$work/capture.pcap" >"$work/changed.pcap"
hold "$work/changed.pcap"
tail -c +$((half + 1)) "$work/capture.pcap" >>"$work/changed.pcap"
drain
ends "$TEST: grown" 0 20000 ''
same_as "$work/capture.pcap" grown

# What was not read yet is gone: nothing but its length tells.
hold "$work/changed.pcap"
truncate -s 24 "$work/changed.pcap"
drain
ends "$TEST: shorter than what was read" 65 1000 'changed.pcap: cut short '
finish

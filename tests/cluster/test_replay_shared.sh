#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A capture that several workers share. A reader process reads it for them where only one process can:
# from a pipe, gzip or pcapng; a plain file they read themselves, in turn (test_replay_turn). All log what
# one worker does. And what remains of a pipe when one of the processes is killed: nobody waits for the
# dead, and every record that had been made is logged.
. "$(dirname "$0")/replay.sh"

exchanges $((8 << 20)) "$work/capture.pcap"
gzip -1 <"$work/capture.pcap" >"$work/capture.pcap.gz"
python3 - "$work/capture.pcap" "$work/capture.pcapng" <<'PYTHON'
import struct, sys
data = open(sys.argv[1], "rb").read()
def block(kind, body):
    size = 12 + len(body)
    return struct.pack("<II", kind, size) + body + struct.pack("<I", size)
with open(sys.argv[2], "wb") as out:
    out.write(block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)))
    out.write(block(1, data[20:24] + struct.pack("<I", 0)))
    at = 24
    while at < len(data):
        seconds, us, size, on_wire = struct.unpack("<4I", data[at : at + 16])
        time = seconds * 1000000 + us
        frame = data[at + 16 : at + 16 + size] + b"\0" * (-size % 4)
        out.write(block(6, struct.pack("<5I", 0, time >> 32, time & 0xFFFFFFFF, size, on_wire) + frame))
        at += 16 + size
PYTHON
chmod 644 "$work"/capture.*

# replay NAME WORKERS FILE: its logs in NAME, what it says in NAME.err, its counters too.
replay() {
    timeout 60 "$BIN/spliff-cluster" run -r "$3" --workers "$2" --log-dir "$work/$1" --quiet --show-stats \
        2>"$work/$1.err" || fail "$TEST: $1" 'the run failed' "$ALONE"
}
# The reader's counters come first, if there was one.
read_by() { awk '$1 == "counter" {print $2 == "reader" ? "reader" : "workers"; exit}' "$work/$1.err"; }

for n in 1 2 3; do
    replay file-$n $n "$work/capture.pcap"
done
for n in 2 3; do
    replay gzip-$n $n "$work/capture.pcap.gz"
    replay pcapng-$n $n "$work/capture.pcapng"
    replay pipe-$n $n - < <(cat "$work/capture.pcap")
done
# A capture that is read before all workers have begun: what one asks another is answered nevertheless. Only
# the history of a path that is known at its end alone is not kept.
paths() { { grep -hv '^#' "$1/conn.log"; grep -v '^#' "$1/quic.log" | cut -f 1-12,14-; } | LC_ALL=C sort; }
rebound=$ROOT/tests/golden/quic-rebinding/input.pcap
replay rebound-1 1 "$rebound"
for n in 3 4 5 6 7 8; do
    replay rebound-$n $n "$rebound"
    if [ "$(paths "$work/rebound-1" | wc -l)" -gt 3 ] &&
        diff <(paths "$work/rebound-1") <(paths "$work/rebound-$n") >"$work/diff"; then
        pass "$TEST: path of a connection, $n workers"
    else
        head -n 10 "$work/diff" "$work/rebound-$n.err"
        fail "$TEST: path of a connection, $n workers" 'other records than of one worker' "$ALONE"
    fi
done

# A file of that name is not meant, be it one that could be read in turn.
cp "$work/capture.pcap" "$work/-"
(cd "$work" && replay dash 2 - < <(cat "$work/capture.pcap"))
for by in workers:file-{2,3} reader:{gzip,pcapng,pipe}-{2,3} reader:dash; do
    other=${by#*:}
    if [ "$(read_by "$other")" != "${by%:*}" ]; then
        head -n 10 "$work/$other.err"
        fail "$TEST: $other" "it was not read by ${by%:*}" "$ALONE"
    elif [ "$(lines "$work/file-1" | wc -l)" -gt 1000 ] &&
        diff <(lines "$work/file-1") <(lines "$work/$other") >"$work/diff"; then
        pass "$TEST: $other"
    else
        head -n 10 "$work/diff" "$work/$other.err"
        fail "$TEST: $other" 'other records than of one worker' "$ALONE"
    fi
done

# Frames that all workers get count once.
decoded() { awk '/^decode\./ {n = 0; for (i = 2; i <= NF; i++) n += $i; print $1, n}' "$work/$1.err"; }
for name in screen-fragments broken-packets; do
    replay $name-1 1 tests/golden/$name/input.pcap
    replay $name-3 3 tests/golden/$name/input.pcap
    if decoded $name-1 | grep -q ' [1-9]' && diff <(decoded $name-1) <(decoded $name-3) >"$work/diff"; then
        pass "$TEST: $name"
    else
        cat "$work/diff"
        fail "$TEST: $name" 'three workers count what they decode more than once' "$ALONE"
    fi
done

# Two workers, idle after the first half.
half() { begin 2 < <(head -c $((4 << 20)) "$work/capture.pcap"); }

half
kill -9 "$(children reader)"
finished "$TEST: reader killed" 1 100 'reader was killed by signal 9 .*: the rest of standard input is not read'

half
kill -INT $run
finished "$TEST: interrupted" 1 100 ''

# One that no longer takes anything, and so keeps all others waiting, until it is dead.
half
slow=$(children worker | head -n 1)
kill -STOP "$slow"
tail -c +$(((4 << 20) + 1)) "$work/capture.pcap" >&3 &
feed=$!
held_up() { [ "$(unread)" -gt 0 ] && asleep "$(children reader)" && asleep $feed; }
wait_for 20 held_up || fail "$TEST" 'nobody waits for a worker that stands still' "$ALONE"
kill -9 "$slow"
wait $feed
exec 3>&-
finished "$TEST: worker killed" 1 100 'worker-[12] was killed by signal 9'

# refused NAME PATTERN COMMAND...: of what is wrong with the input one process says one line, however many
# wait for it.
refused() {
    local name=$1 pattern=$2 status
    shift 2
    "$BIN/spliff-cluster" run --quiet "$@" 2>"$work/refused.err" >/dev/null
    status=$?
    if [ $status -eq 65 ] && [ "$(wc -l <"$work/refused.err")" -eq 1 ] && grep -q "$pattern" "$work/refused.err"; then
        pass "$TEST: $name"
    else
        cat "$work/refused.err"
        fail "$TEST: $name" "status $status, or not one line that names it" "$ALONE"
    fi
}
printf 'This is no capture, nor could it become one.\n' >"$work/text.pcap"
refused 'no capture' 'text\.pcap' -r "$work/text.pcap" --workers 3
# A link type that is not known is as bad in a pipe as in a file, by one worker as by two.
for n in 1 2; do
    refused "link type, $n workers" 'link type' -r - --workers $n \
        < <(head -c 24 "$work/capture.pcap" | sed 's/\x01\x00\x00\x00$/\xdd\x00\x00\x00/')
done

head -c 3000000 "$work/capture.pcap" >"$work/cut.pcap"
refused 'cut file' 'cut\.pcap' -r "$work/cut.pcap" --workers 2 --log-dir "$work/cut"
finish

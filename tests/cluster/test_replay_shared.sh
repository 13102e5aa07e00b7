#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A capture that one process reads for several workers: from a pipe as from a file, and what remains
# when one of the processes is killed. Nobody waits for the dead, and every record that had been made
# is logged.
. "$(dirname "$0")/replay.sh"

# More than the ring holds: the exchanges of a golden capture, again and again from other clients.
python3 - "$ROOT/tests/golden/http1-pipelined/input.pcap" "$work/capture.pcap" <<'PYTHON'
import struct, sys
data = open(sys.argv[1], "rb").read()
frames, at = [], 24
while at < len(data):
    size = struct.unpack("<I", data[at + 8 : at + 12])[0]
    frames.append((data[at : at + 16], bytearray(data[at + 16 : at + 16 + size])))
    at += 16 + size
client = bytes(frames[0][1][26:30])
with open(sys.argv[2], "wb") as out:
    out.write(data[:24])
    n = 0
    while out.tell() < 8 << 20:
        address = struct.pack(">I", 0x0A000000 + n)
        n += 1
        for head, frame in frames:
            place = 26 if bytes(frame[26:30]) == client else 30
            out.write(head + frame[:place] + address + frame[place + 4 :])
PYTHON
chmod 644 "$work/capture.pcap"

for n in 1 2 3; do
    "$BIN/spliff-cluster" run -r "$work/capture.pcap" --workers $n --log-dir "$work/file-$n" --quiet \
        2>"$work/file-$n.err" || fail "$TEST" "a run of $n workers failed" "$ALONE"
done
timeout 60 "$BIN/spliff-cluster" run -r - --workers 2 --log-dir "$work/pipe" --quiet \
    < <(cat "$work/capture.pcap") 2>"$work/pipe.err"
for other in file-2 file-3 pipe; do
    if [ "$(lines "$work/file-1" | wc -l)" -gt 1000 ] &&
        diff <(lines "$work/file-1") <(lines "$work/$other") >"$work/diff"; then
        pass "$TEST: $other"
    else
        head -n 10 "$work/diff" "$work/$other.err"
        fail "$TEST: $other" 'other records than of one worker' "$ALONE"
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

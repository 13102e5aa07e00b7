# SPDX-License-Identifier: BSD-3-Clause
# Sourced by the tests of replays that do not come to their end: a run on a pipe or of a file, and what
# remains of it.
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
lines() { grep -hv '^#' "$1"/*.log | LC_ALL=C sort; }

# exchanges BYTES FILE: a capture of so many, more than the ring holds: the exchanges of a golden capture,
# again and again from other clients.
exchanges() {
    python3 - "$ROOT/tests/golden/http1-pipelined/input.pcap" "$1" "$2" <<'PYTHON'
import struct, sys
data = open(sys.argv[1], "rb").read()
frames, at = [], 24
while at < len(data):
    size = struct.unpack("<I", data[at + 8 : at + 12])[0]
    frames.append((data[at : at + 16], bytearray(data[at + 16 : at + 16 + size])))
    at += 16 + size
client = bytes(frames[0][1][26:30])
with open(sys.argv[3], "wb") as out:
    out.write(data[:24])
    n = 0
    while out.tell() < int(sys.argv[2]):
        address = struct.pack(">I", 0x0A000000 + n)
        n += 1
        for head, frame in frames:
            place = 26 if bytes(frame[26:30]) == client else 30
            out.write(head + frame[:place] + address + frame[place + 4 :])
PYTHON
    chmod 644 "$2"
}

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

# sum_of COUNTER: over the nodes that have it.
sum_of() { awk -v of="$1" '$1 == of {for (i = 2; i <= NF; i++) n += $i} END {print n + 0}' "$work/err"; }

# finished NAME STATUS RECORDS PATTERN: how the run ended; so many records were made at least, and all of
# them are logged.
finished() {
    local status made logged
    wait $run
    status=$?
    exec 3>&- # may be closed already
    rm -f "$work/input"
    made=$(sum_of emit.records)
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

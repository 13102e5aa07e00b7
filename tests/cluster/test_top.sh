#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# top: once where there is no terminal, as JSON, and on a terminal until q; says when no cluster runs.
. "$(dirname "$0")/lib.sh"
begin 2

top() { cluster top "$@"; }

top >"$WORK/top.out" 2>"$WORK/top.none.err" && die 'top: status 0 without a cluster'
grep -q 'no cluster runs' "$WORK/top.none.err" || die 'top does not say that no cluster runs'
start

top >"$WORK/top.out" || die "top: status $?"
for node in manager logger-1 worker-1 worker-2; do
    grep -qE "^$node .* $(node_pid $node) .* spliff-" "$WORK/top.out" || die "top does not show $node and its pid"
done
grep -q '^worker-1 .* kernel  *adaptive ' "$WORK/top.out" || die 'top does not show capture and rx mode'

# Traffic all through the interval.
client timeout 20 wrk -t 1 -c 4 -d 20 "http://$SERVER4/index.html" >/dev/null 2>&1 &
load=$!
busy() {
    top --json >"$WORK/top.json" && python3 - "$WORK/top.json" <<'PY'
import json, sys
nodes = {n["name"]: n for n in json.load(open(sys.argv[1]))["nodes"]}
workers = [n for n in nodes.values() if n["type"] == "worker"]
assert len(nodes) == 4 and len(workers) == 2, nodes.keys()
assert all(n["rss"] > 0 and n["vsize"] >= n["rss"] and n["cmd"] for n in nodes.values()), nodes
assert nodes["logger-1"]["packets_per_second"] is None, nodes["logger-1"]
assert nodes["logger-1"]["busy"] is None and "rx_mode" not in nodes["logger-1"], nodes["logger-1"]
assert all(w["rx_mode"] == "adaptive" and w["mode_switches_per_second"] == 0 for w in workers), workers
assert all("mhz" in w for w in workers), workers
assert all(0 <= w["busy"] <= 101 for w in workers), workers
sys.exit(sum(w["packets_per_second"] for w in workers) < 100 or
         sum(w["cpu"] for w in workers) <= 0 or sum(w["busy"] for w in workers) <= 0)
PY
}
wait_for 15 busy || { cat "$WORK/top.json"; die 'top --json does not show the load'; }
kill $load 2>/dev/null

# A terminal: its own screen, taken back at q, and the terminal as it was.
server python3 - "$BIN/spliff-cluster" top --config "$WORK/spliff.cfg" >"$WORK/pty.out" 2>&1 <<'PY' || { cat "$WORK/pty.out"; die 'top on a terminal'; }
import fcntl, os, pty, select, signal, struct, sys, termios, time

pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 60, 0, 0))
seen = b""


def read_until(what, seconds=10):
    global seen
    end = time.monotonic() + seconds
    while what not in seen:
        if not select.select([fd], [], [], max(0, end - time.monotonic()))[0]:
            sys.exit(f"no {what} in {seen}")
        seen += os.read(fd, 65536)


read_until(b"\x1b[?1049h")
read_until(b"worker-2")
seen = b""
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 4, 30, 0, 0))
read_until(b"\x1b[J")
rows = seen.split(b"\x1b[K\r\n")
assert len(rows) <= 4 and all(len(r) <= 33 for r in rows), rows
os.write(fd, b"q")
read_until(b"\x1b[?1049l")
assert termios.tcgetattr(fd)[3] & termios.ICANON, "the terminal stays raw"
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
PY
stop
pass "$TEST"
finish

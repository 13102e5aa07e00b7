#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What the benchmarks share: captures, runs with their CPU time and memory, the machine's name.

Run alone it says the latter, for the benchmarks that are no programs of Python."""
import os
import platform
import re
import shutil
import subprocess
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OUT = os.path.join(ROOT, "build", "bench")
TOOLS = os.path.join(ROOT, "build", "tools", "bench")
SHARED = os.path.join(os.path.dirname(ROOT), "shared")
# Folders of the corpus with Ethernet captures; tunnels and broken files are left out.
FOLDERS = ["big", "dns", "http1", "http2", "http3_quic", "tcp_edge", "tls", "websocket_grpc"]
CLUSTER = os.path.join(ROOT, "build", "bin", "spliff-cluster")


def captures(folder):
    for base, _, names in os.walk(folder):
        yield from (os.path.join(base, n) for n in sorted(names) if n.endswith(".pcap"))


def make_mix(megabytes):
    """Path of a mixed capture of about that size."""
    path = os.path.join(OUT, f"mix-{megabytes}.pcap")
    if os.path.exists(path):
        return path
    mkmix = os.path.join(SHARED, "tools", "mkmix.py")
    if os.path.exists(mkmix):
        inputs = [c for f in FOLDERS for c in captures(os.path.join(SHARED, "corpus", f))]
    else:
        mkmix = os.path.join(ROOT, "tests", "bench", "mix.py")
        inputs = list(captures(os.path.join(ROOT, "tests", "golden")))
    size = sum(os.path.getsize(c) for c in inputs)
    copies = str(max(1, round(megabytes * 1e6 / size)))
    print(f"making {path}: {len(inputs)} captures, {copies} copies", flush=True)
    subprocess.run(
        [sys.executable, mkmix, "--copies", copies, "-o", path + ".part"] + inputs, check=True
    )
    os.rename(path + ".part", path)
    return path


def tree(pid):
    """The process and all below it."""
    found = [pid]
    for parent in found:
        try:
            with open(f"/proc/{parent}/task/{parent}/children") as f:
                found += [int(x) for x in f.read().split()]
        except OSError:
            pass
    return found


def memory_of(pid):
    """(name, proportional set size in bytes), or (None, 0) when the process is gone."""
    try:
        with open(f"/proc/{pid}/comm") as f:
            name = f.read().strip()
        with open(f"/proc/{pid}/smaps_rollup") as f:
            return name, int(re.search(r"^Pss:\s+(\d+) kB", f.read(), re.M)[1]) * 1024
    except (OSError, TypeError):
        return None, 0


class Run:
    """One command: CPU seconds of it and all its children, wall seconds, peak memory if memory is to
    be watched, which takes some time of the processes. What feed() yields is its standard input."""

    def __init__(self, command, feed=None, memory=True):
        self.peak, self.by_name = 0, {}
        began = time.monotonic()
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE if feed else None, stdout=subprocess.PIPE
        )
        if feed:
            threading.Thread(target=self.write, args=(process.stdin, feed)).start()
        done = threading.Event()
        watcher = threading.Thread(target=self.watch, args=(process.pid, done))
        if memory:
            watcher.start()
        self.output = process.stdout.read().decode()
        _, status, usage = os.wait4(process.pid, 0)
        done.set()
        if memory:
            watcher.join()
        self.wall = time.monotonic() - began
        self.cpu = usage.ru_utime + usage.ru_stime
        if status:
            sys.exit(f"{' '.join(command)}: status {os.waitstatus_to_exitcode(status)}")

    @staticmethod
    def write(pipe, feed):
        try:
            with pipe:
                for block in feed():
                    pipe.write(block)
        except BrokenPipeError:
            pass  # the command's status says why

    def watch(self, pid, done):
        while not done.wait(0.1):
            sizes = [memory_of(p) for p in tree(pid)]
            self.peak = max(self.peak, sum(s for _, s in sizes))
            for name, size in sizes:
                self.by_name[name] = max(self.by_name.get(name, 0), size)


def replay(capture, workers, cores=None, more=(), memory=True):
    """cores: how many all processes of it may use; None: all. more: further options."""
    logs = os.path.join(OUT, "logs")
    shutil.rmtree(logs, ignore_errors=True)
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:cores])
    try:
        return Run([CLUSTER, "run", "-r", capture, "--workers", str(workers), "--log-dir", logs,
                    "--quiet", *more], memory=memory)
    finally:
        os.sched_setaffinity(0, before)


def cached(capture):
    """It, read a moment ago: a machine that needs or gives back memory forgets what it had cached."""
    subprocess.run(["cat", capture], stdout=subprocess.DEVNULL, check=True)
    return capture


def median(runs):
    return sorted(runs, key=lambda r: r.cpu)[len(runs) // 2]


def machine():
    """What the numbers were measured on."""
    with open("/proc/cpuinfo") as f:
        model = re.search(r"^model name\s*: (.*)$", f.read(), re.M)
    name = model[1] if model else platform.machine()
    return f"{name}, {os.cpu_count()} cores, Linux {platform.release()}"


def begin():
    """Makes the folder of results and says on what, and beside how much else, is measured. Returns
    that line."""
    os.makedirs(OUT, exist_ok=True)
    load = ", ".join(f"{x:.2f}" for x in os.getloadavg())
    line = f"{machine()}, load average at the start {load}"
    print(line, flush=True)
    return line


if __name__ == "__main__":
    begin()

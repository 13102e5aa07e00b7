#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Throughput and memory of a replay with all logs on, against the least that any reader does.

usage: run.py [--mb N] [--rounds N]

The capture is a mix of many small ones (of ../shared/corpus if it is there, else of the golden
captures), made once and kept in build/bench/. Times are CPU seconds of all processes together, the
median of the rounds; memory is the highest sum of the processes' proportional set sizes.
"""
import argparse
import os
import platform
import re
import shutil
import statistics
import struct
import subprocess
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OUT = os.path.join(ROOT, "build", "bench")
SHARED = os.path.join(os.path.dirname(ROOT), "shared")
# Folders of the corpus with Ethernet captures; tunnels and broken files are left out.
FOLDERS = ["big", "dns", "http1", "http2", "http3_quic", "tcp_edge", "tls", "websocket_grpc"]
IDLE_FLOWS = 1_000_000
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


def make_idle():
    """Path of a capture of IDLE_FLOWS TCP handshakes within 100 s, and nothing after them."""
    path = os.path.join(OUT, "idle.pcap")
    if os.path.exists(path):
        return path
    print(f"making {path}: {IDLE_FLOWS} handshakes", flush=True)
    ether = b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01\x08\0"
    record, packet = struct.Struct("<IIII"), struct.Struct(">14sBBHIBBH4s4sHHIIBBHI")
    with open(path + ".part", "wb", buffering=1 << 20) as f:
        f.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for n in range(IDLE_FLOWS):
            client = struct.pack(">I", 0x0A000000 | n // 50000 << 8 | 1)
            server = b"\xc0\0\x02\x02"
            ports = (10000 + n % 50000, 443)
            for step, flags in enumerate((0x02, 0x12, 0x10)):
                back = step == 1
                ends = (server, client) if back else (client, server)
                sport, dport = ports[::-1] if back else ports
                us = n * 100 + step * 10
                f.write(record.pack(1_700_000_000 + us // 10**6, us % 10**6, 54, 54))
                f.write(
                    packet.pack(
                        ether, 0x45, 0, 40, 0, 64, 6, 0, *ends,
                        sport, dport, min(step, 1), step, 0x50, flags, 0xFFFF, 0,
                    )
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
    """One command: CPU seconds of it and all its children, wall seconds, peak memory."""

    def __init__(self, command):
        self.peak, self.by_name = 0, {}
        began = time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        done = threading.Event()
        watcher = threading.Thread(target=self.watch, args=(process.pid, done))
        watcher.start()
        self.output = process.stdout.read().decode()
        _, status, usage = os.wait4(process.pid, 0)
        done.set()
        watcher.join()
        self.wall = time.monotonic() - began
        self.cpu = usage.ru_utime + usage.ru_stime
        if status:
            sys.exit(f"{' '.join(command)}: status {os.waitstatus_to_exitcode(status)}")

    def watch(self, pid, done):
        while not done.wait(0.1):
            sizes = [memory_of(p) for p in tree(pid)]
            self.peak = max(self.peak, sum(s for _, s in sizes))
            for name, size in sizes:
                self.by_name[name] = max(self.by_name.get(name, 0), size)


def replay(capture, workers):
    logs = os.path.join(OUT, "logs")
    shutil.rmtree(logs, ignore_errors=True)
    return Run(
        [CLUSTER, "run", "-r", capture, "--workers", str(workers), "--log-dir", logs, "--quiet"]
    )


def median(runs):
    return sorted(runs, key=lambda r: r.cpu)[len(runs) // 2]


def machine():
    with open("/proc/cpuinfo") as f:
        model = re.search(r"^model name\s*: (.*)$", f.read(), re.M)
    name = model[1] if model else platform.machine()
    return f"{name}, {os.cpu_count()} cores, Linux {platform.release()}"


def throughput(megabytes, rounds):
    capture = make_mix(megabytes)
    subprocess.run(["cat", capture], stdout=subprocess.DEVNULL, check=True)  # into the page cache
    bare_command = [os.path.join(ROOT, "build", "tools", "bench", "bare"), capture]
    bare = median([Run(bare_command) for _ in range(rounds)])
    packets, size = (int(x) for x in re.findall(r"(\d+) (?:packets|bytes)", bare.output))
    print(f"\n{packets} packets, {size / 1e6:.0f} MB, {rounds} rounds, median\n")
    print(f"{'':12}{'packets/s':>12}{'Gbit/s':>9}{'wall s':>9}{'CPU s':>9}{'ns/packet':>11}"
          f"{'MB':>7}{'x bare':>8}")
    rows = [("bare loop", bare)]
    rows += [(f"{n} worker{'s' * (n > 1)}", median([replay(capture, n) for _ in range(rounds)]))
             for n in (1, 2)]
    for name, run in rows:
        print(f"{name:12}{packets / run.wall:12,.0f}{size * 8 / run.wall / 1e9:9.2f}{run.wall:9.2f}"
              f"{run.cpu:9.2f}{run.cpu / packets * 1e9:11.0f}{run.peak / 1e6:7.0f}"
              f"{run.cpu / bare.cpu:8.2f}")


def idle_flows():
    run = replay(make_idle(), 1)
    worker = run.by_name.get("spliff-worker", 0)
    print(f"\n{IDLE_FLOWS:,} idle TCP flows: worker {worker / 1e6:.0f} MB (at most 600), "
          f"all processes {run.peak / 1e6:.0f} MB, {worker / IDLE_FLOWS:.0f} bytes a flow")
    return worker <= 600e6


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mb", type=int, default=700, help="size of the mix (700)")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    os.makedirs(OUT, exist_ok=True)
    print(machine())
    throughput(options.mb, options.rounds)
    return 0 if idle_flows() else 1


sys.exit(main())

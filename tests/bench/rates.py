#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Each capture mode on a veth link, one worker: a capture is sent at rising rates (tests/bench/send.c)
up to the highest of which less than 0.01 % is lost, or which can still be sent. As root.

usage: rates.py [--modes none,kernel,xdp,af_xdp,dpdk] [--seconds N] [--mb N]

For each mode: that rate; the CPU time of the worker per packet there, and that of the whole machine,
generator and all, to be compared with mode none, where nobody captures (the machine must have nothing
else to do); and how long after its packet a line of dns.log was written, of which up to log_flush_interval (100 ms here) is waiting for others. A flow that is shunted would cost
nothing, so shunting is off; the generator does not mend checksums, so they are not looked at. A table on standard output and a plot in build/bench/rates.svg.
"""
import argparse
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time

import plot
from bench import CLUSTER, OUT, ROOT, machine, make_mix

LOSS = 1e-4
FIRST_RATE, FACTOR = 50_000, 1.4
MTU_FRAME = 1514
SEND = os.path.join(ROOT, "build", "tools", "bench", "send")
NODES = """[manager]
type=manager
host=localhost
[logger-1]
type=logger
host=localhost
[worker]
type=worker
host=localhost
interface=rx0
lb_method={method}
lb_procs=1
"""
OPTIONS = """state_dir = {work}/state
log_dir = {work}/logs
log-format = json
log_flush_interval = 100ms
shunt_tls = no
shunt_unknown = no
shunt_body = no
checksums = ignore
"""


def make_capture(megabytes):
    """The mix without frames that a link with the usual MTU would not carry."""
    path = os.path.join(OUT, f"rates-{megabytes}.pcap")
    if os.path.exists(path):
        return path
    with open(make_mix(megabytes), "rb") as f, open(path + ".part", "wb") as out:
        out.write(f.read(24))
        while head := f.read(16):
            size = struct.unpack("<IIII", head)[2]
            frame = f.read(size)
            if size <= MTU_FRAME:
                out.write(head + frame)
    os.rename(path + ".part", path)
    return path


class Tail(threading.Thread):
    """Latencies of the lines that appear in dns.log, in seconds after the answer's packet."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path, self.done, self.latencies = path, threading.Event(), []

    def run(self):
        while not os.path.exists(self.path) and not self.done.wait(0.05):
            pass
        if self.done.is_set():
            return
        with open(self.path) as f:
            f.seek(0, os.SEEK_END)
            while not self.done.wait(0.002):
                now, part = time.time(), f.readlines()
                for line in part:
                    try:
                        record = json.loads(line)
                    except ValueError:
                        continue  # half a line: its rest is one, too
                    if "rtt" in record:
                        self.latencies.append(now - record["ts"] - record["rtt"])


class Link:
    """A veth pair tx0 - rx0 in a namespace of its own, and a cluster that captures at rx0."""

    def __init__(self, method):
        self.method = method
        self.name = f"spliff-rates-{os.getpid()}"
        self.work = tempfile.mkdtemp(prefix="spliff-rates.")
        os.chmod(self.work, 0o755)
        with open(f"{self.work}/node.cfg", "w") as f:
            f.write(NODES.format(method=method))
        with open(f"{self.work}/spliff.cfg", "w") as f:
            f.write(OPTIONS.format(work=self.work))

    def inside(self, *command, **more):
        return subprocess.run(
            ["ip", "netns", "exec", self.name, *command], check=True, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more
        ).stdout

    def cluster(self, command, *options):
        return self.inside(CLUSTER, command, "--config", f"{self.work}/spliff.cfg", *options)

    def __enter__(self):
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        self.inside("ip", "link", "add", "tx0", "type", "veth", "peer", "name", "rx0")
        self.inside("sysctl", "-qw", "net.ipv6.conf.tx0.disable_ipv6=1", "net.ipv6.conf.rx0.disable_ipv6=1")
        for end in ("tx0", "rx0"):
            self.inside("ip", "link", "set", end, "up")
        if self.method == "none":
            return self
        try:
            self.cluster("start", "--node-cfg", f"{self.work}/node.cfg")
        except subprocess.CalledProcessError:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        subprocess.run(["ip", "netns", "exec", self.name, CLUSTER, "stop", "--config",
                        f"{self.work}/spliff.cfg"], check=False, capture_output=True)
        subprocess.run(["ip", "netns", "del", self.name], check=False)
        shutil.rmtree(self.work, ignore_errors=True)

    def worker(self):
        """Its counters, and its CPU seconds."""
        if self.method == "none":
            return {"capture.packets": 0}, 0
        lines = (line.split() for line in self.cluster("print", "counters").splitlines())
        facts = {f[1]: f[2] for f in lines if len(f) == 3 and f[0].startswith("worker-")}
        with open(f"/proc/{facts['pid']}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return {k: int(v) for k, v in facts.items() if v.isdigit()}, cpu

    def settled(self):
        """worker() when no more packets come."""
        before = self.worker()
        while True:
            time.sleep(0.3)
            now = self.worker()
            if now[0]["capture.packets"] == before[0]["capture.packets"]:
                return now
            before = now


def busy_seconds():
    """CPU time that the machine has used: /proc/stat, all but idle, iowait, steal and guests'."""
    with open("/proc/stat") as f:
        ticks = [int(x) for x in f.readline().split()[1:]]
    return sum(ticks[:3] + ticks[5:7]) / os.sysconf("SC_CLK_TCK")


def try_rate(link, mode, capture, rate, seconds):
    """(packets/s sent, part lost, worker's seconds per packet, the machine's)."""
    before, cpu_before = link.settled()
    busy = busy_seconds()
    sent = link.inside(SEND, "tx0", capture, str(int(rate)), str(seconds)).split()
    busy = busy_seconds() - busy
    after, cpu = link.settled()
    grown = {k: after[k] - before[k] for k in after}
    packets = int(sent[0])
    lost = grown.get("capture.kernel_drops", 0) + grown.get("capture.refused", 0)
    if mode not in ("none", "xdp"):  # where only what tells something is meant to come up
        lost = max(lost, packets - grown["capture.packets"] - grown["shunt.packets"])
    return packets / float(sent[3]), lost / packets, (cpu - cpu_before) / packets, busy / packets


def measure(mode, capture, seconds):
    """Rows of rate, loss, CPU seconds a packet; the latencies at rates that were not lost from."""
    rows, latencies, rate = [], [], FIRST_RATE
    with Link("af_packet" if mode == "kernel" else mode) as link:
        while True:
            tail = Tail(f"{link.work}/logs/current/dns.log")
            tail.start()
            row = try_rate(link, mode, capture, rate, seconds)
            tail.done.set()
            tail.join()
            rows.append(row)
            print(f"  {mode:8}{row[0]:12,.0f} packets/s{row[1] * 100:9.4f} % lost"
                  f"{row[2] * 1e9:7.0f} ns/packet, machine {row[3] * 1e9:.0f}", flush=True)
            if row[1] <= LOSS:
                latencies = tail.latencies or latencies
            if row[1] > LOSS or row[0] < rate * 0.9:
                return rows, latencies
            rate *= FACTOR


def quantile(values, q):
    return sorted(values)[min(len(values) - 1, int(len(values) * q))] if values else float("nan")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--modes", default="none,kernel,xdp,af_xdp,dpdk")
    parser.add_argument("--seconds", type=int, default=5, help="of each rate (5)")
    parser.add_argument("--mb", type=int, default=30, help="size of the capture (30)")
    options = parser.parse_args()
    os.makedirs(OUT, exist_ok=True)
    capture, name, results = make_capture(options.mb), machine(), {}
    print(name)
    for mode in options.modes.split(","):
        try:
            results[mode] = measure(mode, capture, options.seconds)
        except subprocess.CalledProcessError as e:
            print(f"  {mode:8}not here: {e.output.strip().splitlines()[-1] if e.output else e}")
    print(f"\n{'mode':8}{'packets/s':>12}{'ns/packet':>11}{'machine':>9}{'p50 ms':>9}{'p99 ms':>9}")
    for mode, (rows, latencies) in results.items():
        best = [r for r in rows if r[1] <= LOSS]
        if not best:
            print(f"{mode:8}{'none':>12}")
            continue
        limit = "" if rows[-1][1] > LOSS else "  (all that could be sent)"
        print(f"{mode:8}{best[-1][0]:12,.0f}{best[-1][2] * 1e9:11.0f}{best[-1][3] * 1e9:9.0f}"
              f"{quantile(latencies, 0.5) * 1e3:9.1f}{quantile(latencies, 0.99) * 1e3:9.1f}{limit}")
    if results:
        path = os.path.join(OUT, "rates.svg")
        plot.write(path, f"{name}, {time.strftime('%Y-%m-%d')}", [
            plot.Panel("Worker's time for a packet", "packets/s", "ns", log=True, series={
                m: [(r[0], r[2] * 1e9) for r in rows] for m, (rows, _) in results.items()}),
            plot.Panel("The machine's, generator and all", "packets/s", "ns", log=True, series={
                m: [(r[0], r[3] * 1e9) for r in rows] for m, (rows, _) in results.items()}),
            plot.Panel("Lost", "packets/s", "%", log=True, series={
                m: [(r[0], r[1] * 100) for r in rows] for m, (rows, _) in results.items()}),
        ])
        print(f"\nplot: {path}")


sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Each capture mode on a veth link, one worker: a capture is sent at rising rates (tests/bench/send.c)
up to the highest of which less than 0.01 % is lost, or which can still be sent. As root.

usage: rates.py [--modes none,kernel,xdp,af_xdp,dpdk] [--seconds N] [--mb N] [--budget SECONDS]

For each mode: that rate and what ended it, the worker or the generator; the CPU time of the worker per
packet there, and so how many packets a second of its core is good for, also as a ratio to mode kernel;
the time per packet for which it had frames to work on, which leaves out what a mode that polls spends
on asking in vain, and what another process took from its core does not; that of the whole machine per packet less that of mode none, where nobody captures (the machine must have
nothing else to do for it); and how long after its packet a line of dns.log was written, at half of that
rate, with log_flush_interval at 10 ms.

The generator has a core of its own, which also does the kernel's half of receiving, as it is with veth,
and the worker another one. Lost is all that was sent and neither captured nor counted by a shunt. In
mode xdp, where the kernel counts most packets and sends up the rest, only what did not find room is
lost. A flow that is shunted would cost nothing, so shunting is off; the generator does not mend
checksums, so they are not looked at. A table on standard output and a plot in build/bench/rates.svg.
"""
import argparse
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time

import plot
from bench import CLUSTER, OUT, TOOLS, begin, make_mix

LOSS = 1e-4
FIRST_RATE, FACTOR = 100_000, 1.5
NARROWER = 2          # times that the step between the last two rates is halved
REACHED = 0.95        # of the rate that was asked for: less, and the generator cannot do more
MTU_FRAME = 1514
SETTLE_S = 5          # at most, until no more packets come
COMMAND_S = 60        # at most, for a command that starts or stops something
GENERATOR_CORE, WORKER_CORE = min(os.sched_getaffinity(0)), max(os.sched_getaffinity(0))
INTERFACES = {"dpdk": "net_af_xdp0,iface=rx0"}
METHODS = {"kernel": "af_packet"}
NODES = """[manager]
type=manager
host=localhost
[logger-1]
type=logger
host=localhost
[worker]
type=worker
host=localhost
interface={interface}
lb_method={method}
lb_procs=1
pin_cpus={core}
"""
OPTIONS = """state_dir = {work}/state
log_dir = {work}/logs
log-format = json
log_flush_interval = 10ms
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
    """A veth pair tx0 - rx0 in a namespace of its own, and a cluster that captures at rx0. Both are
    gone at the end, also of a run that is interrupted: what is started here has no part in the
    terminal's signals."""

    def __init__(self, mode):
        self.mode = mode
        self.name = f"spliff-rates-{os.getpid()}"
        self.work = tempfile.mkdtemp(prefix="spliff-rates.")
        os.chmod(self.work, 0o755)
        with open(f"{self.work}/node.cfg", "w") as f:
            f.write(NODES.format(method=METHODS.get(mode, mode), interface=INTERFACES.get(mode, "rx0"),
                                 core=WORKER_CORE))
        with open(f"{self.work}/spliff.cfg", "w") as f:
            f.write(OPTIONS.format(work=self.work))

    def inside(self, *command, seconds=COMMAND_S):
        return subprocess.run(
            ["ip", "netns", "exec", self.name, *command], check=True, text=True, timeout=seconds,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        ).stdout

    def cluster(self, command, *options):
        return self.inside(CLUSTER, command, "--config", f"{self.work}/spliff.cfg", *options)

    def __enter__(self):
        try:
            subprocess.run(["ip", "netns", "add", self.name], check=True)
            self.inside("ip", "link", "add", "tx0", "type", "veth", "peer", "name", "rx0")
            self.inside("sysctl", "-qw", "net.ipv6.conf.tx0.disable_ipv6=1",
                        "net.ipv6.conf.rx0.disable_ipv6=1")
            for end in ("tx0", "rx0"):
                self.inside("ip", "link", "set", end, "up")
            if self.mode != "none":
                self.cluster("start", "--node-cfg", f"{self.work}/node.cfg")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            if self.mode != "none":
                self.cluster("stop")
        except (subprocess.SubprocessError, OSError):
            pass  # it was not started, or does not stop: it is ended below
        left = subprocess.run(["ip", "netns", "pids", self.name], check=False, capture_output=True)
        for pid in left.stdout.split():
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                pass
        subprocess.run(["ip", "netns", "del", self.name], check=False, capture_output=True)
        shutil.rmtree(self.work, ignore_errors=True)
        signal.signal(signal.SIGINT, before)

    def worker(self):
        """Its counters, and its CPU seconds."""
        if self.mode == "none":
            return {"capture.packets": 0}, 0
        lines = (line.split() for line in self.cluster("print", "counters").splitlines())
        facts = {f[1]: f[2] for f in lines if len(f) == 3 and f[0].startswith("worker-")}
        return {k: int(v) for k, v in facts.items() if v.isdigit()}, cpu_seconds(facts["pid"])

    def settled(self):
        """worker() when no more packets come."""
        before, until = self.worker(), time.monotonic() + SETTLE_S
        while time.monotonic() < until:
            time.sleep(0.3)
            now = self.worker()
            if now[0]["capture.packets"] == before[0]["capture.packets"]:
                return now
            before = now
        return before

    def send(self, capture, rate, seconds):
        """(packets, seconds, frames that found no room at the other end), in truth."""
        words = self.inside(
            "taskset", "-c", str(GENERATOR_CORE), os.path.join(TOOLS, "send"), "tx0", capture,
            str(int(rate)), str(seconds), seconds=COMMAND_S,
        ).replace(",", "").split()
        return int(words[0]), float(words[3]), int(words[5])


def cpu_seconds(pid):
    """Of all threads of a process, to the nanosecond."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat") as f:
            total += int(f.read().split()[0])
    return total / 1e9


def busy_seconds():
    """CPU time that the machine has used: /proc/stat, all but idle, iowait, steal and guests'."""
    with open("/proc/stat") as f:
        ticks = [int(x) for x in f.readline().split()[1:]]
    return sum(ticks[:3] + ticks[5:7]) / os.sysconf("SC_CLK_TCK")


class Row:
    """What one rate came to: sent packets/s, part lost, CPU seconds per packet of the worker and of
    the machine, seconds per packet that the worker had frames, and whether the generator could not do
    more."""

    def __init__(self, link, capture, asked, seconds):
        before, cpu_before = link.settled()
        busy = busy_seconds()
        packets, took, refused = link.send(capture, asked, seconds)
        self.machine = (busy_seconds() - busy) / packets
        after, cpu = link.settled()
        grown = {k: after[k] - before[k] for k in after}
        lost = refused + grown.get("capture.kernel_drops", 0) + grown.get("capture.refused", 0)
        if link.mode not in ("none", "xdp"):
            lost = max(lost, packets - grown["capture.packets"] - grown["shunt.packets"])
        self.rate, self.lost = packets / took, lost / packets
        self.worker = (cpu - cpu_before) / packets
        self.busy = grown.get("loop.busy_ns", 0) / 1e9 / packets
        self.good = self.lost <= LOSS
        self.is_all = self.rate < asked * REACHED

    def line(self, mode):
        return (f"  {mode:8}{self.rate:12,.0f} packets/s{self.lost * 100:9.4f} % lost"
                f"{self.worker * 1e9:7.0f} ns/packet, machine {self.machine * 1e9:.0f}"
                f"{', all that can be sent' if self.is_all else ''}")


class Mode:
    """One mode measured: its rows in the order of their rates, the best of them, and latencies."""

    def __init__(self, name, capture, seconds, budget):
        self.name, self.rows, self.latencies = name, [], []
        self.until = time.monotonic() + budget - 2 * (seconds + 2)  # the latencies come after
        with Link(name) as link:
            self.rise(link, capture, seconds)
            self.rows.sort(key=lambda r: r.rate)
            good = [r for r in self.rows if r.good]
            self.best = good[-1] if good else None
            self.by_generator = all(r.good for r in self.rows)
            if self.best and name != "none":
                self.listen(link, capture, seconds)

    def attempt(self, link, capture, rate, seconds):
        row = Row(link, capture, rate, seconds)
        self.rows.append(row)
        print(row.line(self.name), flush=True)
        return row

    def rise(self, link, capture, seconds):
        """Rates one above the other up to the first that is lost from twice, then between them."""
        good, rate = None, FIRST_RATE
        while time.monotonic() < self.until:
            row = self.attempt(link, capture, rate, seconds)
            if not row.good:
                # A single hiccup of the machine is not the mode's limit.
                row = self.attempt(link, capture, rate, seconds)
            if row.good and row.is_all:
                return
            if not row.good:
                break
            good, rate = rate, rate * FACTOR
        low, high = good or rate / FACTOR**2, rate
        for _ in range(NARROWER):
            if time.monotonic() >= self.until:
                return
            between = (low * high) ** 0.5
            if self.attempt(link, capture, between, seconds).good:
                low = between
            else:
                high = between

    def listen(self, link, capture, seconds):
        tail = Tail(f"{link.work}/logs/current/dns.log")
        tail.start()
        link.send(capture, self.best.rate / 2, seconds)
        link.settled()
        tail.done.set()
        tail.join()
        self.latencies = sorted(tail.latencies)

    def quantile(self, q):
        values = self.latencies
        return values[min(len(values) - 1, int(len(values) * q))] * 1e3 if values else float("nan")


def machine_less_none(mode, none):
    """Nanoseconds per packet of the machine that mode none does not use at the rate nearest to it."""
    if not none or mode is none:
        return float("nan")
    nearest = min(none.rows, key=lambda r: abs(r.rate - mode.best.rate))
    return (mode.best.machine - nearest.machine) * 1e9


def table(modes):
    none, kernel = modes.get("none"), modes.get("kernel")
    print(f"\n{'mode':8}{'packets/s':>11}{'ended by':>11}{'worker ns':>11}{'a worker CPU s':>16}"
          f"{'x kernel':>10}{'busy ns':>9}{'machine ns':>12}{'p50 ms':>8}{'p99 ms':>8}")
    for name, mode in modes.items():
        best = mode.best
        if not best:
            print(f"{name:8}{'loses at every rate':>22}")
            continue
        ended = "generator" if mode.by_generator else "worker"
        print(f"{name:8}{best.rate:11,.0f}{ended:>11}", end="")
        if mode is none:
            print(f"{'':46}{best.machine * 1e9:12.0f} (all of it)")
            continue
        ratio = f"{kernel.best.worker / best.worker:.2f}" if kernel and kernel.best else "-"
        print(f"{best.worker * 1e9:11.0f}{1 / best.worker:16,.0f}{ratio:>10}{best.busy * 1e9:9.0f}"
              f"{machine_less_none(mode, none):12.0f}{mode.quantile(0.5):8.1f}{mode.quantile(0.99):8.1f}")


def plots(modes):
    panels = [("Worker's time for a packet", "ns", lambda r: r.worker * 1e9),
              ("The machine's, generator and all", "ns", lambda r: r.machine * 1e9),
              ("Lost", "%", lambda r: r.lost * 100)]
    return [plot.Panel(title, "packets/s", unit, log=True, series={
        name: [(r.rate, of(r)) for r in mode.rows] for name, mode in modes.items()
        if unit != "ns" or of(mode.rows[0]) > 0})
        for title, unit, of in panels]


def said(error):
    """The line of a command's output that tells why it failed."""
    lines = (error.output or str(error)).strip().splitlines()
    return next((line for line in lines if "error:" in line), lines[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--modes", default="none,kernel,xdp,af_xdp,dpdk")
    parser.add_argument("--seconds", type=int, default=3, help="of each rate (3)")
    parser.add_argument("--mb", type=int, default=30, help="size of the capture (30)")
    parser.add_argument("--budget", type=int, default=60, help="seconds that a mode may take, about (60)")
    options = parser.parse_args()
    # Also where SIGINT is ignored, as it is for what a shell runs in the background.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if os.geteuid() != 0:
        sys.exit("rates.py: needs root, to make network namespaces")
    where, modes = begin(), {}
    capture = make_capture(options.mb)
    if GENERATOR_CORE == WORKER_CORE:
        print("one core: generator and worker share it, and no number says much")
    for name in options.modes.split(","):
        try:
            modes[name] = Mode(name, capture, options.seconds, options.budget)
        except subprocess.CalledProcessError as e:
            print(f"  {name:8}not here: {said(e)}")
        except subprocess.TimeoutExpired as e:
            print(f"  {name:8}given up: {' '.join(e.cmd[-3:])} takes more than {e.timeout} s")
    if not modes:
        return 1
    table(modes)
    path = os.path.join(OUT, "rates.svg")
    plot.write(path, f"{where}, {time.strftime('%Y-%m-%d')}", plots(modes))
    print(f"\nplot: {path}")
    return 0


try:
    sys.exit(main())
except KeyboardInterrupt:
    sys.exit(130)

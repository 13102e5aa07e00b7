#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Each capture mode on a link, one worker: traffic is sent at rising rates (tests/bench/wire.c) up to the
highest of which less than --loss percent (0.01) is lost, or which can still be sent. As root.

The modes take turns, since a machine that others share is not as fast now as it was a minute ago, and at
each rate the better of three attempts decide: one that the machine spoils says nothing of a mode.

usage: rates.py [--modes none,kernel,...] [--traffic mix|bulk|elephants] [--seconds N] [--budget SECONDS]
                [--loss PERCENT] [--add]

The link is a veth pair, made to be like a network card: frames come as pages, not as packets of the
kernel, and the kernel's half of receiving (its thread "napi/rx0-N", which no worker's process time shows)
has the same core as the worker and goes before it, as an interrupt would; the worker goes before all else.
So one core does all that a mode costs, and is what ends its rate. The generator, manager and logger have another
one. The half of a network card that remains untold is its driver's own descriptors, and zero-copy, which no veth has.

A mode is measured with the kernel's half and the worker's apart, and what both need more than where
nobody captures (mode none: a program that passes each frame, as all of kernel and none have, since only
then a veth pair receives this way; and the host, which drops it). Mode drop is the link alone: a program
that drops each frame. It is what modes that take the frames away from the host have anyhow. +shunt: with
shunting, which is off else. +poll: with busy_poll, where
the worker calls the kernel's half itself, too, or in mode dpdk with rx_mode = polling.

mix: short flows of all protocols; bulk: downloads over TLS of 400 KB in frames of 1,514 bytes;
elephants: the same of 17 MB, so that nearly all packets are of flows from which nothing can be learned.

Lost is all that was sent and neither captured nor counted by the kernel. In mode xdp and with shunting,
where most packets do not come up, it is what did not find room. The link itself has 256 places only, and
each moment that the core is away costs some frames there, the more the faster they come: up to 3 % is let pass
and taken off, and more spoils an attempt.
Latency is from a packet to its line in dns.log with log_flush_interval at 10 ms. Idle is the part of a core
that a worker uses which has seen nothing yet.
Tables on standard output, a plot in build/bench/rates-TRAFFIC.svg; --add keeps the modes measured before.
"""
import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time

import plot
from bench import CLUSTER, OUT, ROOT, TOOLS, begin, make_mix
from bulk import SHAPES, make_bulk

LOSS_PERCENT, REFUSED = 0.01, 3e-2
FIRST_RATE, FACTOR = 200_000, 1.5
NARROWER = 3          # times that the step between the last two rates is halved
ATTEMPTS = 3          # at a rate: most of them decide, beside those that the link spoiled
REACHED = 0.95        # of the rate that was asked for: less, and the generator cannot do more
LATENCY_RATE = 100_000
WARM_RATE, WARM_TIMES = 1_300_000, 3
MTU_FRAME = 1514
MIX_MB = 30
SETTLE_S = 5          # at most, until no more packets come
COMMAND_S = 60        # at most, for a command that starts or stops something
IDLE_S = 4            # that idle workers are looked at
NAPI_PRIORITY, WORKER_PRIORITY = "50", "40"  # real time: before all else that the machine does
GENERATOR_CORE, WORKER_CORE = min(os.sched_getaffinity(0)), max(os.sched_getaffinity(0))
PASS = os.path.join(ROOT, "build", "tools", "cluster", "pass.bpf.o")
DROP = os.path.join(ROOT, "build", "tools", "bench", "drop.bpf.o")
PROGRAMS = {"drop": DROP, "none": PASS, "kernel": PASS, "kernel+shunt": PASS}
# name: lb_method, interface, options
NO_SHUNT = "shunt_tls = no\nshunt_unknown = no\nshunt_body = no\n"
MODES = {
    "drop": (None, None, ""),
    "none": (None, None, ""),
    "kernel": ("af_packet", "rx0", NO_SHUNT),
    "kernel+shunt": ("af_packet", "rx0", ""),
    "xdp": ("xdp", "rx0", "xdp_mode = native\n"),
    "af_xdp": ("af_xdp", "rx0", NO_SHUNT),
    "af_xdp+poll": ("af_xdp", "rx0", NO_SHUNT + "busy_poll = 50us\n"),
    "af_xdp+shunt": ("af_xdp", "rx0", ""),
    "dpdk": ("dpdk", "net_af_xdp0,iface=rx0", NO_SHUNT),
    "dpdk+poll": ("dpdk", "net_af_xdp0,iface=rx0", NO_SHUNT),
}
POLLING = "dpdk+poll"  # while it is its turn: it leaves nothing of the core to others
# With shunting, without, and what nobody who captures so can save.
SHUNTING = [("kernel+shunt", "kernel", "none"), ("xdp", "kernel", "none"), ("af_xdp+shunt", "af_xdp", "drop")]
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
checksums = ignore
tcp_inactivity_timeout = 1s
tcp_attempt_delay = 1s
tcp_close_delay = 1s
udp_inactivity_timeout = 1s
dns_session_timeout = 1s
icmp_inactivity_timeout = 1s
"""


def make_mixed(megabytes):
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
        self.name = f"spliff-rates-{os.getpid()}-{mode}"
        self.work = tempfile.mkdtemp(prefix="spliff-rates.")
        os.chmod(self.work, 0o755)
        method, interface, options = MODES[mode]
        self.captures = method is not None
        with open(f"{self.work}/node.cfg", "w") as f:
            f.write(NODES.format(method=method, interface=interface, core=WORKER_CORE))
        with open(f"{self.work}/spliff.cfg", "w") as f:
            f.write(OPTIONS.format(work=self.work) + options)

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
            if self.mode in PROGRAMS:
                self.inside("ip", "link", "set", "rx0", "xdpdrv", "obj", PROGRAMS[self.mode], "sec", "xdp")
            if self.captures:
                self.cluster("start", "--node-cfg", f"{self.work}/node.cfg")
            self.receive_here()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            if self.captures:
                self.cluster("stop")
        except (subprocess.SubprocessError, OSError):
            pass  # it was not started, or does not stop: it is ended below
        for pid in self.pids():
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                pass
        subprocess.run(["ip", "netns", "del", self.name], check=False, capture_output=True)
        shutil.rmtree(self.work, ignore_errors=True)
        signal.signal(signal.SIGINT, before)

    def receive_here(self):
        """The kernel's half of receiving in a thread on the worker's core, as its interrupts would be."""
        others = napi_threads("rx0")
        self.set("rx0/threaded", 1)
        if self.mode == "af_xdp+poll":
            self.set("rx0/napi_defer_hard_irqs", 2)
            self.set("rx0/gro_flush_timeout", 200_000)
        self.napi = (napi_threads("rx0") - others).pop()
        subprocess.run(["taskset", "-pc", str(WORKER_CORE), self.napi], check=True, capture_output=True)
        subprocess.run(["chrt", "-f", "-p", NAPI_PRIORITY, self.napi], check=True)
        for pid in self.pids():
            with open(f"/proc/{pid}/comm") as f:
                is_worker = f.read().startswith("spliff-worker")
            placing = ["chrt", "-a", "-f", "-p", WORKER_PRIORITY] if is_worker else \
                ["taskset", "-apc", str(GENERATOR_CORE)]
            subprocess.run([*placing, pid], check=True, capture_output=True)

    @contextlib.contextmanager
    def turn(self):
        if self.mode == POLLING:
            self.cluster("rx-mode", "polling")
        yield
        if self.mode == POLLING:
            self.cluster("rx-mode", "adaptive")

    def pids(self):
        return subprocess.run(["ip", "netns", "pids", self.name], check=False, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.split()

    def set(self, name, value):
        self.inside("sh", "-c", f"echo {value} >/sys/class/net/{name}")

    def refused(self):
        """Frames that found no room at the other end."""
        found = re.search(r"xdp_xmit_errors: (\d+)", self.inside("ethtool", "-S", "tx0"))
        return int(found[1])

    def worker(self):
        """Its counters, and its CPU seconds."""
        if not self.captures:
            return {"capture.packets": 0}, 0
        lines = (line.split() for line in self.cluster("print", "counters").splitlines())
        facts = {f[1]: f[2] for f in lines if len(f) == 3 and f[0].startswith("worker-")}
        return {k: int(v) for k, v in facts.items() if v.isdigit()}, cpu_seconds(facts["pid"])

    def settled(self):
        """worker() when no more packets come and all flows have ended: who is measured next has the same
        core, and would pay for it."""
        before, until = self.worker(), time.monotonic() + SETTLE_S
        while time.monotonic() < until:
            time.sleep(0.3)
            now = self.worker()
            active = sum(n for name, n in now[0].items() if name.startswith("flow.active_"))
            if active == 0 and now[0]["capture.packets"] == before[0]["capture.packets"]:
                return now
            before = now
        return before

    def send(self, capture, rate, seconds):
        """(packets, seconds), in truth."""
        words = self.inside(
            "nice", "-n", "-15", "taskset", "-c", str(GENERATOR_CORE), os.path.join(TOOLS, "wire"), "tx0", capture,
            str(int(rate)), str(seconds), seconds=COMMAND_S,
        ).split()
        return int(words[0]), float(words[3])


def napi_threads(interface):
    """The kernel's threads that receive from interfaces of this name, in all namespaces."""
    found = set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/comm") as f:
            if f.read().startswith(f"napi/{interface}-"):
                found.add(pid)
    return found


def cpu_seconds(pid):
    """Of all threads of a process, to the nanosecond."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat") as f:
            total += int(f.read().split()[0])
    return total / 1e9


class Row:
    """What one rate came to: packets/s that the link carried, part of them lost, part of those sent that
    it refused, seconds per packet of the kernel's half (kernel), of the worker and of the worker with
    frames to work on (busy), records that were dropped because the logger, who has the generator's core,
    was behind, and whether the generator could not do more."""

    loss_max = LOSS_PERCENT / 100

    def __init__(self, **facts):
        self.__dict__.update(facts)

    @classmethod
    def measure(cls, link, capture, asked, seconds):
        before, cpu_before = link.settled()
        refused, napi = link.refused(), cpu_seconds(link.napi)
        sent, took = link.send(capture, asked, seconds)
        after, cpu = link.settled()
        refused, napi = link.refused() - refused, cpu_seconds(link.napi) - napi
        grown = {k: after[k] - before[k] for k in after}
        packets = sent - refused
        lost = grown.get("capture.kernel_drops", 0) + grown.get("capture.refused", 0)
        if link.captures and link.mode != "xdp" and "shunt" not in link.mode:
            lost = max(lost, packets - grown["capture.packets"])
        return cls(asked=asked, rate=packets / took, lost=lost / packets, refused=refused / sent,
                   kernel=napi / packets, worker=(cpu - cpu_before) / packets,
                   busy=grown.get("loop.busy_ns", 0) / 1e9 / packets,
                   records_lost=grown.get("emit.records_lost", 0),
                   good=lost / packets <= cls.loss_max and refused / sent <= REFUSED,
                   spoiled=lost / packets <= cls.loss_max and refused / sent > REFUSED,
                   is_all=sent / took < asked * REACHED)

    @property
    def both(self):
        return self.kernel + self.worker

    def line(self, mode):
        return (f"  {mode:13}{self.rate:12,.0f} packets/s{self.lost * 100:9.4f} % lost"
                f"{self.refused * 100:7.2f} % refused; kernel {self.kernel * 1e9:5.0f} ns, "
                f"worker {self.worker * 1e9:5.0f}, busy {self.busy * 1e9:.0f}"
                f"{', all that can be sent' if self.is_all else ''}"
                f"{f', {self.records_lost:,} records lost' if self.records_lost else ''}")


def most(attempts):
    return sum(attempts) > ATTEMPTS / 2


class Mode:
    """One mode measured: its rows in the order of their rates, the best of them, latencies, and the part
    of a core that it needs when idle."""

    def __init__(self, rows, latencies, idle):
        self.rows, self.latencies, self.idle = sorted(rows, key=lambda r: r.rate), latencies, idle
        self.best = next((r for r in reversed(self.rows) if r.good), None)
        self.by_generator = all(r.good for r in self.rows)

    def at(self, asked):
        """The rows of this rate, if nothing was lost at it."""
        return [r for r in self.rows if r.asked == asked and r.good]

    def quantile(self, q):
        values = self.latencies
        return values[min(len(values) - 1, int(len(values) * q))] * 1e3 if values else float("nan")


class Measuring:
    """A mode while it is measured: step() tries the next rate, until it says that there is no other."""

    def __init__(self, name, link, capture, seconds):
        self.name, self.link, self.capture, self.seconds, self.rows = name, link, capture, seconds, []
        self.search = self.rise()
        self.rate = next(self.search)

    def warm(self):
        """A worker that has just begun has all its memory still to get from the kernel: what it loses
        meanwhile says how full it was, and not what it keeps up with."""
        for _ in range(WARM_TIMES if self.link.captures else 0):
            self.link.send(self.capture, WARM_RATE, self.seconds)
            self.link.settled()

    def attempt(self):
        row = Row.measure(self.link, self.capture, self.rate, self.seconds)
        self.rows.append(row)
        print(row.line(self.name), flush=True)
        return row

    def step(self):
        rows, attempts = [], 0
        with self.link.turn():
            while attempts < 2 * ATTEMPTS and not (most(r.good for r in rows) or most(not r.good for r in rows)):
                row, attempts = self.attempt(), attempts + 1
                rows += [] if row.spoiled else [row]
        good = most(r.good for r in rows)
        for row in rows:
            row.good = good
        try:
            self.rate = self.search.send((good, most(r.is_all for r in rows)))
        except StopIteration:
            return False
        return True

    @staticmethod
    def rise():
        """Rates one above the other up to the first that is lost from, then between them. Is told of each
        whether it was good, and whether no more can be sent."""
        low, rate = None, FIRST_RATE
        while True:
            good, is_all = yield rate
            if good and is_all:
                return
            if not good:
                break
            low, rate = rate, rate * FACTOR
        low, high = low or rate / FACTOR**2, rate
        for _ in range(NARROWER):
            between = (low * high) ** 0.5
            good, _ = yield between
            low, high = (between, high) if good else (low, between)

    def listen(self):
        tail = Tail(f"{self.link.work}/logs/current/dns.log")
        tail.start()
        self.link.send(self.capture, LATENCY_RATE, self.seconds)
        self.link.settled()
        tail.done.set()
        tail.join()
        return sorted(tail.latencies)


def best_table(modes):
    """How far each mode goes, and how many packets a second of CPU that is, as parts of mode kernel's."""
    kernel = modes.get("kernel")
    print(f"\n{'most without loss':17}{'packets/s':>11}{'x kernel':>10}{'a CPU':>8}{'ended by':>11}{'kernel ns':>11}"
          f"{'worker ns':>11}{'p50 ms':>8}{'p99 ms':>8}{'idle %':>8}")
    for name, mode in modes.items():
        best = mode.best
        if not best:
            print(f"{name:17}{'loses at every rate':>22}")
            continue
        ended = "generator" if mode.by_generator else "core"
        ratio = cpu_ratio = "-"
        if kernel and kernel.best:
            ratio = f"{best.rate / kernel.best.rate:.2f}"
            cpu_ratio = f"{kernel.best.both / best.both:.2f}" if best.both > 0 else "-"
        print(f"{name:17}{best.rate:11,.0f}{ratio:>10}{cpu_ratio:>8}{ended:>11}{best.kernel * 1e9:11.0f}"
              f"{best.worker * 1e9:11.0f}{mode.quantile(0.5):8.1f}{mode.quantile(0.99):8.1f}"
              f"{mode.idle * 100:8.2f}")


def mean_at(mode, rates, of):
    """In nanoseconds; every rate counts once."""
    values = [sum(map(of, mode.at(rate))) / len(mode.at(rate)) for rate in rates]
    return sum(values) / len(values) * 1e9


def same_table(modes):
    """What each mode costs at the rates that all of them can do, in the mean."""
    rates = sorted({r.asked for r in modes["none"].rows if all(m.at(r.asked) for m in modes.values())})
    if not rates:
        return
    kernel = {name: mean_at(m, rates, lambda r: r.kernel) for name, m in modes.items()}
    both = {name: mean_at(m, rates, lambda r: r.both) for name, m in modes.items()}
    more = {name: x - both["none"] for name, x in both.items()}
    print(f"\n{'ns a packet':17}{'kernel':>8}{'worker':>8}{'both':>8}{'of kernel':>11}{'over none':>11}"
          f"{'of kernel':>11}    mean of {', '.join(f'{r / 1000:,.0f}k' for r in rates)} packets/s")
    for name in modes:
        whole = part = "-"
        if "kernel" in modes and MODES[name][0]:
            whole, part = f"{both[name] / both['kernel']:.2f}", f"{more[name] / more['kernel']:.2f}"
        print(f"{name:17}{kernel[name]:8.0f}{both[name] - kernel[name]:8.0f}{both[name]:8.0f}{whole:>11}"
              f"{more[name]:11.0f}{part:>11}")


def shunting_table(modes):
    """What is left by shunting of what a capture costs, at the rates that each pair of modes can do."""
    lines = []
    for names in SHUNTING:
        if not all(name in modes for name in names):
            continue
        rates = sorted({r.asked for r in modes[names[0]].rows
                        if all(modes[name].at(r.asked) for name in names)})
        if not rates:
            continue
        shunted, whole, floor = (mean_at(modes[name], rates, lambda r: r.both) for name in names)
        lines.append(f"{names[0]:17}{names[1]:>10}{names[2]:>8}{shunted:9.0f}{whole:9.0f}{floor:9.0f}"
                     f"{(shunted - floor) / (whole - floor):11.3f}{shunted / whole:8.3f}    "
                     f"mean of {', '.join(f'{r / 1000:,.0f}k' for r in rates)} packets/s")
    if lines:
        print(f"\n{'shunting: mode':17}{'without':>10}{'floor':>8}{'with ns':>9}{'without':>9}{'floor':>9}"
              f"{'part left':>11}{'of all':>8}")
        print("\n".join(lines))


def plots(modes):
    panels = [("Core time for a packet", "ns", lambda r: r.both * 1e9),
              ("Of it the kernel's half", "ns", lambda r: r.kernel * 1e9),
              ("Lost and refused", "%", lambda r: (r.lost + r.refused) * 100)]
    return [plot.Panel(title, "packets/s", unit, log=True, series={
        name: [(r.rate, of(r)) for r in mode.rows] for name, mode in modes.items()})
        for title, unit, of in panels]


def said(error):
    """The line of a command's output that tells why it failed."""
    lines = (error.output or str(error)).strip().splitlines()
    return next((line for line in lines if "error:" in line), lines[-1])


def stored(path):
    with open(path) as f:
        return {name: Mode([Row(**r) for r in facts["rows"]], facts["latencies"], facts["idle"])
                for name, facts in json.load(f).items()}


def store(path, modes):
    with open(path, "w") as f:
        json.dump({name: {"rows": [r.__dict__ for r in mode.rows], "latencies": mode.latencies,
                          "idle": mode.idle} for name, mode in modes.items()}, f)


def open_links(stack, names):
    """Those that can be had here, by their names."""
    for name in names:
        try:
            yield name, stack.enter_context(Link(name))
        except subprocess.CalledProcessError as e:
            print(f"  {name:8}not here: {said(e)}")
        except subprocess.TimeoutExpired as e:
            print(f"  {name:8}given up: {' '.join(e.cmd[-3:])} takes more than {e.timeout} s")


def idle_parts(links):
    """Of a core, that each worker needs without traffic."""
    before = {name: link.worker()[1] for name, link in links.items()}
    time.sleep(IDLE_S)
    return {name: (link.worker()[1] - before[name]) / IDLE_S for name, link in links.items()}


def measure_all(names, capture, seconds, budget):
    with contextlib.ExitStack() as stack:
        links = dict(open_links(stack, names))
        idle = idle_parts(links)
        every = [Measuring(name, link, capture, seconds) for name, link in links.items()]
        for m in every:
            m.warm()
        until, left = time.monotonic() + budget * len(every), list(every)
        while left and time.monotonic() < until:
            left = [m for m in left if m.step()]
        return {m.name: Mode(m.rows, m.listen() if m.link.captures else [], idle[m.name])
                for m in every if m.rows}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--modes", default=",".join(MODES))
    parser.add_argument("--traffic", choices=("mix", *SHAPES), default="mix")
    parser.add_argument("--seconds", type=int, default=2, help="of each rate (2)")
    parser.add_argument("--budget", type=int, default=90, help="seconds that a mode may take, about (90)")
    parser.add_argument("--add", action="store_true", help="to the modes that were measured before")
    parser.add_argument("--loss", type=float, default=LOSS_PERCENT, metavar="PERCENT",
                        help=f"so little lost is none ({LOSS_PERCENT})")
    options = parser.parse_args()
    Row.loss_max = options.loss / 100
    # Also where SIGINT is ignored, as it is for what a shell runs in the background.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if os.geteuid() != 0:
        sys.exit("rates.py: needs root, to make network namespaces")
    where, path = begin(), os.path.join(OUT, f"rates-{options.traffic}")
    capture = make_mixed(MIX_MB) if options.traffic == "mix" else make_bulk(options.traffic)
    if GENERATOR_CORE == WORKER_CORE:
        print("one core: generator and worker share it, and no number says much")
    modes = stored(path + ".json") if options.add and os.path.exists(path + ".json") else {}
    modes.update(measure_all(options.modes.split(","), capture, options.seconds, options.budget))
    if not modes:
        return 1
    modes = {name: modes[name] for name in MODES if name in modes}
    store(path + ".json", modes)
    best_table(modes)
    if "none" in modes:
        same_table(modes)
    shunting_table(modes)
    plot.write(path + ".svg", f"{options.traffic}; {where}, {time.strftime('%Y-%m-%d')}", plots(modes))
    print(f"\nplot: {path}.svg")
    return 0


try:
    sys.exit(main())
except KeyboardInterrupt:
    sys.exit(130)

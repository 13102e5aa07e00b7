#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Throughput and memory of a replay with all logs on, against the least that any reader does.

usage: run.py [--mb N] [--rounds N]

1. A mix of many small captures (of ../shared/corpus if it is there, else of the golden captures),
   made once and kept in build/bench/, through a bare loop over the file, one worker and two; and a
   capture without a packet, which tells what of a run is starting and stopping. Times are CPU
   seconds of all processes together, the median of the rounds; memory is the highest sum of the
   processes' proportional set sizes.
2. What a packet of an established flow costs that nobody reads further, with few and with a million
   live flows: the worker's stages alone, without a source and a logger (tests/bench/core.c).
3. The worker's memory with a million idle flows. Fails if it is more than a number of MB.

Tables on standard output and a plot in build/bench/bench.svg, with the machine's name.
"""
import argparse
import os
import re
import struct
import sys
import time

import plot
from bench import OUT, TOOLS, Run, begin, cached, make_mix, median, replay

IDLE_FLOWS = 1_000_000
IDLE_MB = 400
CORE_FLOWS = (1000, 10_000, 100_000, 1_000_000)


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


def make_empty():
    """Path of a capture of no packets."""
    path = os.path.join(OUT, "empty.pcap")
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
    return path


def throughput(megabytes, rounds):
    """Packets a second, by name of the row."""
    capture = make_mix(megabytes)
    bare = median([Run([os.path.join(TOOLS, "bare"), cached(capture)]) for _ in range(rounds)])
    empty = median([replay(make_empty(), 1) for _ in range(rounds)])
    one, two = (median([replay(cached(capture), n) for _ in range(rounds)]) for n in (1, 2))
    packets, size = (int(x) for x in re.findall(r"(\d+) (?:packets|bytes)", bare.output))
    print(f"\n{packets} packets, {size / 1e6:.0f} MB, {rounds} rounds, median\n")
    print(f"{'':12}{'packets/s':>12}{'Gbit/s':>9}{'wall s':>9}{'CPU s':>9}{'ns/packet':>11}"
          f"{'MB':>7}{'x bare':>8}")
    rows = {"bare loop": bare, "1 worker": one, "2 workers": two}
    for name, run in rows.items():
        print(f"{name:12}{packets / run.wall:12,.0f}{size * 8 / run.wall / 1e9:9.2f}{run.wall:9.2f}"
              f"{run.cpu:9.2f}{run.cpu / packets * 1e9:11.0f}{run.peak / 1e6:7.0f}"
              f"{run.cpu / bare.cpu:8.2f}")
    print(f"{'empty run':12}{'':12}{'':9}{empty.wall:9.2f}{empty.cpu:9.2f}{'':11}{empty.peak / 1e6:7.0f}")
    print(f"\n1 worker less the empty run: {(one.cpu - empty.cpu) / packets * 1e9:.0f} ns/packet; "
          f"2 workers are done in {two.wall / one.wall:.2f} of the time of one")
    return {name: packets / run.wall for name, run in rows.items()}


def established():
    """(live flows, nanoseconds a packet) of the worker's stages alone."""
    run = Run([os.path.join(TOOLS, "core")] + [str(n) for n in CORE_FLOWS])
    rows = [(int(n), float(ns)) for n, ns in (line.split() for line in run.output.splitlines())]
    print(f"\n{'live flows':>12}{'ns per established packet':>28}")
    for flows, ns in rows:
        print(f"{flows:12,}{ns:28.0f}", flush=True)
    return rows


def idle_flows():
    """Megabytes of the worker."""
    run = replay(make_idle(), 1)
    worker = run.by_name.get("spliff-worker", 0)
    print(f"\n{IDLE_FLOWS:,} idle TCP flows: worker {worker / 1e6:.0f} MB (at most {IDLE_MB}), "
          f"all processes {run.peak / 1e6:.0f} MB, {worker / IDLE_FLOWS:.0f} bytes a flow")
    return worker / 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mb", type=int, default=700, help="size of the mix (700)")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    where = begin()
    rates, packet_ns, idle_mb = throughput(options.mb, options.rounds), established(), idle_flows()
    path = os.path.join(OUT, "bench.svg")
    plot.write(path, f"{where}, {time.strftime('%Y-%m-%d')}", [
        plot.Bars("A mixed capture, all logs", "packets/s", rates),
        plot.Panel("An established packet", "live flows", "ns", {"stages alone": packet_ns}, log=True),
        plot.Bars("A million idle flows", "MB", {"worker": idle_mb, "at most": IDLE_MB}),
    ])
    print(f"\nplot: {path}")
    return 0 if idle_mb <= IDLE_MB else 1


sys.exit(main())

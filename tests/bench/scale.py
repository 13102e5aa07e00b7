#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""How a replay scales: with workers, and with live flows.

usage: scale.py [--mb N] [--workers N] [--flows N] [--rounds N] [--budget SECONDS]

1. A mixed capture with all logs on by 1, 2, ... workers: packets a second, CPU time, from a file that
   is cached. Each with as many cores as workers, for all processes, and each worker pinned to one of
   them; and with all cores: there the logger of a single worker already has a core of its own.
2. 10^4, 10^5, ... TCP connections that are open at once: the worker's memory per flow, and what a
   packet of an open connection then costs, reading it from a pipe included: the CPU time that further
   packets add, spread over all connections. The capture is piped in as it is made; its flows are of a
   category that is not logged, so that only the table is measured. Each row takes ten times as long
   as the one before: it is measured in as many rounds as there is time for, and left out if there is
   none for one.

A table on standard output and a plot in build/bench/scale.svg, with the machine's name.
"""
import argparse
import os
import shutil
import struct
import sys
import time

import plot
from bench import CLUSTER, OUT, TOOLS, Run, begin, cached, make_mix, median, replay

PORTS = 50_000        # connections of a client
RECORD = 16 + 54      # a packet in the capture
FLAGS = (0x02, 0x12, 0x10)
LATER_PACKETS = 10_000_000  # of open connections


def record(client, port, flags, back, step, second):
    """A TCP segment without data in a capture file."""
    ends = (b"\xc0\0\x02\x02", client) if back else (client, b"\xc0\0\x02\x02")
    ports = (443, port) if back else (port, 443)
    return struct.pack("<IIII", second, 0, 54, 54) + struct.pack(
        ">14sBBHIBBH4s4sHHIIBBHI", b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01\x08\0",
        0x45, 0, 40, 0, 64, 6, 0, *ends, *ports, min(step, 1), min(step, 1), 0x50, flags, 0xFFFF, 0,
    )


def chunk(flags, ports, seconds):
    """The packets of a client's connections, as a block that is changed for the next client."""
    return bytearray(b"".join(
        record(b"\x0a\0\0\x01", 10_000 + p, f, n == 1, n if len(flags) > 1 else 2, seconds)
        for p in range(ports) for n, f in enumerate(flags)
    ))


def for_client(block, number, second, packets_each):
    """Writes the client's address and the time into every packet of the block, by strides."""
    count = len(block) // RECORD
    for n, byte in enumerate(struct.pack("<I", second)):
        block[n::RECORD] = bytes([byte]) * count
    for step in range(packets_each):
        where = step * RECORD + 16 + (30 if step == 1 else 26)
        for n, byte in enumerate(struct.pack(">I", 0x0A000000 | number << 8 | 1)):
            block[where + n :: RECORD * packets_each] = bytes([byte]) * (count // packets_each)
    return block


def feed(flows, later):
    """A capture of that many handshakes within 50 s, then `later` packets of all of them in turn."""
    ports = min(flows, PORTS)
    clients = flows // ports
    yield struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    block = chunk(FLAGS, ports, 0)
    for c in range(clients):
        yield bytes(for_client(block, c, 1_700_000_000 + c * 50 // clients, len(FLAGS)))
    block = chunk((0x10,), ports, 0)
    for n in range(later // ports):
        # Clients not in order: the next one is far away, as neighbours on a link are.
        yield bytes(for_client(block, n * 7919 % clients, 1_700_000_060, 1))


def run_flows(flows, later):
    logs, config = os.path.join(OUT, "logs"), os.path.join(OUT, "scale.cfg")
    shutil.rmtree(logs, ignore_errors=True)
    with open(config, "w") as f:
        f.write(f"flow_table_size = {max(65536, flows + flows // 8)}\n")
    return Run(
        [CLUSTER, "run", "-r", "-", "--config", config, "--category", "dns", "--log-dir", logs,
         "--no-screen", "--quiet"],
        feed=lambda: feed(flows, later),
    )


def scale_workers(options):
    capture = make_mix(options.mb)
    packets = count_packets(capture)
    rows = {"a core each": [], "all cores": []}
    print(f"{'workers':>8}{'cores':>7}{'packets/s':>12}{'wall s':>9}{'CPU s':>9}{'x one':>8}")
    for n in range(1, options.workers + 1):
        pinned = ("--pin-cores", ",".join(str(c) for c in sorted(os.sched_getaffinity(0))[:n]))
        for name, cores, more in (("a core each", n, pinned), ("all cores", os.cpu_count(), ())):
            run = median([replay(cached(capture), n, cores, more, memory=False)
                          for _ in range(options.rounds)])
            rows[name].append((n, packets / run.wall))
            print(f"{n:8}{cores:7}{packets / run.wall:12,.0f}{run.wall:9.2f}{run.cpu:9.2f}"
                  f"{rows[name][-1][1] / rows[name][0][1]:8.2f}", flush=True)
    return rows


def count_packets(capture):
    return int(Run([os.path.join(TOOLS, "bare"), capture]).output.split()[0])


def least(runs):
    """Of two times one is taken from the other: what else ran on the machine must not be in them."""
    return min(runs, key=lambda r: r.cpu)


def rounds_within(seconds, each, most):
    """How many rounds that take so long go into the time."""
    return min(most, int(seconds / each))


def scale_flows(options, until):
    """Rows of flows, bytes a flow, ns a packet."""
    base = run_flows(1000, LATER_PACKETS).by_name["spliff-worker"]
    rows, flows, rounds = [], 10_000, options.rounds
    print(f"\n{'flows':>12}{'worker MB':>11}{'bytes/flow':>12}{'ns/packet':>11}{'wall s':>9}"
          f"{'rounds':>8}")
    while flows <= options.flows:
        if rounds == 0:
            print(f"{flows:12,}  left out: it would take longer than --budget")
            break
        began = time.monotonic()
        idle = least([run_flows(flows, 0) for _ in range(rounds)])
        busy = least([run_flows(flows, LATER_PACKETS) for _ in range(rounds)])
        memory = max(busy.by_name["spliff-worker"], base)
        rows.append((flows, (memory - base) / flows, (busy.cpu - idle.cpu) / LATER_PACKETS * 1e9))
        print(f"{flows:12,}{memory / 1e6:11.0f}{rows[-1][1]:12.0f}{rows[-1][2]:11.0f}"
              f"{idle.wall:9.2f}{rounds:8}", flush=True)
        flows *= 10
        now = time.monotonic()
        rounds = rounds_within(until - now, (now - began) / rounds * 10, options.rounds)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mb", type=int, default=2000, help="size of the mix (2000)")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="up to so many")
    parser.add_argument("--flows", type=int, default=10**7, help="up to so many (10^7)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--budget", type=int, default=180, help="seconds that it may take (180)")
    options = parser.parse_args()
    if options.flows < 10_000:
        parser.error("--flows: give 10000 or more")
    until = time.monotonic() + options.budget
    where = begin()
    workers, flows = scale_workers(options), scale_flows(options, until)
    path = os.path.join(OUT, "scale.svg")
    plot.write(path, f"{where}, {time.strftime('%Y-%m-%d')}", [
        plot.Panel("Workers on a mixed capture", "workers", "packets/s", workers),
        plot.Panel("Memory of a flow", "flows open", "bytes/flow",
                   {"worker": [(n, b) for n, b, _ in flows if n >= 100_000]}, log=True),
        plot.Panel("Cost of a packet", "flows open", "ns/packet",
                   {"all processes": [(n, c) for n, _, c in flows]}, log=True),
    ])
    print(f"\nplot: {path}")


sys.exit(main())

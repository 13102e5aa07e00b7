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
import re
import struct
import subprocess
import sys

from bench import OUT, ROOT, Run, machine, make_mix, median, replay

IDLE_FLOWS = 1_000_000


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

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Repeats small Ethernet captures into a large one, with other IPv4 addresses in each copy, so that
each copy's flows are flows of their own. Copies overlap in time. Checksums are not mended: a replay
does not look at them unless told to.

usage: mix.py --copies N -o OUT INPUT...
"""
import argparse
import heapq
import struct


def packets(path):
    """(microseconds since the capture's start, frame) of a classic little-endian capture."""
    with open(path, "rb") as f:
        data = f.read()
    if data[:4] != b"\xd4\xc3\xb2\xa1" or struct.unpack("<I", data[20:24])[0] != 1:
        return []
    found, at, start = [], 24, None
    while at + 16 <= len(data):
        seconds, us, length, _ = struct.unpack("<IIII", data[at : at + 16])
        time = seconds * 10**6 + us
        start = time if start is None else start
        # A capture's long silences would leave a long mix nearly empty.
        found.append((min(time - start, 20 * 10**6), data[at + 16 : at + 16 + length]))
        at += 16 + length
    return found


def readdress(frame, copy):
    """Adds the copy's number to both IPv4 addresses, above their last octet."""
    if frame[12:14] != b"\x08\x00" or len(frame) < 34:
        return frame
    moved = bytearray(frame)
    for at in (26, 30):
        value = struct.unpack(">I", frame[at : at + 4])[0] + (copy << 8)
        moved[at : at + 4] = struct.pack(">I", value & 0xFFFFFFFF)
    return bytes(moved)


def stream(capture, copy, start):
    for us, frame in capture:
        yield start + us, readdress(frame, copy)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("inputs", nargs="+")
    parser.add_argument("--copies", type=int, default=1)
    parser.add_argument("-o", required=True)
    options = parser.parse_args()
    loaded = [p for p in map(packets, options.inputs) if p]
    with open(options.o, "wb", buffering=1 << 20) as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        # A hundred copies at a time share their 21 seconds; the next hundred follow.
        for first in range(0, options.copies, 100):
            streams = [
                stream(capture, copy, first * 210_000 + copy % 100 * 10_000 + n * 1000)
                for copy in range(first, min(first + 100, options.copies))
                for n, capture in enumerate(loaded)
            ]
            for us, frame in heapq.merge(*streams, key=lambda x: x[0]):
                head = (1_700_000_000 + us // 10**6, us % 10**6, len(frame), len(frame))
                out.write(struct.pack("<IIII", *head) + frame)


main()

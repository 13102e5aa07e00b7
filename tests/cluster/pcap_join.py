#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Joins captures (classic pcap, microseconds, Ethernet) into one, in the order of time; or shares
their frames out to several by addresses and ports, so that both directions of a flow are in one.

usage: pcap_join.py OUT[,OUT...] IN...
"""
import struct
import sys

HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)


def frames(path):
    data = open(path, "rb").read()
    magic, _, _, _, _, _, link = struct.unpack_from("<IHHiIII", data)
    if (magic, link) != (0xA1B2C3D4, 1):
        sys.exit(f"{path}: not a little-endian capture of Ethernet in microseconds")
    at = 24
    while at < len(data):
        sec, usec, caplen, wirelen = struct.unpack_from("<IIII", data, at)
        yield (sec, usec), wirelen, data[at + 16:at + 16 + caplen]
        at += 16 + caplen


def share_of(frame, n):
    """Which file a frame goes to: by what is the same in both directions. There are no fragments."""
    kind = frame[12:14]
    if kind == b"\x08\x00":
        return sum(frame[26:38]) % n
    if kind == b"\x86\xdd":
        return sum(frame[22:58]) % n
    return 0


def main():
    outs = [open(path, "wb") for path in sys.argv[1].split(",")]
    found = sorted((f for path in sys.argv[2:] for f in frames(path)), key=lambda f: f[0])
    for out in outs:
        out.write(HEADER)
    for (sec, usec), wirelen, frame in found:
        out = outs[share_of(frame, len(outs))]
        out.write(struct.pack("<IIII", sec, usec, len(frame), wirelen) + frame)
    for out in outs:
        out.close()


main()

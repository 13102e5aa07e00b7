#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Seeds for the fuzz targets out of the golden captures.

usage: seeds.py TARGET FOLDER CAPTURE...

A target that reads capture files gets the captures whole, one that decodes frames gets frames, and
a protocol's target gets the payloads of that protocol's well-known port. Others get nothing.
"""
import hashlib
import os
import struct
import sys

# Which payloads a protocol's target gets: (transport, ports).
PORTS = {
    "http1": ("tcp", (80, 3128, 8080, 8081, 8082, 8083, 8765, 8888)),
    "dns": ("udp", (53, 5300, 5353, 5355)),
}
# Whose target gets flows instead: for each payload a byte that says the side, a length, the bytes.
SCRIPTS = {
    "fuzz_tls": ("tcp", (443, 8443, 4433, 4434, 4435)),
    "fuzz_dtls": ("udp", (4433,)),
    "fuzz_quic": ("udp", (443, 4441, 4442, 4443, 4444)),
    "fuzz_socks": ("tcp", (1080, 1081, 1084)),
    "fuzz_starttls": ("tcp", (21, 25, 110, 143, 2525, 2143, 9105) + tuple(range(9001, 9007))),
}
# As fuzz_decode.c orders them.
LINKTYPES = (1, 101, 0, 113, 108, 229, 276, 147, 9, 10, 50, 51, 104, 105, 163, 127, 119, 219, 239, 258)
LIMIT = 200  # seeds a target; more of the same kind only slow its start


def frames(path):
    """Frames of a classic Ethernet capture; nothing for any other file."""
    with open(path, "rb") as f:
        data = f.read()
    if data[:4] != b"\xd4\xc3\xb2\xa1" or struct.unpack("<I", data[20:24])[0] != 1:
        return
    at = 24
    while at + 16 <= len(data):
        length = struct.unpack("<I", data[at + 8 : at + 12])[0]
        yield data[at + 16 : at + 16 + length]
        at += 16 + length


def decode_script(path):
    """All frames of a little-endian classic capture of any link type, as fuzz_decode reads them."""
    with open(path, "rb") as f:
        data = f.read()
    linktype = struct.unpack("<I", data[20:24])[0] if data[:4] == b"\xd4\xc3\xb2\xa1" else None
    if linktype not in LINKTYPES:
        return b""
    out, at = bytes([LINKTYPES.index(linktype), 7]), 24
    while at + 16 <= len(data) and len(out) < 4000:
        length = struct.unpack("<I", data[at + 8 : at + 12])[0]
        if length < 2048:
            out += struct.pack(">H", length) + data[at + 16 : at + 16 + length]
        at += 16 + length
    return out


def payload(frame, transport, ports):
    """Transport payload of a plain Ethernet/IPv4 frame from or to one of the ports, else b""."""
    if frame[12:14] != b"\x08\x00" or len(frame) < 34:
        return b""
    l4 = 14 + (frame[14] & 15) * 4
    end = 14 + struct.unpack(">H", frame[16:18])[0]
    least = 8 if transport == "udp" else 20
    if frame[23] != {"tcp": 6, "udp": 17}[transport] or len(frame) < l4 + least:
        return b""
    if not set(struct.unpack(">HH", frame[l4 : l4 + 4])) & set(ports):
        return b""
    header = 8 if transport == "udp" else (frame[l4 + 12] >> 4) * 4
    return frame[l4 + header : end]


def scripts(path, transport, ports):
    """Each flow of a capture as a script, and without TLS record headers, as QUIC carries it."""
    flows = {}
    for frame in frames(path):
        data = payload(frame, transport, ports)
        if not data:
            continue
        l4 = 14 + (frame[14] & 15) * 4
        source, target = struct.unpack(">HH", frame[l4 : l4 + 4])
        flow = flows.setdefault((min(source, target), max(source, target)), [b"", b""])
        side = source in ports
        flow[0] += struct.pack(">BH", side, len(data)) + data
        flow[1] += struct.pack(">BH", 0x80 | side, len(data) - 5) + data[5:] if len(data) > 5 else b""
    for flow in flows.values():
        yield flow[0]
        if transport == "tcp":
            yield flow[1]


def seeds(target, captures):
    for path in captures:
        if "pcap_file" in target:
            with open(path, "rb") as f:
                yield f.read()
            continue
        if "pipeline" in target:  # options, then how, length and frame, as many as it takes
            flow = [b"\1" + struct.pack(">H", len(f)) + f for f in frames(path) if len(f) < 2048]
            yield b"\0" + b"".join(flow[:64])
            continue
        if target in SCRIPTS:
            yield from scripts(path, *SCRIPTS[target])
            continue
        if target == "fuzz_decode":
            yield decode_script(path)
            continue
        if target == "fuzz_early_hash":  # Ethernet, tunnels four deep
            yield from (b"\0\4" + frame for frame in frames(path))
            continue
        for frame in frames(path):
            for name, (transport, ports) in PORTS.items():
                if name in target:
                    yield payload(frame, transport, ports)


def main():
    target, folder, captures = sys.argv[1], sys.argv[2], sys.argv[3:]
    count = 0
    for seed in seeds(target, [c for c in captures if os.path.exists(c)]):
        if not seed or count == LIMIT:
            continue
        name = os.path.join(folder, "seed-" + hashlib.sha1(seed).hexdigest())
        if not os.path.exists(name):
            with open(name, "wb") as f:
                f.write(seed)
            count += 1


main()

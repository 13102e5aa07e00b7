# SPDX-License-Identifier: BSD-3-Clause
"""A capture as links full of downloads have it: TLS connections side by side, a handshake each and then
application data in full frames, answered by a segment without payload for every second of them."""
import os
import struct

from bench import OUT

# Connections at once, and records of 16 KiB in each.
SHAPES = {"bulk": (64, 24), "elephants": (8, 1024)}
SEGMENT = 1448                # with the time stamps option
HEAD = struct.Struct("<IIII")
CLIENT, SERVER = 0, 1
SYN, FIN, ACK, PSH = 2, 1, 16, 8


def record(kind, body):
    return struct.pack("!BHH", kind, 0x0303, len(body)) + body


def handshake(kind, body):
    return record(22, bytes([kind]) + struct.pack("!I", len(body))[1:] + body)


def client_hello(n):
    name = b"host-%d.example" % n
    sni = struct.pack("!HHHBH", 0, len(name) + 5, len(name) + 3, 0, len(name)) + name
    versions = struct.pack("!HHBH", 43, 3, 2, 0x0304)
    extensions = sni + versions
    return handshake(1, struct.pack("!H", 0x0303) + bytes(32) + b"\0" + struct.pack("!HH", 2, 0x1301) +
                     b"\1\0" + struct.pack("!H", len(extensions)) + extensions)


def server_hello():
    extensions = struct.pack("!HHH", 43, 2, 0x0304)
    return handshake(2, struct.pack("!H", 0x0303) + b"\1" * 32 + b"\0" + struct.pack("!HB", 0x1301, 0) +
                     struct.pack("!H", len(extensions)) + extensions)


class Flow:
    """Frames of one connection, in their order."""

    def __init__(self, n, records):
        self.n, self.records = n, records
        self.seq = [1000, 2000]
        self.ends = [(bytes([10, 1, 0, n]), 40000 + n), (bytes([10, 2, 0, n]), 443)]

    def frame(self, end, flags, payload=b""):
        (src, sport), (dst, dport) = self.ends[end], self.ends[1 - end]
        options = bytes([1, 1, 8, 10]) + bytes(8)
        tcp = struct.pack("!HHIIBBHHH", sport, dport, self.seq[end], self.seq[1 - end], 8 << 4, flags,
                          65535, 0, 0) + options
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp) + len(payload), 0, 0x4000, 64, 6, 0)
        self.seq[end] += len(payload) + bool(flags & (SYN | FIN))
        return b"\2\0\0\0\0\1\2\0\0\0\0\2\x08\0" + ip + src + dst + tcp + payload

    def frames(self):
        yield self.frame(CLIENT, SYN)
        yield self.frame(SERVER, SYN | ACK)
        yield self.frame(CLIENT, ACK)
        yield self.frame(CLIENT, ACK | PSH, client_hello(self.n))
        change = record(20, b"\1")
        yield self.frame(SERVER, ACK | PSH, server_hello() + change + record(23, bytes(1000)))
        yield self.frame(CLIENT, ACK | PSH, change + record(23, bytes(52)))
        yield self.frame(CLIENT, ACK | PSH, record(23, bytes(300)))
        data = record(23, bytes(16384)) * self.records
        for i, at in enumerate(range(0, len(data), SEGMENT)):
            yield self.frame(SERVER, ACK, data[at:at + SEGMENT])
            if i % 2:
                yield self.frame(CLIENT, ACK)
        yield self.frame(SERVER, ACK | FIN)
        yield self.frame(CLIENT, ACK | FIN)
        yield self.frame(SERVER, ACK)


def make_bulk(shape):
    """Its path. The flows take turns, a few frames each."""
    path = os.path.join(OUT, f"{shape}.pcap")
    if os.path.exists(path):
        return path
    n_flows, records = SHAPES[shape]
    flows = [Flow(n, records).frames() for n in range(n_flows)]
    with open(path + ".part", "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        while flows:
            for flow in list(flows):
                frames = [x for _, x in zip(range(6), flow)]
                if not frames:
                    flows.remove(flow)
                for x in frames:
                    f.write(HEAD.pack(0, 0, len(x), len(x)) + x)
    os.rename(path + ".part", path)
    return path

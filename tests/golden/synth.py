#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Makes the golden captures that no server would send on demand: odd link types and file formats,
tags, fragments, and TCP streams that arrive in every order but the right one.

usage: synth.py FOLDER [CASE...]      writes FOLDER/<case>/input.<suffix>

Everything is computed from constants, so the same captures come out each time.
"""
import gzip
import os
import socket
import struct
import sys

START_NS = 1_700_000_000_000_000_000
STEP_NS = 1_000_000  # time between packets unless a case says otherwise
CLIENT_MAC, SERVER_MAC = b"\x02\x00\x00\x00\x00\x01", b"\x02\x00\x00\x00\x00\x02"
CLIENT4, SERVER4 = "192.0.2.10", "198.51.100.20"
CLIENT6, SERVER6 = "2001:db8::10", "2001:db8:1::20"
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16

REQUEST = b"GET /page HTTP/1.1\r\nHost: www.example.org\r\nUser-Agent: synth/1\r\n\r\n"
BODY = bytes(range(97, 123)) * 40
RESPONSE = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY
)


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def address(text):
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    return socket.inet_pton(family, text)


def pseudo(src, dst, proto, length):
    """Pseudo-header of RFC 9293 section 3.1 and RFC 8200 section 8.1."""
    if ":" in src:
        return address(src) + address(dst) + struct.pack(">IxxxB", length, proto)
    return address(src) + address(dst) + struct.pack(">xBH", proto, length)


def tcp(src, sport, dst, dport, seq, ack, flags, payload=b"", window=64240):
    head = struct.pack(
        ">HHIIBBHHH", sport, dport, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, 5 << 4, flags, window, 0, 0
    )
    total = checksum(pseudo(src, dst, 6, len(head + payload)) + head + payload)
    return head[:16] + struct.pack(">H", total) + head[18:] + payload


def udp(src, sport, dst, dport, payload):
    head = struct.pack(">HHHH", sport, dport, 8 + len(payload), 0)
    total = checksum(pseudo(src, dst, 17, len(head + payload)) + head + payload) or 0xFFFF
    return head[:6] + struct.pack(">H", total) + payload


def icmp(src, dst, kind, code, rest, v6=False):
    body = struct.pack(">BBH", kind, code, 0) + rest
    total = checksum((pseudo(src, dst, 58, len(body)) if v6 else b"") + body)
    return body[:2] + struct.pack(">H", total) + body[4:]


def ip4(src, dst, proto, payload, ident=1, flags=0x4000, options=b""):
    """flags holds the flag bits and the fragment offset in 8-byte units."""
    head = struct.pack(
        ">BBHHHBBH",
        0x40 | 5 + len(options) // 4,
        0,
        20 + len(options) + len(payload),
        ident,
        flags,
        64,
        proto,
        0,
    )
    head += address(src) + address(dst) + options
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + payload


def ip6(src, dst, proto, payload, extensions=()):
    """extensions: (header number, bytes after the next-header byte), outermost first."""
    chain = [number for number, _ in extensions] + [proto]
    body = b"".join(bytes([chain[i + 1]]) + x for i, (_, x) in enumerate(extensions)) + payload
    return struct.pack(">IHBB", 6 << 28, len(body), chain[0], 64) + address(src) + address(dst) + body


def ip(src, dst, proto, payload):
    return (ip6 if ":" in src else ip4)(src, dst, proto, payload)


def ether(packet, to_server=True, tags=()):
    """tags: (ethertype, VLAN id), outermost first."""
    macs = (SERVER_MAC + CLIENT_MAC) if to_server else (CLIENT_MAC + SERVER_MAC)
    head = macs + b"".join(struct.pack(">HH", kind, vlan) for kind, vlan in tags)
    return head + (b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\x00") + packet


class Stream:
    """One TCP connection; send() makes packets, without judging whether they make sense."""

    def __init__(self, client=CLIENT4, server=SERVER4, sport=40000, dport=80, isn=(1000, 5000)):
        self.ends = ((client, sport), (server, dport))
        self.isn = isn
        self.next = [isn[0], isn[1]]
        self.packets = []  # (to the server, IP packet)

    def send(self, side, flags, payload=b"", offset=None):
        """offset: where in the side's data the payload lies; default: where it has got to."""
        (src, sport), (dst, dport) = self.ends[side], self.ends[1 - side]
        seq = self.next[side] if offset is None else self.isn[side] + 1 + offset
        ack = self.next[1 - side] if flags & ACK else 0
        segment = tcp(src, sport, dst, dport, seq, ack, flags, payload)
        self.packets.append((side == 0, ip(src, dst, 6, segment)))
        end = seq + len(payload) + (1 if flags & (SYN | FIN) else 0)
        self.next[side] = max(self.next[side], end)

    def open(self):
        self.send(0, SYN)
        self.send(1, SYN | ACK)
        self.send(0, ACK)
        return self

    def data(self, side, payload, size=400):
        for at in range(0, len(payload), size):
            self.send(side, PSH | ACK, payload[at : at + size])
        self.send(1 - side, ACK)
        return self

    def close(self):
        self.send(0, FIN | ACK)
        self.send(1, FIN | ACK)
        self.send(0, ACK)
        return self


def http(**ends):
    return Stream(**ends).open().data(0, REQUEST).data(1, RESPONSE).close()


def name(text):
    return b"".join(bytes([len(x)]) + x.encode() for x in text.split(".")) + b"\0"


def dns_query(ident, qname, qtype):
    return struct.pack(">HHHHHH", ident, 0x0100, 1, 0, 0, 0) + name(qname) + struct.pack(">HH", qtype, 1)


def dns_reply(ident, qname, qtype, answers):
    """answers: resource data; each answer's owner is a pointer to the question."""
    out = struct.pack(">HHHHHH", ident, 0x8180, 1, len(answers), 0, 0)
    out += name(qname) + struct.pack(">HH", qtype, 1)
    for data in answers:
        out += struct.pack(">HHHIH", 0xC00C, qtype, 1, 300, len(data)) + data
    return out


# Capture files ------------------------------------------------------------------------------------


def pcap(frames, linktype=1, order="<", nano=False, snaplen=65535):
    """frames: (frame, ...) in order or ((time in ns, frame), ...)."""
    magic = 0xA1B23C4D if nano else 0xA1B2C3D4
    out = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snaplen, linktype)
    for ts, frame in timed(frames):
        part = ts % 10**9 // (1 if nano else 1000)
        head = struct.pack(order + "IIII", ts // 10**9, part, len(frame[:snaplen]), len(frame))
        out += head + frame[:snaplen]
    return out


def timed(frames):
    for n, item in enumerate(frames):
        yield item if isinstance(item, tuple) else (START_NS + n * STEP_NS, item)


def block(kind, body, order):
    body += b"\0" * (-len(body) % 4)
    size = struct.pack(order + "I", 12 + len(body))
    return struct.pack(order + "I", kind) + size + body + size


def pcapng(sections):
    """sections: (byte order, [(linktype, tsresol or None)], [(interface, time in ns, frame)])."""
    out = b""
    for order, interfaces, frames in sections:
        out += block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)
        for linktype, resolution in interfaces:
            body = struct.pack(order + "HHI", linktype, 0, 0)
            if resolution is not None:
                body += struct.pack(order + "HHBxxxHH", 9, 1, resolution, 0, 0)
            out += block(1, body, order)
        out += block(0x80000001, b"to be skipped", order)
        for interface, ts, frame in frames:
            resolution = interfaces[interface][1]
            units = ts // 10 ** (9 - (6 if resolution is None else resolution))
            head = struct.pack(
                order + "IIIII", interface, units >> 32, units & 0xFFFFFFFF, len(frame), len(frame)
            )
            out += block(6, head + frame, order)
    return out


# Cases: a function named after its case returns the file, or (file, suffix) -----------------------


def framed(stream, tags=()):
    return [ether(packet, to_server, tags) for to_server, packet in stream.packets]


def case_vlan():
    return pcap(framed(http(), tags=[(0x8100, 42)]))


def case_qinq():
    return pcap(framed(http(), tags=[(0x88A8, 100), (0x8100, 200)]))


def case_ipv4_options():
    # Router alert (RFC 2113), then padding.
    segment = udp(CLIENT4, 5000, SERVER4, 53, dns_query(7, "options.example", 1))
    answer = udp(SERVER4, 53, CLIENT4, 5000, dns_reply(7, "options.example", 1, [address(SERVER4)]))
    return pcap(
        [
            ether(ip4(CLIENT4, SERVER4, 17, segment, options=b"\x94\x04\0\0")),
            ether(ip4(SERVER4, CLIENT4, 17, answer, options=b"\x94\x04\0\0\x01\x01\x01\0"), False),
        ]
    )


def long_reply(ident):
    texts = [bytes([200]) + bytes([65 + n % 26]) * 200 for n in range(12)]
    return dns_reply(ident, "long.example", 16, texts)


def case_fragments4():
    query = udp(CLIENT4, 5001, SERVER4, 53, dns_query(8, "long.example", 16))
    reply = udp(SERVER4, 53, CLIENT4, 5001, long_reply(8))
    pieces = [(at, reply[at : at + 1000]) for at in range(0, len(reply), 1000)]
    frames = [ether(ip4(CLIENT4, SERVER4, 17, query))]
    # The last piece first, and the first twice.
    for at, piece in [pieces[-1]] + pieces[:-1] + [pieces[0]]:
        more = 0 if at == pieces[-1][0] else 0x2000
        frames.append(ether(ip4(SERVER4, CLIENT4, 17, piece, 77, more | at // 8), False))
    # A datagram whose second half never comes.
    lost = udp(SERVER4, 53, CLIENT4, 5009, long_reply(9))[:800]
    frames.append(ether(ip4(SERVER4, CLIENT4, 17, lost, 78, 0x2000), False))
    return pcap(frames)


def case_fragments6():
    query = udp(CLIENT6, 5001, SERVER6, 53, dns_query(8, "long.example", 16))
    reply = udp(SERVER6, 53, CLIENT6, 5001, long_reply(8))
    frames = [ether(ip6(CLIENT6, SERVER6, 17, query))]
    for at in range(0, len(reply), 1200):
        more = 1 if at + 1200 < len(reply) else 0
        extension = (44, struct.pack(">BHI", 0, at | more, 0xABCD))
        frames.append(ether(ip6(SERVER6, CLIENT6, 17, reply[at : at + 1200], [extension]), False))
    return pcap(frames)


def case_ipv6_extensions():
    hop_by_hop = (0, b"\0\x05\x02\0\0\x01\0")
    destination = (60, b"\x01\x01\x0c" + b"\0" * 12)
    routing = (43, b"\0\xfd\0\0\0\0\0")  # an experimental type (RFC 4727), no segments left
    frames = []
    for to_server, packet in http(client=CLIENT6, server=SERVER6).packets:
        src, dst = (CLIENT6, SERVER6) if to_server else (SERVER6, CLIENT6)
        chain = [hop_by_hop, destination, routing] if to_server else [destination]
        frames.append(ether(ip6(src, dst, 6, packet[40:], chain), to_server))
    return pcap(frames)


def case_link_raw():
    return pcap([packet for _, packet in http().packets], linktype=101)


def case_link_null():
    # The address family in the byte order of the capturing host: here a big-endian one.
    return pcap([struct.pack(">I", 2) + packet for _, packet in http().packets], linktype=0)


def case_link_sll():
    frames = []
    for to_server, packet in http().packets:
        head = struct.pack(">HHH", 4 if to_server else 0, 1, 6) + CLIENT_MAC + b"\0\0\x08\0"
        frames.append(head + packet)
    return pcap(frames, linktype=113)


def case_link_sll2():
    frames = []
    for to_server, packet in http(client=CLIENT6, server=SERVER6).packets:
        head = struct.pack(">HHIHBB", 0x86DD, 0, 3, 1, 4 if to_server else 0, 6)
        frames.append(head + CLIENT_MAC + b"\0\0" + packet)
    return pcap(frames, linktype=276)


def case_pcap_nanoseconds():
    frames = [(START_NS + n * 1_001_001 + 7, f) for n, f in enumerate(framed(http()))]
    return pcap(frames, nano=True)


def case_pcap_big_endian():
    return pcap(framed(http()), order=">")


def case_pcap_snaplen():
    # Headers whole, bodies cut: the lengths on the wire still count.
    return pcap(framed(http()), snaplen=300)


def case_pcap_gzip():
    return gzip.compress(pcap(framed(http())), mtime=0), "pcap.gz"


def case_pcapng():
    # Two sections of different byte order; the first with two interfaces of different link type
    # and clock, the flow's packets coming from both.
    stream = http().packets
    first = []
    for n, (to_server, packet) in enumerate(stream):
        ts = START_NS + n * STEP_NS
        first.append((0, ts, ether(packet, True)) if to_server else (1, ts, packet))
    other = http(sport=40001).packets
    second = [(0, START_NS + (50 + n) * STEP_NS, ether(p, c)) for n, (c, p) in enumerate(other)]
    return pcapng([("<", [(1, None), (101, 9)], first), (">", [(1, 9)], second)]), "pcapng"


def case_tcp_out_of_order():
    stream = Stream().open().data(0, REQUEST)
    for at in (800, 400, 0):
        stream.send(1, PSH | ACK, RESPONSE[at : at + 400], offset=at)
    stream.send(0, ACK)
    return pcap(framed(stream.close()))


def case_tcp_out_of_order_fin():
    # The FIN overtakes the response.
    stream = Stream().open().data(0, REQUEST)
    stream.next[1] = stream.isn[1] + 1 + len(RESPONSE)
    stream.send(1, FIN | ACK)
    for at in range(0, len(RESPONSE), 500):
        stream.send(1, PSH | ACK, RESPONSE[at : at + 500], offset=at)
    stream.send(0, FIN | ACK)
    stream.send(1, ACK)
    return pcap(framed(stream))


def case_tcp_overlap():
    # The second segment repeats part of the first; the third lies inside both.
    stream = Stream().open().data(0, REQUEST)
    for at, end in ((0, 500), (300, 900), (350, 600), (900, len(RESPONSE))):
        stream.send(1, PSH | ACK, RESPONSE[at:end], offset=at)
    stream.send(0, ACK)
    return pcap(framed(stream.close()))


def case_tcp_overlap_inconsistent():
    # Out of order, and a repeated part says something else: the first bytes seen stand.
    stream = Stream().open().data(0, REQUEST)
    stream.send(1, PSH | ACK, RESPONSE[500:900], offset=500)
    stream.send(1, PSH | ACK, b"X" * 200, offset=600)
    stream.send(1, PSH | ACK, RESPONSE[:500], offset=0)
    stream.send(1, PSH | ACK, RESPONSE[900:], offset=900)
    stream.send(0, ACK)
    return pcap(framed(stream.close()))


def case_tcp_retransmission():
    stream = Stream().open()
    stream.send(0, SYN, offset=-1)
    stream.data(0, REQUEST)
    stream.send(0, PSH | ACK, REQUEST, offset=0)
    stream.data(1, RESPONSE)
    stream.send(1, PSH | ACK, RESPONSE[400:800], offset=400)
    return pcap(framed(stream.close()))


def case_tcp_wrap():
    # Both sequence numbers pass 2^32 inside the first message.
    return pcap(framed(http(isn=(0xFFFFFFFF - 20, 0xFFFFFFFF - 600))))


def case_tcp_gap():
    # 400 bytes of the body are acknowledged but never seen; a second exchange follows.
    stream = Stream().open().data(0, REQUEST)
    for at in (0, 800):
        stream.send(1, PSH | ACK, RESPONSE[at : at + 400], offset=at)
    stream.send(0, ACK)
    return pcap(framed(stream.data(0, REQUEST).data(1, RESPONSE).close()))


def case_tcp_midstream():
    # The capture begins after the handshake, with a request.
    return pcap(framed(http())[3:])


def case_tcp_midstream_response():
    # It begins in the middle of a body.
    return pcap(framed(http())[6:])


def case_tcp_one_sided():
    client = [f for f, (to_server, _) in zip(framed(http()), http().packets) if to_server]
    server = http(sport=40001)
    back = [f for f, (to_server, _) in zip(framed(server), server.packets) if not to_server]
    return pcap(client + back)


def case_tcp_reset():
    # Reset by the server in the middle of a response, by the client instead of a FIN, and by a
    # client that does not wait for the response on its way.
    by_server = Stream().open().data(0, REQUEST).data(1, RESPONSE[:600])
    by_server.send(1, RST | ACK)
    by_client = Stream(sport=40001).open().data(0, REQUEST).data(1, RESPONSE)
    by_client.send(0, RST)
    impatient = Stream(sport=40002).open().data(0, REQUEST)
    impatient.send(0, RST)
    impatient.data(1, RESPONSE)
    return pcap(framed(by_server) + framed(by_client) + framed(impatient))


def case_tcp_asked_back():
    # The one that was connected to asks, and the one that connected answers.
    return pcap(framed(Stream().open().data(1, REQUEST).data(0, RESPONSE).close()))


def case_tcp_no_answer():
    # Two SYNs to nowhere, one refused, one answered but never acknowledged, one reset by its sender.
    silent = Stream()
    silent.send(0, SYN)
    silent.send(0, SYN, offset=-1)
    refused = Stream(sport=40001, dport=81)
    refused.send(0, SYN)
    refused.send(1, RST | ACK)
    half = Stream(sport=40002)
    half.send(0, SYN)
    half.send(1, SYN | ACK)
    taken_back = Stream(sport=40003)
    taken_back.send(0, SYN)
    taken_back.send(0, RST)
    return pcap(framed(silent) + framed(refused) + framed(half) + framed(taken_back))


def case_tcp_timeouts():
    # Two connections on the same five-tuple, with more silence between them than a flow lives.
    first = framed(Stream().open().data(0, REQUEST).data(1, RESPONSE))
    second = framed(http(isn=(700000, 900000)))
    later = START_NS + 1000 * 10**9
    return pcap(
        [(START_NS + n * STEP_NS, f) for n, f in enumerate(first)]
        + [(later + n * STEP_NS, f) for n, f in enumerate(second)]
    )


def case_icmp():
    echo = struct.pack(">HH", 1, 1) + b"0123456789abcdef"
    inner = ip4(CLIENT4, SERVER4, 17, udp(CLIENT4, 6000, SERVER4, 9, b"lost"))
    return pcap(
        [
            ether(ip4(CLIENT4, SERVER4, 1, icmp(CLIENT4, SERVER4, 8, 0, echo))),
            ether(ip4(SERVER4, CLIENT4, 1, icmp(SERVER4, CLIENT4, 0, 0, echo)), False),
            ether(inner),
            ether(ip4(SERVER4, CLIENT4, 1, icmp(SERVER4, CLIENT4, 3, 3, b"\0" * 4 + inner[:28])), False),
            ether(ip6(CLIENT6, SERVER6, 58, icmp(CLIENT6, SERVER6, 128, 0, echo, True))),
            ether(ip6(SERVER6, CLIENT6, 58, icmp(SERVER6, CLIENT6, 129, 0, echo, True)), False),
        ]
    )


def case_broken_packets():
    # Each frame is broken in another way; the flow around them is whole.
    good = framed(http())
    tcp_header = bytearray(good[3])
    tcp_header[46] = 0x20  # header length of 8 bytes
    ip_length = bytearray(good[3])
    ip_length[16:18] = b"\xff\xff"
    broken = [b"", good[3][:13], good[3][:20], good[3][:40], bytes(tcp_header), bytes(ip_length)]
    arp = b"\xff" * 6 + CLIENT_MAC + b"\x08\x06" + b"\0" * 28
    return pcap(good[:4] + broken + [arp] + good[4:])


def h2_frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def h2_field(text, value, insert=False):
    """A literal (RFC 7541 section 6.2), without Huffman code."""
    head = b"\x40" if insert else b"\0"
    return head + bytes([len(text)]) + text.encode() + bytes([len(value)]) + value.encode()


def h2_get(stream, path, more=b""):
    fields = h2_field(":path", path) + h2_field(":authority", "www.example.org")
    return h2_frame(1, 5, stream, b"\x82\x86" + fields + more)


def h2_ok(stream, body=b"", more=b""):
    return h2_frame(1, 4, stream, b"\x88" + more) + h2_frame(0, 1, stream, body)


H2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + h2_frame(4, 0, 0, b"\0\3\0\0\0\x64")
H2_SETTINGS = h2_frame(4, 0, 0) + h2_frame(4, 1, 0)


def h2():
    return Stream().open().data(0, H2_PREFACE).data(1, H2_SETTINGS)


def h2_conversation():
    """Four requests; the fields of the first are in the table for the later ones."""
    agent, kind = h2_field("user-agent", "synth/1", True), h2_field("content-type", "text/html", True)
    s = h2()
    s.data(0, h2_get(1, "/1", agent)).data(1, h2_ok(1, b"first", kind))
    s.data(0, h2_get(3, "/3", b"\xbe")).data(1, h2_ok(3, b"second", b"\xbe"))
    s.data(0, h2_get(5, "/5", h2_field("referer", "/3", True) + b"\xbf"))
    s.data(1, h2_ok(5, b"third", h2_field("etag", "x", True) + b"\xbf"))
    s.data(0, h2_get(7, "/7", b"\xbe\xbf")).data(1, h2_ok(7, b"fourth", b"\xbe\xbf"))
    return s.close()


def case_http2_midstream():
    # From the second request on: what the first has put into the tables is not known.
    return pcap(framed(h2_conversation())[11:])


def case_http2_gap():
    # The second request is lost, and acknowledged.
    frames = framed(h2_conversation())
    return pcap(frames[:11] + frames[12:])


def case_http2_rapid_reset():
    s = h2()
    for stream in range(1, 300, 2):
        s.send(0, PSH | ACK, h2_get(stream, "/") + h2_frame(3, 0, stream, b"\0\0\0\x08"))
    return pcap(framed(s.close()))


def case_http2_continuation_flood():
    s = h2()
    s.data(0, h2_frame(1, 1, 1, b"\x82\x86\x84"))
    for _ in range(10):
        s.data(0, b"".join(h2_frame(9, 0, 1, h2_field("x", "y" * 100)) for _ in range(10)), 1400)
    return pcap(framed(s.close()))


def case_http2_alt_svc():
    # ALTSVC frames (RFC 7838 section 4) of the connection and of a stream, and a header.
    other = b"https://www.example.net"
    s = h2().data(0, h2_get(1, "/"))
    s.data(1, h2_frame(10, 0, 0, struct.pack(">H", len(other)) + other + b'h3=":8443"; ma=60'))
    s.data(1, h2_frame(10, 0, 1, b'\0\0h3="alt.example:443"; persist=1'))
    s.data(1, h2_ok(1, b"", h2_field("alt-svc", 'h3-29=":4433"')))
    s.data(0, h2_get(3, "/")).data(1, h2_ok(3, b"", h2_field("alt-svc", "clear")))
    return pcap(framed(s.close()))


def case_http2_upgrade():
    # RFC 7540 section 3.2: the request over HTTP/1.1 is stream 1.
    ask = b"GET /1 HTTP/1.1\r\nHost: www.example.org\r\nUser-Agent: synth/1\r\nUpgrade: h2c\r\n"
    ask += b"Connection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk\r\n\r\n"
    answer = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    s = Stream().open().data(0, ask).data(1, answer + H2_SETTINGS)
    s.data(0, H2_PREFACE).data(1, h2_ok(1, b"first"))
    s.data(0, h2_get(3, "/3")).data(1, h2_ok(3, b"second"))
    return pcap(framed(s.close()))


def case_http2_websocket():
    # Extended CONNECT (RFC 8441), a masked frame and its echo.
    ask = h2_field(":method", "CONNECT") + h2_field(":protocol", "websocket") + b"\x86"
    ask += h2_field(":path", "/chat") + h2_field(":authority", "www.example.org")
    ask += h2_field("sec-websocket-protocol", "chat") + h2_field("sec-websocket-version", "13")
    s = h2()
    s.data(0, h2_frame(1, 4, 1, ask))
    s.data(1, h2_frame(1, 4, 1, b"\x88" + h2_field("sec-websocket-protocol", "chat")))
    s.data(0, h2_frame(0, 0, 1, b"\x81\x85\1\2\3\4igohn"))
    s.data(1, h2_frame(0, 0, 1, b"\x81\5hello"))
    s.data(0, h2_frame(0, 1, 1, b"\x88\x82\0\0\0\0\3\xe8"))
    s.data(1, h2_frame(0, 1, 1, b"\x88\2\3\xe8"))
    return pcap(framed(s.close()))


def short_headers(server, sport, dport):
    """Two datagrams as from the middle of a QUIC connection, and one back."""
    ends = (CLIENT4, sport), (server, dport)
    out = []
    for n, side in enumerate((0, 0, 1)):
        (src, a), (dst, b) = ends[side], ends[1 - side]
        noise = bytes((sport * 7 + n * 31 + i * i * 13) & 255 for i in range(48))
        packet = ip(src, dst, 17, udp(src, a, dst, b, bytes([0x40 | noise[0] & 0x3F]) + noise))
        out.append(ether(packet, side == 0))
    return out


def case_alt_svc():
    # A second each. The source ports are such that of two workers one has all of it: whether what
    # another one learned arrives in time is not determined when a file is read.
    s = Stream().open()

    def advertise(value):
        s.packets.clear()
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nAlt-Svc: %s\r\n\r\n" % value
        return framed(s.data(0, REQUEST).data(1, head))

    seconds = [
        framed(s),
        short_headers(SERVER4, 50001, 8443),
        advertise(b'h3=":8443"; ma=60; persist=1, h2="alt.example.net:444", x%3Dy="[2001:db8::9]:5"'),
        short_headers(SERVER4, 50002, 8443),
        short_headers(SERVER4, 50007, 8444),  # another port
        short_headers("198.51.100.21", 50000, 8443),  # another server: a port alone says nothing
        advertise(b"clear"),
        short_headers(SERVER4, 50005, 8443),
        advertise(b'h3=":8443"; ma=3, junk'),
        short_headers(SERVER4, 50008, 8443),
        advertise(b'h3=":8443"; ma=3'),
        [],
        short_headers(SERVER4, 50009, 8443),
        [],
        short_headers(SERVER4, 50011, 8443),  # it has run out
    ]
    frames = []
    for second, group in enumerate(seconds):
        for n, frame in enumerate(group):
            frames.append((START_NS + second * 10**9 + n * STEP_NS, frame))
    return pcap(frames)


def cases():
    import synth_dns
    import synth_screen
    import synth_tunnels

    all_ = {**globals(), **vars(synth_tunnels), **vars(synth_screen), **vars(synth_dns)}
    return {n[5:].replace("_", "-"): f for n, f in sorted(all_.items()) if n.startswith("case_")}


def main():
    folder, wanted = sys.argv[1], sys.argv[2:] or list(cases())
    for case in wanted:
        made = cases()[case]()
        data, suffix = made if isinstance(made, tuple) else (made, "pcap")
        os.makedirs(os.path.join(folder, case), exist_ok=True)
        with open(os.path.join(folder, case, "input." + suffix), "wb") as f:
            f.write(data)


if __name__ == "__main__":
    main()

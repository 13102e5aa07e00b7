# SPDX-License-Identifier: BSD-3-Clause
"""Cases of synth.py: names on multicast, and DNS messages that no server sends."""
import struct

from synth import (
    CLIENT4, CLIENT6, SERVER4, SERVER6, START_NS, address, dns_query, dns_reply, ether, framed, http, ip, name, pcap,
    udp,
)

A, PTR, HINFO, TXT, AAAA, SRV, OPT, NSEC, TKEY, ANY = 1, 12, 13, 16, 28, 33, 41, 47, 249, 255
QUERY, RESPONSE, AUTHORITATIVE, TRUNCATED = 0, 0x8000, 0x0400, 0x0200
IN, FLUSH, UNICAST = 1, 0x8001, 0x8001
MDNS4, MDNS6, LLMNR4 = "224.0.0.251", "ff02::fb", "224.0.0.252"
PRINTER = "198.51.100.30"


def question(text, kind, cls=IN):
    return name(text) + struct.pack(">HH", kind, cls)


def rr(text, kind, data, ttl=120, cls=IN):
    return name(text) + struct.pack(">HHIH", kind, cls, ttl, len(data)) + data


def message(flags, questions=(), answers=(), authority=(), additional=(), ident=0):
    sections = (questions, answers, authority, additional)
    return struct.pack(">6H", ident, flags, *map(len, sections)) + b"".join(b"".join(s) for s in sections)


def datagram(src, sport, dst, dport, payload):
    return ether(ip(src, dst, 17, udp(src, sport, dst, dport, payload)))


def multicast(src, payload, dst=MDNS4):
    return datagram(src, 5353, dst, 5353, payload)


def case_mdns():
    service, host = "_http._tcp.local", "printer.local"
    full = "Printer." + service
    announcement = message(
        RESPONSE | AUTHORITATIVE,
        answers=[
            rr(service, PTR, name(full)),
            rr(full, SRV, struct.pack(">HHH", 0, 0, 80) + name(host), cls=FLUSH),
            rr(full, TXT, b"\x09txtvers=1", cls=FLUSH),
        ],
        additional=[
            rr(host, A, address(PRINTER), cls=FLUSH),
            rr(host, AAAA, address(SERVER6), cls=FLUSH),
            rr(host, NSEC, name(host) + b"\x00\x04\x40\x00\x00\x08", cls=FLUSH),
        ],
    )
    frames = [
        multicast(CLIENT4, message(QUERY, [question(service, PTR, UNICAST)])),
        datagram(PRINTER, 5353, CLIENT4, 5353, announcement),  # by unicast, as asked
        # Several questions; an answer that is known already.
        multicast(
            CLIENT4,
            message(
                QUERY,
                [question(service, PTR), question("_ipp._tcp.local", PTR)],
                [rr(service, PTR, name(full))],
            ),
        ),
        # A probe before the name is taken.
        multicast(
            PRINTER,
            message(QUERY, [question(host, ANY, UNICAST)], authority=[rr(host, A, address(PRINTER))]),
        ),
        multicast(PRINTER, announcement),
        multicast(SERVER6, announcement, MDNS6),
        # From a resolver that knows nothing of multicast: answered with its id and question.
        datagram(CLIENT4, 40001, MDNS4, 5353, message(QUERY, [question(host, A)], ident=7)),
        datagram(
            PRINTER, 5353, CLIENT4, 40001,
            message(
                RESPONSE | AUTHORITATIVE, [question(host, A)], [rr(host, A, address(PRINTER), 10)], ident=7
            ),
        ),
        *framed(http(server=PRINTER)),
        *framed(http(client=CLIENT6, server=SERVER6)),
        # It goes, and takes its name with it.
        multicast(PRINTER, message(RESPONSE | AUTHORITATIVE, answers=[rr(host, A, address(PRINTER), 0)])),
    ]
    return pcap(frames)


def case_llmnr():
    def llmnr(ident, flags=QUERY, answers=()):
        return message(flags, [question("Workstation", A)], answers, ident=ident)

    found = [rr("Workstation", A, address(PRINTER), 30)]
    frames = [
        datagram(CLIENT4, 50001, LLMNR4, 5355, llmnr(4660)),
        datagram(CLIENT4, 50001, LLMNR4, 5355, llmnr(4660)),
        datagram(PRINTER, 5355, CLIENT4, 50001, llmnr(4660, RESPONSE, found)),
        *framed(http(server=PRINTER)),
        datagram(CLIENT4, 50002, LLMNR4, 5355, llmnr(4661, 15 << 11)),  # no such operation
    ]
    return pcap(frames)


def case_dns_odd():
    port = 50000
    frames = []

    def exchange(*messages):
        nonlocal port
        port += 1
        for flags_at, payload in enumerate(messages):
            ends = (CLIENT4, port, SERVER4, 53) if flags_at == 0 else (SERVER4, 53, CLIENT4, port)
            frames.append(ether(ip(ends[0], ends[2], 17, udp(*ends, payload)), flags_at == 0))

    # Nobody asked for it: no name is believed, and the connection has none.
    exchange(dns_query(1, "www.example.org", A))
    exchange(dns_query(2, "www.example.org", A), dns_reply(3, "www.example.org", A, [address(SERVER4)]))
    frames.extend(framed(http()))
    # Truncated, with nothing of what it counts.
    exchange(
        dns_query(4, "big.example.org", TXT),
        struct.pack(">6H", 4, 0x8780, 1, 9, 0, 0) + question("big.example.org", TXT),
    )
    # A pointer to itself, a label past the end, data that are too short, and none at all.
    for ident, data in ((5, b"\xc0\x34"), (6, b"\x3fabc"), (7, b"")):
        answer = struct.pack(">HHHIH", 0xC00C, PTR, IN, 60, len(data)) + data
        query = question("1.2.0.192.in-addr.arpa", PTR)
        exchange(
            message(0x0100, [query], ident=ident),
            struct.pack(">6H", ident, 0x8180, 1, 1, 0, 0) + query + answer,
        )
    exchange(dns_query(8, "a.example.org", A), dns_reply(8, "a.example.org", A, [b"\x01\x02"]))
    # Types without and with a form of their own; a key agreed upon for updates.
    exchange(dns_query(9, "x.example.org", 65400), dns_reply(9, "x.example.org", 65400, [b"opaque"]))
    tkey = name("gss-tsig") + struct.pack(">IIHHH", 0, 0, 3, 0, 4) + b"\1\2\3\4\0\0"
    exchange(
        dns_query(10, "7.key.example.org", TKEY),
        dns_reply(10, "7.key.example.org", TKEY, [tkey]),
    )
    # Refused; EDNS in both; chaos class; the root.
    opt = b"\0" + struct.pack(">HHIH", OPT, 1232, 0, 0)
    version = question("version.bind", TXT, 3)
    exchange(
        message(0x0100, [version], additional=[opt], ident=11),
        message(0x8185, [version], additional=[opt], ident=11),
    )
    exchange(message(0x0120, [b"\0" + struct.pack(">HH", 2, IN)], ident=12))
    # Twenty-six questions on a flow that is known to be DNS.
    exchange(dns_query(13, "many.example.org", A))
    many = message(0x0100, [question(f"n{n}.example.org", A) for n in range(26)], ident=14)
    frames.append(ether(ip(CLIENT4, SERVER4, 17, udp(CLIENT4, port, SERVER4, 53, many))))
    return pcap([(START_NS + n * 10**6, frame) for n, frame in enumerate(frames)])

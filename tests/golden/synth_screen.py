# SPDX-License-Identifier: BSD-3-Clause
"""Cases of synth.py: scans, floods and packets that no stack sends."""
from synth import (
    ACK, CLIENT4, FIN, PSH, REQUEST, RST, SERVER4, START_NS, SYN, Stream, address, dns_query, ether,
    framed, ip4, pcap, tcp, udp,
)

URG = 32
SECOND_NS = 1_000_000_000


def segment(src, sport, dst, dport, flags, seq=1000, ack=0, payload=b""):
    return ether(ip4(src, dst, 6, tcp(src, sport, dst, dport, seq, ack, flags, payload)), src != SERVER4)


def refused(src, sport, dst, dport):
    return [
        segment(src, sport, dst, dport, SYN),
        ether(ip4(dst, src, 6, tcp(dst, dport, src, sport, 0, 1001, RST | ACK)), False),
    ]


def case_screen_port_scan():
    # Forty ports, most refused; two are open and reset by the scanner. Then the scan goes on after
    # an hour and is told again.
    frames = []
    for hour in range(2):
        for n, port in enumerate(range(20, 60)):
            ts = START_NS + hour * 3700 * SECOND_NS + n * SECOND_NS // 2
            answer = segment(SERVER4, port, CLIENT4, 40000 + hour, SYN | ACK, 7000, 1001)
            probe = refused(CLIENT4, 40000 + hour, SERVER4, port)
            if port in (22, 53):
                probe = [probe[0], answer, segment(CLIENT4, 40000 + hour, SERVER4, port, RST, 1001)]
            frames += [(ts + i * 1000, frame) for i, frame in enumerate(probe)]
    return pcap(frames)


def case_screen_address_scan():
    # One port of sixty hosts, and nobody answers.
    hosts = [f"198.51.100.{n}" for n in range(100, 160)]
    return pcap([segment(CLIENT4, 40000, host, 22, SYN) for host in hosts])


def case_screen_syn_flood():
    # 600 sources that do not exist, in a quarter of a second.
    sources = [f"203.0.{n // 200}.{n % 200 + 1}" for n in range(600)]
    frames = [segment(src, 1024 + n, SERVER4, 80, SYN) for n, src in enumerate(sources)]
    return pcap([(START_NS + n * 400_000, f) for n, f in enumerate(frames)])


def case_screen_no_scan():
    # A busy client whose connections come about, and one that tries a dead port again and again.
    frames = []
    for n in range(40):
        frames += framed(Stream(sport=50000 + n, dport=8000 + n).open().close())
        frames += refused(CLIENT4, 45000 + n, SERVER4, 81)
    return pcap(frames)


def case_screen_land():
    return pcap([
        segment(SERVER4, 139, SERVER4, 139, SYN),
        ether(ip4(SERVER4, SERVER4, 17, udp(SERVER4, 7, SERVER4, 7, b"land"))),
        segment("127.0.0.1", 40000, "127.0.0.1", 40000, SYN),
    ])


def case_screen_invalid_flags():
    # Each source one kind of probe.
    kinds = [0, FIN | PSH | URG, SYN | FIN, SYN | RST, SYN | FIN | RST | PSH | ACK | URG]
    return pcap([
        segment(f"192.0.2.{20 + n}", 40000, SERVER4, 1 + i, flags)
        for n, flags in enumerate(kinds) for i in range(3)
    ])


def case_screen_fragments():
    # The ports in one tiny fragment and the flags in the next; then pieces that contradict each
    # other, with and without other content.
    def pieces(ident, cuts, data, other=()):
        out = []
        for at, end in cuts:
            more = 0x2000 if end < len(data) else 0
            out.append(ether(ip4(CLIENT4, SERVER4, 17, data[at:end], ident, more | at // 8)))
        for at, text in other:
            out.append(ether(ip4(CLIENT4, SERVER4, 17, text, ident, 0x2000 | at // 8)))
        return out

    head = tcp(CLIENT4, 40000, SERVER4, 80, 1000, 0, SYN)
    frames = [
        ether(ip4(CLIENT4, SERVER4, 6, head[:8], 5, 0x2000)),
        ether(ip4(CLIENT4, SERVER4, 6, head[8:], 5, 1)),
    ]
    query = udp(CLIENT4, 5000, SERVER4, 53, dns_query(7, "a." * 60 + "example", 1))
    frames += pieces(6, [(0, 80), (72, 120)], query, [(112, query[112:120])])
    frames += pieces(7, [(0, 80)], query, [(64, b"evil" * 12)])
    return pcap(frames)


def case_screen_reset():
    # A reset that nobody believes in the middle, and a real one at the end.
    stream = Stream().open().data(0, REQUEST)
    stream.send(1, RST, offset=500_000_000)
    stream.next[1] = stream.isn[1] + 1
    stream.data(1, b"HTTP/1.1 204 No Content\r\n\r\n")
    stream.send(0, RST)
    return pcap(framed(stream))

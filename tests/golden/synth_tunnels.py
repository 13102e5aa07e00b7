# SPDX-License-Identifier: BSD-3-Clause
"""Cases of synth.py: tunnels, and link types that no interface here has.

Each carries the same exchange, an HTTP request and its response, so that what differs between the
expected logs is the way it came."""
import struct

from synth import (
    ACK, CLIENT4, CLIENT6, CLIENT_MAC, PSH, REQUEST, SERVER4, SERVER6, SERVER_MAC, Stream,
    address, dns_query, dns_reply, ether, http, icmp, ip, ip4, ip6, pcap, udp,
)

NEAR4, FAR4 = "203.0.113.1", "203.0.113.2"
NEAR6, FAR6 = "2001:db8:f::1", "2001:db8:f::2"
INNER_CLIENT_MAC, INNER_SERVER_MAC = b"\x06\0\0\0\0\1", b"\x06\0\0\0\0\2"


def ends(to_server, near=NEAR4, far=FAR4):
    return (near, far) if to_server else (far, near)


def ethertype(packet):
    return 0x86DD if packet[0] >> 4 == 6 else 0x0800


def inner_ether(packet, to_server=True, tags=b""):
    macs = INNER_SERVER_MAC + INNER_CLIENT_MAC if to_server else INNER_CLIENT_MAC + INNER_SERVER_MAC
    return macs + tags + struct.pack(">H", ethertype(packet)) + packet


def over_ip(stream, proto, wrap, near=NEAR4, far=FAR4):
    """Frames of a stream inside IP protocol proto; wrap(packet, to_server, n) makes its payload."""
    frames = []
    for n, (to_server, packet) in enumerate(stream.packets):
        src, dst = ends(to_server, near, far)
        frames.append(ether(ip(src, dst, proto, wrap(packet, to_server, n)), to_server))
    return frames


def over_udp(stream, ports, wrap, near=NEAR4, far=FAR4):
    """The same over UDP; ports(to_server) gives source and destination."""
    frames = []
    for n, (to_server, packet) in enumerate(stream.packets):
        src, dst = ends(to_server, near, far)
        sport, dport = ports(to_server)
        datagram = udp(src, sport, dst, dport, wrap(packet, to_server, n))
        frames.append(ether(ip(src, dst, 17, datagram), to_server))
    return frames


def gre(packet, kind=None, key=None, sequence=None, version=0):
    flags = (0x2000 if key is not None else 0) | (0x1000 if sequence is not None else 0) | version
    head = struct.pack(">HH", flags, ethertype(packet) if kind is None else kind)
    head += struct.pack(">I", key) if key is not None else b""
    head += struct.pack(">I", sequence) if sequence is not None else b""
    return head + packet


def vxlan(frame, vni=42):
    return struct.pack(">II", 0x08000000, vni << 8) + frame


def geneve(payload, vni=43, kind=0x6558, options=b""):
    return struct.pack(">BBHI", len(options) // 4, 0, kind, vni << 8) + options + payload


def gtpu(packet, teid=0xCAFE, sequence=None):
    extra = b"" if sequence is None else struct.pack(">HBB", sequence, 0, 0)
    flags = 0x30 if sequence is None else 0x32
    return struct.pack(">BBHI", flags, 255, len(extra + packet), teid) + extra + packet


def mpls(*labels):
    last = len(labels) - 1
    return b"".join(struct.pack(">I", v << 12 | (n == last) << 8 | 64) for n, v in enumerate(labels))


def pppoe(packet, session=7):
    kind = 0x0057 if packet[0] >> 4 == 6 else 0x0021
    return struct.pack(">BBHHH", 0x11, 0, session, 2 + len(packet), kind) + packet


def typed(kind, payload, to_server):
    macs = SERVER_MAC + CLIENT_MAC if to_server else CLIENT_MAC + SERVER_MAC
    return macs + struct.pack(">H", kind) + payload


# Tunnels ------------------------------------------------------------------------------------------


def case_tunnel_gre():
    return pcap(over_ip(http(), 47, lambda p, to_server, n: gre(p, key=77, sequence=n)))


def case_tunnel_gre_ethernet():
    v6 = http(client=CLIENT6, server=SERVER6)
    return pcap(over_ip(v6, 47, lambda p, to_server, n: gre(inner_ether(p, to_server), 0x6558)))


def case_tunnel_gre_udp():
    # RFC 8086: the source port spreads the flows.
    ports = lambda to_server: (50001 if to_server else 50002, 4754)
    return pcap(over_udp(http(), ports, lambda p, *_: gre(p)))


def case_tunnel_pptp():
    def wrap(packet, to_server, n):
        ppp = b"\xff\x03\x00\x21" + packet
        return gre(ppp, 0x880B, key=len(ppp) << 16 | 0x11 + to_server, sequence=n, version=1)

    return pcap(over_ip(http(), 47, wrap))


def case_tunnel_erspan():
    def wrap(packet, to_server, n):
        head = struct.pack(">II", 0x1000_0000 | 5 << 16 | 9, 0)
        return gre(head + inner_ether(packet, to_server), 0x88BE, sequence=n)

    # A mirror sends both directions the same way.
    frames = []
    for n, (to_server, packet) in enumerate(http().packets):
        frames.append(ether(ip4(NEAR4, FAR4, 47, wrap(packet, to_server, n))))
    return pcap(frames)


def case_tunnel_vxlan():
    ports = lambda to_server: (50001 if to_server else 50002, 4789)
    return pcap(over_udp(http(), ports, lambda p, to_server, n: vxlan(inner_ether(p, to_server))))


def case_tunnel_vxlan_arp():
    # What is no IP belongs to the tunnel too.
    arp = b"\0\1\x08\0\6\4\0\1" + b"\0" * 20
    frame = b"\xff" * 6 + INNER_CLIENT_MAC + b"\x08\x06" + arp
    datagram = udp(NEAR4, 50001, FAR4, 4789, vxlan(frame))
    frames = [ether(ip4(NEAR4, FAR4, 17, datagram))] * 2
    ports = lambda to_server: (50001, 4789)
    stream = Stream().open()
    return pcap(frames + over_udp(stream, ports, lambda p, c, n: vxlan(inner_ether(p, c))))


def case_tunnel_geneve():
    option = struct.pack(">HBB", 0x0102, 0x80, 1) + b"opt!"
    ports = lambda to_server: (50001 if to_server else 50002, 6081)
    wrap = lambda p, to_server, n: geneve(inner_ether(p, to_server), options=option)
    return pcap(over_udp(http(), ports, wrap, NEAR6, FAR6))


def case_tunnel_gtpu():
    ports = lambda to_server: (2152, 2152)
    return pcap(over_udp(http(), ports, lambda p, to_server, n: gtpu(p, 0x10 + to_server, n)))


def case_tunnel_teredo():
    # A router solicitation with authentication, its answer with origin, then from peer to peer.
    client, server = "2001:0:cb00:7101:0:63bf:34ff:8ef5", "2001:0:cb00:7101:0:63bf:34ff:8ef6"
    link, all_routers, router = "fe80::1", "ff02::2", "fe80::2"
    auth = b"\0\1\0\0" + b"N" * 8 + b"\0"
    origin = b"\0\0" + struct.pack(">HI", 3000 ^ 0xFFFF, 0xC633640A ^ 0xFFFFFFFF)
    ask = ip6(link, all_routers, 58, icmp(link, all_routers, 133, 0, b"\0" * 4, True))
    tell = ip6(router, link, 58, icmp(router, link, 134, 0, b"\0" * 12, True))
    bubble = ip6(client, server, 59, b"")
    frames = [
        ether(ip4(CLIENT4, NEAR4, 17, udp(CLIENT4, 3000, NEAR4, 3544, auth + ask))),
        ether(ip4(NEAR4, CLIENT4, 17, udp(NEAR4, 3544, CLIENT4, 3000, auth + origin + tell)), False),
        ether(ip4(CLIENT4, SERVER4, 17, udp(CLIENT4, 3000, SERVER4, 32000, bubble))),
    ]
    stream = http(client=client, server=server)
    ports = lambda to_server: (3000, 32000) if to_server else (32000, 3000)
    return pcap(frames + over_udp(stream, ports, lambda p, *_: p, CLIENT4, SERVER4))


def case_tunnel_ipip():
    return pcap(over_ip(http(), 4, lambda p, *_: p))


def case_tunnel_6in4():
    return pcap(over_ip(http(client=CLIENT6, server=SERVER6), 41, lambda p, *_: p))


def case_tunnel_4in6():
    return pcap(over_ip(http(), 4, lambda p, *_: p, NEAR6, FAR6))


def case_tunnel_6in6():
    return pcap(over_ip(http(client=CLIENT6, server=SERVER6), 41, lambda p, *_: p, NEAR6, FAR6))


def case_tunnel_nested():
    # IP in GRE in VXLAN in IP in IP.
    def wrap(packet, to_server, n):
        src, dst = ends(to_server, "10.1.0.1", "10.1.0.2")
        inner = ip4(src, dst, 47, gre(packet))
        src, dst = ends(to_server, "10.2.0.1", "10.2.0.2")
        datagram = udp(src, 50001 if to_server else 50002, dst, 4789, vxlan(inner_ether(inner, to_server)))
        return ip4(src, dst, 17, datagram)

    return pcap(over_ip(http(), 4, wrap))


def case_tunnel_too_deep():
    def wrap(packet, to_server, n):
        src, dst = ends(to_server)
        for _ in range(9):
            packet = ip4(src, dst, 47, gre(packet))
        return packet

    return pcap(over_ip(Stream().open(), 4, wrap))


def case_tunnel_malformed():
    # Headers of tunnels and nothing right inside: plain datagrams, and plain GRE.
    broken = ip4(CLIENT4, SERVER4, 6, b"\0" * 20)
    frames = [
        ether(ip4(NEAR4, FAR4, 17, udp(NEAR4, 50001, FAR4, 4789, vxlan(inner_ether(broken))))),
        ether(ip4(NEAR4, FAR4, 17, udp(NEAR4, 2152, FAR4, 2152, gtpu(broken[:15])))),
        ether(ip4(NEAR4, FAR4, 17, udp(NEAR4, 50002, FAR4, 6081, b"\xc0" * 40))),
        ether(ip4(NEAR4, FAR4, 47, gre(b"\x45" * 12, 0x0800))),
        ether(ip4(NEAR4, FAR4, 47, gre(b"keep", 0x0000))),
    ]
    return pcap(frames)


def case_tunnel_fragments():
    # The outer packets are too long for their link: two fragments each, of GRE and of VXLAN.
    stream = Stream().open()
    stream.send(0, PSH | ACK, REQUEST)
    frames = []
    for n, (to_server, packet) in enumerate(stream.packets):
        src, dst = ends(to_server)
        for proto, payload in (
            (47, gre(packet)),
            (17, udp(src, 50001, dst, 4789, vxlan(inner_ether(packet, to_server)))),
        ):
            cut = 64 if len(payload) > 64 else None
            for at, more in ((0, 0x2000), (cut, 0)) if cut else ((0, 0),):
                part = payload[at : cut if more else None]
                frames.append(ether(ip4(src, dst, proto, part, n + 1, more | at // 8), to_server))
    return pcap(frames)


def case_tunnel_dns_on_port():
    # A name server's client that happens to have a tunnel's port.
    frames = []
    for n, port in enumerate((2152, 3544, 4789, 6081)):
        query = dns_query(0x6000 + n, "tunnel.example", 1)
        answer = dns_reply(0x6000 + n, "tunnel.example", 1, [address(FAR4)])
        frames.append(ether(ip4(CLIENT4, SERVER4, 17, udp(CLIENT4, port, SERVER4, 53, query))))
        frames.append(ether(ip4(SERVER4, CLIENT4, 17, udp(SERVER4, 53, CLIENT4, port, answer)), False))
    return pcap(frames)


# Link layers --------------------------------------------------------------------------------------


def case_link_mpls():
    return pcap([typed(0x8847, mpls(100, 200) + p, c) for c, p in http().packets])


def case_link_pseudowire():
    frames = [typed(0x8847, mpls(100) + b"\0\0\0\1" + inner_ether(p, c), c) for c, p in http().packets]
    return pcap(frames)


def case_link_pppoe():
    return pcap([typed(0x8864, pppoe(p), c) for c, p in http(client=CLIENT6, server=SERVER6).packets])


def case_link_pbb():
    tag = b"\x00\x01\x02\x03"
    frames = []
    for to_server, packet in http().packets:
        customer = inner_ether(packet, to_server, b"\x81\x00\x00\x2a")
        frames.append(typed(0x88A8, b"\0\x64\x88\xe7" + tag + customer, to_server))
    return pcap(frames)


def case_link_snap():
    frames = []
    for to_server, packet in http().packets:
        body = b"\xaa\xaa\x03\0\0\0\x08\0" + packet
        frames.append(typed(len(body), body, to_server))
    return pcap(frames)


def wifi(packet, to_server, qos=False, protected=False, four=False):
    control = 0x88 if qos else 0x08
    flags = (3 if four else 1 if to_server else 2) | (0x40 if protected else 0)
    head = struct.pack("<BBH", control, flags, 0) + SERVER_MAC + CLIENT_MAC + b"\x02\0\0\0\0\7\x10\0"
    head += SERVER_MAC if four else b""
    head += b"\0\0" if qos else b""
    return head + b"\xaa\xaa\x03\0\0\0" + struct.pack(">H", ethertype(packet)) + packet


def case_link_80211():
    frames = [wifi(p, c, qos=c, four=n % 2 == 1) for n, (c, p) in enumerate(http().packets)]
    beacon = b"\x80\0\0\0" + b"\xff" * 20 + b"\0" * 20
    return pcap([beacon] + frames + [wifi(b"\x45" * 60, True, protected=True)], linktype=105)


def case_link_radiotap():
    # A time stamp and flags that tell of padding; then one with flags only.
    frames = []
    for n, (to_server, packet) in enumerate(http(client=CLIENT6, server=SERVER6).packets):
        frame = wifi(packet, to_server, qos=True)
        if n % 2:
            head = struct.pack("<BBHIQB", 0, 0, 17, 3, n, 0x20)
            frame = frame[:26] + b"\0\0" + frame[26:]
        else:
            head = struct.pack("<BBHIB", 0, 0, 9, 2, 0)
        frames.append(head + frame)
    return pcap(frames, linktype=127)


def case_link_prism():
    head = struct.pack("<II", 0x44, 144) + b"\0" * 136
    avs = struct.pack(">II", 0x80211001, 64) + b"\0" * 56
    frames = [(avs if n % 2 else head) + wifi(p, c) for n, (c, p) in enumerate(http().packets)]
    return pcap(frames, linktype=119)


def case_link_ppp():
    frames = [(b"\xff\x03\0\x21" if n % 2 else b"\x21") + p for n, (_, p) in enumerate(http().packets)]
    return pcap(frames, linktype=9)


def case_link_hdlc():
    frames = [(b"\x0f\0\x08\0" if n % 2 else b"\xff\x03\0\x21") + p for n, (_, p) in enumerate(http().packets)]
    return pcap(frames, linktype=50)


def case_link_ppp_ether():
    return pcap([pppoe(p) for _, p in http().packets], linktype=51)


def case_link_mpls_only():
    return pcap([mpls(16, 17, 18) + p for _, p in http().packets], linktype=219)


def case_link_nflog():
    frames = []
    for n, (_, packet) in enumerate(http().packets):
        items = struct.pack("<HHI", 5, 5, 0)[:5] + b"\0\0\0" + struct.pack("<HH", 4 + len(packet), 9)
        frames.append(b"\2\0\0\0" + items + packet)
    return pcap(frames, linktype=239)


def case_link_pktap():
    frames = []
    for n, (to_server, packet) in enumerate(http().packets):
        head = struct.pack("<III", 108, 1, 1 if n % 2 else 12) + b"\0" * 96
        frames.append(head + (ether(packet, to_server) if n % 2 else packet))
    return pcap(frames, linktype=258)

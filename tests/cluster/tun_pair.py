#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A point-to-point link of IP packets without a link layer: tun devices in two network namespaces,
and this process carries packets between them until it is ended.

usage: tun_pair.py NAME NAMESPACE NAMESPACE
"""
import ctypes
import fcntl
import os
import select
import struct
import sys

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000


def open_tun(name, namespace):
    with open(f"/run/netns/{namespace}", "rb") as ns:
        if ctypes.CDLL(None, use_errno=True).setns(ns.fileno(), 0) != 0:
            sys.exit(f"cannot enter {namespace}: {os.strerror(ctypes.get_errno())}")
    fd = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    return fd


def main():
    name, *namespaces = sys.argv[1:]
    a, b = (open_tun(name, n) for n in namespaces)
    other = {a: b, b: a}
    while True:
        for fd in select.select([a, b], [], [])[0]:
            try:
                os.write(other[fd], os.read(fd, 65536))
            except OSError:  # the other end is down
                pass


main()

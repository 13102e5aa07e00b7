#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Servers and clients of HTTPS by Python's two ways to use OpenSSL: a socket inside the library
(ssl), and buffers in memory (asyncio). Debian's Python, whose OpenSSL is the system's.

usage: tls_peer.py serve ssl|asyncio ADDRESS PORT CERTIFICATE KEY    a line a request to the output
       tls_peer.py ask ssl|asyncio ADDRESS PORT CONNECTIONS REQUESTS AT-ONCE

A client asks for $OURS/PID/PORT/N, N counting the requests of a connection; each third request is
answered with 20 kB, each fifth asks with a body.
"""
import asyncio
import concurrent.futures
import os
import socket
import ssl
import sys
import threading

LARGE = b"a" * 20000


def client_context():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def server_context(certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def head_length(head):
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            return int(line.split(b":")[1])
    return 0


def request(port, n):
    uri = f"{os.environ['OURS']}/{os.getpid()}/{port}/{n}"
    if n % 5:
        return f"GET {uri} HTTP/1.1\r\nHost: peer\r\n\r\n".encode()
    return f"POST {uri} HTTP/1.1\r\nHost: peer\r\nContent-Length: 9\r\n\r\nin a body".encode()


def answer(head):
    method, uri, _ = head.split(b"\r\n")[0].decode().split()
    last = uri.rsplit("/", 1)[1]
    body = LARGE if last.isdigit() and int(last) % 3 == 0 else b"answered\n"
    # One write: lines of several threads stay whole.
    sys.stdout.write(f"{method} {uri} 200 {len(body)} {os.getpid()}\n")
    sys.stdout.flush()
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode(), body


def read_message(file):
    """Head and body of a message; None at the end."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = file.readline()
        if not line:
            return None
        head += line
    return head, file.read(head_length(head))


def serve_one(connection):
    try:
        connection.do_handshake()
        with connection, connection.makefile("rb") as file:
            while message := read_message(file):
                for part in answer(message[0]):
                    connection.sendall(part)
    except OSError:
        pass


def serve_ssl(address, port, certificate, key):
    context = server_context(certificate, key)
    with socket.create_server((address, port), backlog=1024) as listener:
        while True:
            plain, _ = listener.accept()
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            wrapped = context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
            threading.Thread(target=serve_one, args=(wrapped,), daemon=True).start()


def ask_one(context, address, port, requests):
    with socket.create_connection((address, port), 10) as plain:
        with context.wrap_socket(plain) as connection, connection.makefile("rb") as file:
            for n in range(1, requests + 1):
                connection.sendall(request(connection.getsockname()[1], n))
                assert read_message(file)[0].startswith(b"HTTP/1.1 200")


def ask_ssl(address, port, connections, requests, at_once):
    context = client_context()
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        for done in [pool.submit(ask_one, context, address, port, requests)
                     for _ in range(connections)]:
            done.result()


async def read_message_soon(reader):
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        return head, await reader.readexactly(head_length(head))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


async def serve_asyncio(address, port, certificate, key):
    async def serve(reader, writer):
        while message := await read_message_soon(reader):
            for part in answer(message[0]):
                writer.write(part)
            await writer.drain()
        writer.close()

    context = server_context(certificate, key)
    server = await asyncio.start_server(serve, address, port, ssl=context, backlog=1024)
    await server.serve_forever()


async def ask_asyncio(address, port, connections, requests, at_once):
    context = client_context()
    room = asyncio.Semaphore(at_once)

    async def ask():
        async with room:
            reader, writer = await asyncio.open_connection(address, port, ssl=context)
            for n in range(1, requests + 1):
                writer.write(request(writer.get_extra_info("sockname")[1], n))
                assert (await read_message_soon(reader))[0].startswith(b"HTTP/1.1 200")
            writer.close()
            await writer.wait_closed()

    await asyncio.gather(*(ask() for _ in range(connections)))


def main():
    what, way, address, port, *rest = sys.argv[1:]
    if what == "ask":
        rest = map(int, rest)
    call = globals()[f"{what}_{way}"](address, int(port), *rest)
    if way == "asyncio":
        asyncio.run(call)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)

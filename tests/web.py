#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Servers and a client for what nginx and curl do not do: WebSocket, a proxy, bodies of all kinds.

usage: web.py websocket ADDRESS PORT [--certificate FILE --key FILE]
                                             echoes; "bye" is answered by closing with 4001
       web.py talk URI [--deflate] [--bye] [--proxy ADDRESS:PORT]
                                             a conversation with it: text, fragments, binary, ping
       web.py proxy ADDRESS PORT             lets CONNECT to port 443 through, refuses other ports
       web.py bodies ADDRESS PORT            GET /json /chunked /deflate /events /file /grpc, any POST

Debian's Python, since python3-websockets is its package.
"""
import argparse
import asyncio
import gzip
import http.server
import json
import socket
import ssl
import sys
import zlib


async def echo(web):
    async for message in web:
        if message == "bye":
            await web.close(4001, "as you wish")
            return
        if isinstance(message, str) and message.startswith("parts "):
            await web.send(message.split())
        else:
            await web.send(message)


async def websocket(address, port, certificate, key):
    import websockets

    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
    async with websockets.serve(echo, address, port, subprotocols=["chat"], ssl=context):
        await asyncio.Future()


def tunnel(proxy, target):
    """A socket through a proxy's CONNECT."""
    host, port = proxy.rsplit(":", 1)
    connection = socket.create_connection((host, int(port)), 10)
    connection.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += connection.recv(1)
    assert answer.startswith(b"HTTP/1.1 200"), answer
    return connection


async def talk(uri, deflate, bye, proxy):
    import websockets

    options = {"compression": "deflate" if deflate else None, "user_agent_header": "golden"}
    if uri.startswith("wss:"):
        # Whom it talks to is not what is tried here.
        options["ssl"] = ssl._create_unverified_context()
    if proxy:
        options["sock"] = tunnel(proxy, uri.split("/")[2])
    if deflate:
        options["subprotocols"] = ["superchat", "chat"]
    async with websockets.connect(uri, **options) as web:
        for message in ("hello", "parts one two three", b"\0" * 300):
            await web.send(message)
            await web.recv()
        await web.send(["in ", "two pieces"])
        await web.recv()
        await (await web.ping(b"are you there"))
        if bye:
            await web.send("bye")
            await web.wait_closed()


async def pipe(reader, writer):
    while data := await reader.read(4096):
        writer.write(data)
        await writer.drain()
    writer.close()


async def proxy_one(reader, writer):
    request = (await reader.readuntil(b"\r\n\r\n")).decode()
    host, port = request.split()[1].rsplit(":", 1)
    if port != "443":
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nno\n")
        writer.close()
        return
    there = await asyncio.open_connection(host, int(port))
    writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
    await asyncio.gather(pipe(reader, there[1]), pipe(there[0], writer))


async def proxy(address, port):
    server = await asyncio.start_server(proxy_one, address, port)
    await server.serve_forever()


ANSWERS = {  # path: content type, further headers, body
    "/json": ("application/json", {"Content-Encoding": "gzip"},
              gzip.compress(json.dumps({"numbers": list(range(40))}).encode(), mtime=0)),
    "/deflate": ("text/html", {"Content-Encoding": "deflate"},
                 zlib.compress(b"<!DOCTYPE html><title>deflated</title>")),
    "/events": ("text/event-stream", {}, b"data: first\n\ndata: second\n\n"),
    "/file": ("application/octet-stream",
              {"Content-Disposition": "attachment; filename*=UTF-8''na%C3%AFve.gif"},
              b"GIF89a\1\0\1\0\0\0\0;"),
    "/chunked": ("application/octet-stream", {}, b"%PDF-1.4\n%%EOF\n"),
    "/grpc": ("application/grpc-web+proto", {}, b"\0\0\0\0\0"),
}


class Bodies(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "bodies"
    sys_version = ""

    def do_GET(self):
        kind, headers, body = ANSWERS.get(self.path, ("text/plain", {}, b"nothing here\n"))
        self.send_response(200 if self.path in ANSWERS else 404)
        self.send_header("Content-Type", kind)
        for name, value in headers.items():
            self.send_header(name, value)
        if self.path == "/chunked":
            self.send_header("Transfer-Encoding", "chunked")
            self.send_header("Trailer", "X-Sum")
            body = b"".join(b"1;a=b\r\n%c\r\n" % c for c in body) + b"0\r\nX-Sum: 1\r\n\r\n"
        else:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if self.command == "GET" else b"")

    do_HEAD = do_GET

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        kind = self.headers.get("Accept", "text/plain")
        body = b'{"data": {"a": 1}}' if "json" in kind else b"\0\1\x81\x80"
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("what", choices=["websocket", "talk", "proxy", "bodies"])
    parser.add_argument("where")
    parser.add_argument("port", type=int, nargs="?")
    parser.add_argument("--deflate", action="store_true")
    parser.add_argument("--bye", action="store_true")
    parser.add_argument("--proxy")
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    args = parser.parse_args()
    if args.what == "bodies":
        http.server.ThreadingHTTPServer((args.where, args.port), Bodies).serve_forever()
    elif args.what == "talk":
        asyncio.run(talk(args.where, args.deflate, args.bye, args.proxy))
    elif args.what == "websocket":
        asyncio.run(websocket(args.where, args.port, args.certificate, args.key))
    else:
        asyncio.run(proxy(args.where, args.port))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)

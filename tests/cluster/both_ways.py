#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A program that is client and server at once: of HTTP/1.1, of gRPC-Web in it, and of gRPC, by two
users of OpenSSL in one process: Python's ssl module and the gRPC library.

usage: both_ways.py ADDRESS PEER CERTIFICATE KEY CA

Serves gRPC at port 50061 and HTTPS at port 8461 of its address. GET PREFIX/ask/NAME there has it ask
its peer, which is another one of it, in each way: GET PREFIX/NAME, POST PREFIX.Web/NAME and the call
PREFIX.Echo/NAME. It is answered with what came back.

Debian's Python, since python3-grpcio is its package.
"""
import http.client
import http.server
import socketserver
import ssl
import sys
from concurrent import futures

import grpc

GRPC_PORT, HTTPS_PORT = 50061, 8461
WEB = "application/grpc-web+proto"


class Echo(grpc.GenericRpcHandler):
    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(lambda message, _: message)


def frame(flags, payload):
    return bytes([flags]) + len(payload).to_bytes(4, "big") + payload


class Peer:
    def __init__(self, address, ca):
        self.address = address
        self.ca = ca

    def https(self, method, path, headers, body):
        context = ssl.create_default_context(cafile=self.ca)
        context.check_hostname = False
        connection = http.client.HTTPSConnection(self.address, HTTPS_PORT, context=context, timeout=10)
        connection.request(method, path, body, headers)
        answer = connection.getresponse().read()
        connection.close()
        return answer

    def call(self, path, message):
        with open(self.ca, "rb") as file:
            credentials = grpc.ssl_channel_credentials(file.read())
        name = [("grpc.ssl_target_name_override", "www.example.org")]
        with grpc.secure_channel(f"{self.address}:{GRPC_PORT}", credentials, options=name) as channel:
            return channel.unary_unary(path)(message, timeout=10)

    def ask(self, prefix, name):
        web = self.https("POST", f"{prefix}.Web/{name}", {"Content-Type": WEB}, frame(0, b"asked"))
        return [self.https("GET", f"{prefix}/{name}", {}, None), web[5:10],
                self.call(f"{prefix}.Echo/{name}", b"called")]


class Https(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    peer = None

    def answer(self, body, kind):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        prefix, asked, name = self.path.partition("/ask/")
        body = b" ".join(self.peer.ask(prefix, name)) if asked else b"got"
        self.answer(body, "text/plain")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(body + frame(0x80, b"grpc-status: 0\r\n"), WEB)

    def log_message(self, *_):
        pass


class HttpsServer(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


def main():
    address, peer, certificate, key, ca = sys.argv[1:]
    with open(key, "rb") as k, open(certificate, "rb") as c:
        credentials = grpc.ssl_server_credentials([(k.read(), c.read())])
    calls = grpc.server(futures.ThreadPoolExecutor(4), handlers=[Echo()])
    calls.add_secure_port(f"{address}:{GRPC_PORT}", credentials)
    calls.start()
    Https.peer = Peer(peer, ca)
    server = HttpsServer((address, HTTPS_PORT), Https)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()


if __name__ == "__main__":
    main()

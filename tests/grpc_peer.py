#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A gRPC server and client, without protobuf: messages are plain bytes.

usage: grpc_peer.py serve ADDRESS PORT [CERTIFICATE KEY]
       grpc_peer.py call ADDRESS:PORT [--gzip] [--ca FILE] METHOD [MESSAGE...]
       grpc_peer.py many ADDRESS:PORT [--ca FILE] CALLS    so many Unary calls on one connection

With a certificate, of www.example.org, and --ca it is over TLS.
Methods of test.v1.Echo: Unary (echo), Split (an answer a letter), Join (one answer to all),
Talk (echo of each), Fail (NOT_FOUND with a message), Slow (answers once; the client gives up).
Each call prints a line: method, status, messages that came back, their bytes.

Debian's Python, since python3-grpcio is its package.
"""
import argparse
import sys
import threading
from concurrent import futures

import grpc

SERVICE = "/test.v1.Echo/"
SHAPES = {
    "Unary": ("unary", "unary"),
    "Split": ("unary", "stream"),
    "Join": ("stream", "unary"),
    "Talk": ("stream", "stream"),
    "Fail": ("unary", "unary"),
    "Slow": ("unary", "stream"),
}


def fail(_, context):
    context.abort(grpc.StatusCode.NOT_FOUND, "no such thing: café 100%")


def slow(message, context):
    over = threading.Event()
    context.add_callback(over.set)
    yield message
    over.wait(20)


BEHAVIOURS = {
    "Unary": lambda message, _: message,
    "Split": lambda message, _: (message[i : i + 1] for i in range(len(message))),
    "Join": lambda messages, _: b"".join(messages),
    "Talk": lambda messages, _: messages,
    "Fail": fail,
    "Slow": slow,
}


class Echo(grpc.GenericRpcHandler):
    def service(self, details):
        name = details.method.removeprefix(SERVICE)
        if name not in SHAPES:
            return None
        make = getattr(grpc, "%s_%s_rpc_method_handler" % SHAPES[name])
        return make(BEHAVIOURS[name])


def read(path):
    with open(path, "rb") as file:
        return file.read()


def serve(address, port, certificate=None, key=None):
    server = grpc.server(futures.ThreadPoolExecutor(4), handlers=[Echo()])
    where = f"{address}:{port}"
    if certificate:
        pair = (read(key), read(certificate))
        server.add_secure_port(where, grpc.ssl_server_credentials([pair]))
    else:
        server.add_insecure_port(where)
    server.start()
    server.wait_for_termination()


def connect(args):
    compression = grpc.Compression.Gzip if args.gzip else grpc.Compression.NoCompression
    if not args.ca:
        return grpc.insecure_channel(args.where, compression=compression)
    return grpc.secure_channel(
        args.where, grpc.ssl_channel_credentials(read(args.ca)), compression=compression,
        options=[("grpc.ssl_target_name_override", "www.example.org")])


def call(channel, name, messages):
    """Status, and what came back."""
    path = name if name.startswith("/") else SERVICE + name
    asks, answers = SHAPES.get(name, ("unary", "unary"))
    method = getattr(channel, f"{asks}_{answers}")(path)
    came = []
    try:
        reply = method(iter(messages) if asks == "stream" else messages[0], timeout=10)
        for message in [reply] if answers == "unary" else reply:
            came.append(message)
            if name == "Slow":
                reply.cancel()
    except grpc.RpcError as error:
        return error.code(), came
    return grpc.StatusCode.OK, came


def main():
    if sys.argv[1:2] == ["serve"]:
        serve(*sys.argv[2:])
        return
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("what", choices=["call", "many"])
    parser.add_argument("where")
    parser.add_argument("--gzip", action="store_true")
    parser.add_argument("--ca")
    parser.add_argument("name")
    parser.add_argument("messages", nargs="*")
    args = parser.parse_args()
    calls = [(args.name, [m.encode() for m in args.messages] or [b""])]
    if args.what == "many":
        calls = [("Unary", [b"x" * (n % 50)]) for n in range(int(args.name))]
    with connect(args) as channel:
        for name, messages in calls:
            code, came = call(channel, name, messages)
            print(name, code.name, len(came), sum(map(len, came)))


if __name__ == "__main__":
    main()

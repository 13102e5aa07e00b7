#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A gRPC server and client, without protobuf: messages are plain bytes.

usage: grpc_peer.py serve ADDRESS PORT
       grpc_peer.py call ADDRESS:PORT [--gzip] METHOD [MESSAGE...]
       grpc_peer.py many ADDRESS:PORT CALLS        so many Unary calls on one connection

Methods of test.v1.Echo: Unary (echo), Split (an answer a letter), Join (one answer to all),
Talk (echo of each), Fail (NOT_FOUND with a message), Slow (answers once; the client gives up).
Each call prints a line: method, status, messages that came back, their bytes.

Debian's Python, since python3-grpcio is its package.
"""
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


def serve(address, port):
    server = grpc.server(futures.ThreadPoolExecutor(4), handlers=[Echo()])
    server.add_insecure_port(f"{address}:{port}")
    server.start()
    server.wait_for_termination()


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
    what, where = sys.argv[1:3]
    if what == "serve":
        serve(where, sys.argv[3])
        return
    gzip = len(sys.argv) > 3 and sys.argv[3] == "--gzip"
    compression = grpc.Compression.Gzip if gzip else grpc.Compression.NoCompression
    with grpc.insecure_channel(where, compression=compression) as channel:
        rest = sys.argv[4 if gzip else 3 :]
        if what == "many":
            calls = [("Unary", [b"x" * (n % 50)]) for n in range(int(rest[0]))]
        else:
            calls = [(rest[0], [m.encode() for m in rest[1:]] or [b""])]
        for name, messages in calls:
            code, came = call(channel, name, messages)
            print(name, code.name, len(came), sum(map(len, came)))


if __name__ == "__main__":
    main()

#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Servers whose connections turn into something else: STARTTLS in many protocols, SOCKS 4 and 4a.

usage: turn.py starttls PROTOCOL ADDRESS PORT CERTIFICATE KEY [--refuse]
           smtp imap pop3 ftp nntp sieve xmpp ldap postgres mysql, as openssl s_client -starttls
           speaks them; says one line through TLS and closes. --refuse: no TLS today.
       turn.py socks4 ADDRESS PORT
"""
import argparse
import socket
import socketserver
import ssl
import struct
import threading

# What the server says first; then, for each line of the client that begins like this, its answer.
# The last answer is the one before TLS. {tag} is the first word of the line.
LINES = {
    "smtp": ("220 mail.example.org ESMTP\r\n", [
        ("EHLO", "250-mail.example.org\r\n250 STARTTLS\r\n"), ("STARTTLS", "220 2.0.0 go ahead\r\n")]),
    "imap": ("* OK ready\r\n", [
        ("CAPABILITY", "* CAPABILITY IMAP4rev1 STARTTLS\r\n{tag} OK done\r\n"),
        ("STARTTLS", "{tag} OK begin\r\n")]),
    "pop3": ("+OK ready\r\n", [("CAPA", "+OK\r\nSTLS\r\n.\r\n"), ("STLS", "+OK begin\r\n")]),
    "ftp": ("220 files\r\n", [
        ("FEAT", "211-Features\r\n AUTH TLS\r\n211 End\r\n"), ("AUTH TLS", "234 begin\r\n")]),
    "nntp": ("200 news.example.org InterNetNews ready\r\n", [
        ("CAPABILITIES", "101 list\r\nSTARTTLS\r\n.\r\n"), ("STARTTLS", "382 begin\r\n")]),
    "sieve": ('"IMPLEMENTATION" "turn"\r\n"STARTTLS"\r\nOK\r\n', [("STARTTLS", "OK begin\r\n")]),
    "xmpp": ("", [
        ("<stream:stream", "<?xml version='1.0'?><stream:stream from='example.org' id='1' "
         "xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"
         "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>"),
        ("<starttls", "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")]),
}
REFUSALS = {"smtp": "454 not now\r\n", "imap": "{tag} BAD no\r\n", "pop3": "-ERR no\r\n"}


def read_line(connection, end):
    line = b""
    while not line.endswith(end):
        byte = connection.recv(1)
        if not byte:
            return None
        line += byte
    return line.decode().strip()


def talk_lines(connection, protocol, refuse):
    """True when TLS begins."""
    greeting, answers = LINES[protocol]
    connection.sendall(greeting.encode())
    while (line := read_line(connection, b">" if protocol == "xmpp" else b"\n")) is not None:
        tag, _, rest = line.partition(" ")
        command = rest if protocol == "imap" else line
        for begins, answer in answers:
            if command.upper().startswith(begins.upper()):
                turns = answer is answers[-1][1]
                if turns and refuse:
                    turns, answer = False, REFUSALS[protocol]
                connection.sendall(answer.format(tag=tag).encode())
                if turns:
                    return True
    return False


def read_exactly(connection, n):
    data = b""
    while len(data) < n:
        piece = connection.recv(n - len(data))
        if not piece:
            raise ConnectionError("closed early")
        data += piece
    return data


def talk_postgres(connection, _, refuse):
    assert read_exactly(connection, 8) == struct.pack(">II", 8, 80877103)
    connection.sendall(b"N" if refuse else b"S")
    return not refuse


def talk_mysql(connection, *_):
    greeting = b"\x0a8.0.36\0" + struct.pack("<I", 1) + b"12345678\0" + b"\xff\xff\xff\x02\0\xff\xdf\x15"
    greeting += bytes(10) + b"123456789012\0" + b"caching_sha2_password\0"
    connection.sendall(struct.pack("<I", len(greeting)) + greeting)
    size = struct.unpack("<I", read_exactly(connection, 4))[0] & 0xFFFFFF
    return size == 32 and len(read_exactly(connection, size)) == 32


def talk_ldap(connection, *_):
    head = read_exactly(connection, 2)
    read_exactly(connection, head[1])
    connection.sendall(bytes.fromhex("300c02010178070a010004000400"))
    return True


class Starttls(socketserver.BaseRequestHandler):
    def handle(self):
        o = self.server.options
        talk = {"postgres": talk_postgres, "mysql": talk_mysql, "ldap": talk_ldap}.get(o.protocol)
        if not (talk or talk_lines)(self.request, *((o.protocol, o.refuse))):
            return
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(o.certificate, o.key)
        with context.wrap_socket(self.request, server_side=True) as inside:
            inside.sendall(b"hello inside\r\n")
            inside.unwrap()


class Socks4(socketserver.BaseRequestHandler):
    def text(self):
        text = b""
        while (byte := read_exactly(self.request, 1)) != b"\0":
            text += byte
        return text.decode()

    def handle(self):
        _, command, port = struct.unpack(">BBH", read_exactly(self.request, 4))
        address = socket.inet_ntoa(read_exactly(self.request, 4))
        self.text()
        if address.startswith("0.0.0."):
            address = self.text()
        try:
            assert command == 1
            far = socket.create_connection((address, port), 10)
        except (OSError, AssertionError):
            self.request.sendall(b"\0\x5b" + bytes(6))
            return
        self.request.sendall(b"\0\x5a" + bytes(6))
        back = threading.Thread(target=self.copy, args=(far, self.request))
        back.start()
        self.copy(self.request, far)
        back.join()
        far.close()

    @staticmethod
    def copy(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("kind", choices=["starttls", "socks4"])
    parser.add_argument("words", nargs="+")
    parser.add_argument("--refuse", action="store_true")
    o = parser.parse_args()
    if o.kind == "starttls":
        o.protocol, address, port, o.certificate, o.key = o.words
    else:
        address, port = o.words
    with Server((address, int(port)), Starttls if o.kind == "starttls" else Socks4) as server:
        server.options = o
        server.serve_forever()


main()

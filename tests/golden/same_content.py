#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Compares a folder of TSV logs with one of JSON logs of the same run, value by value.

usage: same_content.py TSV-FOLDER JSON-FOLDER     prints differences, status 1 if there are any
"""
import json
import os
import re
import sys


def unescape(text):
    return re.sub(rb"\\x([0-9a-f]{2})|\\\\", lambda m: bytes([int(m[1], 16)]) if m[1] else b"\\", text)


def scalar(kind, text):
    if kind in (b"time", b"interval", b"double"):
        return round(float(text), 6)
    if kind in (b"count", b"port", b"int"):
        return int(text)
    if kind == b"bool":
        return text == b"T"
    return unescape(text).decode("utf-8", "surrogateescape")


def value(kind, text):
    """A TSV cell as JSON would hold it; None for an unset one."""
    if text == b"-":
        return None
    container = re.fullmatch(rb"(?:set|vector)\[(.*)\]", kind)
    if container:
        return [] if text == b"(empty)" else [scalar(container[1], x) for x in text.split(b",")]
    return "" if text == b"(empty)" else scalar(kind, text)


def read_tsv(path):
    fields, kinds = [], []
    with open(path, "rb") as f:
        for line in f.read().split(b"\n"):
            cells = line.split(b"\t")
            if cells[0] == b"#fields":
                fields = [x.decode() for x in cells[1:]]
            elif cells[0] == b"#types":
                kinds = cells[1:]
            elif line and not line.startswith(b"#"):
                row = {f: value(k, c) for f, k, c in zip(fields, kinds, cells)}
                yield {f: v for f, v in row.items() if v is not None}


def read_json(path):
    with open(path, encoding="utf-8", errors="surrogateescape") as f:
        for line in f:
            row = json.loads(line)
            yield {k: round(v, 6) if isinstance(v, float) else v for k, v in row.items()}


def main():
    tsv, js = sys.argv[1:3]
    status = 0
    if sorted(os.listdir(tsv)) != sorted(os.listdir(js)) or not os.listdir(tsv):
        print(f"logs: {sorted(os.listdir(tsv))} in TSV, {sorted(os.listdir(js))} in JSON")
        return 1
    for name in sorted(os.listdir(tsv)):
        rows = list(read_tsv(os.path.join(tsv, name))), list(read_json(os.path.join(js, name)))
        if len(rows[0]) != len(rows[1]):
            print(f"{name}: {len(rows[0])} records in TSV, {len(rows[1])} in JSON")
            status = 1
        for number, (a, b) in enumerate(zip(*rows), 1):
            for field in sorted(set(a) | set(b)):
                if a.get(field) != b.get(field):
                    print(f"{name}: record {number}: {field}: {a.get(field)!r}, {b.get(field)!r}")
                    status = 1
    return status


sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Compares what two captures of the same traffic logged: every record of each log named, in every
field but those that hold an identifier or a time of the capture itself. Left out are flows from
link-local addresses and from none, which hosts begin when they like, and from 192.0.2.99, by which
a test finds out whether both captures see anything yet; and in the history t, which says that a
segment came behind a later one: on their ways to two captures packets overtake each other.

usage: same_logs.py FOLDER FOLDER [-FIELD...] [~FIELD...] LOG...
-FIELD: leave this one out, too    ~FIELD: its letters are in any order
Prints what differs; status 1 if anything does.
"""
import collections
import glob
import gzip
import os
import re
import sys

OWN = {"ts", "uid", "fuid", "fuids", "resp_fuids", "orig_fuids", "cert_chain_fuids", "duration",
       "rtt", "ttfb", "conn_uids", "client_cert_chain_fuids", "tunnel_parents"}


NOT_COMPARED = re.compile(r"fe80:|::$|192\.0\.2\.99$")


def lines(folder, log):
    """All lines of a log: those of the present, of a run, and of the archive."""
    paths = [os.path.join(folder, log + ".log"), os.path.join(folder, "current", log + ".log")]
    paths += sorted(glob.glob(os.path.join(folder, "*-*-*", log + ".*")))
    for path in filter(os.path.exists, paths):
        with (gzip.open if path.endswith(".gz") else open)(path, "rt", encoding="utf-8") as f:
            yield from f


def records(folder, log, left_out, unordered):
    """Counts equal records: tuples of (field, value)."""
    names, found = [], collections.Counter()
    for line in lines(folder, log):
        values = line.rstrip("\n").split("\t")
        if values[0] == "#fields":
            names = values[1:]
        elif not line.startswith("#"):
            record = dict(zip(names, values))
            if not NOT_COMPARED.match(record.get("id.orig_h", "")):
                if "history" in record:
                    record["history"] = re.sub("[tT]", "", record["history"])
                for name in unordered & record.keys():
                    record[name] = "".join(sorted(record[name]))
                found[tuple((n, v) for n, v in record.items() if n not in left_out)] += 1
    return found


def show(record):
    return " ".join(f"{n}={v}" for n, v in record if v not in ("-", "(empty)", "F"))


def main():
    a, b = sys.argv[1:3]
    left_out = OWN | {w[1:] for w in sys.argv[3:] if w.startswith("-")}
    unordered = {w[1:] for w in sys.argv[3:] if w.startswith("~")}
    different = False
    for log in (w for w in sys.argv[3:] if w[0] not in "-~"):
        x, y = records(a, log, left_out, unordered), records(b, log, left_out, unordered)
        if not x:
            print(f"{log}: no records in {a}")
            different = True
        for where, only in ((a, x - y), (b, y - x)):
            for record in sorted(only.elements()):
                print(f"{log}, only in {where}: {show(record)}")
                different = True
    return different


sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Of the requests that a client made, how many are in the logs of the plaintext view, and how rightly.

usage: plaintext_count.py MADE LOGS CLIENT SERVER PORT PID LEAST [ACCESS-LOG]

CLIENT and SERVER are addresses, PORT and PID the server's. Lines of MADE and ACCESS-LOG are method,
URI, status, bytes of the body, pid and, where it is known, port of the client. Prints
    made    requests
    served  lines of ACCESS-LOG; behind a stroke those of it or of http.log that the other has not
    logged  percent of the requests that are in http.log as plaintext
    twice   lines of http.log too many
    tuple   percent of these lines: with the five-tuple of the connection
    process with the processes at its ends
    joined  with the uid of a flow of that five-tuple whose packets were seen
and of the sessions how their five-tuples were found: how many rightly, of how many.
The status is 1 if fewer than LEAST percent are logged, a line is there twice or differs from what was
answered, or less than 99.9 % of them are right.
"""
import collections
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../cluster"))
import exchanges  # noqa: E402

TUPLE = ("id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p")
RIGHT = 99.9


def percent(part, whole):
    return 100 * part / whole if whole else 0


def tuple_of(row):
    return tuple(row.get(k) for k in TUPLE)


def client_of(uri):
    """All of it but the port and the number of the request."""
    return uri.rsplit("/", 2)[0]


def read_lines(path, client=None):
    with open(path) as f:
        lines = [line.split() for line in f]
    return [l for l in lines if len(l) > 4 and client in (None, client_of(l[1]))]


def differing(answered, rows):
    """Lines that are in one of an access log and http.log only."""
    has_port = all(len(l) > 5 for l in answered)
    fields = ["method", "uri", "status_code", "response_body_len"] + ["id.orig_p"] * has_port
    access = collections.Counter((*l[:4], *l[5:]) for l in answered)
    logged = collections.Counter(tuple(r.get(k, "-") for k in fields) for r in rows)
    return sum(((access - logged) + (logged - access)).values())


def processes(row):
    """Pids of the client and the server."""
    pids = row.get("pid"), row.get("peer_pid")
    return pids if row.get("process_side") == "client" else pids[::-1]


def session_methods(logs, uids, tuples):
    """Side and method -> [sessions with the right five-tuple, all]."""
    found = collections.defaultdict(lambda: [0, 0])
    for row in exchanges.read_log(logs, "tls_plain"):
        if row.get("uid") in uids or tuple_of(row) in tuples:
            one = found[row.get("process_side"), row.get("tuple_method")]
            one[0] += tuple_of(row) in tuples
            one[1] += 1
    return found


def seen_flows(logs):
    """uid -> five-tuple, of flows with packets both ways."""
    return {r["uid"]: tuple_of(r) for r in exchanges.read_log(logs, "conn")
            if int(r.get("orig_pkts", 0)) > 0 and int(r.get("resp_pkts", 0)) > 0}


def main():
    if len(sys.argv) not in (8, 9):
        sys.exit(__doc__)
    made_path, logs, address, server, port, pid, least, *access = sys.argv[1:]
    lines = read_lines(made_path)
    if not lines:
        sys.exit(f"{made_path}: no requests")
    first = lines[0]
    made = collections.Counter(l[1] for l in lines)  # a port may come again, and with it a URI
    tuples = {l[1]: (address, l[5], server, port) for l in lines}
    rows = [r for r in exchanges.read_log(logs, "http")
            if r.get("view") == "plaintext" and client_of(r.get("uri", "")) == client_of(first[1])]
    uris = collections.Counter(r["uri"] for r in rows)
    flows = seen_flows(logs)

    missed, twice = sum((made - uris).values()), sum((uris - made).values())
    logged = percent(len(lines) - missed, len(lines))
    right = [percent(n, len(rows)) for n in (
        sum(tuple_of(r) == tuples.get(r["uri"]) for r in rows),
        sum(processes(r) == (first[4], pid) for r in rows),
        sum(flows.get(r["uid"]) == tuples.get(r["uri"]) for r in rows))]
    served = "-"
    differ = 0
    if access:
        answered = read_lines(access[0], client_of(first[1]))
        differ = differing(answered, rows)
        served = f"{len(answered)}/{differ}" if differ else len(answered)
    methods = session_methods(logs, {r["uid"] for r in rows}, set(tuples.values()))
    print(f"{len(lines):7} {served:>9} {logged:8.3f} {twice:5} "
          + " ".join(f"{p:8.3f}" for p in right) + "  "
          + ", ".join(f"{side} {method} {n}/{of}"
                      for (side, method), (n, of) in sorted(methods.items(), key=str)))
    return logged < float(least) or twice > 0 or differ > missed or min(right) < RIGHT


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Compares the logs of the plaintext view with what servers say they answered.

usage: exchanges.py OURS LOGS ACCESS-LOG... [options]

The lines of access logs are method, URI, status, bytes, pid and more. Of URIs OURS/PID/PORT/N, where clients
say their pid and port, each must be in http.log exactly once and by all of that; its connection in
conn.log and ssl.log; its sessions, one of each process that is watched, in tls_plain.log.
Says what does not hold, or how many exchanges there are and how their five-tuples were found.
"""
import argparse
import collections
import glob
import gzip
import os
import sys

PROBLEMS = []


def problem(*what):
    PROBLEMS.append(" ".join(str(w) for w in what))


def read_log(folder, name):
    """Its records as dictionaries without unset fields, archived or not."""
    rows = []
    paths = glob.glob(f"{folder}/*-*-*/{name}.*") + glob.glob(f"{folder}/current/{name}.log")
    for path in sorted(set(map(os.path.realpath, paths))):
        fields = []
        with (gzip.open if path.endswith(".gz") else open)(path, "rt") as f:
            for line in f:
                cells = line.rstrip("\n").split("\t")
                if cells[0] == "#fields":
                    fields = cells[1:]
                elif not line.startswith("#"):
                    rows.append({k: v for k, v in zip(fields, cells) if v != "-"})
    return rows


def compare_access(rows, answered):
    """Line for line: nothing is missing, nothing is there twice, nothing was made up."""
    logged = collections.Counter(
        (r.get("method"), r["uri"], r.get("status_code"), r.get("response_body_len")) for r in rows)
    served = collections.Counter(tuple(a[:4]) for a in answered)
    for line, n in (served - logged).items():
        problem(f"answered {n} more than in http.log:", *line)
    for line, n in (logged - served).items():
        problem(f"in http.log {n} more than answered:", *line)


def check_row(row, server_pids, args):
    """The five-tuple, the processes and the times of one line of http.log."""
    _, pid, port, _ = row["uri"].removeprefix(args.ours).split("/")
    ends = {"client": {}, "server": {}}
    sides = ["client", "server"]
    side = row.get("process_side")
    if side not in sides:
        problem(row["uri"], "process_side", side)
        return
    peer = sides[1 - sides.index(side)]
    ends[side] = {"pid": row.get("pid"), "comm": row.get("process"), "exe": row.get("exe")}
    ends[peer] = {"pid": row.get("peer_pid"), "comm": row.get("peer_process"),
                  "exe": row.get("peer_exe")}
    expected = {"client": ({pid}, args.client), "server": (server_pids[row["uri"]], args.server)}
    for end, (pids, comm) in expected.items():
        if comm is None:
            continue
        if ends[end]["pid"] not in pids or ends[end]["comm"] not in comm.split(",") or not ends[end]["exe"]:
            problem(row["uri"], end, ends[end], "instead of", pids, comm)
    if row["id.orig_p"] != port:
        problem(row["uri"], "has the port", row["id.orig_p"])
    for name, value in args.field:
        if row.get(name) != value:
            problem(row["uri"], name, row.get(name), "instead of", value)
    for name in ("ttfb", "ttfb_packets"):
        if not 0 <= float(row.get(name, -1)) < 5:
            problem(row["uri"], name, row.get(name))


def check_connections(uids, logs):
    """Every flow is in conn.log and ssl.log; in conn.log with the services of both views."""
    conns = {r["uid"]: r for r in read_log(logs, "conn")}
    handshakes = {r["uid"] for r in read_log(logs, "ssl")}
    for uid in uids:
        services = set(conns.get(uid, {}).get("service", "").split(","))
        if not {"ssl", "http"} <= services:
            problem(uid, "in conn.log:", services)
        if uid not in handshakes:
            problem(uid, "is not in ssl.log")


def check_sessions(uids, args):
    """A session for each watched end of each flow. Returns how five-tuples were found."""
    methods = collections.Counter()
    sessions = collections.defaultdict(list)
    for row in read_log(args.logs, "tls_plain"):
        if row.get("uid") in uids:
            sessions[row["uid"]].append(row)
            methods[row.get("process"), row.get("tuple_method")] += 1
            check_session(row)
    wanted = sorted(side for side in ("client", "server") if getattr(args, side) is not None)
    for uid in uids:
        sides = sorted(s.get("process_side", "-") for s in sessions[uid])
        if sides != wanted:
            problem(uid, "in tls_plain.log:", sides, "instead of", wanted)
    for process, method in args.found:
        if {m for p, m in methods if p == process} - set(method.split(",")):
            problem("five-tuples of", process, dict(methods), "instead of", method)
    return methods


def check_session(row):
    for name in ("library", "library_path", "hook", "protocol", "orig_encrypted_bytes",
                 "resp_encrypted_bytes", "latency_min", "latency_mean", "latency_p50", "latency_p99",
                 "latency_max"):
        if name not in row:
            problem(row["uid"], row.get("process"), "in tls_plain.log without", name)
    if row.get("packets_seen") != "T":
        problem(row["uid"], "packets_seen", row.get("packets_seen"))
    for end in ("orig", "resp"):
        plain, missed = int(row.get(f"{end}_bytes", 0)), int(row.get(f"{end}_missed_bytes", 0))
        if missed or not 0 < plain < int(row.get(f"{end}_encrypted_bytes", 0)):
            problem(row["uid"], end, plain, "plaintext bytes", missed, "missed of",
                    row.get(f"{end}_encrypted_bytes"))


def pair(text):
    return tuple(text.split("=", 1))


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("ours")
    parser.add_argument("logs")
    parser.add_argument("access", nargs="+")
    parser.add_argument("--client", metavar="COMM,…",
                        help="names of the clients' processes, if they are watched")
    parser.add_argument("--server", metavar="COMM,…", help="and of the servers'")
    parser.add_argument("--field", type=pair, action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--found", type=pair, action="append", default=[],
                        metavar="PROCESS=METHOD,…", help="how its five-tuples may be found")
    parser.add_argument("--count", type=int, help="how many exchanges there are")
    args = parser.parse_args()

    answered = []
    for path in args.access:
        with open(path) as f:
            answered += [line.split() for line in f if line.split()[1].startswith(args.ours + "/")]
    server_pids = collections.defaultdict(set)
    for _, uri, _, _, pid, *_ in answered:
        server_pids[uri].add(pid)
    rows = [r for r in read_log(args.logs, "http")
            if r.get("view") == "plaintext" and r.get("uri", "").startswith(args.ours + "/")]
    compare_access(rows, answered)
    if args.count is not None and len(answered) != args.count:
        problem("the server answered", len(answered), "of", args.count)
    for row in rows:
        check_row(row, server_pids, args)
    uids = {r["uid"] for r in rows}
    check_connections(uids, args.logs)
    methods = check_sessions(uids, args)
    for line in PROBLEMS[:20]:
        print(line)
    if len(PROBLEMS) > 20:
        print("and", len(PROBLEMS) - 20, "more")
    print(f"{len(rows)} exchanges on {len(uids)} connections;",
          ", ".join(f"{p} {m} {n}" for (p, m), n in sorted(methods.items(), key=str)))
    return bool(PROBLEMS)


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Holds the dependency rule: who may include what.

1. base <- schema <- ipc <- the processes; worker, manager and logger never include each other.
2. A stage of the worker sees itself, common/, analyzer.h and earlier stages. Only the files that
   lie in worker/ itself (pipeline.c, main.c, ...) see all of them. The reader sees the stages that
   PARTS names.
3. worker/parse/<x>/ sees analyzer.h, common/, itself and what it shares (SHARED); logger/sink the same way.
4. Every outside library has one home.

usage: dependencies.py [ROOT]     prints each violation, status 1 if there is one
       dependencies.py --self-test
"""
import os
import re
import sys
import tempfile

STAGES = ["capture", "decode", "flow", "reassembly", "detect", "parse", "plaintext", "correlate",
          "learn", "screen", "emit"]
# What a process of its own below worker/ takes of the stages.
PARTS = {"reader": ["capture", "decode"]}
# Folders of parse/ that hold what several protocols share, by who may see them.
SHARED = {"http1": ["http"], "http2": ["http"]}
LAYERS = ["base", "schema", "ipc"]
PROCESSES = ["worker", "manager", "logger"]

# Library header -> the path prefixes that may include it. A line is added with the library.
HOMES = [
    (r"zmq\.h", ["common/ipc/"]),
    (r"pcap(/.*)?\.h", ["common/base/filter.c"]),
    (r"llhttp\.h", ["worker/parse/http1/"]),
    (r"nghttp2/.*", ["worker/parse/http2/"]),
    (r"openssl/.*", ["worker/parse/tls/", "worker/parse/quic/", "worker/flow/community_id.c",
                     "worker/parse/http1/http1_switch.c"]),
    (r"zlib\.h", ["worker/capture/pcap_input.c", "worker/parse/http/http_inflate.c",
                  "logger/archive.c"]),
    (r"ini\.h", ["manager/"]),
    (r"uv\.h", ["manager/", "logger/"]),
    (r"bpf/.*|linux/bpf\.h|.*\.skel\.h", ["manager/", "bpf/", "worker/probe/",
                                                "worker/capture/kernel_map.h"]),
    (r"xdp/.*", ["manager/capture/xdp_attach.c"]),
    (r"rte_.*", ["worker/capture/dpdk"]),
    (r"capstone/.*", ["worker/probe/code.h"]),
    (r"brotli/.*|zstd\.h", ["worker/parse/http/"]),
]
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def layer_violation(path, header):
    """common/: a layer includes itself and the ones below."""
    where, what = path.split("/"), header.split("/")
    if what[0] != "common":
        return "common/ includes only common/"
    if LAYERS.index(what[1]) > LAYERS.index(where[1]):
        return f"{where[1]} comes before {what[1]}"
    return None


def stage_violation(path, header):
    """worker/<stage>/: earlier stages, and never worker.h or pipeline.h."""
    where, what = path.split("/"), header.split("/")
    if len(where) == 2 or header == "worker/analyzer.h":
        return None
    if len(what) == 2:
        return "only pipeline.c and main.c see the whole worker"
    if what[1] in PARTS.get(where[1], []):
        return None
    if what[1] not in STAGES or where[1] not in STAGES:
        return None if what[1] == where[1] else "not a stage of the pipeline"
    if where[1] == "parse":
        own = where[:3] == what[:3] or len(where) == 3 or what[2] in SHARED.get(where[2], [])
        return None if own else "an analyzer sees analyzer.h, common/ and itself"
    if STAGES.index(what[1]) > STAGES.index(where[1]):
        return f"stage {where[1]} comes before {what[1]}"
    return None


def project_violation(path, header):
    """Why this file must not include this header of ours, or None."""
    top, target = path.split("/")[0], header.split("/")[0]
    if target == "bpf":
        ours = top in ("bpf", "manager") or path.startswith(("worker/probe/", "worker/capture/"))
        return None if ours else "bpf/ belongs to those who load it"
    if top == "common":
        return layer_violation(path, header)
    if target == "common":
        return None
    if top in PROCESSES and target in PROCESSES and top != target:
        return f"{top} and {target} are different processes"
    if top == "bpf":
        return "bpf/ includes common/base only"
    return stage_violation(path, header) if top == "worker" else None


def library_violation(path, header):
    for pattern, homes in HOMES:
        if re.fullmatch(pattern, header) and not any(path.startswith(h) for h in homes):
            return "its home is " + ", ".join(homes)
    return None


def violation(path, quote, header):
    ours = header.split("/")[0] in PROCESSES + ["common", "bpf"] and quote == '"'
    if not ours:
        return library_violation(path, header)
    if path.startswith("common/base/") and not header.startswith("common/base/"):
        return "common/base depends on nothing of the project"
    return project_violation(path, header)


def scan(root):
    """Every violation as a line of text."""
    found = []
    for top in PROCESSES + ["common", "bpf"]:
        for folder, _, names in os.walk(os.path.join(root, top)):
            for name in sorted(n for n in names if n.endswith((".c", ".h", ".def"))):
                full = os.path.join(folder, name)
                path = os.path.relpath(full, root)
                with open(full, encoding="utf-8") as f:
                    for number, line in enumerate(f, 1):
                        m = INCLUDE.match(line)
                        why = m and violation(path, m[1], m[2])
                        if why:
                            found.append(f"{path}:{number}: includes {m[2]}: {why}")
    return found


# File, what it includes, whether that is a violation.
PLANTED = [
    ("common/base/a.c", '"common/schema/options.h"', True),
    ("common/schema/a.c", '"common/base/str.h"', False),
    ("common/schema/b.c", '"common/ipc/spool.h"', True),
    ("common/ipc/a.c", "<zmq.h>", False),
    ("worker/main.c", "<zmq.h>", True),
    ("worker/main.h", '"manager/topology.h"', True),
    ("logger/a.c", '"worker/analyzer.h"', True),
    ("manager/a.c", '"bpf/shared.h"', False),
    ("worker/capture/a.c", '"bpf/flows.h"', False),
    ("worker/decode/c.c", '"bpf/flows.h"', True),
    ("worker/decode/a.c", '"worker/capture/capture.h"', False),
    ("worker/decode/b.c", '"worker/flow/flow_table.h"', True),
    ("worker/reader/a.c", '"worker/decode/decode.h"', False),
    ("worker/reader/b.c", '"worker/flow/flow_table.h"', True),
    ("worker/flow/a.c", '"worker/worker.h"', True),
    ("worker/pipeline.c", '"worker/emit/emit.h"', False),
    ("worker/parse/dns/a.c", '"worker/analyzer.h"', False),
    ("worker/parse/dns/b.c", '"worker/parse/tls/tls.h"', True),
    ("worker/parse/dns/c.c", '"worker/decode/decode.h"', True),
    ("worker/parse/tls/a.c", "<openssl/x509.h>", False),
    ("worker/parse/http1/a.c", "<openssl/evp.h>", True),
    ("logger/b.c", "<uv.h>", False),
    ("worker/emit/a.c", "<uv.h>", True),
    ("worker/detect/a.c", "<pcap/pcap.h>", True),
    ("manager/b.c", '"fanout.skel.h"', False),
]


def self_test():
    with tempfile.TemporaryDirectory() as root:
        for path, include, _ in PLANTED:
            os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
            with open(os.path.join(root, path), "w", encoding="utf-8") as f:
                f.write(f"#include {include}\n")
        found = {line.split(":")[0] for line in scan(root)}
    wrong = [p for p, _, bad in PLANTED if bad != (p in found)]
    for path in wrong:
        print(f"dependencies.py: planted include in {path} was judged wrongly")
    return bool(wrong)


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    found = scan(sys.argv[1] if len(sys.argv) > 1 else ".")
    print("\n".join(found), end="\n" if found else "")
    return bool(found)


sys.exit(main())

#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Compares the logs of captures that nobody here made with what other tools say is in them, when
# such a corpus lies beside this tree, and fails below the bound. docs/conformance.md explains what
# still differs.
set -u
. "$(dirname "$0")/lib.sh"
cd "$ROOT" || exit 1

shared=$(cd .. && pwd)/shared
folders=http1,http2,http3_quic,tls,dns,websocket_grpc,tcp_edge,tunnels_link,malformed,big
if [ ! -d "$shared/corpus" ]; then
    skip conformance "no corpus in $shared/corpus"
    finish
    exit
fi
mkdir -p build/conformance
python3 "$shared/tools/score.py" "$shared/corpus" --folders $folders --by-folder \
    --cmd "$ROOT/build/bin/spliff-cluster run -r {pcap} --log-dir {out} --log-format json --quiet" \
    --json build/conformance/score.json "$@" | tee build/conformance/report.txt
python3 - <<'PYTHON' >build/conformance/verdict
import json
BOUND = 0.99
# Records that only we have and that are there: docs/conformance.md says of each who is right.
EXPLAINED = {"http2": 1, "quic": 3}
score = json.load(open("build/conformance/score.json"))
for kind in ("conn.tcp", "conn.udp", "http1", "http2", "grpc", "tls", "dtls", "quic", "dns", "ws"):
    row = score["kinds"].get(kind, {"matched": 0, "expected": 0, "found": 0})
    extra = row["found"] - row["matched"]
    found = row["found"] - min(extra, EXPLAINED.get(kind, 0))
    for what, of in (("recall", row["expected"]), ("precision", found)):
        value = row["matched"] / of if of else 0.0
        print("pass" if value >= BOUND else "fail", kind, what, f"{value:.4f}")
for what in ("failed_runs", "sanitizer"):
    print("fail" if score[what] else "pass", "runs", what, score[what])
PYTHON
while read -r verdict kind what value; do
    if [ "$verdict" = pass ]; then
        pass "conformance:$kind $what $value"
    else
        fail "conformance:$kind $what" "$value; the bound is 0.99, and no run may crash" 'make conformance'
    fi
done <build/conformance/verdict
finish

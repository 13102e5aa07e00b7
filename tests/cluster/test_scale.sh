#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# One more worker is one number in node.cfg: with lb_procs 1 and then 3 the logs are complete, and
# with 3 every worker has had a share.
. "$(dirname "$0")/lib.sh"
begin 1
for workers in 1 3; do
    node_cfg $workers
    start
    running=$(cluster status | grep -c '^worker-.* running ')
    [ "$running" -eq $workers ] || die "$running workers run, of $workers"
    for n in $(seq 60); do
        get "http://$SERVER4/with/$workers/$n" || die 'curl'
    done
    wait_for 10 has_records http $((workers == 1 ? 60 : 120)) || die "http.log has $(count http) lines"
    cluster status --json >"$WORK/status.json"
    stop
done
same_requests >"$WORK/diff" || { head "$WORK/diff"; die 'http.log is not what nginx served'; }
python3 - "$WORK/status.json" <<'PYTHON' || die 'a worker had no flows'
import json, sys
nodes = json.load(open(sys.argv[1]))["nodes"]
flows = {n["name"]: n["counters"]["flow.tcp"] for n in nodes if n["type"] == "worker"}
print("      TCP flows:", flows)
sys.exit(len(flows) != 3 or min(flows.values()) == 0)
PYTHON
pass "$TEST"
finish

# SPDX-License-Identifier: BSD-3-Clause
# Sourced after lib.sh by tests that capture in two ways at once: the cluster in the way that is tested,
# and a second program at sv0 by AF_PACKET, which logs to $WORK/kernel. Both must log the same.

# No frame is merged or split on its way, so that both captures count the same ones.
wire_frames() {
    client ethtool -K cl0 tx off tso off gso off gro off >/dev/null 2>&1
    server ethtool -K sv0 tx off tso off gso off gro off >/dev/null 2>&1
}

# Why there can be no tags; nothing if there can.
trunk_missing() { tool_missing trunk.bpf.o; }

# trunk END COMMAND...: tags on all frames of one end of the link.
trunk() {
    local end=$1 side
    shift
    "$@" ethtool -K "$end" txvlan off rxvlan off >/dev/null 2>&1
    "$@" tc qdisc add dev "$end" clsact 2>/dev/null
    for side in egress:push ingress:pop; do
        "$@" tc filter add dev "$end" ${side%:*} handle 9 pref 9 \
            bpf direct-action obj "$ROOT/build/tools/cluster/trunk.bpf.o" sec tc/${side#*:} || return 1
    done
}

trunk_end() {
    client tc qdisc del dev cl0 clsact
    server tc qdisc del dev sv0 clsact
}

# begin_kernel [OPTION...]
begin_kernel() {
    server "$BIN/spliff-cluster" run "$@" -i sv0 -w 2 --log-dir "$WORK/kernel" --quiet 2>"$WORK/kernel.err" &
    KERNEL=$!
}

# The same, without shunting.
begin_unshunted() {
    printf '%s = no\n' shunt_tls shunt_unknown shunt_body >"$WORK/unshunted.cfg"
    begin_kernel --config "$WORK/unshunted.cfg"
}

end_kernel() {
    kill -TERM "$(pgrep -P $KERNEL)" || die 'the other capture has ended'
    wait $KERNEL
}

sees() {
    get --interface 192.0.2.99 "http://$SERVER4/moved" && has_records http 1 && [ -s "$WORK/kernel/http.log" ]
}

# Both captures see packets: of an address of its own, which same_logs.py leaves out.
both_see() {
    client ip addr replace 192.0.2.99/24 dev cl0
    wait_for 15 sees
}

# Something of each kind that is logged.
talk() {
    local n
    for n in 1 2 3 4 5 6; do
        get "http://$SERVER4/count/plain/$n" "http://$SERVER4/count/plain/next/$n" || die 'curl'
        get "https://$SERVER4/count/$n" || die 'curl over TLS'
        get "http://[$SERVER6]/count/plain/$n" "https://[$SERVER6]/count/$n" || die 'curl over IPv6'
        client dig +short +time=2 @$SERVER4 www.example.org >/dev/null || die 'dig'
        get "http://$SERVER4/files/20k.txt" || die 'curl of a file'
    done
}

# For wait_for: as many of the requests with "plain" in their path are logged as were answered.
counted() { [ "$(column http uri | grep -c plain)" -eq "$(grep -c plain "$WORK/www/access.log")" ]; }

# TCP connections of conn.log that are not one line, with all bytes of both directions: of a flow whose
# halves two workers had, and the like.
flows_split() {
    { cat "$LOGS/current/conn.log"; zcat -f "$LOGS"/*-*-*/conn.*; } 2>/dev/null | awk -F '\t' '
        /^#fields/ {for (i = 2; i <= NF; i++) c[$i] = i - 1}
        /^#/ || $c["proto"] != "tcp" {next}
        {flow = $c["id.orig_h"] " " $c["id.orig_p"] " " $c["id.resp_h"] " " $c["id.resp_p"]}
        lines[flow]++ || $c["conn_state"] != "SF" || $c["missed_bytes"] != 0 {
            print flow, $c["conn_state"], $c["history"], $c["missed_bytes"]}'
}

# How many workers have flows.
busy_workers() {
    cluster status --json | python3 -c '
import json, sys
nodes = json.load(sys.stdin)["nodes"]
print(sum(1 for n in nodes if n.get("counters", {}).get("flow.tcp", 0) > 4))'
}

# same_as_kernel WHAT...: for same_logs.py.
same_as_kernel() {
    "$ROOT/tests/cluster/same_logs.py" "$LOGS" "$WORK/kernel" "$@" >"$WORK/diff" ||
        { head -n "${LINES_SHOWN:-20}" "$WORK/diff"; die 'the logs differ from those of AF_PACKET'; }
}

# SPDX-License-Identifier: BSD-3-Clause
# Sourced after lib.sh by the tests of mode xdp: a second capture by AF_PACKET to compare with, and
# what is left in the kernel.

# What of us is in the kernel, of all namespaces.
xdp_left_behind() {
    bpftool prog show | grep -E 'name spliff_(xdp|tc)'
    bpftool map show | grep -E 'name (xdp_(flows|rings|owner|quiet)|spliff_ring)'
    server tc qdisc show dev sv0 2>/dev/null | grep clsact
    server ip link show sv0 2>/dev/null | grep -o 'prog/xdp.*'
}
xdp_nothing_left() { [ -z "$(xdp_left_behind)" ]; }

# No frame is merged or split on its way, so that both captures count the same ones.
wire_frames() {
    client ethtool -K cl0 tx off tso off gso off gro off >/dev/null 2>&1
    server ethtool -K sv0 tx off tso off gso off gro off >/dev/null 2>&1
}

begin_kernel() {
    server "$BIN/spliff-cluster" run -i sv0 -w 2 --log-dir "$WORK/kernel" --quiet 2>"$WORK/kernel.err" &
    KERNEL=$!
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
    client ip addr add 192.0.2.99/24 dev cl0
    wait_for 15 sees
}

has_uri() { column http uri | grep -qx "$1"; }

# Sum of all packets in conn.log of a folder.
sum_packets() {
    { cat "$1"/current/conn.log; zcat -f "$1"/*-*-*/conn.*; } 2>/dev/null |
        awk -F '\t' '/^#fields/ {for (i = 2; i <= NF; i++) {if ($i == "orig_pkts") o = i - 1; if ($i == "resp_pkts") r = i - 1}}
            !/^#/ {n += $o + $r} END {print n + 0}'
}

compare_logs() {
    "$ROOT/tests/cluster/same_logs.py" "$LOGS" "$WORK/kernel" -resolved_name ~history "$@" >"$WORK/diff" ||
        { head -n "${LINES_SHOWN:-12}" "$WORK/diff"; die 'the logs differ from those of AF_PACKET'; }
}

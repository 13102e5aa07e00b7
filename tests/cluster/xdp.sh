# SPDX-License-Identifier: BSD-3-Clause
# Sourced after lib.sh by the tests of mode xdp: what is left in the kernel, and what of the logs is as
# another capture has it.
. "$(dirname "$0")/beside.sh"
. "$(dirname "$0")/programs.sh"

# What of this test's clusters is in the kernel, of all namespaces.
xdp_left_behind() {
    show_new prog 'spliff_(xdp|tc)[^ ]*'
    show_new map '(xdp_(flows|rings|owner|quiet)|flow_processes|spliff_ring)[^ ]*'
    server tc qdisc show dev sv0 2>/dev/null | grep clsact
    server ip link show sv0 2>/dev/null | grep -o 'prog/xdp.*'
}
xdp_nothing_left() { [ -z "$(xdp_left_behind)" ]; }

# Sum of all packets in conn.log of a folder.
sum_packets() {
    { cat "$1"/current/conn.log; zcat -f "$1"/*-*-*/conn.*; } 2>/dev/null |
        awk -F '\t' '/^#fields/ {for (i = 2; i <= NF; i++) {if ($i == "orig_pkts") o = i - 1; if ($i == "resp_pkts") r = i - 1}}
            !/^#/ {n += $o + $r} END {print n + 0}'
}

compare_logs() { same_as_kernel -resolved_name ~history "$@"; }

# SPDX-License-Identifier: BSD-3-Clause
# Sourced after lib.sh: what a cluster has loaded into the kernel, and whether it is still there.

# Numbers of the programs that processes of the clusters have open.
programs() {
    local pid
    for pid in $(ip netns pids "$NET_SERVER"); do
        awk '$1 == "prog_id:" {print $2}' /proc/"$pid"/fdinfo/* 2>/dev/null
    done | sort -u
}

# are_gone PROGRAM...
are_gone() {
    local id
    for id in "$@"; do
        ! bpftool prog show id "$id" >/dev/null 2>&1 || return 1
    done
}

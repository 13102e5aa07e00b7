# SPDX-License-Identifier: BSD-3-Clause
# Sourced after lib.sh: what a cluster has loaded into the kernel, and whether it is still there. The
# kernel shows the programs and maps of the whole machine: what was there when a test began, another
# cluster's or what somebody pinned, is none of its business.

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

# objects prog|map PATTERN: the numbers of all programs or maps whose whole name matches.
objects() {
    bpftool "$1" show 2>/dev/null | sed -nE "s/^([0-9]+): .*name ($2) .*/\1/p"
}
PROGRAMS_BEFORE=$(objects prog '[^ ]*')
MAPS_BEFORE=$(objects map '[^ ]*')

# new_objects prog|map PATTERN: those that were not there before the test.
new_objects() {
    local before=$PROGRAMS_BEFORE
    [ "$1" = prog ] || before=$MAPS_BEFORE
    objects "$1" "$2" | grep -vxF -e "$before" -e none
}

# show_new prog|map PATTERN: what they are, for people.
show_new() {
    local id
    for id in $(new_objects "$1" "$2"); do bpftool "$1" show id "$id" | head -n 1; done
}

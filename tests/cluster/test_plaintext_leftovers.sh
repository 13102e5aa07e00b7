#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Nothing stays behind: no BPF program, map or link, no breakpoint in a library that a server still
# uses, no process, socket, shared memory, huge page or namespace; after a stop, and after a kill -9
# of the probe or of the manager.
. "$(dirname "$0")/plaintext_marked.sh"
needs bpftool bpftool
needs nsenter util-linux
# Where the host's /sys/fs/bpf is seen.
server() { nsenter --net="/run/netns/$NET_SERVER" "$@"; }
begin_plaintext 2
nginx=$(nginx_worker)

pids() { cluster status 2>/dev/null | awk '$4 == "running" {print $5}'; }
# BPF objects that these processes have open: "prog 17".
bpf_of() {
    local pid
    for pid; do
        cat "/proc/$pid"/fdinfo/* 2>/dev/null
    done | sed -n 's/^\(prog\|map\|link\)_id:\t*/\1 /p' | sort -u
}
# The program that a ring is spread by, which only its socket holds.
fanouts() { bpftool prog list | sed -n 's/^\([0-9]*\):.* name fanout .*/prog \1/p' | sort; }
# Bytes of libssl in nginx's memory that are not as in its file: breakpoints.
breakpoints() {
    python3 - "$nginx" <<'PY'
import sys
pid, n = sys.argv[1], 0
for line in open(f"/proc/{pid}/maps"):
    part = line.split()
    if "x" not in part[1] or not part[-1].rpartition("/")[2].startswith("libssl.so"):
        continue
    begin, end = (int(x, 16) for x in part[0].split("-"))
    with open(f"/proc/{pid}/mem", "rb") as memory, open(part[-1], "rb") as file:
        memory.seek(begin)
        file.seek(int(part[2], 16))
        n += sum(a != b for a, b in zip(memory.read(end - begin), file.read(end - begin)))
print(n)
PY
}
# What a process can leave on the machine.
machine() {
    find /sys/fs/bpf /dev/shm -mindepth 1 2>/dev/null
    grep -E '^HugePages_(Total|Free|Rsvd)' /proc/meminfo
    cat /sys/kernel/tracing/{uprobe,kprobe}_events 2>/dev/null
    ip netns list | sed 's/ .*//' | grep -v '^spliff-[cs]-'
    server ip -d link show sv0 | grep -o 'xdp.*'
    server tc qdisc show dev sv0
    ss -xa | grep -o "$WORK.*"
}
is_gone() {
    local kind id
    while read -r kind id; do
        ! bpftool "$kind" show id "$id" >/dev/null 2>&1 || return 1
    done <"$WORK/bpf"
    for id in "$@"; do
        [ ! -e "/proc/$id" ] || return 1
    done
}
is_clean() { is_gone "$@" && [ "$(breakpoints)" -eq 0 ] && machine | diff "$WORK/machine" - >"$WORK/diff"; }
# What is still there of it, for die.
left() {
    while read -r kind id; do bpftool "$kind" show id "$id" 2>/dev/null; done <"$WORK/bpf"
    ps -o pid,stat,args -p "$(echo "$@" | tr ' ' ,)"
    echo "$(breakpoints) breakpoints"
    cat "$WORK/diff"
}
# hook: starts, and notes all BPF objects.
hook() {
    fanouts >"$WORK/fanouts"
    start
    wait_plain "$nginx" "https://$SERVER4"
    running=$(pids)
    # shellcheck disable=SC2086
    bpf_of $running >"$WORK/bpf"
    # Unless another cluster was started in the meantime.
    fanouts | comm -13 "$WORK/fanouts" - >"$WORK/fanout"
    [ "$(wc -l <"$WORK/fanout")" -ne 1 ] || cat "$WORK/fanout" >>"$WORK/bpf"
    for kind in prog map link; do
        grep -q "^$kind" "$WORK/bpf" || die "there is no $kind to look for"
    done
    [ "$(breakpoints)" -gt 0 ] || die 'there is no breakpoint to look for'
    find "/proc/$(node_pid probe)/fd" -lname '*perf_event*' | grep -q . || die 'there is no perf event'
}

machine >"$WORK/machine"
[ "$(breakpoints)" -eq 0 ] || die 'another probe runs'
hook
stop
# shellcheck disable=SC2086
wait_for 10 is_clean $running || die "after a stop: $(left $running)"

hook
probe=$(node_pid probe)
bpf_of "$probe" >"$WORK/bpf"
kill -9 "$probe"
wait_for 20 is_gone "$probe" || die "after the end of the probe: $(left "$probe")"
wait_plain "$nginx" "https://$SERVER4"
running=$(pids)
# shellcheck disable=SC2086
bpf_of $running >>"$WORK/bpf"
stop
# shellcheck disable=SC2086
wait_for 10 is_clean $running || die "after a probe that was killed: $(left $running)"

hook
kill -9 "$(node_pid manager)"
# shellcheck disable=SC2086
wait_for 20 is_clean $running || die "after the end of the manager: $(left $running)"
hook
stop
# shellcheck disable=SC2086
wait_for 10 is_clean $running || die "after a manager that was killed: $(left $running)"
pass "$TEST"
finish

#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# doctor: of node.cfg and of run's options, on a veth link, where a command that it names mends.
. "$(dirname "$0")/lib.sh"
begin 2

# doctor STATUS [options]: its findings in $WORK/doctor.out.
doctor() {
    local want=$1 got=0
    shift
    server "$BIN/spliff-cluster" doctor "$@" >"$WORK/doctor.out" 2>"$WORK/doctor.err" || got=$?
    [ $got -eq "$want" ] || { cat "$WORK/doctor.out"; die "doctor $*: status $got instead of $want"; }
    ! grep -qvE '^(ok|warn|fail)  ' "$WORK/doctor.out" || die "doctor $*: a line without ok, warn or fail"
}

finds() {
    grep -qE "$1" "$WORK/doctor.out" || { cat "$WORK/doctor.out"; die "doctor does not find: $1"; }
}

files=(--config "$WORK/spliff.cfg" --node-cfg "$WORK/node.cfg")
doctor 0 "${files[@]}"
finds '^ok    interface  sv0: up, driver veth'
finds "^(ok|warn)  +disk       log folder $LOGS"
cluster doctor --json | python3 -c '
import json, sys
found = json.load(sys.stdin)
assert found["ok"] and len(found["findings"]) > 10
assert all(f["mend"] for f in found["findings"] if f["level"] != "ok"), found' || die 'doctor --json'

doctor 1 -i nowhere0
finds '^fail  interface  nowhere0: there is no such interface'
doctor 1 -i sv0 --pin-cores 1000
finds '^fail  cores +worker-1 is pinned to core 1000'

if "$BIN/spliff-cluster" doctor -i net_af_xdp0,iface=lo --mode dpdk | grep -q '^ok    mode'; then
    doctor 1 -i sv0 --mode dpdk
    finds '^fail  device     sv0: .* give a PCI address'
    doctor 1 -i net_af_xdp0,iface=sv0 --mode dpdk
    finds '^fail  host       net_af_xdp0,iface=sv0: .* carries the address'
fi

# A tap for AF_XDP: the wrong number of queues, until the command that doctor names has run.
if "$BIN/spliff-cluster" doctor -i lo --mode af_xdp | grep -q '^ok    mode'; then
    doctor 1 -i sv0 --mode af_xdp
    finds '^fail  host       sv0: .* carries the address'
    server ip link add tap0 numrxqueues 2 numtxqueues 2 type veth peer name tap1 numrxqueues 2 numtxqueues 2
    server ip link set tap0 up && server ip link set tap1 up
    server ethtool -L tap0 rx 2 || die 'ethtool -L'
    doctor 1 -i tap0 --mode af_xdp --workers 1
    mend=$(sed -n 's/^fail  queues .*; \(ethtool -L .*\)$/\1/p' "$WORK/doctor.out")
    [ -n "$mend" ] || die 'doctor does not name the command that sets the queues'
    server $mend || die "$mend"
    doctor 0 -i tap0 --mode af_xdp --workers 1
fi

# Reserved huge pages: too few, of which the workers tell, until the command that doctor names has run.
HUGE_BEFORE=$(cat /proc/sys/vm/nr_hugepages 2>/dev/null)
restore_huge_pages() {
    [ -z "$HUGE_BEFORE" ] || echo "$HUGE_BEFORE" >/proc/sys/vm/nr_hugepages
    cleanup
}
trap restore_huge_pages EXIT
lies_elsewhere() { grep -q 'too few huge pages .*spliff-cluster doctor' "$STATE"/worker-*.stderr; }
printf 'huge_pages = reserved\nflow_table_size = 65536\n' >>"$WORK/spliff.cfg"
doctor 0 "${files[@]}"
mend=$(sed -n 's/^warn  hugepages .*; \(sysctl -w .*\)$/\1/p' "$WORK/doctor.out")
if [ -n "$mend" ]; then
    start
    lies_elsewhere || die 'workers do not tell that their tables lie in small pages'
    stop
    $mend >/dev/null
    doctor 0 "${files[@]}"
fi
if grep -q '^ok    hugepages' "$WORK/doctor.out"; then
    start
    lies_elsewhere && die 'as many huge pages as doctor asks for are too few'
    stop
fi
pass "$TEST"
finish

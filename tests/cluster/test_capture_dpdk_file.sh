#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Captures read by DPDK's net_pcap, as one queue and as two, make the same logs as reading the file,
# the times of the packets included; and what is wrong with a device is said before anything starts.
. "$(dirname "$0")/lib.sh"
[ -x "$BIN/spliff-worker-dpdk" ] || { skip "$TEST" 'no libdpdk to build mode dpdk with'; finish; exit; }
find /usr/lib* -name 'librte_net_pcap.so*' | grep -q . ||
    { skip "$TEST" 'no net_pcap driver of DPDK'; finish; exit; }
spliff="$BIN/spliff-cluster"
LOGGED='conn http ssl dns'
chmod 755 "$WORK"
printf 'checksums = ignore\nlog_flush_interval = 100ms\n' >"$WORK/spliff.cfg"

captures=()
for name in http1-exchange http1-keep-alive http2-exchange http1-ipv6 dns-udp dns-types tls12 tls13 tls13-ipv6 \
    http1-pipelined qinq vlan; do
    [ -e "$ROOT/tests/golden/$name/input.pcap" ] && captures+=("$ROOT/tests/golden/$name/input.pcap")
done
"$ROOT/tests/cluster/pcap_join.py" "$WORK/all.pcap" "${captures[@]}" || die 'cannot join captures'
"$ROOT/tests/cluster/pcap_join.py" "$WORK/one.pcap,$WORK/two.pcap" "${captures[@]}"
"$spliff" run --config "$WORK/spliff.cfg" -r "$WORK/all.pcap" --log-dir "$WORK/file" --quiet ||
    die 'cannot read the capture'
lines() { grep -vc '^#' "$1/conn.log" 2>/dev/null; }
expected=$(lines "$WORK/file")
[ "$expected" -gt 10 ] || die "only $expected flows in the captures"

all_logged() { [ "$(lines "$1")" = "$expected" ]; }
# same_as_file NAME OPTION...: by DPDK, until all flows are logged.
same_as_file() {
    local dir=$WORK/$1 pid
    shift
    "$spliff" run --config "$WORK/spliff.cfg" --log-dir "$dir" --quiet "$@" 2>"$dir.err" &
    pid=$!
    wait_for 15 all_logged "$dir" || {
        kill -INT $pid
        cat "$dir.err"
        "$ROOT/tests/cluster/same_logs.py" "$WORK/file" "$dir" conn | head
        die "$(lines "$dir") of $expected flows by $*"
    }
    kill -INT $pid
    wait $pid
    [ -z "$(find /run/spliff/dpdk /var/run/dpdk -name "spliff-$pid-*" 2>/dev/null)" ] ||
        die "something is left behind by $*"
    "$ROOT/tests/cluster/same_logs.py" "$WORK/file" "$dir" -resolved_name $LOGGED >"$WORK/diff" ||
        { head -n 20 "$WORK/diff"; die "other logs than of the file by $*"; }
    diff <(cut -f 1 "$WORK/file/conn.log" | grep '^[0-9]' | sort) \
        <(cut -f 1 "$dir/conn.log" | grep '^[0-9]' | sort) >"$WORK/diff" ||
        { head -n 20 "$WORK/diff"; die "other times than of the file by $*"; }
}
same_as_file vdev --vdev "net_pcap0,rx_pcap=$WORK/all.pcap" --lcores 0 --huge-pages never
same_as_file interface --mode dpdk -i "net_pcap0,rx_pcap=$WORK/all.pcap"
same_as_file two --vdev "net_pcap0,rx_pcap=$WORK/one.pcap,rx_pcap=$WORK/two.pcap" -w 2 --huge-pages never
same_as_file devices --vdev "net_pcap0,rx_pcap=$WORK/one.pcap" --vdev "net_pcap1,rx_pcap=$WORK/two.pcap"

# refused WORDS OPTION...: run says them and ends with the status of wrong usage or of no device.
refused() {
    local words=$1
    shift
    timeout 20 "$spliff" run --quiet --log-dir "$WORK/refused" "$@" >"$WORK/refused.out" 2>&1 &&
        die "takes $*"
    grep -q -e "$words" "$WORK/refused.out" || { cat "$WORK/refused.out"; die "$*: does not say: $words"; }
}
refused 'give a PCI address such as 0000:03:00.0' --pci eth0
refused 'interface 0000:ff:1f.7: there is no such device; network devices on the PCI bus' --pci ff:1f.7
refused 'give a virtual device such as' --vdev tap0
refused 'this device was given before' --pci ff:1f.7 --pci 0000:ff:1f.7
refused 'give either -i or the devices' --pci ff:1f.7 -i lo
refused 'name devices of DPDK' --vdev net_tap0 --mode xdp
refused 'there is no core 1000' --vdev net_tap0 --lcores 1000
refused 'it names 2, and there are 1 workers' --vdev net_tap0 --lcores 0,1
refused 'it names 1, and there are 2 workers' --vdev net_tap0 -w 2 --lcores 0
refused 'is of mode dpdk: give --pin-cores' -i lo --lcores 0
refused 'say the same: give one' --vdev net_tap0 --lcores 0 --pin-cores 0
refused 'give one rx_pcap=FILE for each of the 2 workers' --vdev "net_pcap0,rx_pcap=$WORK/all.pcap" -w 2
refused 'DPDK cannot open it: what it said before' --vdev net_pcap0,rx_pcap=/nonexistent
pass "$TEST"
finish

#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Captures read by DPDK's net_pcap, as one queue and as two, make the same logs as reading the file,
# the times of the packets included, with frames longer than a buffer and with lists of prefixes; and what is wrong with a device is said before anything starts.
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
lines() { grep -vc '^#' "$1/conn.log" 2>/dev/null; }
# reference CAPTURE OPTION...: what is logged of the file itself.
reference() {
    rm -rf "$WORK/file"
    "$spliff" run --config "$WORK/spliff.cfg" --log-dir "$WORK/file" --quiet -r "$@" || die 'cannot read the capture'
    expected=$(lines "$WORK/file")
}
reference "$WORK/all.pcap"
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

# A frame of more bytes than a buffer of DPDK's holds: the body in it is whole.
python3 - "$WORK/jumbo.pcap" <<'PY'
import struct, sys

def frame(up, seq, ack, flags, data=b""):
    ends = (b"\xc0\x00\x02\x01", 40000), (b"\xc0\x00\x02\x02", 80)
    (src, sport), (dst, dport) = ends if up else ends[::-1]
    tcp = struct.pack(">HHIIBBHHH", sport, dport, seq, ack, 0x50, flags, 65535, 0, 0) + data
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0, src, dst)
    return b"\x02" * 12 + b"\x08\x00" + ip + tcp

get = b"GET /jumbo HTTP/1.1\r\nHost: example.org\r\n\r\n"
body = b"HTTP/1.1 200 OK\r\nContent-Length: 8000\r\n\r\n" + b"j" * 8000
a, b = 1 + len(get), 1 + len(body)
frames = [frame(1, 0, 0, 2), frame(0, 0, 1, 18), frame(1, 1, 1, 16), frame(1, 1, 1, 24, get),
          frame(0, 1, a, 24, body), frame(1, a, b, 17), frame(0, b, a + 1, 17), frame(1, a + 1, b + 1, 16)]
with open(sys.argv[1], "wb") as f:
    f.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
    for i, data in enumerate(frames):
        f.write(struct.pack("<IIII", 1700000000, i, len(data), len(data)) + data)
PY
reference "$WORK/jumbo.pcap"
LOGGED='conn http'
grep -q '/jumbo.*8000' "$WORK/file/http.log" || die 'the long frame is not in the logs of the file'
same_as_file jumbo --vdev "net_pcap0,rx_pcap=$WORK/jumbo.pcap"

# Lists of prefixes, which the worker looks at in this mode.
echo 2001:db8::/32 >"$WORK/ignore"
reference "$WORK/all.pcap" --prefilter-ignore "$WORK/ignore"
same_as_file listed --vdev "net_pcap0,rx_pcap=$WORK/all.pcap" --prefilter-ignore "$WORK/ignore"
grep -q '2001:db8' "$WORK/listed/conn.log" && die 'the list does not leave out what is in it'

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

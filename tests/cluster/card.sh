# SPDX-License-Identifier: BSD-3-Clause
# Sourced after lib.sh and beside.sh by tests of shunting in mode dpdk: a card of software in front of a
# driver, large downloads, and what conn.log tells of them.

# card_missing DRIVER: why there can be no card at a mirror port, in front of that driver; nothing if there can.
card_missing() {
    [ -x "$BIN/spliff-worker-dpdk" ] || { echo 'no libdpdk to build mode dpdk with'; return; }
    find /usr/lib* -name "librte_$1.so*" | grep -q . || { echo "no $1 driver of DPDK"; return; }
    local why
    why=$(tool_missing mirror.bpf.o)
    echo "${why:-$(tool_missing dpdk_card.so)}"
}

# Commands of which only who reads DPDK has the card in front of it.
with_card() {
    local real=$BIN file
    mkdir "$WORK/bin"
    for file in "$real"/*; do cp -l "$file" "$WORK/bin/" 2>/dev/null || cp "$file" "$WORK/bin/"; done
    rm "$WORK/bin/spliff-worker-dpdk"
    cat >"$WORK/bin/spliff-worker-dpdk" <<SH
#!/bin/sh
[ -e "$WORK/no-card" ] && exec "$real/spliff-worker-dpdk" "\$@"
[ -e "$WORK/no-flags" ] && export DPDK_CARD_NO_FLAGS=1
export DPDK_CARD_FILE="$WORK/card"
LD_PRELOAD="$ROOT/build/tools/cluster/dpdk_card.so" exec "$real/spliff-worker-dpdk" "\$@"
SH
    chmod 755 "$WORK" "$WORK/bin" "$WORK/bin/spliff-worker-dpdk"
    BIN=$WORK/bin
}
said() { grep -c "$1" "$STATE/worker-1.stderr"; }
# download PATH...: slowly, so that rings need not hold much of it.
download() { client curl -sk --limit-rate 8M -o /dev/null "$@" || die "curl $*"; }
# totals DIR: what conn.log counts of the downloads.
totals() {
    zcat -f "$1"/*-*-*/conn.* "$1"/conn.log 2>/dev/null | python3 -c '
import sys
keep = "proto id.resp_p orig_bytes resp_bytes orig_pkts orig_ip_bytes resp_pkts resp_ip_bytes missed_bytes conn_state".split()
rows = []
for line in sys.stdin:
    fields = line.rstrip("\n").split("\t")
    if fields[0] == "#fields":
        names = fields[1:]
    elif line[0] != "#" and dict(zip(names, fields))["id.resp_p"] == "443":
        rows.append(" ".join(k + "=" + v for k, v in zip(names, fields) if k in keep))
print("\n".join(sorted(rows)))'
}

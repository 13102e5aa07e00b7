# SPDX-License-Identifier: BSD-3-Clause
# Sourced after lib.sh and beside.sh by tests of shunting in mode dpdk: a card of software in front of a
# driver, large downloads, and what conn.log tells of them.

FILE=files/4m FILE_SEGMENTS=2800 # at least so many packets carry it

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
# download PATH...: slowly. net_af_xdp has 4,096 frames to bridge a pause of the machine with, two seconds of this.
download() { client curl -sk --limit-rate "${RATE:-2M}" -o /dev/null "$@" || die "curl $*"; }
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

# Frames that came to the taps, and those of them that are told of: come up, counted by the card, or lost.
tap_frames() { server sh -c 'cat /sys/class/net/tap*/statistics/rx_packets' | awk '{n += $1} END {print n}'; }
frames_lost() { counter capture.kernel_drops capture.no_buffer capture.broken; }
frames_told() {
    counter capture.packets shunt.packets shunt.late capture.kernel_drops capture.no_buffer capture.broken
}
frames_untold() { echo $(($(tap_frames) - $(frames_told))); }
settled() { untold=$(frames_untold) && sleep 0.2 && [ "$(frames_untold)" -eq "$untold" ]; }
all_told() { [ "$(frames_untold)" -eq "$untold" ]; }
all_over() { [ "$(counter shunt.active flow.active_tcp)" -eq 0 ]; }

# told_alike FLOWS COMMAND: so many flows, which the command downloads, are told of as by mode kernel without
# shunting, and every frame is told of. If the machine pauses longer than a tap's buffers last, or than
# an owner is waited for, no more packets are missing than are counted as lost or late, and the command
# has another try. Sets seen and unseen, packets that came up and did not, and tls and refused, flows
# that were shunted and were not.
told_alike() {
    local flows=$1 try=1
    shift
    until both_told "$@"; do
        lost_are_missing
        try=$((try + 1))
        [ $try -le 3 ] || die 'frames are lost each time'
    done
    [ "$(wc -l <"$WORK/card.conn")" -eq "$flows" ] || die 'flows are missing'
}

# A try. False if conn.log is another one.
both_told() {
    local untold
    rm -rf "$LOGS" "$WORK/kernel"
    start
    begin_unshunted
    both_see || die 'a cluster sees nothing'
    wait_for 10 settled || die 'the link does not become quiet'
    "$@"
    if wait_for 15 all_over; then
        wait_for 10 all_told || die "$(($(frames_untold) - untold)) frames are neither captured nor counted"
    elif [ "$(frames_lost)" -eq 0 ]; then
        die "$(counter shunt.active) flows are still shunted"
    fi
    lost=$(frames_lost) late=$(counter shunt.late) unanswered=$(counter shunt.unanswered)
    seen=$(counter capture.packets) unseen=$(counter shunt.packets)
    tls=$(counter shunt.tls) refused=$(counter shunt.refused)
    stop
    end_kernel
    totals "$LOGS" >"$WORK/card.conn"
    totals "$WORK/kernel" >"$WORK/kernel.conn"
    diff "$WORK/kernel.conn" "$WORK/card.conn"
}
# packets FILE: of its totals.
packets() { grep -oE '(orig|resp)_pkts=[0-9]+' "$1" | awk -F = '{n += $2} END {print n + 0}'; }
lost_are_missing() {
    local missing=$(($(packets "$WORK/kernel.conn") - $(packets "$WORK/card.conn")))
    [ $((lost + unanswered)) -gt 0 ] || die 'conn.log is another one'
    [ $missing -ge 0 ] && [ $missing -le $((lost + late)) ] ||
        die "$missing packets are missing, $lost are counted as lost and $late as late"
    echo "      $missing packets are missing, $lost are counted as lost and $late as late: once more"
}

#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Large downloads from a DPDK device that counts and drops (tests/cluster/dpdk_card.c, in front of net_af_xdp)
# are told of as by mode kernel without shunting, to the packet and to the byte. A killed worker's
# successor goes on; a card without TCP's flags leaves TCP alone; drivers without such rules say so, once.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/mirror.sh"
. "$(dirname "$0")/beside.sh"
. "$(dirname "$0")/card.sh"
why=$(card_missing net_af_xdp)
[ -z "$why" ] || { skip "$TEST" "$why"; finish; exit; }

begin 1
mirror_up 1 || die 'cannot make the mirror port'
wire_frames
printf '%s\n' 'huge_pages = never' 'tcp_close_delay = 500ms' 'checksums = ignore' >>"$WORK/spliff.cfg"
head -c 4M /dev/zero >"$WORK/www/www/$FILE"
with_card

node_cfg 1 net_af_xdp0,iface=tap0 dpdk
downloads() {
    [ "$(said 'counts and drops shunted flows of TCP and UDP')" -eq 1 ] || die 'does not say what the card can do'
    download --tls-max 1.3 "https://$SERVER4/$FILE"
    download --tls-max 1.2 "https://$SERVER4/$FILE"
    download -6 "https://[$SERVER6]/$FILE"
    download "https://$SERVER4/files/20k.txt"
}
told_alike 4 downloads
[ "$tls" -eq 3 ] || die "$tls flows were shunted, not 3"
[ "$unseen" -gt "$seen" ] || die "$seen packets came up, $unseen did not"
[ "$refused" -eq 0 ] || die 'rules were refused'

start
download "https://$SERVER4/$FILE" &
is_shunted() { [ "$(counter shunt.packets)" -gt 0 ]; }
wait_for 10 is_shunted || die 'nothing is shunted'
kill -9 "$(node_pid worker-1)" || die 'no worker to kill'
restarted() { [ "$(said 'counts and drops')" -eq 2 ]; }
wait_for 15 restarted || die 'the killed worker does not come back'
dead_told() { [ "$(counter capture.deaths)" -eq 1 ] && column notice msg | grep -q 'died and its device with it'; }
wait_for 10 dead_told || die 'nobody tells that the device went with the worker'
[ "$(counter capture.dead_ms)" -gt 0 ] || die 'the time without a device has no length'
wait $! || die 'the download ended'
before=$(counter shunt.packets)
download "https://$SERVER4/$FILE"
more_shunted() { [ "$(counter shunt.packets)" -gt "$((before + 1000))" ]; }
wait_for 10 more_shunted || die 'the successor shunts nothing'
stop

touch "$WORK/no-flags"
start
[ "$(said 'shunted flows of UDP, not of TCP: no flags of TCP')" -eq 1 ] || die 'does not say that TCP is left alone'
download "https://$SERVER4/$FILE"
all_seen() { [ "$(counter capture.packets)" -gt "$FILE_SEGMENTS" ]; }
wait_for 10 all_seen || die "$(counter capture.packets) packets came up of a flow that is not shunted"
[ "$(counter shunt.tls)" -eq 0 ] || die 'a flow is shunted that the card cannot'
stop

touch "$WORK/no-card"
start
[ "$(said 'flows are not shunted, its device has no rules')" -eq 1 ] || die 'does not say that nothing is shunted'
download "https://$SERVER4/$FILE"
wait_for 10 all_seen || die "$(counter capture.packets) packets came up of a flow that is not shunted"
[ "$(said 'shunt')" -eq 1 ] || die 'says it again'
stop

# A driver of DPDK's that has rules, which drop and do not count.
if find /usr/lib* -name 'librte_net_tap.so*' | grep -q . && [ -e /dev/net/tun ]; then
    node_cfg 1 net_tap0,iface=dtap0 dpdk
    start
    [ "$(said 'flows are not shunted, its device has no rules')" -eq 1 ] || die 'net_tap shunts'
    stop
fi
pass "$TEST"
finish

#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A card that counts and drops (tests/cluster/dpdk_card.c, in front of net_pcap), kept by an owner for two
# workers: large downloads are told of as by mode kernel without shunting, to the packet and to the
# byte. Rules of a killed worker go when its successor begins; with a new owner there is a new card,
# and all go on; the owner sleeps.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/mirror.sh"
. "$(dirname "$0")/beside.sh"
. "$(dirname "$0")/card.sh"
. "$(dirname "$0")/huge_pages.sh"
why=$(card_missing net_pcap)
if [ -z "$why" ]; then
    huge_pages_up 72 >"$WORK/why"
    why=$(cat "$WORK/why")
fi
[ -z "$why" ] || { skip "$TEST" "$why"; finish; exit; }
trap 'cleanup_cluster; huge_pages_down; cleanup' EXIT
cleanup_cluster() { [ ! -e "$STATE/control.sock" ] || cluster stop >/dev/null 2>&1; }

begin 2
mirror_split_up || die 'cannot make the mirror ports'
wire_frames
printf '%s\n' 'tcp_close_delay = 500ms' 'checksums = ignore' 'dpdk_port_owner = yes' 'dpdk_memory = 32M' \
    'dpdk_descriptors = 512' 'user = nobody' >>"$WORK/spliff.cfg"
head -c 4M /dev/zero >"$WORK/www/www/$FILE"
with_card
node_cfg_of vdev=net_pcap0,rx_iface=tap0,rx_iface=tap1 lb_procs=2

downloads() {
    local n
    [ "$(said 'counts and drops shunted flows of TCP and UDP')" -eq 1 ] || die 'does not say what the card can do'
    for n in 1 2; do
        download --tls-max 1.3 "https://$SERVER4/$FILE"
        download --tls-max 1.2 "https://$SERVER4/$FILE"
        download -6 "https://[$SERVER6]/$FILE"
    done
    download "https://$SERVER4/files/20k.txt"
    wait_for 20 both_busy || die 'one worker had all flows'
    wait_for 10 at_rest "$(node_pid port-1)" || die 'the owner does not sleep'
}
both_busy() { get "http://$SERVER4/" "http://$SERVER4/moved" && [ "$(busy_workers)" -eq 2 ]; }
told_alike 7 downloads
[ "$tls" -eq 6 ] || die "$tls flows were shunted, not 6"
[ "$unseen" -gt "$seen" ] || die "$seen packets came up, $unseen did not"
[ "$refused" -eq 0 ] || die 'rules were refused'

# killed_while_shunted NODE PROCESS...: the processes are other ones then, and what is downloaded is shunted.
killed_while_shunted() {
    local node=$1 old=() n
    shift
    download "https://$SERVER4/$FILE" &
    wait_for 10 is_shunted || die 'nothing is shunted'
    for n in "$@"; do old+=("$(node_pid "$n")"); done
    kill -9 "$(node_pid "$node")" || die "no $node to kill"
    all_new() {
        local i=0 name
        for name in "$@"; do
            [ -n "$(node_pid "$name")" ] && [ "$(node_pid "$name")" != "${old[$i]}" ] || return 1
            i=$((i + 1))
        done
    }
    wait_for 30 all_new "$@" || { cluster status; die "not all come back after $node was killed"; }
    wait $! || die 'the download ended'
    before=$(counter shunt.tls)
    # The first one may begin before the new processes read.
    for n in 1 2 3 4 5 6 7 8; do more_shunted 4 || RATE=8M download "https://$SERVER4/$FILE"; done
    wait_for 10 more_shunted 4 || die "only $(($(counter shunt.tls) - before)) of 8 are shunted after $node was killed"
}
is_shunted() { [ "$(counter shunt.packets)" -gt 0 ]; }
more_shunted() { [ "$(counter shunt.tls)" -ge $((before + $1)) ]; }
start
killed_while_shunted worker-1 worker-1
[ "$(counter capture.deaths capture.dead_ms)" -eq 0 ] || die 'the device is said to have gone with a worker'
killed_while_shunted port-1 port-1 worker-1 worker-2
lost=$(counter capture.kernel_drops)
[ "$lost" -lt 1000000 ] || die "$lost frames are said to be lost, more than there were"
stop
pass "$TEST"
finish

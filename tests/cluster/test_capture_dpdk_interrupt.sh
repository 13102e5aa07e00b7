#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A DPDK driver with receive interrupts, net_tap, which receives what this host sends to its
# interface: in rx modes interrupt and adaptive frames wake the worker, and without any it sleeps. The
# mode is changed while it runs. One that reads a socket of the kernel, net_af_packet, is woken by that.
# A driver with neither, net_pcap, says so, once, and is adaptive.
. "$(dirname "$0")/lib.sh"
[ -x "$BIN/spliff-worker-dpdk" ] || why='no libdpdk to build mode dpdk with'
[ -n "$why" ] || find /usr/lib* -name 'librte_net_tap.so*' | grep -q . || why='no net_tap driver of DPDK'
[ -n "$why" ] || [ -e /dev/net/tun ] || why='no /dev/net/tun'
[ -z "$why" ] || { skip "$TEST" "$why"; finish; exit; }

rx_mode() { cluster rx-mode "$@"; }
in_effect() { rx_mode worker-1 | grep -qE "^worker-1 .* dpdk +$1 +$2\$"; }
looks() { echo $(($(counter loop.spins) + $(counter loop.yields) + $(counter loop.sleeps))); }
# Packets of a flow that nobody answers.
send() { server bash -c 'for i in {1..5}; do echo hello >/dev/udp/198.51.100.2/9999; done'; }
tap_up() {
    server ip addr add 198.51.100.1/24 dev dtap0 &&
        server ip neigh add 198.51.100.2 lladdr 02:00:00:00:00:01 dev dtap0
}
more_packets() { [ "$(counter capture.packets)" -ge "$((packets + 5))" ]; }
# One that was about to fall asleep has taken the packets without being woken: then others come.
wakes() { [ "$(counter loop.wakeups)" -gt "$wakeups" ] || { send && false; }; }
# In both modes that sleep: packets come and wake the worker, and without any it does not look for them.
sleeps_and_is_woken() {
    local mode packets wakeups
    for mode in interrupt adaptive; do
        rx_mode $mode >/dev/null || die "rx-mode $mode"
        wait_for 5 in_effect $mode $mode || { rx_mode; die "rx-mode $mode is not in effect"; }
        packets=$(counter capture.packets) wakeups=$(counter loop.wakeups)
        send
        wait_for 10 more_packets || die "rx-mode $mode: packets are missing"
        wait_for 10 wakes || die "rx-mode $mode: the packets woke nobody"
        is_quiet "rx-mode $mode"
    done
}
# is_quiet WHAT: without packets it does not look for them.
is_quiet() {
    local before more
    before=$(looks)
    sleep 2 # the time in which they are counted
    more=$(($(looks) - before))
    [ "$more" -le 200 ] || die "$1: it looked $more times in 2 seconds"
}

begin 1
echo 'huge_pages = never' >>"$WORK/spliff.cfg"
echo 'rx_mode = interrupt' >>"$WORK/spliff.cfg"
node_cfg 1 net_tap0,iface=dtap0 dpdk
start
tap_up || die 'the driver has made no interface'
in_effect interrupt interrupt || { rx_mode; die 'the mode is not interrupt'; }
sleeps_and_is_woken
rx_mode polling >/dev/null || die 'rx-mode polling'
wait_for 5 in_effect polling polling || { rx_mode; die 'rx-mode polling is not in effect'; }
packets=$(counter capture.packets) sleeps=$(counter loop.sleeps)
send
wait_for 10 more_packets || die 'rx-mode polling: packets are missing'
[ "$(counter loop.sleeps)" -eq "$sleeps" ] || die 'rx-mode polling: it sleeps'
stop

# The host's own interface, which the drivers share with it.
if find /usr/lib* -name 'librte_net_af_packet.so*' | grep -q .; then
    node_cfg 1 net_af_packet0,iface=sv0 dpdk
    start
    in_effect interrupt interrupt || { rx_mode; die 'net_af_packet does not wait for its socket'; }
    send() { client bash -c "for i in {1..5}; do echo hello >/dev/udp/$SERVER4/9999; done"; }
    sleeps_and_is_woken
    # Its socket has an error then, which nobody fetches.
    server ip link set sv0 down
    is_quiet 'interface down'
    server ip link set sv0 up
    sleeps_and_is_woken
    stop
fi
node_cfg 1 net_pcap0,iface=sv0 dpdk
start
wait_for 5 in_effect interrupt adaptive || { rx_mode; die 'net_pcap waits for interrupts'; }
[ "$(grep -c 'has no interrupts to wait for' "$STATE/worker-1.stderr")" -eq 1 ] ||
    die 'nothing or too much is said of a driver without interrupts'
stop
pass "$TEST"
finish

#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# dpdk_power: DPDK's power library sets the frequency of a worker's core, without rights, in files
# that stand in for those of a cpufreq driver. The governor is set back, also after a worker was
# killed; a machine without cpufreq says so in one line and goes on.
. "$(dirname "$0")/lib.sh"
[ -x "$BIN/spliff-worker-dpdk" ] || why='no libdpdk to build mode dpdk with'
[ -n "$why" ] || find /usr/lib* -name 'librte_net_tap.so*' | grep -q . || why='no net_tap driver of DPDK'
[ -n "$why" ] || [ -e /dev/net/tun ] || why='no /dev/net/tun'
[ -z "$why" ] || { skip "$TEST" "$why"; finish; exit; }

CPU=$WORK/cpu
FREQ=$CPU/cpu0/cpufreq

# What DPDK looks at of the cores, and what a driver with three frequencies would show of the first.
fake_cpus() {
    local dir
    for dir in /sys/devices/system/cpu/cpu[0-9]*; do
        mkdir -p "$CPU/${dir##*/}/topology"
        cp "$dir"/topology/core_id "$CPU/${dir##*/}/topology/"
    done
    cp /sys/devices/system/cpu/{online,possible,present} "$CPU/"
    mkdir "$FREQ"
    echo acpi-cpufreq >"$FREQ/scaling_driver"
    echo ondemand >"$FREQ/scaling_governor"
    echo 2400000 1800000 1200000 >"$FREQ/scaling_available_frequencies"
    echo 1200000 >"$FREQ/scaling_min_freq"
    echo 2400000 >"$FREQ/scaling_max_freq"
    echo 2400000 >"$FREQ/scaling_setspeed"
}
start_with_frequencies() {
    server bash -c 'mount --bind "$1" /sys/devices/system/cpu && shift && exec "$@"' - "$CPU" \
        "$BIN/spliff-cluster" start --config "$WORK/spliff.cfg" --node-cfg "$WORK/node.cfg" \
        >"$WORK/start.out" 2>"$WORK/start.err" || die "start: status $?"
    server ip addr add 198.51.100.1/24 dev dtap0 &&
        server ip neigh add 198.51.100.2 lladdr 02:00:00:00:00:01 dev dtap0 || die 'no interface'
}
slow() { [ "$(head -c 7 "$FREQ/scaling_setspeed")" = 1200000 ]; }
fast() {
    server bash -c 'echo hello >/dev/udp/198.51.100.2/9999'
    [ "$(counter loop.frequency_switches)" -gt "$switches" ]
}
governor() { head -c "${#1}" "$FREQ/scaling_governor" | grep -qx "$1"; }

begin 1
fake_cpus
printf '%s\n' 'huge_pages = never' 'dpdk_power = yes' 'resume_threshold = 1' >>"$WORK/spliff.cfg"
node_cfg 1 net_tap0,iface=dtap0 dpdk
start
grep -q 'dpdk_power: the core keeps its frequency: the worker has no core of its own' "$STATE/worker-1.stderr" ||
    die 'it is not said that a core of its own is needed'
stop
echo pin_cpus=0 >>"$WORK/node.cfg"
if [ ! -e /sys/devices/system/cpu/cpu0/cpufreq ]; then
    start
    [ "$(grep -c 'dpdk_power: the core keeps its frequency: this machine has no cpufreq' "$STATE/worker-1.stderr")" -eq 1 ] ||
        die 'it is not said in a line that there is no cpufreq'
    stop
fi

start_with_frequencies
governor userspace || { head "$FREQ"/*; die 'the frequency is not ours to set'; }
wait_for 10 slow || { head "$FREQ"/*; die 'a quiet core is not slowed down'; }
switches=$(counter loop.frequency_switches)
wait_for 10 fast || die 'frames do not make the core fast'
first=$(node_pid worker-1)
kill -9 "$first" || die 'no worker to kill'
restarted() { [ -n "$(node_pid worker-1)" ] && [ "$(node_pid worker-1)" != "$first" ]; }
wait_for 15 restarted || die 'the killed worker does not come back'
switches=$(counter loop.frequency_switches)
more() { [ "$(counter loop.frequency_switches)" -gt "$switches" ]; }
wait_for 10 more || die 'the successor does not set the frequency'
stop
governor ondemand || { head "$FREQ"/*; die 'the governor was not set back'; }
pass "$TEST"
finish

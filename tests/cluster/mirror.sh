# SPDX-License-Identifier: BSD-3-Clause
# Sourced after lib.sh by tests of capture modes that take frames away from the host: a tap, an
# interface that nobody uses and that gets a copy of each frame which sv0 receives or sends.
#
#   sv0 ── tc ──► mir0 ═ tap0 (2 queues)

MIRROR_INDEX=77

# Why there can be no tap; nothing if there can.
mirror_missing() { tool_missing mirror.bpf.o; }

# The same for a tap that is read in mode af_xdp.
af_xdp_missing() {
    "$BIN/spliff-cluster" version | grep -q -- +xdp || { echo 'built without libxdp'; return; }
    mirror_missing
}

# mirror_up [QUEUES]: needs the link. Frames are those of a wire: checksums filled in, tags in their
# place, nothing larger than the MTU.
mirror_up() {
    mirror_pair "$@" && server tc qdisc add dev sv0 clsact && mirror_as tc
}

# Two taps of one queue, tap0 and tap1, among which the flows are shared out.
mirror_split_up() {
    mirror_pair 1 0 && mirror_pair 1 1 && server tc qdisc add dev sv0 clsact && mirror_as tc/split
}

# mirror_pair [QUEUES [NUMBER]]: the pair alone; also another one, when the first was removed.
mirror_pair() {
    local queues=${1:-2} mir=mir${2:-0} tap=tap${2:-0}
    server ip link add "$mir" index $((MIRROR_INDEX + ${2:-0})) numtxqueues 2 numrxqueues 2 type veth \
        peer name "$tap" numtxqueues 2 numrxqueues 2 || return 1
    server ethtool -L "$mir" tx "$queues" 2>/dev/null
    server ethtool -L "$tap" rx "$queues" || return 1
    server sysctl -qw "net.ipv6.conf.$mir.disable_ipv6=1" "net.ipv6.conf.$tap.disable_ipv6=1"
    server ethtool -K "$mir" tx off txvlan off tso off gso off >/dev/null 2>&1
    # The pair itself has 256 places, which are full when the core is away for a moment. Since Linux 6.16
    # frames wait in a queue before it instead of being dropped.
    server tc qdisc replace dev "$mir" root pfifo limit 100000
    server ip link set "$mir" up
    server ip link set "$tap" up
}

# mirror_as SECTION: tc, tc/tagged for copies with a VLAN tag, or tc/split.
mirror_as() {
    local side
    for side in ingress egress; do
        server tc filter replace dev sv0 $side handle 1 pref 1 \
            bpf direct-action obj "$ROOT/build/tools/cluster/mirror.bpf.o" sec "$1" || return 1
    done
}

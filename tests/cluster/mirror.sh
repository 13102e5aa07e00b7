# SPDX-License-Identifier: BSD-3-Clause
# Sourced after lib.sh by tests of capture modes that take frames away from the host: a tap, an
# interface that nobody uses and that gets a copy of each frame which sv0 receives or sends.
#
#   sv0 ── tc ──► mir0 ═ tap0 (2 queues)

MIRROR_INDEX=77

# Why there can be no tap; nothing if there can.
mirror_missing() { tool_missing mirror.bpf.o; }

# mirror_up [QUEUES]: needs the link. Frames are those of a wire: checksums filled in, tags in their
# place, nothing larger than the MTU.
mirror_up() {
    mirror_pair "$@" && server tc qdisc add dev sv0 clsact && mirror_as tc
}

# The pair alone: also another one, when the first was removed.
mirror_pair() {
    local queues=${1:-2}
    server ip link add mir0 index $MIRROR_INDEX numtxqueues 2 numrxqueues 2 type veth \
        peer name tap0 numtxqueues 2 numrxqueues 2 || return 1
    server ethtool -L mir0 tx "$queues" 2>/dev/null
    server ethtool -L tap0 rx "$queues" || return 1
    server sysctl -qw net.ipv6.conf.mir0.disable_ipv6=1 net.ipv6.conf.tap0.disable_ipv6=1
    server ethtool -K mir0 tx off txvlan off tso off gso off >/dev/null 2>&1
    server ip link set mir0 up
    server ip link set tap0 up
}

# mirror_as SECTION: tc, or tc/tagged for copies with a VLAN tag.
mirror_as() {
    local side
    for side in ingress egress; do
        server tc filter replace dev sv0 $side handle 1 pref 1 \
            bpf direct-action obj "$ROOT/build/tools/cluster/mirror.bpf.o" sec "$1" || return 1
    done
}

# SPDX-License-Identifier: BSD-3-Clause
# Sourced after lib.sh: what becomes of an interface that is captured, one function each. Each waits until
# capture goes on, by a request that is logged.


# captured URI: asks for it until it is logged.
captured() { get "http://$SERVER4$1" && wait_for 2 has_uri "$1"; }

# said N TEXT: the manager has said it so often.
said() { [ "$(grep -c -- "$2" "$STATE/manager.stderr")" -eq "$1" ]; }

# comings_begin INTERFACE METHOD
comings_begin() {
    node_cfg "${3:-2}" "$1" "$2"
    start
    wait_for 10 captured /count/first || die 'nothing is captured'
}

down_and_up() {
    server ip link set "$1" down
    wait_for 10 said 1 "$1 is down" || die 'nobody says that the link is down'
    server ip link set "$1" up
    net_addresses
    wait_for 10 captured /count/up || die 'nothing is captured when the link is up again'
    said 1 "$1 is up again after" || die 'nobody says that the link is up again'
}

# no_carrier INTERFACE client|server OTHER-END
no_carrier() {
    "$2" ip link set "$3" down
    wait_for 10 said 1 "$1 has no carrier" || die 'nobody says that the carrier is lost'
    "$2" ip link set "$3" up
    wait_for 10 captured /count/carrier || die 'nothing is captured when there is a carrier again'
    said 1 "$1 has a carrier again" || die 'nobody says that there is a carrier again'
}

# Jumbo frames and back, at sv0.
jumbo_and_back() {
    local mtu
    for mtu in 9000 1500; do
        client ip link set cl0 mtu $mtu && server ip link set sv0 mtu $mtu || die 'cannot change the MTU'
        wait_for 10 captured "/files/20k.txt?mtu=$mtu" || die "nothing is captured with an MTU of $mtu"
    done
}

# other_name INTERFACE: it has another name for a while, and is read on.
other_name() {
    server ip link set "$1" down && server ip link set "$1" name other0 && server ip link set other0 up ||
        die 'cannot rename'
    [ "$1" != sv0 ] || net_addresses other0
    wait_for 10 captured /count/renamed || die 'nothing is captured from an interface with a new name'
    said 1 "$1 is called other0 now" || die 'nobody says that it has another name'
    server ip link set other0 down && server ip link set other0 name "$1" && server ip link set "$1" up
    net_addresses
    wait_for 10 captured /count/named || die 'nothing is captured when it has its name again'
}

# member_of_bridge INTERFACE [COMMAND...]: becomes part of a bridge, the command runs, and it leaves it.
member_of_bridge() {
    local name=$1 gone
    shift
    if ! server ip link add br0 type bridge 2>"$WORK/bridge.err"; then
        echo "      no bridge: $(cat "$WORK/bridge.err")"
        return
    fi
    gone=$(grep -c 'was removed' "$STATE/manager.stderr")
    server ip link set br0 up && server ip link set "$name" master br0 && server ip addr flush dev "$name" &&
        net_addresses br0 || die 'cannot make a bridge'
    wait_for 10 captured /count/bridge/first || die 'nothing is captured from a member of a bridge'
    "$@"
    server ip link set "$name" nomaster && server ip link del br0 && net_addresses
    wait_for 10 captured /count/bridge/left || die 'nothing is captured from what has left a bridge'
    said "$gone" 'was removed' || die 'what left a bridge was taken for removed'
}

absent() { cluster status 2>/dev/null | grep -q '^worker.* absent'; }

# gone_and_back INTERFACE N COMMAND...: it is gone for the Nth time, until COMMAND has brought it back.
gone_and_back() {
    local name=$1 n=$2
    shift 2
    wait_for 10 said "$n" "$name was removed" || die 'nobody says that the interface is gone'
    wait_for 10 absent || die 'status takes a deaf worker for a running one'
    "$@" || die 'cannot bring the interface back'
    wait_for 10 captured "/count/back/$n" || die 'nothing is captured on the interface that is back'
    said "$n" "$name is back after" || die 'nobody says that the interface is back, or too often'
    wait_for 10 eval "[ \"\$(counter capture.gaps)\" -eq $n ]" || die 'the gap is not counted'
    wait_for 10 eval "[ \"\$(column notice note | grep -c Interface_Gap)\" -eq $n ]" || die 'no notice of the gap'
    [ "$(counter capture.gap_ms)" -gt 0 ] || die 'the gap has no length'
    wait_for 10 all_running || die 'not all run again'
}

bring_home() {
    client ip link set "$1" netns "$NET_SERVER" && server ip link set "$1" up && net_addresses
}

# elsewhere_and_back INTERFACE: to another namespace and back, with its number.
elsewhere_and_back() {
    server ip link set "$1" netns "$NET_CLIENT" || die 'cannot move the interface'
    gone_and_back "$1" 1 bring_home "$1"
}

# removed_and_back INTERFACE: removed, and another one of its name is made.
removed_and_back() {
    client ip link del cl0 || die 'cannot remove the interface'
    gone_and_back "$1" 2 net_link
}

#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Mode xdp through what happens to a sensor: another's XDP program on the interface, a worker that is
# killed, an interface whose MTU grows, that goes down and up, that is removed and comes back, a manager
# that is killed, one that lacks a right. Capture goes on, and in the end nothing of ours is in the kernel.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/xdp.sh"
. "$(dirname "$0")/comings.sh"

PASS=$ROOT/build/tools/cluster/pass.bpf.o
PINNED=/sys/fs/bpf/spliff-test-$$
# In the server's network, but with the machine's own /sys, where programs are pinned.
bpftool_there() { nsenter --net="/run/netns/$NET_SERVER" bpftool "$@"; }
foreign_lives() { bpftool_there net show dev sv0 | grep -q driver && bpftool prog show | grep -q 'name pass_all'; }

begin 2
wire_frames
node_cfg 2 sv0 xdp
echo "xdp_mode = native" >>"$WORK/spliff.cfg"
printf '%s\n' 'xdp_flow_table_size = 4096' 'promiscuous = no' >>"$WORK/spliff.cfg"

# Where the kernel lets libxdp have a dispatcher both programs run, else it is said why not.
if [ -e "$PASS" ] && mountpoint -q /sys/fs/bpf; then
    bpftool prog load "$PASS" $PINNED && bpftool_there net attach xdpdrv pinned $PINNED dev sv0 ||
        die 'cannot attach a program of another'
    rm -f $PINNED
    if cluster start >"$WORK/start.out" 2>"$WORK/start.err"; then
        foreign_lives || die 'the program of another is gone'
        stop
        foreign_lives || die 'the program of another is gone after the stop'
    else
        grep -q 'sv0: another XDP program is attached' "$WORK/start.err" || die 'does not say why not'
        foreign_lives || die 'the program of another is gone after a failed start'
    fi
    bpftool_there net detach xdpdrv dev sv0
    xdp_nothing_left || { xdp_left_behind; die 'a start that failed has left something'; }
fi

# An interface that cannot run the program itself says so, and what to do.
cp "$WORK/spliff.cfg" "$WORK/native.cfg"
sed -i 's/^xdp_mode = .*/xdp_mode = offload/' "$WORK/spliff.cfg"
cluster start >"$WORK/start.out" 2>"$WORK/start.err" && die 'a veth runs programs itself'
grep -q 'sv0: it cannot run the program itself .*: set xdp_mode to auto' "$WORK/start.err" ||
    die 'does not say what cannot be offloaded'
xdp_nothing_left || { xdp_left_behind; die 'a start that failed has left something'; }
mv "$WORK/native.cfg" "$WORK/spliff.cfg"

start
get "http://$SERVER4/count/first" || die 'curl'
wait_for 10 has_uri /count/first || die 'nothing is captured'

# The programs know where HTTP/3 is advertised, as long as it is.
net_run python3 -c '
import http.server
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        value = "h3=\":9443\"; ma=600" if self.path == "/here" else "clear"
        self.send_response(200)
        self.send_header("Alt-Svc", value)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_):
        pass
http.server.HTTPServer(("192.0.2.2", 8087), Answer).serve_forever()'
learned() {
    local map
    map=$(new_objects map "learned_h3_$1")
    [ "$(bpftool -j map dump id "$map" | python3 -c 'import json, sys; print(len(json.load(sys.stdin)))')" -eq "$2" ]
}
wait_for 10 client curl -sf -o /dev/null "http://$SERVER4:8087/here" || die 'no advertiser'
wait_for 10 learned port 1 || die 'the port of HTTP/3 is not in the kernel'
learned host 1 || die 'the address of HTTP/3 is not in the kernel'
client curl -sf -o /dev/null "http://$SERVER4:8087/clear"
wait_for 10 learned port 0 || die 'the port of HTTP/3 is still in the kernel'
learned host 0 || die 'the address of HTTP/3 is still in the kernel'

# A worker's ring goes on filling while it is dead, and so does what is counted.
worker=$(node_pid worker-1)
kill -9 "$worker" "$(node_pid worker-2)" || die 'no workers to kill'
for n in 1 2 3 4 5 6; do get "http://$SERVER4/count/while-dead/$n" || die 'curl'; done
wait_for 15 all_running || die 'workers were not restarted'
[ "$(node_pid worker-1)" != "$worker" ] || die 'the worker was not killed'
for n in 1 2 3 4 5 6; do wait_for 10 has_uri "/count/while-dead/$n" || die "request $n is lost"; done

client ip link set cl0 mtu 9000 && server ip link set sv0 mtu 9000 || die 'cannot change the MTU'
captured '/files/20k.txt?jumbo' || die 'nothing is captured after the MTU has changed'
restarts=$(counter manager.restarts)
down_and_up sv0
no_carrier sv0 client cl0
other_name sv0
member_of_bridge sv0
elsewhere_and_back sv0
removed_and_back sv0
[ "$(counter manager.restarts)" -eq "$restarts" ] || die 'a worker was restarted'
[ "$(readlink "/proc/$(node_pid manager)/fd/0")" = /dev/null ] || die 'the manager has lost its descriptor 0'

# By force an interface is given another program, and nothing comes in any more.
said 0 'our XDP program was detached' || die 'a program that is there is missed'
if [ -e "$PASS" ]; then
    server ip -force link set dev sv0 xdpdrv obj "$PASS" sec xdp || die 'cannot replace the program'
    wait_for 10 said 1 'sv0: our XDP program was detached by another.*xdp off' || die 'nobody says that it is gone'
    server ip link set dev sv0 xdpdrv off
    stop
    start
fi

# A killed manager takes its children with it; what is still attached goes with the next start.
kill -9 "$(node_pid manager)" || die 'no manager to kill'
start
get "http://$SERVER4/count/again" || die 'curl'
wait_for 10 has_uri /count/again || die 'nothing is captured after the manager was killed'
one_program() { [ "$(new_objects prog 'spliff_xdp[^ ]*' | wc -l)" -eq 1 ]; }
wait_for 5 one_program || die 'what a killed manager left is still in memory'
# Also with one that captures in another way.
kill -9 "$(node_pid manager)" || die 'no manager to kill'
server ip link show sv0 | grep -q prog/xdp || die 'a killed manager takes its program with it'
node_cfg 1 sv0 af_packet
start
wait_for 5 xdp_nothing_left || { xdp_left_behind; die 'a start in another mode leaves what a killed manager left'; }
stop
wait_for 5 xdp_nothing_left || { xdp_left_behind; die 'the cluster has left something in the kernel'; }

# Without CAP_SYS_ADMIN the kernel tells nobody what is attached: of another manager's program it is said
# what lacks, and one's own is taken away all the same.
node_cfg 1 sv0 xdp
start_without() {
    server setpriv --bounding-set=-sys_admin "$BIN/spliff-cluster" start --config "$WORK/spliff.cfg" \
        --node-cfg "$WORK/node.cfg" >"$WORK/start.out" 2>"$WORK/start.err"
}
start
kill -9 "$(node_pid manager)"
start_without && die 'it starts beside a program of nobody'
grep -q 'sv0: an XDP program is attached, .* needs CAP_SYS_ADMIN' "$WORK/start.err" ||
    die 'does not say which right lacks'
start
stop
start_without || die 'it does not start without CAP_SYS_ADMIN'
stop
wait_for 5 xdp_nothing_left || { xdp_left_behind; die 'without CAP_SYS_ADMIN something is left in the kernel'; }
pass "$TEST"
finish

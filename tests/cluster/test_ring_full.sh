#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A worker that stands still until its ring is full: each frame that did not fit is counted, each other
# one is received when it goes on, in each mode whose ring the kernel fills on a host's interface. (The
# same for a tap: test_capture_af_xdp_link.sh.)
. "$(dirname "$0")/lib.sh"
FRAMES=3000

# The flows of the flood that conn.log has.
flows() { column conn id.resp_p | awk '$1 >= 20000' | wc -l; }

# full METHOD OPTION...
full() {
    local method=$1 stopped drops
    shift
    LOGS=$WORK/logs.$method
    node_cfg 1 sv0 "$method"
    spliff_cfg
    printf '%s\n' "$@" >>"$WORK/spliff.cfg"
    start
    wait_for 10 get "http://$SERVER4/count/$method" || die "$method: curl"
    wait_for 10 has_records http 1 || die "$method: nothing is captured"
    stopped=$(node_pid worker-1)
    kill -STOP "$stopped"
    flood $FRAMES $FRAMES # as many flows, so that mode xdp, too, has something to tell of each
    kill -CONT "$stopped"
    wait_for 10 eval '[ "$(counter capture.kernel_drops)" -gt 0 ]' || die "$method: no frame was lost"
    # What comes after it is received again.
    wait_for 10 eval "get http://$SERVER4/count/$method/after; column http uri | grep -q after" ||
        die "$method: nothing is captured after the ring was full"
    [ "$(node_pid worker-1)" = "$stopped" ] || die "$method: the worker was restarted"
    drops=$(counter capture.kernel_drops)
    stop
    # A frame a flow: the host's answers (port unreachable) are few, and flows of their own.
    [ "$(flows)" -lt $FRAMES ] || die "$method: $drops frames lost, but no flow"
    [ $(($(flows) + drops)) -ge $FRAMES ] ||
        die "$method: of $FRAMES frames $(flows) were received and $drops counted as lost"
}

begin 1
full af_packet 'af_packet_buffer_size = 256K'
if "$BIN/spliff-cluster" version | grep -q -- +xdp; then
    full xdp 'xdp_ring_size = 256K' 'xdp_flow_table_size = 16384'
fi
pass "$TEST"
finish

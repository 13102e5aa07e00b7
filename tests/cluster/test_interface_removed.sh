#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# An interface that goes down is captured from again when it is up. One that is removed is not, also
# when one of its name comes back: then status says so, and the worker's log names the interface.
. "$(dirname "$0")/lib.sh"
begin 1
start

server ip link set sv0 down
wait_for 20 grep -q 'sv0 is down' "$STATE/worker-1.stderr" || die 'nobody says that the link is down'
server ip link set sv0 up
client ip link set cl0 up
wait_for 20 get http://$SERVER4/count/up
wait_for 20 has_records http 1 || die 'nothing is captured when the link is up again'

server ip link del sv0
wait_for 20 grep -q 'sv0 was removed' "$STATE/worker-1.stderr" || die 'nobody says that it is removed'
wait_for 20 eval '! all_running' || die 'status takes a deaf worker for a running one'
stop
pass "$TEST"
finish

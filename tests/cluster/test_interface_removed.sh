#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# What becomes of a captured interface, in mode kernel with two workers: it goes down and up, loses its
# carrier, gets jumbo frames, another name, is moved to another namespace and back, is removed and made
# again. Capture goes on by itself, each change is said once, and the time that was lost is told.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/comings.sh"
begin 2
comings_begin sv0 af_packet

down_and_up sv0
no_carrier sv0 client cl0
jumbo_and_back
other_name sv0
elsewhere_and_back sv0
client curl -sf --limit-rate 2K -o "$WORK/slow" "http://$SERVER4/files/20k.txt?slow" &
slow=$!
wait_for 10 test -s "$WORK/slow" || die 'no connection is open'
removed_and_back sv0
kill $slow 2>/dev/null
has_uri '/files/20k.txt?slow' || die 'what was open when the interface went is not logged'
[ "$(counter manager.restarts)" -eq 0 ] || die 'an interface that went was taken for a crash'
stop
pass "$TEST"
finish

#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The disk is full: the logger says so once, waits without using a core, and writes every record when
# there is room again.
. "$(dirname "$0")/lib.sh"

unmount_logs() {
    umount -l "$LOGS" 2>/dev/null
    cleanup
}
trap unmount_logs EXIT

begin 1
mkdir "$LOGS" && mount -t tmpfs -o size=1m,mode=777 tmpfs "$LOGS" || die 'cannot mount a small disk'
start
get "http://$SERVER4/count/before" || die 'curl'
wait_for 10 has_records http 1 || die 'nothing is logged'

says_full() { [ "$(grep -c 'cannot write .*No space left on device; records wait' "$STATE/logger-1.stderr")" -eq 1 ]; }
head -c 2M /dev/zero >"$LOGS/fill" 2>/dev/null
for n in $(seq 20); do get "http://$SERVER4/count/full/$n" || die 'curl'; done
wait_for 10 says_full || die 'that the disk is full is not said, or more than once'
load=$(cluster top --json | python3 -c '
import json, sys
print(int(next(n["cpu"] for n in json.load(sys.stdin)["nodes"] if n["type"] == "logger")))')
[ "$load" -le 10 ] || die "the logger uses $load % of a core while it waits"
[ "$(count http)" -lt 21 ] || die 'the disk was not full'
rm "$LOGS/fill"
wait_for 10 has_records http 21 || die 'records are missing when there is room again'
stop
[ "$(count http)" -eq 21 ] || die "$(count http) records, not 21"
pass "$TEST"
finish

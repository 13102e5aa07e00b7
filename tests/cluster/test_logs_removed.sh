#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Somebody tidies up while it runs: a log file, the folder of the present ones, all of it. Records go on
# in a new file; where its folder cannot be made without rights, they wait until somebody makes it.
. "$(dirname "$0")/lib.sh"
begin 2
start
# logged URI: a request for it, which http.log then has, under a header of its own.
logged() {
    get "http://$SERVER4/count/$1" || die 'curl'
    wait_for 10 has_uri "/count/$1" || die "after $1 nothing is logged"
    [ "$(grep -c '^#fields' "$LOGS/current/http.log")" -eq 1 ] || die "http.log has not one header after $1"
}
logged first
rm "$LOGS/current/http.log"
logged a-file-was-removed
: >"$LOGS/current/http.log"
logged a-file-was-cut
rm -r "$LOGS/current"
logged the-present-ones-were-removed
owner=$(stat -c %u:%g "$LOGS")
rm -r "$LOGS"
get "http://$SERVER4/count/waits" || die 'curl'
says_so() { grep -q "cannot write $LOGS/.*; records wait" "$STATE/logger-1.stderr"; }
wait_for 10 says_so || die 'that there is no log folder is not said'
mkdir "$LOGS" && chown "$owner" "$LOGS"
wait_for 10 has_uri /count/waits || die 'what waited is not logged when the folder is there again'
logged all-was-removed
stop
for uri in waits all-was-removed; do
    n=$(records http | grep -c "/count/$uri")
    [ "$n" -eq 1 ] || die "/count/$uri is in http.log $n times"
done
pass "$TEST"
finish

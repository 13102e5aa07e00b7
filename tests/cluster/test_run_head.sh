#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# `run -i … | head`: when the reader of its only output goes away a live run ends, and well.
. "$(dirname "$0")/lib.sh"
begin 1
touch "$WORK/traffic"
(while [ -e "$WORK/traffic" ]; do get "http://$SERVER4/head"; sleep 0.1; done) &
traffic=$!
ended=$(
    set -o pipefail
    server timeout 20 "$BIN/spliff-cluster" run -i sv0 --quiet 2>"$WORK/run.err" | head -n 1
    echo "status $?"
)
rm "$WORK/traffic"
wait $traffic
case $ended in
*' http '*'status 0') pass "$TEST" ;;
*) die "it said '$ended'" ;;
esac
finish

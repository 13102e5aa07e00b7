#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# kill -9 of the worker of a replay: the run fails and says so, and every record that had been made
# is logged all the same, also those of batches that were still open.
. "$(dirname "$0")/replay.sh"

begin 1 <"$ROOT/tests/golden/http1-pipelined/input.pcap"
kill -9 "$(children worker)"
finished "$TEST" 1 1 'worker-1 was killed by signal 9'
finish

#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The name that a DNS answer gave to an address stands with every connection to it, also where the
# answer was another worker's to see: dnsmasq answers on one flow, so one worker learns it; curl
# connects on flows of both.
. "$(dirname "$0")/lib.sh"

FLOWS=12

# counter NODE NAME
counter() {
    cluster status --json 2>/dev/null | python3 -c '
import json, sys
for node in json.load(sys.stdin)["nodes"]:
    if node["name"] == sys.argv[1]:
        print(node["counters"][sys.argv[2]])' "$1" "$2"
}
both_learned() { [ "$(counter worker-1 learn.names)" -ge "$1" ] && [ "$(counter worker-2 learn.names)" -ge "$1" ]; }

# ask NTH DIG-ARGUMENT...: one question, and both workers have heard of the NTH answer.
ask() {
    local nth=$1
    shift
    client dig +time=2 +tries=1 @$SERVER4 "$@" | grep -q 'status: NOERROR' || die "dig $* fails"
    wait_for 10 both_learned "$nth" || die "a worker has not heard of the answer to dig $*"
}

connect() { # connect FIRST-SOURCE-PORT URL
    local port
    for ((port = $1; port < $1 + FLOWS; port++)); do
        client curl -sk -o /dev/null --connect-timeout 5 --local-port $port "$2" || die "curl $2 fails"
    done
}

# names LOG FIRST-SOURCE-PORT: those of the flows, each once; "-" where there is none.
names() {
    { cat "$LOGS/current/$1.log"; zcat -f "$LOGS"/*-*-*/"$1".*; } 2>/dev/null |
        awk -F '\t' -v first="$2" -v n=$FLOWS '
            /^#fields/ {for (i = 2; i <= NF; i++) if ($i == "resolved_name") c = i - 1; else if ($i == "id.orig_p") p = i - 1}
            !/^#/ && $p >= first && $p < first + n {print $c}' >"$WORK/names"
    sort -u "$WORK/names"
}
logged() { names "$1" "$2" >/dev/null; [ "$(wc -l <"$WORK/names")" -ge $FLOWS ]; }

expect() { # expect LOG FIRST-SOURCE-PORT NAME
    wait_for 20 logged "$1" "$2" || die "$1.log does not tell of all flows from port $2 on"
    [ "$(names "$1" "$2")" = "$3" ] ||
        die "resolved_name in $1.log from port $2 on: $(names "$1" "$2" | tr '\n' ' '), not $3"
}

begin 2
start

connect 30000 https://$SERVER4/

for w in 1 2; do told[w]=$(counter worker-$w learn.events); done
ask 1 -b 192.0.2.1#5300 www.example.org A
[ $(($(counter worker-1 learn.events) + $(counter worker-2 learn.events))) -eq $((told[1] + told[2] + 1)) ] ||
    die 'not one worker alone was told of the answer by the other'
connect 31000 https://$SERVER4/
ask 2 +tcp -b 192.0.2.1#5301 web.example.org A
connect 32000 https://$SERVER4/
ask 3 -b 192.0.2.1#5302 www.example.org AAAA
connect 33000 "http://[$SERVER6]/"
for w in 1 2; do
    [ "$(counter worker-$w flow.tcp)" -gt 0 ] || die "no flow came to worker-$w"
done

# An answer explains no connection that was there before it, though the line is written after it.
expect conn 30000 -
expect conn 31000 www.example.org
expect ssl 31000 www.example.org
# What was asked for, not what it is an alias of.
expect conn 32000 web.example.org
expect ssl 32000 web.example.org
expect conn 33000 www.example.org

stop
pass "$TEST"
finish

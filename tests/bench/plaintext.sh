#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# What the plaintext view costs nginx, and how much of what was said it has:
# 1. wrk against nginx over TLS as fast as it serves, 1 KiB and 200 KB answers: without a cluster, with
#    one that sees packets alone, and with a probe as well, three times in turn;
# 2. requests to a server of each library, 200 and 5,000 a second, or as many as it serves without a
#    cluster, on connections that stay (all) or one on each (one): how many are in http.log, once, with
#    their five-tuple, processes and packets (plaintext_count.py says what the columns are), and what
#    was lost. The client is watched, too; some are there for how their own five-tuples are found.
# usage: plaintext.sh [--only NAME] [SECONDS]     NAME: overhead, or one of PEERS below
# Status 1: less than all is there at 200 requests a second, or less than 99.9 % at the higher rate.
. "$(dirname "$0")/../cluster/lib.sh"
. "$(dirname "$0")/../cluster/plaintext.sh"
only=
[ "${1:-}" != --only ] || { only=$2 && shift 2; }
seconds=${1:-10}
ALONE="tests/bench/plaintext.sh $seconds"
here=$ROOT/tests/cluster
tools=$ROOT/build/tools/bench
CONNECTIONS=20

# Seconds of CPU that a process has used.
cpu_of() { awk -v hz="$(getconf CLK_TCK)" '{printf "%.2f", ($14 + $15) / hz}' "/proc/$1/stat"; }

# serve FILE: requests/s of wrk and nginx's CPU in microseconds a request.
serve() {
    local nginx before after
    nginx=$(nginx_worker)
    before=$(cpu_of "$nginx")
    client wrk -t 1 -c 20 -d "$seconds" "https://$SERVER4/files/$1" >"$WORK/wrk.out" || die 'wrk'
    after=$(cpu_of "$nginx")
    awk -v a="$after" -v b="$before" '
        /requests in/ {n = $1}
        /Requests\/sec/ {printf "%d %.1f\n", $2, (a - b) / n * 1e6}' "$WORK/wrk.out"
}

# best FILE: of a kind's rounds "requests/s us" the highest and the lowest: others use the machine too.
best() { awk 'r < $1 {r = $1} c == "" || c > $2 {c = $2} END {print r, c}' "$1"; }

# overhead SIZE
overhead() {
    local kind round bare
    for round in {1..3}; do
        for kind in nothing packets both; do
            sed -i '/^\[probe\]/,$d' "$WORK/node.cfg"
            [ $kind != both ] || printf '[probe]\ntype=probe\nhost=localhost\n' >>"$WORK/node.cfg"
            [ $kind = nothing ] || start
            [ $kind != both ] || wait_plain "$(nginx_worker)" "https://$SERVER4"
            serve "$1.bin" >>"$WORK/$1-$kind"
            [ $kind = nothing ] || stop
            rm -rf "$LOGS"
        done
    done
    read -ra bare < <(best "$WORK/$1-nothing")
    for kind in nothing packets both; do
        best "$WORK/$1-$kind" | awk -v k=$kind -v s="$1" -v br="${bare[0]}" -v bc="${bare[1]}" \
            '{printf "%-7s %-8s %10d %7.2f %14.1f %7.2f\n", s, k, $1, $1 / br, $2, $2 / bc}'
    done
}

LOSSES='probe.ring_bytes probe.cut_bytes probe.fault_bytes probe.table_full probe.queue_bytes
    probe.pending_lost probe.tuple_none plain.missed_bytes plain.overrun_bytes plain.bound plain.stray
    emit.records_lost capture.kernel_drops'

# What was lost by a cluster that runs.
tell_counters() {
    local name n
    for name in $LOSSES; do
        n=$(counter "$name")
        [ "$n" -eq 0 ] || printf ' %s %d' "$name" "$n"
    done
}

# --- servers: serve_NAME starts one; it is told by pid, port and access log ---

certificate=$WORK/www/www.example.org.pem key=$WORK/www/www.example.org.key
PEERS='nginx node asyncio gnutls gnutls-serv selfserv wolfssl go go-stripped node-client asyncio-client'
declare -A COMM=([nginx]=nginx [node]=node [asyncio]=tls_peer.py [gnutls]=https_gnutls
    [gnutls-serv]=gnutls-serv [selfserv]=selfserv [wolfssl]=https_wolfssl [go]=https_go
    [go-stripped]=https_go_bare [node-client]=nginx,node [asyncio-client]=nginx,tls_peer.py)

# peer PORT COMMAND...: a server that writes a line a request to its output.
peer() {
    port=$1 access=$WORK/access
    shift
    net_run "$@" >"$access" 2>"$WORK/server.err"
    pid=$!
    wait_for 20 server sh -c "ss -Hltn sport = $port | grep -q ." || die "$1 does not start"
}
serve_nginx() { port=443 access=$WORK/www/access.log pid=$(nginx_worker); }
serve_node() { peer 4001 node "$here/tls_peer.js" serve $SERVER4 4001 "$certificate" "$key"; }
serve_asyncio() { peer 4002 "$here/tls_peer.py" serve asyncio $SERVER4 4002 "$certificate" "$key"; }
serve_gnutls() { peer 4003 "$tools/https_gnutls" $SERVER4 4003 "$certificate" "$key"; }
serve_wolfssl() { peer 4004 "$tools/https_wolfssl" $SERVER4 4004 "$certificate" "$key"; }
serve_go() { peer 4005 "$WORK/https_go" $SERVER4:4005 "$certificate" "$key"; }
serve_go-stripped() { peer 4006 "$WORK/https_go_bare" $SERVER4:4006 "$certificate" "$key"; }
# These have no access log, and end a connection with its answer.
serve_gnutls-serv() {
    peer 4007 gnutls-serv --quiet --http --port 4007 --x509certfile "$certificate" --x509keyfile "$key"
    access=
}
serve_selfserv() {
    peer 4008 selfserv -d "sql:$WORK/nss" -n server -p 4008 -t 8
    access=
}

# Clients whose library works on buffers in memory, too.
serve_node-client() { serve_nginx; }
serve_asyncio-client() { serve_nginx; }

end_server() {
    [ $port != 443 ] || return 0
    kill $pid
    wait $pid 2>/dev/null
    unset 'NET_PIDS[-1]'
}

build_go() {
    GO111MODULE=off GOFLAGS='' GOCACHE=$WORK/cache \
        go build -o "$WORK/$1" "${@:2}" "$here/plaintext_go/server.go"
}

# What a server needs; false: this machine has it not.
prepare() {
    case $1 in
    gnutls | wolfssl) [ -x "$tools/https_$1" ] ;;
    selfserv)
        mkdir "$WORK/nss"
        openssl pkcs12 -export -name server -in "$certificate" -inkey "$key" -passout pass: \
            -out "$WORK/p12" && certutil -N -d "sql:$WORK/nss" --empty-password &&
            pk12util -i "$WORK/p12" -d "sql:$WORK/nss" -W '' && command -v selfserv
        ;;
    go) build_go https_go ;;
    go-stripped) build_go https_go_bare -ldflags '-s -w' ;;
    nginx | asyncio | asyncio-client) ;;
    node-client) command -v node ;;
    *) command -v "$1" ;;
    esac >"$WORK/prepare.out" 2>&1
}

# load RATE SECONDS REQUESTS: requests, so many a connection (0: all), one a line in made; in load how
# many were answered, failed, a second.
load() {
    client "$tools/https_load" $SERVER4 $port "$1" "$2" $CONNECTIONS "$3" >"$WORK/made" 2>"$WORK/load" ||
        die "https_load: $(tail -n 1 "$WORK/load")"
}

# ask NAME N REQUESTS: as load, by another client and as fast as it goes.
ask() {
    local connections=$(($3 == 1 ? $2 : CONNECTIONS)) what begin=$EPOCHREALTIME
    what="$SERVER4 $port $connections $(($2 / connections))"
    # shellcheck disable=SC2086
    case $1 in
    node-client) ip netns exec "$NET_CLIENT" node "$here/tls_peer.js" ask $what 1 & ;;
    *) ip netns exec "$NET_CLIENT" "$here/tls_peer.py" ask asyncio $what $CONNECTIONS & ;;
    esac
    wait $! || die "$1"
    awk -v pid=$! -v ours="$OURS/$!/" 'index($2, ours) == 1 {$5 = pid; print}' "$access" >"$WORK/made"
    awk -v a="$begin" -v b="$EPOCHREALTIME" 'END {print NR, 0, int(NR / (b - a))}' "$WORK/made" >"$WORK/load"
}

# most NAME REQUESTS: sets $most, the requests a second that it serves while no cluster runs, two
# digits of it, or 5000.
most() {
    "serve_$1"
    load 0 2 "$2"
    end_server
    most=$(awk '{for (f = 1; $3 >= 100; f *= 10) $3 /= 10; print int($3) * f}' "$WORK/load")
    [ "$most" -lt 5000 ] || most=5000
}

# hooked NAME: starts it until it shows plaintext. NSS tells of a listener only when it is made, which
# may be before its library is hooked for the first time.
hooked() {
    local try
    for try in 1 2 3; do
        "serve_$1"
        wait_for 8 plain_seen $pid "https://$SERVER4:$port" && return
        end_server
    done
    die "no plaintext of $1 is logged: $(cluster status 2>&1 | tail -n 1)"
}

# seen NAME RATE REQUESTS LEAST: how much of it is logged; status 1 is less than LEAST percent, or wrong
# ones.
seen() {
    local name=$1 rate=$2 requests=$3 least=$4 told answered reached good
    sed -i '/^comm =/d' "$WORK/spliff.cfg"
    echo "comm = ${COMM[$name]},https_load" >>"$WORK/spliff.cfg"
    start
    hooked "$name"
    case $name in
    *-client) ask "$name" $((rate * seconds)) "$requests" ;;
    *) load "$rate" "$seconds" "$requests" ;;
    esac
    read -r answered _ reached <"$WORK/load"
    wait_for 3 has_exchanges "$answered"
    told=$(tell_counters)
    end_server
    stop
    printf '%-12s %-5s %5d %7d ' "$name" "$([ "$requests" -eq 1 ] && echo one || echo all)" "$rate" \
        "$reached"
    "$ROOT/tests/bench/plaintext_count.py" "$WORK/made" "$LOGS" 192.0.2.1 $SERVER4 $port $pid \
        "$least" ${access:+"$access"}
    good=$?
    [ -z "$told" ] || printf '%27slost:%s\n' '' "$told"
    [ -z "${KEEP_LOGS:-}" ] || cp -r "$LOGS" "$WORK/made" "$KEEP_LOGS"
    rm -rf "$LOGS"
    return $good
}

# measure NAME: status 1 if something is not as it should be.
measure() {
    local good=0
    case $1 in
    *-client)
        seen "$1" 5000 0 99.9 || good=1
        seen "$1" 200 1 99.9 || good=1
        return $good
        ;;
    gnutls-serv | selfserv) set -- "$1" 1 ;; # end each connection with its answer
    *) set -- "$1" 0 1 ;;
    esac
    seen "$1" 200 "$2" 100 || good=1
    for requests in "${@:2}"; do
        most "$1" "$requests"
        seen "$1" "$most" "$requests" 99.9 || good=1
    done
    return $good
}

status=0
begin_plaintext 2
"$ROOT/tests/bench/bench.py"
if [ -z "$only" ] || [ "$only" = overhead ]; then
    head -c 1024 /dev/urandom >"$WORK/www/www/files/1k.bin"
    head -c 200000 /dev/urandom >"$WORK/www/www/files/200k.bin"
    printf '%-7s %-8s %10s %7s %14s %7s\n' answer watched requests/s ratio nginx-us/req ratio
    overhead 1k
    overhead 200k
fi
[ "$only" != overhead ] || exit 0
printf '\n%-12s %-5s %5s %7s %7s %9s %8s %5s %8s %8s %8s  %s\n' server conn rate reached made served \
    logged% twice tuple% process% joined% 'sessions, by how their five-tuple was found'
for name in ${only:-$PEERS}; do
    if ! prepare "$name"; then
        printf '%-12s skipped: %s\n' "$name" "$(tail -n 1 "$WORK/prepare.out")"
        continue
    fi
    measure "$name" || status=1
done
exit $status

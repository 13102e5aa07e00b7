#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Go programs under load while probes come and go, ended well or killed: they must go on, and every
# answer must be what the server sent. Not part of `make test`.
# usage: soak_go.sh [MINUTES]      10 unless told
. "$(dirname "$0")/plaintext_marked.sh"
TEST=soak:go
ALONE=tests/cluster/soak_go.sh
MINUTES=${1:-10}
needs go golang-go
cd "$ROOT" || exit
for part in server client; do
    GO111MODULE=off GOFLAGS='' GOCACHE=$WORK/cache go build -o "$WORK/go-$part" \
        tests/cluster/plaintext_go/$part.go || die "go build of $part.go"
done
begin 1
net_run nice -n 10 "$WORK/go-server" $SERVER4:4431 "$WORK/www/www.example.org.pem" \
    "$WORK/www/www.example.org.key" >/dev/null 2>"$WORK/go-server.err"
programs=(${NET_PIDS[-1]})
wait_for 10 server bash -c "exec 3<>/dev/tcp/$SERVER4/4431" || die 'the server does not start'
for option in '' '-http2 -parallel'; do
    ip netns exec "$NET_CLIENT" nice -n 10 "$WORK/go-client" -connections 0 -workers 2 -requests 200 \
        $option "https://$SERVER4:4431$MARK" >"$WORK/client${#programs[@]}.made" 2>>"$WORK/client.err" &
    programs+=($!)
    NET_PIDS+=($!)
done

alive() {
    local pid
    for pid in "${programs[@]}"; do
        kill -0 "$pid" 2>/dev/null || die "a Go program ended in round $rounds: $(cat "$WORK"/*.err)"
    done
}
shown() { [ "$(rows http uri view | grep -c "^$MARK.*plaintext$")" -ge 100 ]; }

rounds=0 seen=0
deadline=$((SECONDS + MINUTES * 60))
while [ $SECONDS -lt $deadline ]; do
    rounds=$((rounds + 1))
    ip netns exec "$NET_SERVER" "$BIN/spliff-cluster" run -i sv0 --plaintext --libraries go --quiet \
        --log-dir "$LOGS/current" >/dev/null 2>"$WORK/run.err" </dev/null &
    run=$!
    wait_for 30 shown || die "no plaintext in round $rounds: $(cat "$WORK/run.err")"
    alive
    if [ $((rounds % 2)) -eq 0 ]; then
        for pid in $(ip netns pids "$NET_SERVER"); do
            [ "$(cat "/proc/$pid/comm")" = spliff-probe ] && kill -9 "$pid"
        done
    fi
    kill -INT $run
    wait $run 2>/dev/null
    alive
    seen=$((seen + $(rows http uri view | grep -c "^$MARK.*plaintext$")))
    rm -rf "$LOGS"
done
for pid in "${programs[@]:1}"; do
    kill "$pid"
    wait "$pid" || die "a client ended with status $?: $(cat "$WORK/client.err")"
done
made=$(cat "$WORK"/client*.made | awk '{n += $1} END {print n}')
echo "$MINUTES minutes: $rounds probes, $made requests answered rightly, $seen of them seen"
pass "$TEST"
finish

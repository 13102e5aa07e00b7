#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# What one worker reads in an Alt-Svc header, all workers know: nginx advertises HTTP/3 at a port,
# and datagrams there that look like QUIC's short header, of a connection whose handshake nobody
# saw, are HTTP/3 from then on, whichever worker has them. `clear` and expiry take it away again; a
# worker and a manager that are restarted still know it.
. "$(dirname "$0")/lib.sh"

WEB=http://$SERVER4:8087

# Advertises whatever the path says: /learn/PORT/AGE.
start_advertiser() {
    cat >"$WORK/alt.conf" <<CONF
user root; daemon off; worker_processes 1; pid $WORK/alt.pid; error_log $WORK/alt.log;
events {}
http {
    access_log off;
    client_body_temp_path $WORK; proxy_temp_path $WORK; fastcgi_temp_path $WORK;
    uwsgi_temp_path $WORK; scgi_temp_path $WORK;
    server {
        listen 8087;
        location ~ ^/learn/(?<port>[0-9]+)/(?<age>[0-9]+)\$ {
            add_header Alt-Svc 'h3=":\$port"; ma=\$age'; return 200 "learn\n";
        }
        location /clear { add_header Alt-Svc clear; return 200 "clear\n"; }
    }
}
CONF
    net_run nginx -c "$WORK/alt.conf" -e "$WORK/alt.log"
    wait_for 20 server curl -sf -o /dev/null "http://127.0.0.1:8087/clear"
}

# Datagrams that a QUIC endpoint could have sent in the middle of a connection: fixed bit, no long
# header, the rest as if encrypted. quic PORT FIRST-SOURCE SOURCES SECONDS: one from each of the
# source ports every 5 ms.
quic() {
    client python3 -c '
import random, socket, sys, time
port, first, n, seconds = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
rng = random.Random(first)
socks = []
for i in range(n):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("192.0.2.1", first + i))
    socks.append(s)
end = time.monotonic() + seconds
while True:
    for s in socks:
        s.sendto(bytes([0x40 | rng.randrange(64)]) + rng.randbytes(60), ("192.0.2.2", port))
    if time.monotonic() >= end:
        break
    time.sleep(0.005)
' "$@"
}

# Takes what is sent to the ports, so that nobody says that they are closed.
start_sink() {
    net_run python3 -c '
import selectors, socket
sel = selectors.DefaultSelector()
for port in range(8440, 8460):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("0.0.0.0", port))
    sel.register(s, selectors.EVENT_READ)
while True:
    for key, _ in sel.select():
        key.fileobj.recv(2048)
'
    wait_for 10 eval "server ss -Hlun 'sport = :8459' | grep -q ."
}

# of LOG FIELD SOURCE-PORT: that field of the flow's record.
of() {
    { cat "$LOGS/current/$1.log"; zcat -f "$LOGS"/*-*-*/"$1".*; } 2>/dev/null |
        awk -F '\t' -v want="$2" -v port="$3" '
            /^#fields/ {for (i = 2; i <= NF; i++) if ($i == want) c = i - 1; else if ($i == "id.orig_p") p = i - 1}
            !/^#/ && $p == port {print $c}' | tail -n 1
}
ended() { [ -n "$(of conn category "$1")" ]; }

# expect CATEGORY FIRST-SOURCE SOURCES WHEN: of flows that are over.
expect() {
    local want=$1 first=$2 n=$3 port is
    for ((port = first; port < first + n; port++)); do
        wait_for 10 ended $port || die "no conn.log line of the flow from port $port"
        is=$(of conn category $port)
        [ "$is" = "$want" ] || die "$4: the flow from port $port is $is, not $want"
        [ "$want" != web_quic ] || [ "$(of conn service $port)" = quic ] ||
            die "$4: service is $(of conn service $port)"
    done
}

# counter NODE NAME
counter() {
    cluster status --json 2>/dev/null | python3 -c '
import json, sys
for node in json.load(sys.stdin)["nodes"]:
    if node["name"] == sys.argv[1]:
        print(node["counters"][sys.argv[2]])' "$1" "$2"
}
shown() { cluster print "$@"; }
known() { shown alt_svc | grep -qE "h3 +- +$1 "; }
unknown() { ! known "$1"; }

flows() { echo $(($(counter worker-1 flow.udp) + $(counter worker-2 flow.udp))); }
have_begun() { [ "$(flows)" -ge "$1" ]; }

learned_by() { # which worker has learned something: it in $learner
    local w
    for w in 1 2; do
        [ "$(counter worker-$w learn.alt_svc)" -gt 0 ] && learner=$w && return
    done
    return 1
}

begin 2
echo 'udp_inactivity_timeout = 500ms' >>"$WORK/spliff.cfg"
start_advertiser || die 'nginx does not start'
start_sink || die 'nobody takes the datagrams'
start

# 16 flows are sure to be of both workers.
quic 8443 20000 16 0.02 || die 'cannot send'
expect unknown 20000 16 'before anything was learned'
[ "$(counter worker-1 flow.udp)" -gt 0 ] && [ "$(counter worker-2 flow.udp)" -gt 0 ] ||
    die 'all flows are of one worker'

# Learned while flows go on: at their next datagram they are known. The packets' own times tell how soon.
port=8444 source=21100 before=$(flows)
quic $port $source 8 3 &
sender=$!
wait_for 10 have_begun $((before + 8)) || die 'the flows do not begin'
get "$WEB/learn/$port/60"
wait $sender || die 'cannot send'
expect web_quic $source 8 "after learning port $port"
late=$(python3 -c '
import sys
print(int(1e6 * max(float(t) - float(sys.argv[1]) for t in sys.argv[2:])))' \
    "$(records alt_svc | cut -f 1 | tail -n 1)" \
    $(for ((p = source; p < source + 8; p++)); do of quic ts $p; done))
learned_by || die 'no worker counts what it learned'
echo "known everywhere $late us after worker-$learner saw it"
[ "$(of quic learned $source)" = h3 ] || die "quic.log says learned $(of quic learned $source)"
[ "$(column alt_svc action | tail -n 1)" = learn ] || die 'alt_svc.log has no such line'
known "$port" || die 'print alt_svc does not show it'
shown alt_svc --json | python3 -c '
import json, sys
a = [x for x in json.load(sys.stdin)["alt_svc"] if x["port"] == int(sys.argv[1])]
assert len(a) == 1 and a[0]["node"] == sys.argv[2] and 0 < a[0]["expires_in"] <= 60, a
assert a[0]["origin"] == "192.0.2.2:8087" and a[0]["uid"] == sys.argv[3], a' \
    "$port" "worker-$learner" "$(column alt_svc uid | tail -n 1)" || die 'print alt_svc --json is wrong'

# The same address, another port; a port alone is nothing.
quic 8459 30000 4 0.02
expect unknown 30000 4 'at a port that nobody advertised'

get "$WEB/clear"
wait_for 5 unknown "$port" || die 'print alt_svc still shows what was cleared'
quic "$port" 31000 8 0.02
expect unknown 31000 8 'after clear'

# Learned for a second.
get "$WEB/learn/8450/1"
wait_for 5 known 8450 || die 'print alt_svc does not show what lives a second'
wait_for 5 unknown 8450 || die 'what lives a second does not go'
quic 8450 32000 8 0.02
expect unknown 32000 8 'after a second'

# A worker that is killed is told again.
get "$WEB/learn/8451/600"
wait_for 5 known 8451 || die 'port 8451 was not learned'
for w in 1 2; do
    events=$(counter worker-$w learn.events)
    old=$(node_pid worker-$w)
    kill -9 "$old" || die 'no worker to kill'
    told() { [ "$(counter worker-$w learn.events)" -gt "$events" ]; }
    wait_for 20 told || die "worker-$w asks, and is not answered"
    [ "$(node_pid worker-$w)" != "$old" ] || die 'the pid is the old one'
done
quic 8451 33000 8 0.02
expect web_quic 33000 8 'after both workers were killed'

# So is a cluster.
stop
start
known 8451 || die 'a restarted manager knows nothing'
told() { [ "$(counter worker-1 learn.events)" -gt 0 ] && [ "$(counter worker-2 learn.events)" -gt 0 ]; }
wait_for 10 told || die 'the workers of a restarted manager are not told'
quic 8451 34000 8 0.02
expect web_quic 34000 8 'after a restart of everything'
shown nonsense >"$WORK/print.out" 2>&1 && die 'print takes any word'
grep -q 'nonsense.*alt_svc' "$WORK/print.out" || die "print says $(cat "$WORK/print.out")"
stop
shown alt_svc >"$WORK/print.out" 2>&1 && die 'print without a cluster succeeds'

# A file that is broken is put aside, and said so in one line.
echo broken >"$STATE/alt_svc.table"
start
[ "$(grep -c 'alt_svc.table is broken' "$STATE/manager.stderr")" -eq 1 ] ||
    die 'not one line about the broken table'
[ "$(cat "$STATE/alt_svc.table.bad")" = broken ] || die 'the broken table is gone'
unknown 8451 || die 'something is known from nowhere'
stop

# Switched off.
lines=$(count alt_svc)
echo 'no-learn-alt-svc = yes' >>"$WORK/spliff.cfg"
start
get "$WEB/learn/8452/600"
quic 8452 35000 8 0.02
expect unknown 35000 8 'switched off'
[ "$(shown alt_svc | wc -l)" -eq 1 ] || die 'print alt_svc shows more than its header'
[ "$(count alt_svc)" -eq "$lines" ] || die 'alt_svc.log goes on'
stop
pass "$TEST"
finish

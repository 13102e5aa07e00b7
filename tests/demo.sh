#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Shows it at work: two network namespaces with a link between them, real servers at one end, a
# cluster of manager, logger and two workers that watches the link, and real clients at the other.
# `make demo` builds first and calls this. Nothing of it touches the machine's own network.
set -u
. "$(dirname "$0")/lib.sh"
. "$ROOT/tests/netns.sh"
cd "$ROOT" || exit 1

logs=$ROOT/build/demo/logs
work=$(mktemp -d /tmp/spliff-demo.XXXXXX)
chmod 755 "$work"
monitor=

cleanup() {
    if [ -n "$monitor" ]; then
        kill -INT "$monitor" 2>/dev/null
        wait "$monitor"
    fi
    net_down
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
give_up() { printf 'demo: %s\n' "$1" >&2; exit 1; }
# What the demo's user would type, shown and done at the client's end.
visit() {
    printf '\033[2m$ %s\033[0m\n' "$*"
    client "$@" >/dev/null 2>&1 || true
    sleep 1.1 # a record may wait a second for others: let it appear below its command
}

why=$(net_missing)
[ -z "$why" ] || give_up "$why"
rm -rf "$logs"
mkdir -p "$logs"

say 'Two namespaces with a link: 192.0.2.1 (clients) and 192.0.2.2 (nginx on 80, 8081, 443; dnsmasq on 53)'
net_up || give_up 'cannot make the link'
start_nginx "$work" || give_up 'nginx does not start'
start_dnsmasq "$work" || give_up 'dnsmasq does not start'

say 'spliff-cluster run -i sv0 --workers 2 --format text --log-dir build/demo/logs'
ip netns exec "$NET_SERVER" build/bin/spliff-cluster run -i sv0 --workers 2 --format text \
    --log-dir "$logs" &
monitor=$!
watching() { client curl -s -o /dev/null http://$SERVER4/ && wait_for 2 test -s "$logs/http.log"; }
wait_for 15 watching || give_up 'the cluster does not see traffic'

say 'DNS, then HTTP on port 80 and on an odd one'
visit dig +short @$SERVER4 www.example.org
visit dig +short +tcp @$SERVER4 example.org MX
visit dig +short @$SERVER4 no.such.example.org
visit curl -s -A demo/1.0 "http://$SERVER4/index.html" "http://$SERVER4/files/20k.txt"
visit curl -s -d 'name=value' "http://$SERVER4/post"
visit curl -s "http://$SERVER4:8081/missing"
visit curl -s "http://[$SERVER6]/moved"
visit curl -s "http://$SERVER4:81/nothing-listens-here"

say 'TLS 1.3 and 1.2: names, versions and fingerprints are in the clear, content is not'
visit curl -sk --resolve www.example.org:443:$SERVER4 https://www.example.org/
visit curl -sk --resolve www.example.org:8443:$SERVER4 --tls-max 1.2 https://www.example.org:8443/

if command -v nghttpd gtlsserver gtlsclient >/dev/null; then
    say 'HTTP/2 in clear text, stream by stream; HTTP/3: the handshake'
    net_run nghttpd --no-tls -d "$work/www" 8300 >/dev/null
    start_gtlsserver "$work" 443 || give_up 'gtlsserver does not start'
    visit curl -s --http2-prior-knowledge "http://$SERVER4:8300/files/20k.txt"
    visit gtlsclient -q --no-pmtud --exit-on-all-streams-close $SERVER4 443 \
        https://www.example.org/index.html
fi

say 'Forty requests on four connections at once'
client curl -s --parallel --parallel-max 4 "http://$SERVER4/count/[1-40]" >/dev/null 2>&1
served() { [ "$(grep -c '/count/' "$logs/http.log")" -ge 40 ]; }
wait_for 10 served

say 'Stop'
for pid in $(ip netns pids "$NET_SERVER"); do
    [ "$(cat /proc/"$pid"/comm 2>/dev/null)" != spliff-cluster ] || kill -INT "$pid"
done
wait $monitor
monitor=

say 'The logs, in the format that Zeek writes'
for log in "$logs"/*.log; do
    printf '  %-28s %5d records\n' "${log#"$ROOT"/}" "$(grep -vc '^#' "$log")"
done
[ "$(grep -c '/count/' "$logs/http.log")" -eq 40 ] || give_up 'http.log lacks requests'

#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A program with a TLS library inside, without its symbols, is named in notice.log; one whose library
# is hooked, and one that nobody asked about, are not.
. "$(dirname "$0")/plaintext_marked.sh"
needs wget wget
needs gnutls-serv gnutls-bin
if [ ! -x "$ROOT/build/tools/cluster/wolfbare" ]; then
    skip "$TEST" 'needs wolfSSL as static library (package libwolfssl-dev, then make tools)'
    finish
    exit
fi
begin_plaintext 1
echo 'comm = wolfbare,wolfaway,wget' >>"$WORK/spliff.cfg"
cp "$ROOT/build/tools/cluster/wolfbare" "$WORK"
cp "$WORK/wolfbare" "$WORK/wolfaway"
# The programs are at the end where the probe is, the server at the other one; one of them is in the
# other network namespace, as in a container.
ip netns exec "$NET_CLIENT" gnutls-serv --quiet --http --port 5556 --x509keyfile \
    "$WORK/www/www.example.org.key" --x509certfile "$WORK/www/www.example.org.pem" >/dev/null 2>&1 &
NET_PIDS+=($!)
wait_for 10 server bash -c 'exec 3<>/dev/tcp/192.0.2.1/5556' || die 'gnutls-serv does not start'
start
wget_one() { server wget -q --no-check-certificate --tries 1 --timeout 10 -O /dev/null "$@"; }
answered 20 wget wget_one https://192.0.2.1:5556 || die 'wget does not show'

notices() { rows notice note msg sub src dst p uid | grep '^Probe::Unhooked_TLS'; }
unhooked() {
    wget_one "https://192.0.2.1:5556$MARK/hooked"
    server curl -sk --max-time 10 "https://192.0.2.1:5556$MARK/others" >/dev/null
    server "$WORK/wolfbare" 192.0.2.1 5556 "$MARK/unhooked" 1 2>/dev/null
    client "$WORK/wolfaway" $SERVER4 443 "$MARK/away" 1 2>/dev/null
    notices | grep -q wolfbare && notices | grep -q wolfaway
}
wait_for 60 unhooked || die "it is not named: $(notices)"
stop
[ "$(notices | grep -o 'wolf[a-z]* (' | sort | paste -sd ' ')" = 'wolfaway ( wolfbare (' ] ||
    die "not each once, or others: $(notices)"
notices | grep -q "^Probe::Unhooked_TLS	wolfbare ([0-9]*) speaks TLS that is not hooked: $WORK/wolfbare\(, build-id [0-9a-f]*\)\?	$WORK/wolfbare	192.0.2.2	192.0.2.1	5556	C" ||
    die "the notice says: $(notices)"
pass "$TEST"
finish

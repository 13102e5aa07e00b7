#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Connections that turn into something else, live: mail that turns to TLS, and what runs through
# SOCKS proxies.
. "$(dirname "$0")/lib.sh"
if ! command -v microsocks >/dev/null; then
    skip "$TEST" 'needs microsocks'
    finish
    exit
fi
begin 2
port=9000
for protocol in smtp imap pop3 ftp xmpp postgres; do
    port=$((port + 1))
    net_run "$ROOT/tests/turn.py" starttls $protocol $SERVER4 $port "$WORK/www/www.example.org.pem" \
        "$WORK/www/www.example.org.key"
done
net_run "$ROOT/tests/turn.py" socks4 $SERVER4 9010
net_run microsocks -i $SERVER4 -p 9011 -u user -P secret 2>/dev/null
for port in $(seq 9001 9006) 9010 9011; do
    wait_for 10 server sh -c "ss -Hlnt sport = $port | grep -q ." || die "nothing listens on $port"
done
start

port=9000
for protocol in smtp imap pop3 ftp xmpp postgres; do
    port=$((port + 1))
    client timeout 10 openssl s_client -starttls $protocol -connect $SERVER4:$port -xmpphost x \
        -servername $protocol.example.org </dev/null >>"$WORK/s_client.err" 2>&1
done
get -x socks4://$SERVER4:9010 http://$SERVER4/one
get -x socks4a://$SERVER4:9010 https://localhost/two
get -x socks5://user:secret@$SERVER4:9011 http://$SERVER4/three
get -x socks5h://user:secret@$SERVER4:9011 https://localhost/four

wait_for 20 has_records ssl 8 || die "ssl.log has $(count ssl) of 8 handshakes"
stop
same() {
    local got
    got=$(column "$1" "$2" | grep -vx -e - | sort | xargs) # neighbours talk too
    [ "$got" = "$3" ] || die "$1.log, $2: $got, expected $3"
}
same conn service \
    'ftp,ssl imap,ssl pop3,ssl postgresql,ssl smtp,ssl socks,http socks,http socks,ssl socks,ssl xmpp,ssl'
same ssl server_name 'ftp.example.org imap.example.org localhost localhost pop3.example.org postgres.example.org smtp.example.org xmpp.example.org'
same http uri '/one /three'
same tunnel tunnel_type 'Tunnel::SOCKS Tunnel::SOCKS Tunnel::SOCKS Tunnel::SOCKS'
pass "$TEST"
finish

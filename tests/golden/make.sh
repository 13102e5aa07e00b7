#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Makes the golden captures again: those of real servers and clients here, the others by synth.py.
# Times, ports and keys differ each time, so the expected logs have to be looked at and renewed:
#   tests/golden/make.sh [CASE...] && tests/golden/run.sh build/bin --update && git diff
set -u
. "$(dirname "$0")/../lib.sh"
. "$ROOT/tests/netns.sh"

golden=$ROOT/tests/golden
work=$(mktemp -d)
trap 'net_down; rm -rf "$work"' EXIT

# record CASE: runs case_CASE between the start and the end of a capture at the servers' interface.
record() {
    local dir=$golden/$1 tcpdump
    mkdir -p "$dir"
    ip netns exec "$NET_SERVER" tcpdump -q -n -U --immediate-mode -B 4096 -i sv0 -s 0 \
        -w "$dir/input.pcap" 'not icmp6 and not arp and not ip6 multicast' 2>"$work/tcpdump.err" &
    tcpdump=$!
    wait_for 5 grep -q 'listening on' "$work/tcpdump.err"
    "case_${1//-/_}" >"$work/$1.out" 2>&1
    sleep 0.5 # the last packets of closing connections
    kill -INT $tcpdump
    wait $tcpdump
    printf '%s: %s bytes\n' "$1" "$(stat -c %s "$dir/input.pcap")"
}

http() { client curl -s -o /dev/null -A golden --max-time 5 "$@"; }
tls() {
    client openssl s_client -CAfile "$work/ca.pem" -servername www.example.org "$@" </dev/null
}
# An openssl server of its own on a port, for what nginx does not do.
s_server() {
    net_run openssl s_server -quiet -accept "$@" -cert "$work/www.example.org.pem" \
        -key "$work/www.example.org.key" -www
    wait_for 5 server bash -c "exec 3<>/dev/tcp/127.0.0.1/$1"
}

case_http1_methods() {
    http http://$SERVER4/index.html
    http -I http://$SERVER4/index.html
    http -d name=value -e http://www.example.org/from http://$SERVER4/post
    http -u user:secret 'http://192.0.2.2/missing?query=1'
    http -X OPTIONS http://$SERVER4/moved
}
case_http1_keep_alive() {
    http -H 'Host: www.example.org' http://$SERVER4/index.html -o /dev/null http://$SERVER4/files/20k.txt \
        -o /dev/null http://$SERVER4/missing -o /dev/null http://$SERVER4/moved
}
case_http1_pipelined() {
    local all='' n
    for n in 1 2 3 4; do
        all+=$'GET /count/'$n$' HTTP/1.1\r\nHost: www.example.org\r\n\r\n'
    done
    all+=$'GET /last HTTP/1.1\r\nHost: www.example.org\r\nConnection: close\r\n\r\n'
    printf '%s' "$all" | client nc -q 2 $SERVER4 80
}
case_http1_chunked() {
    head -c 3000 /dev/zero | tr '\0' x |
        http -T - -X POST -H 'Transfer-Encoding: chunked' http://$SERVER4/post
    http --compressed -r 100-199 http://$SERVER4/files/20k.txt
}
case_http1_continue() {
    head -c 2000 /dev/zero | tr '\0' y |
        http --data-binary @- -H 'Expect: 100-continue' http://$SERVER4/post
}
case_http1_odd_port() { http http://$SERVER4:8081/index.html; }
# A server of tests/web.py on a port.
web() {
    net_run "$ROOT/tests/web.py" "$1" $SERVER4 "$2"
    wait_for 10 server bash -c "exec 3<>/dev/tcp/$SERVER4/$2"
}
case_http1_multipart() {
    printf 'GIF89a rest of a picture' >"$work/picture.gif"
    printf '<!DOCTYPE html><p>' >"$work/page"
    http -F 'field=value that is long enough' -F "file=@$work/picture.gif" \
        -F "page=@$work/page;filename=a \"page\".html" http://$SERVER4/post
}
case_http1_bodies() {
    web bodies 8082
    local at=http://$SERVER4:8082
    http --compressed $at/json -o /dev/null $at/deflate -o /dev/null $at/chunked -o /dev/null \
        $at/file -o /dev/null $at/missing
    http -I $at/json
    http -d '{"query": "{a}"}' -H 'Content-Type: application/json' \
        -H 'Accept: application/json' $at/graphql
}
case_http1_applications() {
    web bodies 8083
    local at=http://$SERVER4:8083
    http $at/events
    http $at/grpc
    http -H 'Accept: application/dns-message' "$at/dns-query?dns=AAABAAABAAAAAAAAA3d3dwdleGFtcGxlA2NvbQAAAQAB"
    printf '\0\1\1\0\0\1\0\0\0\0\0\0\3www\0\0\1\0\1' >"$work/query"
    http --data-binary "@$work/query" -H 'Content-Type: application/dns-message' \
        -H 'Accept: application/dns-message' $at/dns-query
}
case_http1_connect() {
    web proxy 3128
    local proxy=http://$SERVER4:3128
    http -k -p -x $proxy --proxy-user user:secret --connect-to ::$SERVER4:443 \
        https://www.example.org/
    http -p -x $proxy http://$SERVER4:25/
    http -H 'Via: 1.1 cache' -H 'X-Forwarded-For: 198.51.100.7' -x http://$SERVER4:80 \
        http://www.example.net/absolute
}
# Offers that nginx does not take up.
case_http1_upgrade_ignored() {
    http --http2 http://$SERVER4/count/1 -o /dev/null http://$SERVER4/count/2
    http -H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' \
        -H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==' http://$SERVER4/count/3
}
# Nothing that is called secret here may be in a log, nor what is redacted by spliff.cfg of the case.
case_http1_redacted() {
    local at=http://$SERVER4
    http -u user:secret -b session=secret -H 'X-Api-Key: secret' -H 'X-Request-Id: 42' \
        -e 'http://user:secret@www.example.org/from?pwd=secret&a=1' \
        -H 'Origin: http://user:secret@www.example.org' "$at/index.html?a=1&password=secret&b=2"
    http -H 'Host: user:secret@www.example.org' -A secret "$at/missing?user%5Bpassword%5D=secret"
    http -x $at:80 -H 'Proxy-Authorization: Bearer secret' 'http://www.example.net/absolute?PWD=secret'
    web websocket 8767
    client "$ROOT/tests/web.py" talk "ws://$SERVER4:8767/echo?a=1&passwd=secret"
}
# Bodies as text, as bytes, decoded, too long, and with passwords.
case_http1_exchange() {
    web bodies 8084
    local at=http://$SERVER4:8084
    http --compressed $at/json -o /dev/null $at/deflate -o /dev/null $at/chunked -o /dev/null \
        $at/file -o /dev/null $at/missing
    printf '{"user": "u", "password": "secret"}' >"$work/login"
    http -H 'Content-Type: application/json' -b a=secret --data-binary "@$work/login" $at/graphql
    http -d 'user=u&password=secret' $at/graphql
    node -e 'process.stdout.write(require("zlib").brotliCompressSync("in Brotli ".repeat(2000)))' \
        >"$work/brotli"
    http -H 'Content-Type: text/plain' -H 'Content-Encoding: br' --data-binary "@$work/brotli" \
        $at/graphql
    printf 'in Zstandard\n' | zstd -q >"$work/zstd"
    http -H 'Content-Type: text/plain' -H 'Content-Encoding: zstd' --data-binary "@$work/zstd" \
        $at/graphql
    http -H 'Content-Encoding: unheard-of' --data-binary "@$work/zstd" $at/graphql
}
case_websocket() {
    web websocket 8765
    client "$ROOT/tests/web.py" talk "ws://$SERVER4:8765/echo?x=1"
    client "$ROOT/tests/web.py" talk --bye "ws://$SERVER4:8765/bye"
}
case_websocket_deflate() {
    web websocket 8766
    client "$ROOT/tests/web.py" talk --deflate ws://$SERVER4:8766/deflate
}
# nghttpd on a port, for the documents of nginx; other arguments come before.
nghttpd_on() {
    local port=$1
    shift
    net_run nghttpd --no-tls -d "$work/www" "$@" "$port" >/dev/null
    wait_for 5 server bash -c "exec 3<>/dev/tcp/127.0.0.1/$port"
}
h2() { client nghttp -n -H 'user-agent: golden' "$@"; }
case_http2_prior_knowledge() {
    nghttpd_on 8301
    local at=http://$SERVER4:8301
    http --http2-prior-knowledge -u user:secret $at/index.html
    http --http2-prior-knowledge -X POST -d name=value -e http://www.example.org/from \
        -H 'X-Forwarded-For: 198.51.100.7' "$at/index.html?query=1"
    h2 $at/index.html $at/missing $at/index.html
}
case_http2_exchange() {
    nghttpd_on 8313 --trailer 'x-checksum: 1'
    local at=http://$SERVER4:8313
    http --http2-prior-knowledge -u user:secret -b session=secret -H 'X-Request-Id: 42' \
        "$at/index.html?password=secret"
    printf '\0\1\2binary' >"$work/bytes"
    http --http2-prior-knowledge -H 'Content-Type: application/octet-stream' \
        --data-binary "@$work/bytes" -e "http://user:secret@www.example.org/" "$at/missing"
}
case_http2_push() {
    nghttpd_on 8303 -p /index.html=/files/20k.txt,/missing
    h2 http://$SERVER4:8303/index.html
}
case_http2_trailers() {
    nghttpd_on 8304 --trailer 'x-checksum: 1' -b 32
    head -c 3000 /dev/zero | tr '\0' x >"$work/body"
    h2 -b 64 -d "$work/body" --trailer 'x-sum: 2' http://$SERVER4:8304/index.html
    h2 --expect-continue -d "$work/body" http://$SERVER4:8304/index.html
}
# A header list that takes CONTINUATION, and tables of other sizes than usual.
case_http2_continuation() {
    nghttpd_on 8305 -c 0 --encoder-header-table-size=128
    h2 -c 256 -c 8192 -H "x-long-1: $(head -c 9000 /dev/zero | tr '\0' '~')" \
        -H "x-long-2: $(head -c 9000 /dev/zero | tr '\0' '|')" http://$SERVER4:8305/index.html
}
case_http2_upload() {
    nghttpd_on 8306 --echo-upload
    head -c 3000 /dev/urandom >"$work/body"
    h2 -d "$work/body" http://$SERVER4:8306/echo
}
# The server speaks HTTP/2 first, and the client asks in HTTP/1 when it has seen that; the second one
# begins with the letter that HTTP/2 begins with.
case_http2_to_http1_client() {
    local method
    nghttpd_on 8307
    for method in GET POST; do
        printf '%s /index.html HTTP/1.1\r\nHost: www.example.org\r\nUser-Agent: golden\r\n\r\n' \
            $method >"$work/request"
        client bash -c "exec 3<>/dev/tcp/$SERVER4/8307; head -c 9 <&3; cat $work/request >&3; cat <&3"
    done
}
grpc_server() {
    net_run "$ROOT/tests/grpc_peer.py" serve 0.0.0.0 "$1"
    wait_for 20 server bash -c "exec 3<>/dev/tcp/127.0.0.1/$1"
}
grpc() { client "$ROOT/tests/grpc_peer.py" call "$@"; }
case_grpc_calls() {
    grpc_server 50051
    grpc $SERVER4:50051 Unary hello
    grpc $SERVER4:50051 Split abc
    grpc $SERVER4:50051 Join a bb ccc
    grpc $SERVER4:50051 Talk a bb
}
case_grpc_errors() {
    grpc_server 50052
    grpc $SERVER4:50052 Fail
    grpc $SERVER4:50052 Slow x
    grpc $SERVER4:50052 Nothing
    grpc $SERVER4:50052 --gzip Unary "$(head -c 500 /dev/zero | tr '\0' a)"
}
case_http1_ipv6() { http "http://[$SERVER6]/index.html"; }
case_tls13() {
    tls -connect $SERVER4:443 -tls1_3 -alpn h2,http/1.1
    client curl -sk -o /dev/null --http1.1 --resolve www.example.org:443:$SERVER4 \
        https://www.example.org/
}
case_tls13_ipv6() { tls -connect "[$SERVER6]:443" -tls1_3; }
case_tls12() {
    tls -connect $SERVER4:8443 -tls1_2
    tls -connect $SERVER4:443 -tls1_2 -alpn http/1.1 -cipher ECDHE-ECDSA-CHACHA20-POLY1305
}
case_tls_resumption() {
    tls -connect $SERVER4:8443 -tls1_2 -sess_out "$work/s12"
    tls -connect $SERVER4:8443 -tls1_2 -sess_in "$work/s12"
    printf 'GET / HTTP/1.0\r\n\r\n' | client openssl s_client -quiet -connect $SERVER4:443 -tls1_3 \
        -servername www.example.org -sess_out "$work/s13"
    tls -connect $SERVER4:443 -tls1_3 -sess_in "$work/s13"
}
case_tls_client_certificate() {
    local cert=(-cert "$work/client.example.org.pem" -key "$work/client.example.org.key")
    s_server 4433 -tls1_2 -Verify 1 -CAfile "$work/ca.pem"
    tls -connect $SERVER4:4433 "${cert[@]}"
    s_server 4434 -tls1_3 -Verify 1 -CAfile "$work/ca.pem"
    tls -connect $SERVER4:4434 "${cert[@]}"
}
case_tls_refused() {
    # No common version, an unknown group, and plain HTTP to a TLS port.
    tls -connect $SERVER4:8443 -tls1_3
    s_server 4435 -tls1_3 -groups P-521
    tls -connect $SERVER4:4435 -tls1_3 -groups X25519:P-521
    http http://$SERVER4:443/
}
# For openssl's clients: lines, time for the answers, and the word to close.
lines() {
    [ $# -eq 0 ] || printf '%s\n' "$@"
    sleep 0.5
    echo Q
}
case_tls_retry() {
    s_server 4436 -tls1_3 -groups P-384
    tls -connect $SERVER4:4436 -tls1_3 -groups X25519:P-384 -alpn h2
}
case_tls_big_hello() {
    tls -connect $SERVER4:443 -alpn "$(seq -s , -f 'protocol-with-a-long-name-%g' 400),http/1.1"
}
# The same without a page to serve, which early data and DTLS do not go with: what the client sends
# is read, and nothing is answered.
sink_server() {
    local port=$1
    shift
    [ -p "$work/silence" ] || { mkfifo "$work/silence" && exec 9<>"$work/silence"; }
    net_run sh -c 'silence=$1; shift; exec openssl s_server "$@" <"$silence" >/dev/null' - \
        "$work/silence" -quiet -accept "$port" -cert "$work/www.example.org.pem" \
        -key "$work/www.example.org.key" "$@"
    wait_for 5 server sh -c "ss -Hlnut sport = $port | grep -q ."
}
case_tls_early_data() {
    sink_server 4437 -tls1_3 -early_data
    echo early >"$work/early"
    lines | client openssl s_client -connect $SERVER4:4437 -servername www.example.org \
        -sess_out "$work/s0"
    tls -connect $SERVER4:4437 -sess_in "$work/s0" -early_data "$work/early"
}
case_tls_renegotiation() {
    s_server 4438 -tls1_2 -client_renegotiation
    lines R | client openssl s_client -connect $SERVER4:4438 -servername www.example.org
}
dtls() {
    lines hello | client timeout 5 openssl s_client -CAfile "$work/ca.pem" \
        -servername www.example.org "$@"
}
case_dtls() {
    sink_server 4433 -dtls -cipher ALL:@SECLEVEL=0
    # With a cookie; the older version; fragments and a client's certificate; no common suite.
    dtls -connect $SERVER4:4433 -dtls1_2
    dtls -connect $SERVER4:4433 -dtls1 -cipher ALL:@SECLEVEL=0
    sink_server 4434 -dtls1_2 -mtu 300 -Verify 1 -CAfile "$work/ca.pem"
    dtls -connect $SERVER4:4434 -dtls1_2 -mtu 300 -cert "$work/client.example.org.pem" \
        -key "$work/client.example.org.key"
    dtls -connect $SERVER4:4434 -dtls1_2 -cipher AES128-SHA
}
# A request, one with early data in a resumed session, and a client with an empty connection id.
case_quic_h3() {
    start_gtlsserver "$work" 443
    local resumed=(--session-file="$work/quic.session" --tp-file="$work/quic.parameters")
    h3 443 /index.html "${resumed[@]}"
    h3 443 /missing "${resumed[@]}"
    h3 443 /index.html --scid= --groups=-GROUP-ALL:+GROUP-SECP256R1
}
case_quic_retry() {
    start_gtlsserver "$work" 4441 --validate-addr
    h3 4441 /index.html
}
# A version that the server does not have; one draft; one that the server exchanges for another
# (RFC 9368), and that one from the start.
case_quic_versions() {
    start_gtlsserver "$work" 4442 --preferred-versions=v2draft --other-versions=v1,v2draft
    h3 4442 /index.html --version=0x1a2a3a4a --preferred-versions=v1 --other-versions=v1
    h3 4442 /index.html --version=0xff00001d
    h3 4442 /index.html --version=v1 --preferred-versions=v2draft,v1 --other-versions=v2draft,v1
    h3 4442 /index.html --version=v2draft
}
# The client's port changes while it waits, as a NAT does it: the ids stay. When a client changes
# its path itself, they change as well, and nobody can tell. Both paths must be of one worker where
# two read the file: make it again until they are.
case_quic_rebinding() {
    start_gtlsserver "$work" 4443
    h3 4443 /index.html --change-local-addr=100ms --nat-rebinding --delay-stream=300ms
    h3 4443 /index.html --change-local-addr=100ms --delay-stream=300ms
}
case_quic_refused() {
    start_gtlsserver "$work" 4444 --ciphers=NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-256-GCM
    h3 4444 /index.html --ciphers=NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM
}
# starttls PROTOCOL PORT [--refuse]: such a server, and openssl's client in turn.
starttls() {
    net_run "$ROOT/tests/turn.py" starttls "$1" $SERVER4 "$2" "$work/www.example.org.pem" \
        "$work/www.example.org.key" "${@:3}"
    wait_for 10 server sh -c "ss -Hlnt sport = $2 | grep -q ."
    lines | client timeout 10 openssl s_client -starttls "$1" -connect $SERVER4:"$2" \
        -xmpphost example.org -name client.example.org -servername www.example.org
}
# Mail on its ports, and news, files, chat and the others on any.
case_starttls_mail() {
    starttls smtp 25
    starttls imap 143
    starttls pop3 110
}
case_starttls_others() {
    starttls ftp 21
    starttls nntp 9001
    starttls sieve 9002
    starttls xmpp 9003
    starttls ldap 9004
    starttls postgres 9005
    starttls mysql 9006
}
# The server does not want, or the client does not ask.
case_starttls_refused() {
    starttls smtp 2525 --refuse
    starttls imap 2143 --refuse
    starttls postgres 9105 --refuse
    printf 'EHLO client.example.org\r\nQUIT\r\n' | client nc -q 1 $SERVER4 2525
}
# Through a proxy: names and addresses, HTTP and TLS inside, a user name, a refusal, and a proxy in
# a proxy.
case_socks5() {
    net_run microsocks -i $SERVER4 -p 1080
    net_run microsocks -i $SERVER4 -p 1081 -u user -P secret
    wait_for 5 server sh -c 'ss -Hlnt sport = 1081 | grep -q .'
    http -x socks5://$SERVER4:1080 http://$SERVER4/index.html
    http -k -x socks5h://$SERVER4:1080 https://localhost/index.html
    http -x socks5h://user:secret@$SERVER4:1081 http://$SERVER4/missing
    http -x socks5h://user:wrong@$SERVER4:1081 http://$SERVER4/
    http -x socks5h://$SERVER4:1080 http://$SERVER4:82/
    http --preproxy socks5h://$SERVER4:1080 -x http://$SERVER4:80 http://www.example.org/
}
case_socks4() {
    net_run "$ROOT/tests/turn.py" socks4 $SERVER4 1084
    wait_for 10 server sh -c 'ss -Hlnt sport = 1084 | grep -q .'
    http -x socks4://$SERVER4:1084 http://$SERVER4/index.html
    http -k -x socks4a://$SERVER4:1084 https://localhost/index.html
    http -x socks4://$SERVER4:1084 http://$SERVER4:82/
}
# A VXLAN link of the kernel, with what IPv6 and ARP say on it.
case_tunnel_vxlan_linux() {
    local ns near far dev
    for ns in client server; do
        [ $ns = client ] && near=1 far=2 dev=cl0 || near=2 far=1 dev=sv0
        $ns ip link add vx0 type vxlan id 42 local 192.0.2.$near remote 192.0.2.$far \
            dstport 4789 dev $dev
        $ns ip addr add 10.9.0.$near/24 dev vx0
        $ns ip link set vx0 up
    done
    http http://10.9.0.2/index.html
    http http://10.9.0.2/count/2
    client ip link del vx0
    server ip link del vx0
}
query() { client dig +time=2 +tries=1 @$SERVER4 "$@"; }
case_dns_udp() {
    query www.example.org A
    query www.example.org AAAA
    query web.example.org A
    query example.org MX
    query example.org TXT +noedns
    query _http._tcp.example.org SRV
    query -x 192.0.2.2
    query nothing.example.org A
    query www.example.net A
}
case_dns_tcp() {
    query www.example.org A +tcp
    query example.org TXT +tcp
    query +tcp +keepopen www.example.org AAAA example.org MX
}
# The name that was asked for stands with the connections; so does that of the last answer.
case_dns_resolved_name() {
    http http://$SERVER4/count/0
    query web.example.org A
    http http://$SERVER4/count/1
    http -k --resolve web.example.org:443:$SERVER4 https://web.example.org/count/2
    query www.example.org AAAA +tcp
    http "http://[$SERVER6]/count/3"
    query www.example.org A
    http http://$SERVER4/count/4
}
# Types that are asked for on an odd port. Data for which the server has no words are given as on the
# wire: HTTPS with ALPN, port, hints and ECH; HTTPS as an alias; SVCB with a path for DNS.
case_dns_types() {
    local https=000100000100060268330268320003000220fb00040004c0000202000500440042fe0d003e0100200020000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f000400010001200f6563682e6578616d706c652e6f726700000006001020010db8000000000000000000000002
    local name type
    net_run dnsmasq --keep-in-foreground --no-resolv --no-hosts --conf-file=/dev/null --user=root \
        --pid-file="$work/types.pid" --bind-interfaces --interface=sv0 --port=5300 \
        --local=/example.org/ --local-ttl=60 --dns-rr=www.example.org,65,$https \
        --dns-rr=alias.example.org,65,000003777777076578616d706c65036f726700 \
        --dns-rr=_dns.example.org,64,000103646e73076578616d706c65036f72670000010003026832000700082f717b3f646e737d \
        --caa-record=example.org,0,issue,ca.example.net \
        --naptr-record=example.org,10,100,S,SIP+D2U,,_sip._udp.example.org \
        --dns-rr=_443._tcp.www.example.org,52,030101000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f \
        --dns-rr=www.example.org,44,0402000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f \
        --dns-rr=www.example.org,29,0012161389172dd070be15f000988d20 \
        --dns-rr=example.org,256,000a0001687474703a2f2f7777772e6578616d706c652e6f72672f
    wait_for 10 server sh -c 'ss -Hlun sport = 5300 | grep -q .'
    while read -r name type; do
        query -p 5300 "$name" "$type"
    done <<'END'
www.example.org TYPE65
alias.example.org TYPE65
_dns.example.org TYPE64
example.org CAA
example.org NAPTR
_443._tcp.www.example.org TLSA
www.example.org SSHFP
www.example.org LOC
example.org URI
END
    http http://$SERVER4/count/1
}
case_connect_refused() {
    http http://$SERVER4:81/
    client ip route add 192.0.2.77 dev cl0
    client ip neigh add 192.0.2.77 lladdr "$(server cat /sys/class/net/sv0/address)" dev cl0
    http --max-time 2 http://192.0.2.77/
}

why=$(net_missing)
[ -z "$why" ] || { printf 'make.sh: %s\n' "$why" >&2; exit 1; }
net_up || exit 1
# Segments as on a wire: real checksums and no packet larger than the link's.
for end in client:cl0 server:sv0; do
    ${end%:*} ethtool -K ${end#*:} tx off rx off tso off gso off gro off >/dev/null
done
start_nginx "$work" && start_dnsmasq "$work" || exit 1

[ $# -gt 0 ] || set -- $(declare -F | sed -n 's/^declare -f case_//p' | tr _ - |
    cat - <(cd "$golden" && python3 -c 'import synth; print("\n".join(synth.cases()))'))
for case; do
    if declare -F "case_${case//-/_}" >/dev/null; then
        record "$case"
    else
        python3 "$golden/synth.py" "$golden" "$case"
    fi
done

#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Go programs, with symbols and stripped, HTTP/1.1 and HTTP/2: every request is in http.log once,
# with the client's port, which its path names, and the process at each end.
. "$(dirname "$0")/plaintext_marked.sh"
needs go golang-go
cd "$ROOT" || exit

build() { GO111MODULE=off GOFLAGS='' GOCACHE=$WORK/cache go build -o "$WORK/$1" "${@:3}" \
    "tests/cluster/plaintext_go/$2.go" || die "go build of $2.go"; }
build go-server server
build go-client client
build bare-server server -ldflags '-s -w'
build bare-client client -ldflags '-s -w'

begin_plaintext 2
echo 'libraries = go' >>"$WORK/spliff.cfg"
for kind in go bare; do
    [ $kind = go ] && port=4431 || port=4432
    net_run "$WORK/$kind-server" $SERVER4:$port "$WORK/www/www.example.org.pem" \
        "$WORK/www/www.example.org.key" >"$WORK/$kind.seen" 2>"$WORK/$kind.err"
    wait_for 10 server bash -c "exec 3<>/dev/tcp/$SERVER4/$port"
done
start

# ask KIND PORT OPTION...
ask() { client "$WORK/$1-client" "${@:3}" "https://$SERVER4:$2$MARK/$1" 2>>"$WORK/client.err"; }
for kind in go bare; do
    [ $kind = go ] && port=4431 || port=4432
    answered 20 $kind-server client "$WORK/$kind-client" "https://$SERVER4:$port" ||
        die "no request to the $kind server shows"
    answered 20 $kind-client client "$WORK/$kind-client" "https://$SERVER4:$port" ||
        die "no request of the $kind client shows"
    ask $kind $port -connections 40 -requests 10 -workers 4 >>"$WORK/made" || die 'HTTP/1.1'
    ask $kind $port -connections 40 -requests 10 -workers 4 -http2 -parallel >>"$WORK/made" || die 'HTTP/2'
    ask $kind $port -connections 4 -requests 4 -size 60000 >>"$WORK/made" || die 'large answers'
done
[ "$(paste -sd ' ' "$WORK/made")" = '400 400 16 400 400 16' ] || die "made: $(cat "$WORK/made")"

ours() { marked "$@" | grep -E '^/(go|bare)/'; }
complete() { [ "$(ours | wc -l)" -ge 1632 ]; }
wait_for 10 complete
stop
[ "$(ours | wc -l)" -eq 1632 ] || die "$(ours | wc -l) records of 1632 requests"
[ "$(ours | sort -u | wc -l)" -eq 1632 ] || die 'a request is there twice'
ours id.orig_p | awk -F '[/\t]' '$3 != $NF' | head -n 3 >"$WORK/wrong"
[ -s "$WORK/wrong" ] && die "not the port of the client: $(cat "$WORK/wrong")"
ends | awk -F '[/\t]' '/^.(go|bare)/ && $(NF - 1) == $2 "-client" && $NF == $2 "-server"' >"$WORK/right"
[ "$(wc -l <"$WORK/right")" -eq 1632 ] || die "$(wc -l <"$WORK/right") of 1632 requests have their processes"
[ "$(ours status_code partial | cut -f 2- | sort -u)" = '200	-' ] || die 'an answer is not there'
[ "$(ours version | cut -f 2 | sort | uniq -c | tr -s ' \n' ' ')" = ' 832 1.1 800 2 ' ] || die 'versions'
[ "$(rows tls_plain library library_path | grep "$WORK" | cut -f 1 | sort -u)" = go ] || die 'library'
joined || die 'without their packets'
pass "$TEST"
finish

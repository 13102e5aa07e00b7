#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# HTTPS of nginx and curl, HTTP/1.1 and HTTP/2, both processes watched: each exchange is one line in
# http.log, equal to nginx's own, with both processes, the connection's packets and both views' times.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/plaintext.sh"
begin_plaintext 2
start
wait_plain "$(nginx_worker)" "https://$SERVER4"
: >"$WORK/www/access.log"

n=0
# ask HOST NAMES OPTION...
ask() {
    curl_x "$@" || die "curl $*"
    set -- $2
    n=$((n + $#))
}
for http in --http1.1 --http2; do
    ask "https://$SERVER4" '1 2 3' $http
    ask "https://$SERVER4" put $http -X POST --data-binary "$(head -c 3000 /dev/zero | tr '\0' a)"
    ask "https://$SERVER4" head $http --head
    ask "https://[$SERVER6]" 'missing 2' $http
    # More than a record of TLS, and more than a frame of HTTP/2.
    ask "https://$SERVER4" '20k 2' $http
done
ask "https://$SERVER4" '1 20k' --tls-max 1.2

wait_for 20 has_exchanges $n || die "http.log has $(column http uri | grep -c "^$OURS/") of $n requests"
stop
exchanges "$WORK/www/access.log" --client curl --server nginx --count $n \
    --found curl=socket --found nginx=socket
versions=$(paste <(column http uri) <(column http version) | sed -n "s|^$OURS/.*\t||p" | sort | uniq -c)
[ "$(echo $versions)" = '9 1.1 11 2' ] || die "versions: $versions"
pass "$TEST"
finish

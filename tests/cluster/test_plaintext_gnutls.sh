#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# GnuTLS: wget and gnutls-cli at nginx, and both and curl at gnutls-serv. Each request is in http.log
# once, with the process at each end.
. "$(dirname "$0")/plaintext_marked.sh"
needs wget wget
needs gnutls-cli gnutls-bin
needs gnutls-serv gnutls-bin
if ! ldd "$(command -v wget)" | grep -q libgnutls; then
    skip "$TEST" 'wget here is not linked with GnuTLS'
    finish
    exit
fi
begin_plaintext 2
net_run gnutls-serv --quiet --http --port 5556 --x509certfile "$WORK/www/www.example.org.pem" \
    --x509keyfile "$WORK/www/www.example.org.key" >/dev/null 2>"$WORK/serv.err"
wait_for 10 server bash -c "exec 3<>/dev/tcp/$SERVER4/5556"
start

wget_one() { client wget -q --no-check-certificate --tries 1 --timeout 10 -O /dev/null "$@"; }
# cli PORT PATH: gnutls-cli ends when the server does.
cli() {
    printf 'GET %s HTTP/1.0\r\nHost: www.example.org\r\nUser-Agent: by hand\r\n\r\n' "${2#*@}" |
        client gnutls-cli --insecure --port "$1" $SERVER4 >/dev/null 2>&1
}
answered 20 wget wget_one https://$SERVER4 || die 'wget does not show'
answered 20 gnutls-cli cli 443 @ || die 'gnutls-cli does not show'
answered 20 gnutls-serv wget_one https://$SERVER4:5556 || die 'gnutls-serv does not show'
: >"$WORK/www/access.log"

for i in 1 2 3 4 5; do
    wget_one "https://$SERVER4$MARK/index.html?wget=$i" "https://$SERVER4$MARK/count/$i" \
        "https://[$SERVER6]$MARK/count/v6/$i"
    wget_one --post-data="n=$i" "https://$SERVER4$MARK/post/$i"
    cli 443 "$MARK/count/cli/$i"
    wget_one "https://$SERVER4:5556$MARK/serv/wget/$i"
    cli 5556 "$MARK/serv/cli/$i"
    get "https://$SERVER4:5556$MARK/serv/curl/$i"
done
wait_for 10 has_marked 40
stop

ours() { marked | grep -v '^/warm/'; }
at_nginx() { marked method status_code id.resp_p | grep '443$' | grep -v '^/warm/'; }
diff <(at_nginx | awk '{print $2, $1, $3}' | sort) \
    <(cut -d " " -f 1-3 "$WORK/www/access.log" | sed "s|$MARK||" | sort) \
    >"$WORK/wrong" || die "not what nginx has answered: $(head -n 5 "$WORK/wrong")"
[ "$(ours | sort | uniq -c | awk '$1 != 1' | wc -l)" -eq 0 ] || die 'a request is there twice'
# pair FILTER CLIENT SERVER N: so many requests have these processes at their ends.
pair() {
    local n
    n=$(ends | grep -E "^$1" | grep -c "	$2	$3$")
    [ "$n" -eq "$4" ] || die "$n of $4 requests have $2 and $3 at their ends: $(ends | grep -E "^$1" | head -n 3)"
}
pair '/(index|count/[1-5v]|post)' wget nginx 20
pair /count/cli gnutls-cli nginx 5
pair /serv/wget wget gnutls-serv 5
pair /serv/cli gnutls-cli gnutls-serv 5
pair /serv/curl curl gnutls-serv 5
[ "$(rows tls_plain process library | grep -E '^(wget|gnutls-)' | cut -f 2 | sort -u)" = gnutls ] ||
    die 'tls_plain.log names other libraries'
joined || die 'without their packets'
pass "$TEST"
finish

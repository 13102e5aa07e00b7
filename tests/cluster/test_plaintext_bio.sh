#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# OpenSSL by way of its BIO filter: `openssl s_server -www` calls none of the functions of libssl that
# have a name to read and write. Each request is in http.log once, with both ends.
. "$(dirname "$0")/plaintext_marked.sh"
needs openssl openssl
begin_plaintext 2
net_run openssl s_server -quiet -www -port 5558 -cert "$WORK/www/www.example.org.pem" \
    -key "$WORK/www/www.example.org.key" >/dev/null 2>"$WORK/s_server.err"
wait_for 10 server bash -c "exec 3<>/dev/tcp/$SERVER4/5558" || die 's_server does not start'
start
answered 20 openssl get https://$SERVER4:5558 || die 's_server does not show'

for i in 1 2 3 4 5; do
    get "https://$SERVER4:5558$MARK/www/$i"
    get --tls-max 1.2 "https://$SERVER4:5558$MARK/www/old/$i"
done
wait_for 10 has_marked 10
stop

ours() { marked "$@" | grep '^/www/'; }
[ "$(ours | sort -u | wc -l)" -eq 10 ] && [ "$(ours | wc -l)" -eq 10 ] || die "$(ours | wc -l) records of 10 requests"
[ "$(ends | grep '^/www/' | cut -f 2- | sort -u)" = 'curl	openssl' ] || die "other processes: $(ends | head -n 3)"
[ "$(ours status_code resp_mime_types | cut -f 2- | sort -u)" = '200	text/html' ] ||
    die "other answers: $(ours status_code resp_mime_types | head -n 3)"
joined || die 'without their packets'
# What the server's functions have read and written is what the client's have, and not more.
ours id.orig_p | cut -f 2 | sort >"$WORK/ports"
bytes() {
    rows tls_plain process id.orig_p orig_bytes resp_bytes | awk -F '\t' -v p="$1" '
        NR == FNR {ours[$1]; next}
        $1 == p && $2 in ours {print $2, $3, $4}' "$WORK/ports" - | sort
}
[ "$(bytes curl | wc -l)" -eq 10 ] || die "$(bytes curl | wc -l) of 10 sessions in tls_plain.log"
diff <(bytes curl) <(bytes openssl) >"$WORK/wrong" || die "not the bytes of the client: $(head -n 5 "$WORK/wrong")"
pass "$TEST"
finish

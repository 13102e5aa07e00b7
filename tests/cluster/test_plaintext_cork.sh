#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# GnuTLS: a client that corks its session hands the library each request piece by piece, and then has
# them sent. Every byte counts once: as many as the server's end has read.
. "$(dirname "$0")/plaintext_marked.sh"
corked=$ROOT/build/tools/cluster/gnutlsclient
if [ ! -x "$corked" ]; then
    skip "$TEST" 'needs GnuTLS (package libgnutls28-dev, then make tools)'
    finish
    exit
fi
begin_plaintext 2
start
ask() { client "$corked" $SERVER4 443 "$2" "$1" 2>>"$WORK/client.err"; }
answered 20 gnutlsclient ask 1 '' || die 'the client does not show'

for i in 1 2 3 4 5; do
    ask 20 "$MARK/many" || die 'the client'
done
wait_for 10 has_marked 100
stop
ours() { marked "$@" | grep '^/many/'; }
[ "$(ours | sort -u | wc -l)" -eq 100 ] && [ "$(ours | wc -l)" -eq 100 ] || die "$(ours | wc -l) records of 100 requests"
[ -z "$(ours id.orig_p | awk -F '[/\t]' '$3 != $NF')" ] || die 'not the port of the client'
[ "$(ends | grep '^/many/' | cut -f 2- | sort | uniq -c | tr -s ' \t\n' ' ')" = ' 100 gnutlsclient nginx ' ] ||
    die "other processes: $(ends | cut -f 2- | sort | uniq -c)"
ours id.orig_p | cut -f 2 | sort -u >"$WORK/ports"
bytes() {
    rows tls_plain process id.orig_p orig_bytes resp_bytes | awk -F '\t' -v p="$1" '
        NR == FNR {ours[$1]; next}
        $1 == p && $2 in ours {print $2, $3, $4}' "$WORK/ports" - | sort
}
[ "$(bytes gnutlsclient | wc -l)" -eq 5 ] || die "$(bytes gnutlsclient | wc -l) of 5 sessions in tls_plain.log"
diff <(bytes gnutlsclient) <(bytes nginx) >"$WORK/wrong" || die "not the bytes of the server: $(cat "$WORK/wrong")"
joined || die 'without their packets'
pass "$TEST"
finish

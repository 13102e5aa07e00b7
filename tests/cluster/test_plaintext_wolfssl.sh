#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A client with wolfSSL at nginx: every request is in http.log once, with the client's port, which
# its path names, and the process at each end.
. "$(dirname "$0")/plaintext_marked.sh"
wolf=$ROOT/build/tools/cluster/wolfclient
if [ ! -x "$wolf" ]; then
    skip "$TEST" 'needs wolfSSL (package libwolfssl-dev, then make tools)'
    finish
    exit
fi
begin_plaintext 2
start
ask() { client "$wolf" $SERVER4 443 "$2" "$1" 2>>"$WORK/client.err"; }
answered 20 wolfclient ask 1 '' || die 'the client does not show'

for i in 1 2 3 4 5; do
    ask 20 "$MARK/many" || die 'the client'
done
wait_for 10 has_marked 100
stop
ours() { marked "$@" | grep '^/many/'; }
[ "$(ours | sort -u | wc -l)" -eq 100 ] && [ "$(ours | wc -l)" -eq 100 ] ||
    die "$(ours | wc -l) records of 100 requests"
[ -z "$(ours id.orig_p | awk -F '[/\t]' '$3 != $NF')" ] || die 'not the port of the client'
[ "$(ends | grep '^/many/' | cut -f 2- | sort | uniq -c | tr -s ' \t\n' ' ')" = ' 100 wolfclient nginx ' ] ||
    die "other processes: $(ends | cut -f 2- | sort | uniq -c)"
[ "$(rows tls_plain process library | grep ^wolf | cut -f 2 | sort -u)" = wolfssl ] || die 'library'
joined || die 'without their packets'
pass "$TEST"
finish

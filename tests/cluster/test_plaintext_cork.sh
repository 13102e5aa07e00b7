#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# GnuTLS: a client that corks its session hands the library each request piece by piece, and then has
# them sent. Every byte counts once: as many as the server's end has read.
. "$(dirname "$0")/plaintext_marked.sh"
library_client gnutlsclient libgnutls28-dev
begin_plaintext 2
start
library_asks_100
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

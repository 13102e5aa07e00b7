#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A client with wolfSSL at nginx: every request is in http.log once, with the client's port, which
# its path names, and the process at each end.
. "$(dirname "$0")/plaintext_marked.sh"
library_client wolfclient libwolfssl-dev
begin_plaintext 2
start
library_asks_100
[ "$(rows tls_plain process library | grep ^wolf | cut -f 2 | sort -u)" = wolfssl ] || die 'library'
joined || die 'without their packets'
pass "$TEST"
finish

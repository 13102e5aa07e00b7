#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A library that is replaced under a running server: one that still has the old, deleted file and one
# that has the new file are both seen, whether the probe came before or after.
. "$(dirname "$0")/plaintext_marked.sh"
begin_plaintext 2
library=$(ldd "$(command -v nginx)" | awk '$1 ~ /^libssl\./ {print $3}')
[ -n "$library" ] || die 'nginx is not linked with libssl'
mkdir "$WORK/lib"
upgrade() { cp "$library" "$WORK/lib/new" && mv "$WORK/lib/new" "$WORK/lib/$(basename "$library")"; }

# serve PORT: nginx with the library as it is now.
serve() {
    cat >"$WORK/nginx$1.conf" <<CONF
user root; daemon off; master_process off; pid $WORK/nginx$1.pid; error_log $WORK/nginx$1.err;
events {}
http {
    access_log off;
    server {
        listen $SERVER4:$1 ssl;
        ssl_certificate $WORK/www/www.example.org.pem; ssl_certificate_key $WORK/www/www.example.org.key;
        location / { return 200 "$1\n"; }
    }
}
CONF
    net_run env LD_LIBRARY_PATH="$WORK/lib" nginx -c "$WORK/nginx$1.conf" -e "$WORK/nginx$1.err"
    wait_for 10 server bash -c "exec 3<>/dev/tcp/$SERVER4/$1" || die "nginx on $1 does not start"
}
# seen PORT WHAT
seen() { answered 20 nginx get "https://$SERVER4:$1" || die "$2 is not seen"; }
has_deleted() { grep -q "$WORK/lib/.*(deleted)" "/proc/$(cat "$WORK/nginx$1.pid")/maps"; }

upgrade
serve 9441
upgrade
has_deleted 9441 || die 'the old library is not deleted'
serve 9442
start
seen 9441 'the server whose library was deleted before the probe came'
seen 9442 'the server with the new library'
upgrade
serve 9443
has_deleted 9442 || die 'the second library is not deleted'
seen 9443 'the server with a library that came after the probe'
seen 9442 'the server whose library was deleted under the probe'
seen 9441 'the first server after the second upgrade'
stop

# Three files by the same name.
[ "$(rows tls_plain library library_path id.resp_p | grep -F "openssl	$WORK/lib" | cut -f 3 | sort -u |
    paste -sd ' ')" = '9441 9442 9443' ] || die "library_path: $(rows tls_plain library_path | sort | uniq -c)"
joined || die 'without their packets'
pass "$TEST"
finish

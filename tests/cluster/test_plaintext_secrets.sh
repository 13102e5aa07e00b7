#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Credentials, cookies and passwords, in clear and in the plaintext of TLS, reach no log, no live tap
# and no terminal; with log_secrets they do. All of them have "s3cret" in them here.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/plaintext.sh"
begin_plaintext 1
echo 'log_headers = authorization,proxy-authorization,cookie,set-cookie,x-id' >>"$WORK/spliff.cfg"
BASIC=$(printf 'user:s3cret-basic' | base64)

# tell HOST NAME OPTION...: requests that say secrets.
tell() {
    local url=$1$OURS/$2/cookie
    shift 2
    get "$@" -u user:s3cret-basic -H 'X-Id: 42' "$url" &&
        get "$@" -H 'Authorization: Bearer s3cret-bearer' \
            -H 'Proxy-Authorization: Digest s3cret-proxy' -b 'id=s3cret-cookie' \
            -e 'https://user:s3cret-referer@example.org/?password=s3cret-referer' \
            "$url?a=1&password=s3cret-query&b=2" &&
        get "$@" -d 'a=1&password=s3cret-form' "$url" || die "curl $*"
}
tell_all() {
    tell "http://$SERVER4" "$1/clear"
    tell "https://$SERVER4" "$1/tls" --http1.1
    tell "https://$SERVER4" "$1/tls2" --http2
    get --http1.1 --request-target "http://user:s3cret-target@example.org$OURS/$1/target" "https://$SERVER4"
    get "https://$SERVER4$OURS/$1/end"
}
ended() { column http uri | grep -q "^$OURS/$1/end$"; }
# said FILE...: secrets in them.
said() { zcat -f "$@" | grep -ao "s3cret-[a-z-]*\|$BASIC" | sort -u | paste -sd ' '; }

start
wait_plain "$(nginx_worker)" "https://$SERVER4"
"$ROOT/build/tools/cluster/tap" "ipc://$STATE/run/bus.out" log/ 20 "$OURS/1/end" >"$WORK/tap.out" \
    2>"$WORK/tap.err" &
tap=$!
wait_for 20 grep -q ready "$WORK/tap.err" || die 'the tap does not connect'
tapped() {
    get "http://$SERVER4/"
    grep -q '^log/http/' "$WORK/tap.out"
}
wait_for 10 tapped || die 'the tap sees nothing'
tell_all 1
wait_for 20 ended 1 || die 'http.log lacks the last request'
wait $tap || die "the tap failed: $(cat "$WORK/tap.err")"
stop
[ "$(column http uri | grep -c "^$OURS/1/.*/cookie")" -eq 9 ] || die 'http.log lacks requests'
column http uri | grep -qF 'cookie?a=1&password=(redacted)&b=2' || die 'the URI was not kept'
column http request_headers | grep -qF 'Authorization: (redacted)' || die 'no name of a header is logged'
[ "$(column http request_headers | grep -c 'X-Id: 42\|x-id: 42')" -eq 3 ] || die 'X-Id is not logged'
grep -q 'password=(redacted)' "$WORK/tap.out" || die 'the tap saw no request with a secret'
mapfile -t files < <(find "$LOGS" "$STATE" -type f)
[ -z "$(said "${files[@]}")" ] || die "secrets are logged: $(said "${files[@]}")"
[ -z "$(said "$WORK/tap.out")" ] || die "secrets are tapped: $(said "$WORK/tap.out")"

server "$BIN/spliff-cluster" run -i sv0 --plaintext --comm nginx --quiet --format text --headers --body \
    --no-color >"$WORK/text.out" 2>"$WORK/run.err" </dev/null &
run=$!
shown() {
    get "https://$SERVER4$OURS/shown"
    grep -q "$OURS/shown" "$WORK/text.out"
}
wait_for 20 shown || die 'run --plaintext prints no request'
tell_all 2
wait_for 10 grep -q "$OURS/2/end" "$WORK/text.out" || die 'run --headers lacks the last request'
for p in $(ip netns pids "$NET_SERVER"); do
    [ "$(cat /proc/"$p"/comm 2>/dev/null)" = spliff-cluster ] && kill -INT "$p"
done
wait $run || die "run: status $? after an interrupt"
for what in 'Authorization: (redacted)' 'authorization: (redacted)' 'Set-Cookie: (redacted)' \
    'a=1&password=(redacted)'; do
    grep -qF "$what" "$WORK/text.out" || die "the terminal does not show: $what"
done
[ -z "$(said "$WORK/text.out")" ] || die "secrets are shown: $(said "$WORK/text.out")"

echo 'log_secrets = yes' >>"$WORK/spliff.cfg"
rm -r "$LOGS"
start
wait_plain "$(nginx_worker)" "https://$SERVER4"
tell_all 3
wait_for 20 ended 3 || die 'http.log lacks the last request'
stop
mapfile -t files < <(find "$LOGS" -type f)
[ "$(said "${files[@]}")" = "$BASIC s3cret-basic s3cret-bearer s3cret-cookie s3cret-proxy s3cret-query \
s3cret-referer s3cret-set-cookie s3cret-target" ] ||
    die "with log_secrets there are only: $(said "${files[@]}")"
pass "$TEST"
finish

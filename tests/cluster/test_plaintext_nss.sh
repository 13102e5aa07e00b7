#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# NSS: tstclnt and Firefox at nginx, curl at selfserv. NSS reads and writes by functions of NSPR that
# serve files and pipes as well, of which nothing may show. What ran before the probe, with connections
# that were TLS already, shows from then on.
. "$(dirname "$0")/plaintext_marked.sh"
needs tstclnt libnss3-tools
needs selfserv libnss3-tools
needs firefox-esr firefox-esr
begin_plaintext 2

# A database with our authority, which is Firefox's profile, too, and the server's key.
mkdir "$WORK/home" "$WORK/profile"
certutil -N -d "sql:$WORK/profile" --empty-password || die 'certutil'
certutil -A -d "sql:$WORK/profile" -n ca -t C,, -i "$WORK/www/ca.pem" || die 'certutil'
openssl pkcs12 -export -name server -in "$WORK/www/www.example.org.pem" -passout pass: \
    -inkey "$WORK/www/www.example.org.key" -out "$WORK/server.p12" &&
    pk12util -i "$WORK/server.p12" -d "sql:$WORK/profile" -W '' >"$WORK/pk12.err" 2>&1 || die 'pk12util'
cat >"$WORK/profile/user.js" <<'JS'
user_pref("app.normandy.enabled", false);
user_pref("app.update.enabled", false);
user_pref("browser.safebrowsing.downloads.enabled", false);
user_pref("browser.safebrowsing.malware.enabled", false);
user_pref("browser.safebrowsing.phishing.enabled", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("dom.security.https_first", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("network.dns.disableIPv6", true);
user_pref("security.OCSP.enabled", 0);
user_pref("services.settings.server", "data:,");
user_pref("toolkit.telemetry.enabled", false);
JS

# On one connection, of which the first request is over when the probe comes.
mkfifo "$WORK/requests"
client timeout 60 tstclnt -h $SERVER4 -p 443 -d "sql:$WORK/profile" -o <"$WORK/requests" \
    >"$WORK/tstclnt.out" 2>/dev/null &
exec 9>"$WORK/requests"
ask_old() { printf 'GET %s HTTP/1.1\r\nHost: www.example.org\r\n\r\n' "$MARK/old/$1" >&9; }
is_asked() { grep -q "$MARK/$1 " "$WORK/www/access.log"; }
ask_old 0
wait_for 10 is_asked old/0 || die 'tstclnt asks nothing'
# A listener, which is what is made TLS in a server.
net_run selfserv -d "sql:$WORK/profile" -n server -p 5558 -t 2 >/dev/null 2>"$WORK/selfserv.err"
wait_for 10 server bash -c "exec 3<>/dev/tcp/$SERVER4/5558" || die 'selfserv does not start'
# Firefox, on a connection that it keeps; by HTTP/1.1, since of HTTP/2 the beginning would lack.
mkdir -p "$WORK/www/www$MARK/firefox"
cat >"$WORK/www/www$MARK/firefox/poll.html" <<HTML
<!DOCTYPE html><title>page</title>
<script>let i = 0; setInterval(() => fetch("$MARK/kept/" + i++, {cache: "no-store"}), 100)</script>
HTML
cp -r "$WORK/profile" "$WORK/profile1"
echo 'user_pref("network.http.http2.enabled", false);' >>"$WORK/profile1/user.js"
# Only in the background.
firefox() {
    exec ip netns exec "$NET_CLIENT" env HOME="$WORK/home" MOZ_CRASHREPORTER_DISABLE=1 \
        MOZ_DISABLE_CONTENT_SANDBOX=1 timeout -k 5 60 firefox-esr --headless --no-remote "$@" \
        >"$WORK/firefox.out" 2>&1
}
firefox --profile "$WORK/profile1" "https://$SERVER4$MARK/firefox/poll.html" &
old_firefox=$!
wait_for 40 is_asked kept/5 || die "Firefox asks nothing: $(tail -n 5 "$WORK/firefox.out")"
start
kept() { ends | grep '^/kept/' | grep 'firefox-esr	nginx$'; }
has_kept() { [ "$(kept | wc -l)" -ge 5 ]; }
wait_for 10 has_kept || die "Firefox from before: $(ends | grep ^/kept/)"
kill $old_firefox
wait $old_firefox 2>/dev/null

# tst PATH
tst() {
    printf 'GET %s HTTP/1.0\r\nHost: www.example.org\r\n\r\n' "$1" >"$WORK/request"
    client timeout 10 tstclnt -h $SERVER4 -p 443 -d "sql:$WORK/profile" -o -A "$WORK/request" >/dev/null 2>&1
}
answered 20 tstclnt tst '' || die 'tstclnt does not show'
net_run selfserv -d "sql:$WORK/profile" -n server -p 5557 -t 2 >/dev/null 2>"$WORK/selfserv.err"
wait_for 10 server bash -c "exec 3<>/dev/tcp/$SERVER4/5557" || die 'selfserv does not start'
answered 20 selfserv get https://$SERVER4:5557 || die 'selfserv does not show'
for i in 1 2 3 4 5; do
    tst "$MARK/tst/$i"
    get "https://$SERVER4:5557$MARK/selfserv/$i" "https://$SERVER4:5558$MARK/before/$i"
    ask_old $i
    wait_for 10 is_asked old/$i || die "tstclnt has not asked for $i"
done
exec 9>&-

cat >"$WORK/www/www$MARK/firefox/page.html" <<HTML
<!DOCTYPE html><title>page</title>
<link rel="stylesheet" href="$MARK/firefox/style.css"><script src="$MARK/firefox/script.js"></script>
<img src="$MARK/firefox/one.png"><img src="$MARK/firefox/two.png">
HTML
: >"$WORK/www/access.log"
firefox --profile "$WORK/profile" --screenshot "$WORK/page.png" \
    "https://$SERVER4$MARK/firefox/page.html" &
firefox=$!
asked() { [ "$(grep -c "$MARK/firefox/" "$WORK/www/access.log")" -ge 5 ]; }
wait_for 40 asked || die "Firefox asks nothing: $(tail -n 5 "$WORK/firefox.out")"
has_firefox() { [ "$(marked | grep -c '^/firefox/')" -ge 5 ]; }
wait_for 10 has_firefox
kill $firefox 2>/dev/null
wait $firefox 2>/dev/null
stop

cut -d ' ' -f 2 "$WORK/www/access.log" | grep "$MARK" | sort >"$WORK/answered"
rows http uri | grep -E "$MARK/firefox/" | sort | diff - "$WORK/answered" >"$WORK/wrong" ||
    die "Firefox: not what nginx has answered: $(cat "$WORK/wrong")"
[ "$(ends | grep '^/firefox/' | cut -f 2- | sort -u)" = 'firefox-esr	nginx' ] ||
    die "Firefox: other processes: $(ends | grep '^/firefox/' | head -n 3)"
[ "$(ends | grep -c '^/tst/.*	tstclnt	nginx$')" -eq 5 ] || die "tstclnt: $(ends | grep ^/tst/)"
[ "$(ends | grep -c '^/selfserv/.*	curl	selfserv$')" -eq 5 ] || die "selfserv: $(ends | grep ^/self)"
[ "$(ends | grep -c '^/before/.*	curl	selfserv$')" -eq 5 ] || die "selfserv from before: $(ends | grep ^/before)"
# The first may be answered, and logged with the server alone, before its write has returned, which is
# the first that is heard of the session.
[ "$(ends | sed -n 's|^/old/||p' | sort | sed '1s/	-	/	tstclnt	/')" = \
    "$(printf '%d\ttstclnt\tnginx\n' 1 2 3 4 5)" ] || die "tstclnt from before: $(ends | grep ^/old/)"
# Of the connections from before no handshake was captured; Firefox may have opened another one since.
before() { marked uid | grep -E '^/(old|kept)/' | cut -f 2 | sort -u; }
apart=$(comm -23 <(joined) <(before))
[ -z "$apart" ] || die "without their packets: $(marked uid | grep -F "$apart")"
[ "$(rows tls_plain process library | grep -E '^(firefox|tstclnt|selfserv)' | cut -f 2 | sort -u)" = nss ] ||
    die 'tls_plain.log names other libraries'
pass "$TEST"
finish

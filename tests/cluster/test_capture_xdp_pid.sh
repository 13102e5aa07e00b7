#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Mode xdp beside a probe: conn.log and ssl.log name the processes of TLS connections, with HTTP/1.1 and
# HTTP/2: nginx's worker as its access.log has it, and curl, each at its side. Of what has no TLS nobody
# is named, nor of anything without a probe; then the kernel has no map of processes either.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/plaintext.sh"
. "$(dirname "$0")/programs.sh"

map_of_processes() { [ -n "$(new_objects map flow_processes)" ]; }

begin_plaintext 2
node_cfg 2 sv0 xdp
printf '\n[probe]\ntype=probe\nhost=localhost\n' >>"$WORK/node.cfg"
start
map_of_processes || die 'there is no map of processes'
wait_plain "$(nginx_worker)" "https://$SERVER4"
: >"$WORK/www/access.log"

first=$((CURL_PORT + 1))
for http in --http1.1 --http2 '--http1.1 --tls-max 1.2'; do
    for n in 1 2 3 4; do
        # shellcheck disable=SC2086
        curl_x "https://$SERVER4" '1 20k' $http || die "curl $http"
        # shellcheck disable=SC2086
        curl_x "https://[$SERVER6]" 1 $http || die "curl $http"
    done
done
last=$CURL_PORT
get "http://$SERVER4$OURS/plain" || die 'curl'

# said LOG: of our TLS connections, by the client's port: who it names at which side.
said() {
    paste <(column "$1" id.orig_p) <(column "$1" id.resp_p) <(column "$1" pid) <(column "$1" process) \
        <(column "$1" process_side) <(column "$1" peer_pid) <(column "$1" peer_process) |
        awk -F '\t' -v OFS='\t' -v first=$first -v last="$last" \
            '$1 >= first && $1 <= last && $2 == 443 {print $1, $3, $4, $5, $6, $7}' | sort -u
}
all_said() { [ "$(said "$1" | wc -l)" -eq $((last - first + 1)) ]; }
wait_for 20 all_said conn || die "conn.log has $(said conn | wc -l) of $((last - first + 1)) connections"

# What both sides say of themselves: curl in the path, nginx in its access.log.
awk -v OFS='\t' '{split($2, part, "/"); if (part[5] != "") print part[5], part[4], "curl", "client", $5, "nginx"}' \
    "$WORK/www/access.log" | sort -u >"$WORK/expected"
for log in conn ssl; do
    diff "$WORK/expected" <(said $log) >"$WORK/said.out" || die "$log.log: $(cat "$WORK/said.out")"
done
plain=$(paste <(column conn id.resp_p) <(column conn pid) | awk -F '\t' '$1 == 80 && $2 != "-"')
[ -z "$plain" ] || die "conn.log names a process of what is not TLS: $plain"
stop
wait_for 5 eval '! map_of_processes' || die 'the map of processes is still there'

rm -rf "$LOGS"
node_cfg 2 sv0 xdp
start
! map_of_processes || die 'there is a map of processes without a probe'
get "https://$SERVER4$OURS/alone" || die 'curl'
wait_for 10 has_records conn 1 || die 'conn.log is empty'
stop
[ "$(column conn pid | sort -u)" = - ] || die 'conn.log names a process without a probe'
[ "$(column ssl pid | sort -u)" = - ] || die 'ssl.log names a process without a probe'
pass "$TEST"
finish

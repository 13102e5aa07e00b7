# SPDX-License-Identifier: BSD-3-Clause
# Sourced after lib.sh by the tests of the plaintext view: a cluster with a probe, and clients that say
# in each request who they are, $OURS/PID/PORT/N, so that exchanges.py can compare what was logged with
# what was so. Servers write a line a request into an access log: method, URI, status, bytes, pid
# and, some of them, the client's port.
# The probe sees all of this machine, what others do on it as well: $OURS is of this test.

export OURS=/x/$$

# begin_plaintext [WORKERS]: as begin; the test is skipped where no plaintext can be had.
begin_plaintext() {
    local lacks
    begin "$@"
    printf '\n[probe]\ntype=probe\nhost=localhost\n' >>"$WORK/node.cfg"
    lacks=$(cluster check 2>&1 | grep -m 1 '^no plaintext')
    [ -z "$lacks" ] && return
    skip "$TEST" "$lacks"
    finish
    exit
}

# plain_seen PID URL: one request; is it logged as plaintext, with this process at an end? For
# wait_for: until a server's library is hooked.
plain_seen() {
    N_WARM=$((${N_WARM:-0} + 1))
    get "$2/warm/$N_WARM"
    wait_for 1 plain_logged "/warm/$N_WARM" "$1"
}
plain_logged() {
    paste <(column http uri) <(column http view) <(column http pid) <(column http peer_pid) |
        awk -F '\t' -v uri="$1" -v pid="$2" '$1 == uri && $2 == "plaintext" && ($3 == pid || $4 == pid) \
            {found = 1} END {exit !found}'
}

# wait_plain PID URL
wait_plain() {
    wait_for 20 plain_seen "$@" || die "no plaintext of $2 is logged: $(cluster status 2>&1 | tail -n 1)"
}

# nginx_worker: the pid of the process that answers.
nginx_worker() { cat /proc/"$(cat "$WORK/www/nginx.pid")"/task/*/children | tr -d ' '; }

# curl_x SCHEME-AND-HOST NAMES OPTION...: requests of a curl that says who it is, on one connection from
# a port that it chose before. NAMES end the paths.
CURL_PORT=$((10000 + $$ % 100 * 200))
curl_x() {
    local host=$1 names=$2
    shift 2
    CURL_PORT=$((CURL_PORT + 1))
    # shellcheck disable=SC2016
    client sh -c 'port=$1 host=$2 names=$3; shift 3
        for name in $names; do set -- "$@" -o /dev/null "$host$OURS/$$/$port/$name"; done
        exec curl -sk --max-time 10 --local-port "$port" "$@"' sh $CURL_PORT "$host" "$names" "$@"
}

# has_exchanges N, for wait_for: of those that curl_x and others like it make.
has_exchanges() { [ "$(column http uri | grep -c "^$OURS/")" -ge "$1" ]; }

# exchanges ARGUMENT...: exchanges.py on the logs. With KEEP_LOGS=DIR they are kept, to be looked at.
exchanges() {
    [ -z "${KEEP_LOGS:-}" ] || cp -r "$LOGS" "$KEEP_LOGS"
    "$ROOT/tests/cluster/exchanges.py" "$OURS" "$LOGS" "$@" >"$WORK/exchanges.out" 2>&1 ||
        die "$(cat "$WORK/exchanges.out")"
}

#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Each filter of `run --plaintext` narrows what is taken to what it names: wget and curl ask nginx,
# by IPv4 and IPv6, and only what the filter lets through shows.
. "$(dirname "$0")/plaintext_marked.sh"
needs wget wget
begin_plaintext 1
wget_one() { client wget -q --no-check-certificate --tries 1 --timeout 10 -O /dev/null "$@"; }

# shows PATTERN FILTER...: with this filter, of requests to /FROM/FAMILY those show, and no others,
# whose path matches. Each is asked for until all that should show do.
ROUND=0
ASKING=(wget curl)
shows() {
    local pattern=$1 run n=0 from family
    shift
    ROUND=$((ROUND + 1))
    LOGS=$WORK/logs$ROUND
    # Not by ip netns, which hides the cgroups.
    nsenter --net="/run/netns/$NET_SERVER" "$BIN/spliff-cluster" run -i sv0 --plaintext "$@" \
        --log-dir "$LOGS/current" >/dev/null 2>"$WORK/run.err" </dev/null &
    run=$!
    complete() {
        n=$((n + 1))
        for family in "4/$n $SERVER4" "6/$n [$SERVER6]"; do
            wget_one "https://${family#* }$MARK/wget/${family% *}"
            get "https://${family#* }$MARK/curl/${family% *}"
            if [ -n "${CGROUP:-}" ]; then
                bash -c 'echo $$ >"$1/cgroup.procs"; shift; exec "$@"' bash "$CGROUP" \
                    ip netns exec "$NET_CLIENT" curl -sk -o /dev/null --max-time 10 \
                    "https://${family#* }$MARK/grouped/${family% *}"
            fi
        done
        wait_for 3 all_there
    }
    all_there() {
        diff <(printf '/%s\n' "${ASKING[@]/%//4}" "${ASKING[@]/%//6}" | grep -E "$pattern" | sort) \
            <(marked view | awk -F '[/\t]' -v n="$n" '$NF == "plaintext" && $4 == n {print "/" $2 "/" $3}' | sort)
    }
    wait_for 20 complete || die "$*: $(all_there) $(cat "$WORK/run.err")"
    kill -INT $run
    wait $run || die "$*: status $?"
    marked view | grep plaintext | grep -Ev "^($pattern)/" >"$WORK/wrong"
    [ -s "$WORK/wrong" ] && die "$* lets through: $(head -n 3 "$WORK/wrong")"
    [ -z "$(marked view | cut -f 1 | sort | uniq -d)" ] || die "$*: a request is there twice"
}

master=$(cat "$WORK/www/nginx.pid")
shows '/wget/.' --comm wget
shows '/curl/.' --libraries openssl --comm curl,nothing
shows '/.*/.' --pid "$(nginx_worker)"
shows '/.*/.' --ppid "$master"
shows '/.*/6' --address 2001:db8::/32
shows '/wget/4' --address $SERVER4/32 --libraries gnutls

cgroups=$(awk '$3 == "cgroup2" {print $2; exit}' /proc/mounts)
CGROUP=${cgroups:+$cgroups/spliff-test-$$}
if [ -n "$CGROUP" ] && mkdir "$CGROUP" 2>/dev/null; then
    trap 'cleanup; rmdir "$CGROUP"' EXIT
    ASKING+=(grouped)
    shows '/grouped/.' --cgroup "/spliff-test-$$"
else
    echo 'no cgroup of version 2 can be made here: --cgroup is not tried'
fi
pass "$TEST"
finish

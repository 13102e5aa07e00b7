#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Under load, on connections that last: a probe that is killed and started again sees their requests
# again, workers that are killed are told of their sessions anew, and the programs notice nothing.
. "$(dirname "$0")/plaintext_marked.sh"
CLIENTS=4 REQUESTS=1600
begin_plaintext 2
mkdir -p "$WORK/www/www$MARK"
echo loaded >"$WORK/www/www$MARK/load"
start
answered 20 nginx get https://$SERVER4 || die 'nginx does not show'

clients=()
for c in $(seq $CLIENTS); do
    client stdbuf -oL curl -skf --http1.1 --rate 100/s -o /dev/null -w '%{http_code} %{num_connects}\n' \
        "https://$SERVER4$MARK/load?client=$c&n=[1-$REQUESTS]" >"$WORK/curl$c.out" 2>"$WORK/curl$c.err" &
    clients+=($!)
done

made() { cat "$WORK"/curl*.out | wc -l; }
# shows: plaintext of every client's requests that were made from now on.
shows() {
    local from
    from=$(($(made) / CLIENTS + 5))
    wait_for 10 newer $from
}
newer() {
    [ "$(marked view | awk -F '[=&\t]' -v from="$1" '/^.load/ && $NF == "plaintext" && $4 > from {print $2}' |
        sort -u | wc -l)" -eq $CLIENTS ]
}
shows || die "not every client shows: $(marked view | tail -n 1)"

old=$(node_pid probe)
worker=$(node_pid worker-1)
kill -9 "$old"
probe_again() { [ -n "$(node_pid probe)" ] && [ "$(node_pid probe)" != "$old" ]; }
wait_for 10 probe_again || die 'the probe was not started again'
shows || die 'the lasting connections do not show after the probe was started again'
answered 20 nginx get https://$SERVER4 || die 'new connections do not show after that'
[ "$(node_pid worker-1)" = "$worker" ] || die 'a worker did not outlive the probe'

for node in worker-1 worker-2; do
    old=$(node_pid $node)
    kill -9 "$old"
    worker_again() { [ -n "$(node_pid $node)" ] && [ "$(node_pid $node)" != "$old" ]; }
    wait_for 10 worker_again || die "$node was not started again"
done
shows || die 'the lasting connections do not show in new workers'
kill -0 "${clients[@]}" || die 'the load ended before the test: raise REQUESTS'
kill "${clients[@]}"
wait "${clients[@]}" 2>/dev/null
[ -z "$(cat "$WORK"/curl*.out | grep -v '^200 ')" ] || die 'a client was disturbed'
[ "$(awk '{n += $2} END {print n}' "$WORK"/curl*.out)" -eq $CLIENTS ] ||
    die "connections were opened anew: $(cut -d " " -f 2 "$WORK"/curl*.out | sort | uniq -c)"
stop
marked | grep '^/load' | sort | uniq -d >"$WORK/twice"
[ -s "$WORK/twice" ] && die "twice: $(wc -l <"$WORK/twice"), such as $(head -n 1 "$WORK/twice")"
pass "$TEST"
finish

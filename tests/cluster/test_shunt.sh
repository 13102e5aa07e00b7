#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Large downloads are shunted, and told of as if they had not been: beside the cluster runs another
# one that shunts nothing, and conn.log of both is the same, to the packet, also where frames are lost
# behind the tap and sent again. Both have a filter, which must leave out the same.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/programs.sh"
begin 2
cat >>"$WORK/spliff.cfg" <<CFG
tcp_close_delay = 500ms
udp_inactivity_timeout = 2s
filter = (tcp or udp port 4450) and not port 8081
CFG
head -c 40M /dev/zero >"$WORK/www/www/files/40m"

# aside NAME OPTION-LINE...: a cluster of its own on the same interface.
aside() {
    local name=$1
    shift
    sed "s|$STATE|$WORK/$name.state|; s|$LOGS|$WORK/$name|" "$WORK/spliff.cfg" >"$WORK/$name.cfg"
    printf '%s\n' "$@" >>"$WORK/$name.cfg"
    server "$BIN/spliff-cluster" start --config "$WORK/$name.cfg" --node-cfg "$WORK/node.cfg" \
        >"$WORK/$name.out" 2>"$WORK/$name.err" || die "$name does not start"
}

aside_stop() {
    server "$BIN/spliff-cluster" stop --config "$WORK/$1.cfg" >>"$WORK/$1.out" 2>>"$WORK/$1.err"
}

# lines DIR LOG: its lines of the downloads without what differs by chance. Of history the letters: those of
# packets that were only counted come in a row when they join. Nor how often a T came: in how many segments
# something was sent again on another CPU is not known.
lines() {
    zcat -f "$1"/*-*-*/"$2".* 2>/dev/null | python3 -c '
import re, sys
rows, varies = [], ("ts", "uid", "duration", "ttfb")
for line in sys.stdin:
    fields = line.rstrip("\n").split("\t")
    if fields[0] == "#fields":
        names = fields[1:]
    elif line[0] != "#":
        row = dict(zip(names, fields))
        if "history" in row:
            row["history"] = re.sub(r"([Tt])\1+", r"\1", "".join(sorted(row["history"])))
        rows.append("\t".join(v for k, v in row.items() if k not in varies))
print("\n".join(sorted(rows)))'
}

if command -v gtlsserver >/dev/null; then
    start_gtlsserver "$WORK/www" 4450 || die 'gtlsserver does not start'
    quic=1
else
    quic=0
fi
aside plain 'shunt_body = no' 'shunt_tls = no' 'shunt_unknown = no'
start
if [ -z "$(tool_missing lossy.bpf.o)" ]; then
    client ip link set cl0 xdpgeneric obj "$ROOT/build/tools/cluster/lossy.bpf.o" sec xdp || die 'no lossy link'
fi
get --tls-max 1.3 "https://$SERVER4/files/40m"
get --tls-max 1.2 "https://$SERVER4/files/40m"
get -6 "https://[$SERVER6]/files/40m"
get "https://$SERVER4/files/20k.txt"
get "http://$SERVER4:8081/files/20k.txt"
for n in 1 2 3; do # of HTTP the end of each body comes up
    printf 'url = http://%s/files/40m\nurl = http://%s/files/20k.txt\n' $SERVER4 $SERVER4
done >"$WORK/urls"
client curl -s -K "$WORK/urls" >"$WORK/out"
[ $quic -eq 0 ] || h3 4450 /files/40m || die 'gtlsclient'
wait_for 20 has_records conn $((5 + quic)) || die "conn.log has $(count conn) of $((5 + quic)) flows"
seen=$(counter capture.packets)
unseen=$(counter shunt.packets)
[ "$(counter shunt.tls)" -eq $((3 + quic)) ] || die "$(counter shunt.tls) flows were shunted, not $((3 + quic))"
[ "$(counter shunt.body)" -ge 3 ] || die "$(counter shunt.body) bodies were shunted, not 3"
[ "$(counter shunt.active)" -eq 0 ] || die 'flows that are over are still shunted'
[ "$unseen" -gt $((seen * 2)) ] || die "$seen packets came up, $unseen did not"
loaded=$(programs)
[ -n "$loaded" ] || die 'no program is loaded'
stop
aside_stop plain
for log in conn http ssl quic; do
    lines "$WORK/plain" $log >"$WORK/plain.$log"
    lines "$LOGS" $log >"$WORK/shunt.$log"
    diff "$WORK/plain.$log" "$WORK/shunt.$log" >"$WORK/diff" ||
        die "$log.log with shunting is another one:"$'\n'"$(cat "$WORK/diff")"
done
[ "$(wc -l <"$WORK/plain.conn")" -eq $((5 + quic)) ] || die 'flows are missing'
wait_for 5 are_gone $loaded || die 'a program is left in the kernel'
pass "$TEST"
finish

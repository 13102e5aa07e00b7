#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Lists of prefixes: what they leave out is in no log, they are read again while the cluster runs, a
# broken one changes nothing, and a hundred thousand prefixes are taken. So it is in all modes with what
# lies behind labels that the kernel's programs do not read.
. "$(dirname "$0")/lib.sh"
begin 1
printf 'prefilter-ignore = %s/ignore\nprefilter-only = %s/only\n' "$WORK" "$WORK" >>"$WORK/spliff.cfg"
echo '2001:db8::/32 # of IPv6 all' >"$WORK/ignore"
printf '192.0.2.0/24\n2001:db8::/32\n' >"$WORK/only"
start

# logged URI: in http.log. reload: status and words of the command.
logged() { column http uri | grep -qx "$1"; }
reload() { cluster reload >"$WORK/reload.out" 2>&1; }

get -6 "http://[$SERVER6]/ignored"
get "http://$SERVER4/kept"
wait_for 10 logged /kept || die 'the list leaves out what is not in it'
logged /ignored && die 'the list does not leave out what is in it'
[ "$(counter manager.prefilter_ignored)" -gt 0 ] || die 'what was left out is not counted'
[ "$(counter manager.prefixes)" -eq 2 ] || die "there are $(counter manager.prefixes) prefixes, not 2"

for broken in 192.0.2.0/33 192.0.2.0/024; do
    echo "$broken" >"$WORK/ignore"
    reload && die "a list with $broken is taken"
    grep -q "$WORK/ignore:1: this is not a prefix" "$WORK/reload.out" || die 'reload does not name the line'
done
truncate -s 65M "$WORK/ignore"
reload && die 'a list without bound is read'
grep -q "cannot read $WORK/ignore: it has more than 64 MiB" "$WORK/reload.out" || die 'reload does not say how much it reads'
get "http://$SERVER4/kept-still"
wait_for 10 logged /kept-still || die 'a broken list changes what there is'

python3 -c '
for i in range(100000):
    print(f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}/32")
print("192.0.2.1")' >"$WORK/ignore"
reload || die "reload: $(cat "$WORK/reload.out")"
[ "$(counter manager.prefixes)" -eq 100003 ] || die "$(counter manager.prefixes) of 100003 prefixes"
get "http://$SERVER4/ignored-now"
get -6 "http://[$SERVER6]/kept-now"
wait_for 10 logged /kept-now || die 'a list that was taken out goes on'
logged /ignored-now && die 'the new list does not leave out what is in it'

# By a signal; and only what the other list names.
: >"$WORK/ignore"
echo '198.51.100.0/24' >"$WORK/only"
for pid in $(ip netns pids "$NET_SERVER"); do
    [ "$(cat "/proc/$pid/comm")" = spliff-cluster ] && kill -HUP "$pid"
done
seen() { [ "$(counter manager.prefixes)" -eq 1 ]; }
wait_for 10 seen || die 'SIGHUP does not have the lists read'
get "http://$SERVER4/neither"
echo '192.0.2.2' >>"$WORK/only"
reload || die "reload: $(cat "$WORK/reload.out")"
get "http://$SERVER4/again"
wait_for 10 logged /again || die 'what the list names is left out'
logged /neither && die 'what the list does not name is logged'
[ "$(counter manager.prefilter_not_only)" -gt 0 ] || die 'what was not named is not counted'
: >"$WORK/only"
reload || die "reload: $(cat "$WORK/reload.out")"
grep -q "$WORK/only names no prefix: nothing is captured" "$STATE/manager.stderr" || die 'an empty list leaves out all without a word'
stop

# Mode xdp keeps packets from the host as well, if it is told to.
sed -i 's/lb_method=af_packet/lb_method=xdp/' "$WORK/node.cfg"
sed -i '/^prefilter/d' "$WORK/spliff.cfg"
echo "prefilter-drop = $WORK/drop" >>"$WORK/spliff.cfg"
echo 2001:db8::/64 >"$WORK/drop"
start
get -6 --max-time 1 "http://[$SERVER6]/dropped" && die 'the list does not drop what is in it'
get "http://$SERVER4/not-dropped" || die 'the list drops what is not in it'
[ "$(counter manager.prefilter_dropped)" -gt 0 ] || die 'what was dropped is not counted'
: >"$WORK/drop"
reload || die "reload: $(cat "$WORK/reload.out")"
get -6 "http://[$SERVER6]/not-dropped-now" || die 'an empty list drops'
stop

# labelled FROM: a datagram from FROM to each port from 7001 on, behind what a program does not read.
labelled() {
    client python3 - "$1" <<'PY'
import socket, struct, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("cl0", 0))
snap = b"\xaa\xaa\x03\0\0\0\x08\0"
kinds = [b"\x88\x47\0\0\x11\x40",                        # MPLS
         b"\x88\x64\x11\0\0\7\0\x26\0\x21",             # PPPoE
         b"\x91\0\0\7\x08\0",                            # a tag of old
         b"\x81\0\0\7" * 4 + b"\x08\0",                  # many tags
         b"\x88\xe7\0\0\0\7" + b"\2" * 12 + b"\x08\0",  # PBB
         b"\x89\x26\0\0\0\7\x08\0",                      # VN-tag
         struct.pack(">H", 44) + snap]                    # LLC
for n, kind in enumerate(kinds):
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 36, 1, 0, 64, 17, 0,
                       socket.inet_aton(sys.argv[1]), socket.inet_aton("203.0.113.9"))
    total = sum(struct.unpack(">10H", head))
    total = (total & 0xffff) + (total >> 16)
    head = head[:10] + struct.pack(">H", ~(total + (total >> 16)) & 0xffff) + head[12:]
    s.send(b"\2" * 12 + kind + head + struct.pack(">HHHH", 7000, 7001 + n, 16, 0) + b"labelled")
PY
}
labels=7
sed -i '/^prefilter/d' "$WORK/spliff.cfg"
printf 'prefilter-ignore = %s/ignore\nforce = yes\n' "$WORK" >>"$WORK/spliff.cfg"
left_out() { [ "$(counter prefilter.ignored)" -eq $((2 * labels)) ]; }
for mode in af_packet xdp af_xdp; do
    LOGS=$WORK/logs.$mode
    sed -i "s,^log_dir = .*,log_dir = $LOGS," "$WORK/spliff.cfg"
    sed -i "s/lb_method=.*/lb_method=$mode/" "$WORK/node.cfg"
    echo 203.0.113.66 >"$WORK/ignore"
    start
    labelled 203.0.113.66
    labelled 203.0.113.77
    echo 203.0.113.88 >"$WORK/ignore"
    reload || die "reload: $(cat "$WORK/reload.out")"
    labelled 203.0.113.88
    labelled 203.0.113.66
    wait_for 10 left_out || die "$mode: $(counter prefilter.ignored) packets behind labels are left out"
    stop
    column conn id.orig_h | sort | uniq -c | awk '/203\.0\.113/ {print $2, $1}' >"$WORK/labelled"
    printf '203.0.113.%s '$labels'\n' 66 77 | diff - "$WORK/labelled" ||
        die "$mode: not just what the list does not name is logged"
done
pass "$TEST"
finish

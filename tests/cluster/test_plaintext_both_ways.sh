#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Two processes in one container-like root, with a libssl of its own, each client and server of the
# other, by HTTP/1.1, gRPC-Web and gRPC: each exchange is there once, with who asked whom.
. "$(dirname "$0")/plaintext_marked.sh"
needs unshare util-linux
/usr/bin/python3 -c 'import grpc' 2>/dev/null || {
    skip "$TEST" 'needs python3-grpcio'
    finish
    exit
}
begin_plaintext 2

root=$WORK/root
mkdir -p "$root"/{usr,srv,proc,dev}
for folder in lib lib64 bin; do
    [ ! -L /$folder ] || ln -s "$(readlink /$folder)" "$root/$folder"
done
cp "$WORK"/www/{ca.pem,www.example.org.pem,www.example.org.key} "$root/srv"
for name in left right; do
    cp "$ROOT/tests/cluster/both_ways.py" "$root/srv/$name"
done
libssl=$(ldd "$(/usr/bin/python3 -c 'import _ssl; print(_ssl.__file__)')" | grep -o '/[^ ]*/libssl[^ ]*')
libssl=$(readlink -f "$libssl")
cp "$libssl" "$root/srv/libssl"

# container NAME NAMESPACE ADDRESS PEER
container() {
    # shellcheck disable=SC2016
    ip netns exec "$2" unshare --mount --pid --fork bash -c '
        mount --rbind /usr "$1/usr" && mount --bind "$1/srv/libssl" "$1$2" &&
            mount --rbind /dev "$1/dev" && mount -t proc proc "$1/proc" || exit
        cd /srv && exec chroot "$1" "/srv/$3" "$4" "$5" /srv/www.example.org.{pem,key} /srv/ca.pem
        ' bash "$root" "$libssl" "$1" "$3" "$4" 2>"$WORK/$1.err" &
    NET_PIDS+=($!)
}
container left "$NET_CLIENT" 192.0.2.1 $SERVER4
container right "$NET_SERVER" $SERVER4 192.0.2.1
for address in 192.0.2.1 $SERVER4; do
    for port in 8461 50061; do
        wait_for 20 client bash -c "exec 3<>/dev/tcp/$address/$port" || die "nobody is at $address:$port"
    done
done
# In the host's numbers, with which processes are logged.
pid_of() {
    local pid
    for pid in $(ip netns pids "$2"); do
        [ "$(cat "/proc/$pid/comm" 2>/dev/null)" != "$1" ] || echo "$pid"
    done
}
left=$(pid_of left "$NET_CLIENT")
right=$(pid_of right "$NET_SERVER")

start
# ask NAMESPACE ADDRESS NAME: one exchange of each kind from that address, asked for over the link.
ask() { [ "$($1 curl -sk --max-time 10 "https://$2:8461$MARK/ask/$3")" = 'got asked called' ]; }
# The question itself is the fourth.
all_seen() { [ "$(marked view | grep -cE "^[^	]*/$1	plaintext")" -eq 4 ]; }
warm() {
    n=$((n + 1))
    ask client $SERVER4 "warm/$n" || return 1
    wait_for 2 all_seen "warm/$n"
}
n=0
wait_for 30 warm || die 'nothing is logged of what they say'
for i in 1 2 3 4 5; do
    ask server 192.0.2.1 "left/$i" || die 'left asks in vain'
    ask client $SERVER4 "right/$i" || die 'right asks in vain'
done
ours() { marked "$@" | grep -E '^[^	]*/(left|right)/[1-5]	' | grep -v '^/ask/'; }
has_ours() { [ "$(ours view | wc -l)" -ge 30 ]; }
wait_for 20 has_ours || die "$(ours view | wc -l) of 30 exchanges"
stop

# Path without its number, version, application, then client and server.
ours view version application process_side pid process exe peer_pid peer_process peer_exe |
    awk -F '\t' '{sub("/[0-9]*$", "", $1); printf "%s %s %s %s ", $1, $2, $3, $4}
        $5 == "client" {print $6, $7, $8, $9, $10, $11}
        $5 == "server" {print $9, $10, $11, $6, $7, $8}' | sort | uniq -c | sed 's/^ *//' >"$WORK/got"
exe=$(readlink -f /usr/bin/python3)
for who in "left $left left $exe $right right $exe" "right $right right $exe $left left $exe"; do
    name=${who%% *} ends=${who#* }
    printf '5 %s plaintext %s %s\n' ".Echo/$name" '2 grpc' "$ends" ".Web/$name" '1.1 grpc_web' "$ends" \
        "/$name" '1.1 -' "$ends"
done | sort | diff - <(sort "$WORK/got") || die 'who asked whom is told wrong'
# gRPC-Web in HTTP/1.1 is told of by http.log alone.
rows grpc path status view process_side process peer_process |
    awk -F '\t' -v mark="$MARK" 'index($1, mark) == 1 && $1 !~ /warm/ {
        sub(mark, "", $1); sub("/[0-9]*$", "", $1)
        print $1, $2, $3, $4 == "client" ? $5 " " $6 : $6 " " $5}' | sort | uniq -c |
    sed 's/^ *//' >"$WORK/got"
printf '5 .Echo/%s 0 plaintext %s\n' left 'left right' right 'right left' | diff - "$WORK/got" ||
    die 'grpc.log'
rows tls_plain process library_path | grep -qx "left	.*$libssl" || die 'the library'
joined || die 'without their packets'
pass "$TEST"
finish

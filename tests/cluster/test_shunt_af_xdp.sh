#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A tap read by AF_XDP, of which large flows are shunted, and the interface behind the mirror read by
# AF_PACKET, of which none are: downloads over TLS 1.2, 1.3 and QUIC, over IPv6, of HTTP, and one that its
# client cuts off. Both log the same, to the packet and the byte.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/mirror.sh"
. "$(dirname "$0")/beside.sh"
why=$(af_xdp_missing)
[ -z "$why" ] || { skip "$TEST" "$why"; finish; exit; }

begin 2
mirror_up || die 'cannot make the mirror port'
wire_frames
head -c 20M /dev/zero >"$WORK/www/www/files/20m"
node_cfg 2 tap0 af_xdp
start
begin_unshunted
both_see || die 'a cluster sees nothing'

get --tls-max 1.3 "https://$SERVER4/files/20m" || die 'curl over TLS 1.3'
get --tls-max 1.2 "https://$SERVER4/files/20m" || die 'curl over TLS 1.2'
get "https://[$SERVER6]/files/20m" || die 'curl over IPv6'
get "http://$SERVER4/files/20m" "http://$SERVER4/files/20k.txt" || die 'curl'
get --max-time 1 --limit-rate 10M "https://$SERVER4/files/20m" && die 'the last download was not cut off'
quic=0
if command -v gtlsserver gtlsclient >/dev/null; then
    start_gtlsserver "$WORK/www" 4450 || die 'gtlsserver does not start'
    h3 4450 /files/20m || die 'gtlsclient'
    quic=1
fi
get "http://$SERVER4/count/plain/last" || die 'curl'
wait_for 10 counted || die 'requests are missing'
seen=$(counter capture.packets) unseen=$(counter shunt.packets)
[ "$(counter shunt.tls)" -ge $((4 + quic)) ] || die "$(counter shunt.tls) flows of TLS were shunted, not $((4 + quic))"
[ "$(counter shunt.body)" -ge 1 ] || die 'no body was shunted'
[ "$(counter capture.kernel_drops)" -eq 0 ] || die 'the rings were full'
[ "$unseen" -gt $((seen * 4)) ] || die "$seen packets came up, $unseen did not"
echo "      $seen packets came up, $unseen were only counted"
stop
end_kernel
same_as_kernel -resolved_name ~history conn http ssl
[ $quic -eq 0 ] || same_as_kernel -history quic
pass "$TEST"
finish

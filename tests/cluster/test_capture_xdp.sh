#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A host's interface read by XDP and tc, with two queues and two workers, and by AF_PACKET at the same
# time: what mode xdp promises (conn, ssl, dns, quic) is the same in both, to the packet and the byte,
# though most packets never came up. The host goes on with what it receives on two cores. Nothing of
# ours is left when the cluster has stopped.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/xdp.sh"

begin 2
wire_frames
server ethtool -L sv0 rx 2 tx 2 || die 'veth has no second queue'
node_cfg 2 sv0 xdp
printf "xdp_mode = native\nxdp_cpus = 0,1\n" >>"$WORK/spliff.cfg"
# What has no checksums yet would be lost on its way to another core.
cluster start >"$WORK/start.out" 2>"$WORK/start.err" && die 'moves frames of a veth to other cores'
grep -q 'sv0: it is virtual, and xdp_cpus would lose .*force' "$WORK/start.err" || die 'does not say why not'
echo 'force = yes' >>"$WORK/spliff.cfg"
start
begin_kernel
both_see || die 'a cluster sees nothing'

head -c 3000000 /dev/urandom >"$WORK/www/www/big"
for n in 1 2 3 4 5 6; do
    get "http://$SERVER4/count/plain/$n" "http://$SERVER4/files/20k.txt" || die 'curl'
    get "https://$SERVER4/count/$n" || die 'curl over TLS'
    get --tls-max 1.2 "https://$SERVER4:8443/index.html" || die 'curl over TLS 1.2'
    get "http://[$SERVER6]/big" "http://[$SERVER6]/count/$n" || die 'curl over IPv6'
    get "https://$SERVER4/big" "https://$SERVER4/count/again" || die 'curl of much'
    client dig +short +time=2 @$SERVER4 www.example.org >/dev/null || die 'dig'
    client dig +short +tcp +time=2 @$SERVER4 www.example.org >/dev/null || die 'dig over TCP'
done
client curl -sk --max-time 10 -T "$WORK/www/www/big" -o /dev/null "https://$SERVER4/post" || die 'curl -T'
if command -v gtlsserver gtlsclient >/dev/null; then
    start_gtlsserver "$WORK/www" 4443 || die 'gtlsserver does not start'
    for n in 1 2 3; do h3 4443 /index.html; done
    h3 4443 /big
fi
# Fragments go up, whoever owns them.
client bash -c "head -c 4000 /dev/zero >/dev/udp/$SERVER4/9"
get "http://$SERVER4/count/last" || die 'curl'
wait_for 10 has_uri /count/last || die 'the last request is not logged'

packets=$(counter capture.packets) below=$(counter capture.link)
[ "$(counter capture.kernel_drops)" -eq 0 ] || die 'the ring was full'
[ "$(counter capture.counts_evicted)" -eq 0 ] || die 'counts are gone, and the table has room'
[ "$(busy_workers)" -eq 2 ] || die 'one worker has it all'
stop
end_kernel
seen=$(sum_packets "$LOGS")
[ "$((packets * 2))" -lt "$seen" ] || die "$packets of $seen packets came up"
echo "      $packets of $seen packets came up"
compare_logs conn ssl dns
# Its history has a letter for the 1st, 2nd, 4th … packet of those that came up.
! command -v gtlsserver >/dev/null || compare_logs -history quic
wait_for 5 xdp_nothing_left || { xdp_left_behind; die 'the cluster has left something in the kernel'; }
[ "$below" -ge "$packets" ] || die 'capture.link'
pass "$TEST"
finish

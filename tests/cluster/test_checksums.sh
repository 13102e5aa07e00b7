#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Checksums as shipped: what comes from outside with a bad one is told and left out; what this host
# sends is believed, for its interface may fill the checksum in later; so is what both ends of a
# virtual link leave without one.
. "$(dirname "$0")/lib.sh"
begin 1
start

# send INTERFACE SOURCE TARGET PORT: a UDP datagram with a wrong checksum, from the port to 9.
send() {
    python3 - "$@" <<'PYTHON'
import socket, struct, sys
interface, source, target, port = sys.argv[1:]
body = struct.pack(">HHHH", int(port), 9, 12, 0xBAD) + b"body"
head = struct.pack(">BBHHHBBH", 0x45, 0, 32, 1, 0, 64, 17, 0)
head += socket.inet_aton(source) + socket.inet_aton(target)
total = sum(struct.unpack(">10H", head))
total = (total & 0xFFFF) + (total >> 16)
head = head[:10] + struct.pack(">H", ~(total + (total >> 16)) & 0xFFFF) + head[12:]
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind((interface, 0))
s.send(b"\x02" * 12 + b"\x08\0" + head + body)
PYTHON
}
for n in 1 2 3; do
    client "$(command -v bash)" -c "$(declare -f send); send cl0 192.0.2.1 192.0.2.2 1111" || die 'cannot send'
done
server "$(command -v bash)" -c "$(declare -f send); send sv0 192.0.2.2 192.0.2.1 2222" || die 'cannot send'
get "http://$SERVER4/after"
logged() { records http | grep -q /after && records weird | grep -q bad_UDP_checksum; }
wait_for 20 logged || die 'no request, or no bad checksum, is logged'
[ "$(cluster status --json | python3 -c '
import json, sys
print(sum(n.get("counters", {}).get("decode.bad_checksums", 0) for n in json.load(sys.stdin)["nodes"]))')" -eq 3 ] ||
    die 'decode.bad_checksums is not 3'
stop
flow() { records conn | awk -F '\t' -v port="$1" '$4 == port {print $16, $17}'; }
[ "$(flow 1111)" = 'C 0' ] || die "from outside: history and packets are '$(flow 1111)', not 'C 0'"
[ "$(flow 2222)" = 'D 1' ] || die "from this host: history and packets are '$(flow 2222)', not 'D 1'"
pass "$TEST"
finish

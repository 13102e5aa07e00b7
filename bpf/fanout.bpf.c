/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* PACKET_FANOUT_EBPF: which socket of the group gets a packet.
 *
 * The same flow hash as decode computes, from the packet as the kernel has it at that point: it may
 * be incoming (data begins at the network header) or outgoing (data begins at the link header), so
 * offsets are relative to the headers that the kernel has marked. On Ethernet the walk starts at
 * the link header, because the network mark stands behind the tag of some tagged frames and in
 * front of it in others. What is not IP goes to the first socket. */
#include "bpf/stubs.h"

#include <bpf/bpf_helpers.h>

#include "bpf/walk.h"

const volatile __u32 fanout_seed = 0;
const volatile _Bool fanout_ethernet = 1;

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, FLOW_BUCKETS);
    __type(key, __u32);
    __type(value, __u32);
} fanout_member SEC(".maps");

SEC("socket")
int fanout(struct __sk_buff *skb)
{
    struct packet_view view = {
        .ctx = skb, .hook = PACKET_SOCKET, .bytes = skb->len, .l3 = !fanout_ethernet};
    __u32 hash, bucket;
    __u32 *member;

    if (!walk_hash(&view, fanout_seed, &hash))
        return 0;
    bucket = hash % FLOW_BUCKETS;
    member = bpf_map_lookup_elem(&fanout_member, &bucket);
    return member ? (int)*member : 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

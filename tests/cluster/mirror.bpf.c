/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* A mirror port for tests (mirror.sh): copies what an interface receives and sends into the device
 * MIRROR_INDEX, whose other end is the tap. Both directions of a flow go into the same one of
 * MIRROR_QUEUES queues, as behind a network card that hashes symmetrically. */
#include "bpf/walk.h"

#define MIRROR_INDEX  77
#define MIRROR_QUEUES 2
#define MIRROR_VLAN   7

static __always_inline void copy(struct __sk_buff *skb)
{
    struct packet_view view = {.ctx = skb, .bytes = skb->len, .hook = PACKET_TC};
    __u32 hash = 0;

    walk_hash(&view, 1, &hash);
    skb->queue_mapping = hash % MIRROR_QUEUES + 1; /* 0: not set */
    bpf_clone_redirect(skb, MIRROR_INDEX, 0);
}

/* Two taps instead of two queues: each flow goes to one of them. */
SEC("tc/split")
int mirror_split(struct __sk_buff *skb)
{
    struct packet_view view = {.ctx = skb, .bytes = skb->len, .hook = PACKET_TC};
    __u32 hash = 0;

    walk_hash(&view, 1, &hash);
    bpf_clone_redirect(skb, MIRROR_INDEX + hash % MIRROR_QUEUES, 0);
    return TC_ACT_UNSPEC;
}

SEC("tc")
int mirror(struct __sk_buff *skb)
{
    copy(skb);
    return TC_ACT_UNSPEC;
}

/* As a trunk port: the copy has a VLAN tag. */
SEC("tc/tagged")
int mirror_tagged(struct __sk_buff *skb)
{
    bpf_skb_vlan_push(skb, bpf_htons(PACKET_ETHERTYPE_VLAN), MIRROR_VLAN);
    copy(skb);
    bpf_skb_vlan_pop(skb);
    return TC_ACT_UNSPEC;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

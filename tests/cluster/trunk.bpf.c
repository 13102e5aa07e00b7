/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* Makes a link between two hosts a trunk, for kernels without VLAN interfaces: what leaves an end
 * gets a tag, what arrives loses it behind the capture. */
#include "bpf/packet.h"

#define TRUNK_VLAN 7

SEC("tc/push")
int trunk_push(struct __sk_buff *skb)
{
    bpf_skb_vlan_push(skb, bpf_htons(PACKET_ETHERTYPE_VLAN), TRUNK_VLAN);
    return TC_ACT_UNSPEC;
}

SEC("tc/pop")
int trunk_pop(struct __sk_buff *skb)
{
    bpf_skb_vlan_pop(skb);
    return TC_ACT_UNSPEC;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

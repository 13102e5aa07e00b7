/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* Mode kernel: the filter of a packet socket. Packets of flows that a worker has shunted are
 * counted here, and never reach its ring. Behind a filter of the user's own it sees what that
 * passes (manager/capture/filter_bpf.h). */
#include "bpf/stubs.h"

#include <bpf/bpf_helpers.h>

#include "bpf/flows_count.h"
#include "bpf/flows_maps.h"
#include "bpf/packet.h"
#include "bpf/prefilter.h"

#define PACKET_OUTGOING 4 /* linux/if_packet.h */

const volatile _Bool shunt_l3 = 0;            /* frames begin with the IP header */
const volatile _Bool shunt_skip_outgoing = 0; /* loopback: what is sent is received too */

FLOWS_MAP(shunt_flows);

SHUNTS_MAP(shunt_shunts);

SHUNTED_MAP(shunt_shunted);

static __always_inline _Bool is_taken(const struct packet_view *view)
{
    const volatile struct flows_shunted *any = flows_any(&shunt_shunted);
    struct packet p = {};

    return any && packet_parse(view, &p) == PACKET_FLOW &&
           flows_take(any, &shunt_shunts, &shunt_flows, view, &p,
                      flows_preempted ? FLOWS_OF_ALL : FLOWS_OF_CPU);
}

SEC("socket")
int shunt(struct __sk_buff *skb)
{
    struct packet_view view = {
        .ctx = skb, .bytes = skb->len, .hook = PACKET_SOCKET, .l3 = shunt_l3};

    if (shunt_skip_outgoing && skb->pkt_type == PACKET_OUTGOING)
        return 0;
    if (prefilter(&view))
        return 0;
    return is_taken(&view) ? 0 : -1;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

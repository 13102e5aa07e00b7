/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* Drops every frame: what is left is what the link itself costs. */
#include "bpf/stubs.h"

#include <bpf/bpf_helpers.h>

SEC("xdp")
int drop_all(struct xdp_md *ctx)
{
    (void)ctx;
    return XDP_DROP;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

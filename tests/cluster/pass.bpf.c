/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* Somebody else's XDP program: passes every frame on. */
#include "bpf/stubs.h"

#include <bpf/bpf_helpers.h>

SEC("xdp")
int pass_all(struct xdp_md *ctx)
{
    (void)ctx;
    return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* A link that loses every 300th of its long frames: they are sent again. */
#include "bpf/stubs.h"

#include <bpf/bpf_helpers.h>

#define LONG_BYTES 1000
#define EVERY      300

static __u32 seen;

SEC("xdp")
int lose_some(struct xdp_md *ctx)
{
    if (ctx->data_end - ctx->data < LONG_BYTES)
        return XDP_PASS;
    return ++seen % EVERY == 0 ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

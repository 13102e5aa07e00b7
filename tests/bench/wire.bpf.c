/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* Turns the frame of a test run into the next one of the capture, when it is due (wire.c). */
#include "bpf/stubs.h"

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "tests/bench/wire.h"

#define NS_PER_S       1000000000ull
#define WAIT_STEPS     (1u << 22)
#define ETHERTYPE_IPV4 0x0800
#define IP4_SRC        26 /* in an untagged Ethernet frame */
#define IP4_DST        30
#define IP4_BYTES      34

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1); /* the loader's */
    __type(key, __u32);
    __type(value, struct wire_frame);
} wire_frames SEC(".maps");

const volatile __u32 wire_ifindex = 0, wire_n_frames = 0;
const volatile __u64 wire_rate = 0, wire_ns = 0;

__u64 wire_sent = 0, wire_due = 0, wire_begin = 0, wire_end = 0;
__u32 wire_next = 0, wire_round = 0;

static long look_at_clock(__u64 i, void *unused)
{
    (void)i;
    (void)unused;
    return bpf_ktime_get_ns() >= wire_due;
}

/* Frames go in bursts, as an interface tells of several at once. To drop those that are early would
 * return their pages again and again, under the lock that the receiver needs to return its own.
 * What cannot be sent at this rate is not sent later, at a higher one. */
static __always_inline void wait_for_burst(void)
{
    __u64 gap = WIRE_BURST * NS_PER_S / wire_rate, now;

    if (wire_begin == 0)
        wire_due = wire_begin = bpf_ktime_get_ns();
    bpf_loop(WAIT_STEPS, look_at_clock, (void *)0, 0);
    now = bpf_ktime_get_ns();
    wire_due = wire_due + 2 * gap > now ? wire_due + gap : now;
}

/* Both addresses move on by 256 with each round, so that its flows are new ones. */
static __always_inline void move_address(__u8 *middle)
{
    __u32 two = ((__u32)middle[0] << 8 | middle[1]) + wire_round;

    middle[0] = (__u8)(two >> 8);
    middle[1] = (__u8)two;
}

static __always_inline void move_addresses(struct xdp_md *ctx)
{
    __u8 *at = (__u8 *)(long)ctx->data, *end = (__u8 *)(long)ctx->data_end;

    if (at + IP4_BYTES > end || at[12] != ETHERTYPE_IPV4 >> 8 || at[13] != 0)
        return;
    move_address(at + IP4_SRC + 1);
    move_address(at + IP4_DST + 1);
}

/* Whole rounds only, so that no flow is cut by the end. */
static __always_inline void go_on(void)
{
    wire_sent++;
    if (++wire_next < wire_n_frames)
        return;
    wire_next = 0;
    wire_round++;
    if (bpf_ktime_get_ns() >= wire_begin + wire_ns)
        wire_end = bpf_ktime_get_ns();
}

SEC("xdp")
int wire(struct xdp_md *ctx)
{
    const struct wire_frame *f;
    __u32 bytes, at = wire_next;

    if (wire_end != 0)
        return XDP_DROP;
    if (wire_sent % WIRE_BURST == 0)
        wait_for_burst();
    f = bpf_map_lookup_elem(&wire_frames, &at);
    if (!f)
        return XDP_DROP;
    bytes = f->bytes;
    if (bytes == 0 || bytes > WIRE_FRAME_MAX ||
        bpf_xdp_adjust_tail(ctx, (int)bytes - (int)WIRE_FRAME_MAX) != 0 ||
        bpf_xdp_store_bytes(ctx, 0, (void *)f->data, bytes) != 0)
        return XDP_ABORTED;
    move_addresses(ctx);
    go_on();
    return (int)bpf_redirect(wire_ifindex, 0);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

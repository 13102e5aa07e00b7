/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* Packets that are left out by their addresses, for programs of all modes: what they and the
 * manager (manager/prefilter.h) agree on.
 *
 * Each prefix of the trie has the lists that it or a wider one is in: one lookup an address. There
 * are two tries, of which one is used; when the lists are read again the other is filled, and one
 * word changes. The outermost IP header counts. */
#ifndef SPLIFF_BPF_PREFILTER_H
#define SPLIFF_BPF_PREFILTER_H

#include "bpf/packet.h"
#include "common/base/prefilter_lists.h"

struct prefilter_trie {
    __uint(type, BPF_MAP_TYPE_LPM_TRIE);
    __uint(max_entries, 1);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(key_size, sizeof(struct prefilter_key));
    __uint(value_size, sizeof(__u32));
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
    __uint(max_entries, 2);
    __type(key, __u32);
    __array(values, struct prefilter_trie);
} prefilter_tries SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u32);
} prefilter_state SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, PREFILTER_COUNTS);
    __type(key, __u32);
    __type(value, __u64);
} prefilter_counts SEC(".maps");

const volatile _Bool prefilter_used =
    0; /* an option names a list: else nothing of this is loaded */

/* The addresses of the outermost IP header. False: there is none. */
static __always_inline _Bool prefilter_addresses(const struct packet_view *v,
                                                 struct prefilter_key ends[2])
{
    __u32 offset = 0;
    __u16 type = packet_link(v, &offset);

    ends[0].bits = ends[1].bits = 128;
    if (type == PACKET_ETHERTYPE_IPV6)
        return packet_load(v, offset + 8, ends[0].addr, 16) &&
               packet_load(v, offset + 24, ends[1].addr, 16);
    if (type != PACKET_ETHERTYPE_IPV4)
        return 0;
    for (int i = 0; i < 2; i++)
        ends[i].addr[10] = ends[i].addr[11] = 0xff;
    return packet_load(v, offset + 12, ends[0].addr + 12, 4) &&
           packet_load(v, offset + 16, ends[1].addr + 12, 4);
}

static __noinline __u32 prefilter_lists(__u32 state, struct prefilter_key *ends)
{
    __u32 which = (state & PREFILTER_SECOND) != 0, lists = 0;
    void *trie = bpf_map_lookup_elem(&prefilter_tries, &which);

    if (!trie)
        return 0;
    for (int i = 0; i < 2; i++) {
        const __u32 *found = bpf_map_lookup_elem(trie, &ends[i]);

        lists |= found ? *found : 0;
    }
    return lists;
}

static __always_inline __u32 prefilter_current(void)
{
    __u32 zero = 0;
    const __u32 *state;

    if (!prefilter_used)
        return 0;
    state = bpf_map_lookup_elem(&prefilter_state, &zero);
    return state ? *state : 0;
}

/* Whether there is a list. */
static __always_inline _Bool prefilter_is_on(void)
{
    return (prefilter_current() & PREFILTER_LISTS) != 0;
}

/* Judges a packet and counts it if it is left out: as prefilter_judge(). */
static __always_inline __u32 prefilter(const struct packet_view *v)
{
    __u32 state = prefilter_current(), verdict = 0, index;
    __u64 *count;

    if (state & PREFILTER_LISTS) {
        struct prefilter_key ends[2] = {};

        if (prefilter_addresses(v, ends))
            verdict = prefilter_judge(state & PREFILTER_LISTS, prefilter_lists(state, ends));
    }
    if (verdict == 0)
        return 0;
    index = verdict - 1;
    count = bpf_map_lookup_elem(&prefilter_counts, &index);
    if (count)
        ++*count;
    return verdict;
}
#endif

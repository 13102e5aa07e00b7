/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/correlate/latency.h"

#define EIGHTHS 3u /* bits of a value below its highest one that tell buckets apart */

/* Values below eight have a bucket each. */
static unsigned bucket_of(uint64_t ns)
{
    unsigned power, bucket;

    if (ns < 1u << EIGHTHS)
        return (unsigned)ns;
    power = 63 - (unsigned)__builtin_clzll(ns);
    bucket = ((power - EIGHTHS + 1) << EIGHTHS) | (unsigned)(ns >> (power - EIGHTHS) & 7);
    return bucket < LATENCY_BUCKETS ? bucket : LATENCY_BUCKETS - 1;
}

/* The middle of a bucket. */
static uint64_t bucket_value(unsigned bucket)
{
    unsigned shift;

    if (bucket < 1u << EIGHTHS)
        return bucket;
    shift = (bucket >> EIGHTHS) - 1;
    return ((UINT64_C(8) | (bucket & 7)) << shift) + (UINT64_C(1) << shift) / 2;
}

void latency_add(struct latency *l, uint64_t ns)
{
    if (l->n == 0 || ns < l->min_ns)
        l->min_ns = ns;
    if (ns > l->max_ns)
        l->max_ns = ns;
    l->n++;
    l->sum_ns += ns;
    l->bucket[bucket_of(ns)]++;
}

uint64_t latency_mean_ns(const struct latency *l)
{
    return l->n > 0 ? l->sum_ns / l->n : 0;
}

uint64_t latency_quantile_ns(const struct latency *l, double q)
{
    double wanted = q * (double)l->n;
    uint64_t seen = 0, value;
    unsigned i;

    if (l->n == 0)
        return 0;
    for (i = 0; i < LATENCY_BUCKETS - 1; i++) {
        seen += l->bucket[i];
        if (seen > 0 && (double)seen >= wanted)
            break;
    }
    value = bucket_value(i);
    if (value < l->min_ns)
        return l->min_ns;
    return value > l->max_ns ? l->max_ns : value;
}

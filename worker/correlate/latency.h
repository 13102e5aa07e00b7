/* SPDX-License-Identifier: BSD-3-Clause */
/* A distribution of durations in constant memory: buckets of an eighth of a power of two, so that a
 * quantile is right to 12 %. */
#ifndef SPLIFF_WORKER_CORRELATE_LATENCY_H
#define SPLIFF_WORKER_CORRELATE_LATENCY_H

#include <stdint.h>

#define LATENCY_BUCKETS 256u /* 8 a power of two, to 17 s; the last one takes all above */

struct latency {
    uint64_t n, sum_ns, min_ns, max_ns;
    uint32_t bucket[LATENCY_BUCKETS];
};

void latency_add(struct latency *l, uint64_t ns);
uint64_t latency_mean_ns(const struct latency *l);               /* 0 without samples */
uint64_t latency_quantile_ns(const struct latency *l, double q); /* within [min, max]; 0 without */

#endif

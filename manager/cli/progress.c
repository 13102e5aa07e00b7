/* SPDX-License-Identifier: BSD-3-Clause */
/* Progress is read from the shared counters of the workers, as status is: they do nothing for it.
 */
#include "manager/cli/progress.h"

#include "common/base/clock.h"
#include "manager/status.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

/* Sum of one member of struct counters over all nodes; each is written by one kind only. */
static uint64_t sum_of(const struct manager *m, size_t offset)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < m->n_nodes; i++)
        sum += *(const volatile uint64_t *)((const char *)m->nodes[i].counters + offset);
    return sum;
}
#define SUM(m, member) sum_of(m, offsetof(struct counters, member))

/* Where there is a reader, some of its packets are given to more than one worker. */
static uint64_t packets_seen(const struct manager *m)
{
    return m->shared.n_workers > 0 ? SUM(m, reader_frames) : SUM(m, capture_packets);
}

void progress_tick(void *user)
{
    struct progress *p = user;
    uint64_t now_ns = clock_mono_ns(), packets = packets_seen(p->manager);
    uint64_t total = SUM(p->manager, capture_total_bytes);
    uint64_t read = SUM(p->manager, capture_read_bytes);
    double seconds = (double)(now_ns - p->last_ns) / (double)NS_PER_SEC;

    if (p->last_ns) {
        fprintf(stderr, "\r\033[K");
        if (total)
            fprintf(stderr, "%3.0f %%  ", 100.0 * (double)read / (double)total);
        fprintf(stderr, "%" PRIu64 " packets, %.0f packets/s", packets,
                (double)(packets - p->last_packets) / seconds);
        p->shown = true;
    }
    p->last_ns = now_ns;
    p->last_packets = packets;
}

void progress_clear(struct progress *p)
{
    if (p->shown)
        fprintf(stderr, "\r\033[K");
    p->shown = false;
}

void progress_summary(const struct manager *m)
{
    uint64_t flows =
        SUM(m, flows_tcp) + SUM(m, flows_udp) + SUM(m, flows_icmp) + SUM(m, flows_other);
    struct text losses = {0};

    status_losses(m, &losses);
    fprintf(stderr, "%" PRIu64 " packets, %" PRIu64 " flows, %" PRIu64 " records in %.2f s; %s%s\n",
            packets_seen(m), flows, SUM(m, records_emitted),
            (double)(clock_mono_ns() - m->started_mono_ns) / (double)NS_PER_SEC,
            losses.len       ? "lost: "
            : m->exit_status ? "incomplete"
                             : "nothing lost",
            losses.len ? losses.p : "");
    text_free(&losses);
}

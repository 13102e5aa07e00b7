/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/stats.h"

#include "worker/worker.h"

#include <stdio.h>
#include <unistd.h>

#define BYTES_PER_MB (1024 * 1024)

static uint64_t resident_mb(void)
{
    unsigned long total = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "re");

    if (!f)
        return 0;
    if (fscanf(f, "%lu %lu", &total, &resident) != 2)
        resident = 0;
    fclose(f);
    return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE) / BYTES_PER_MB;
}

/* How far the worker is behind the packets; not at all where none has come for longer than they may
 * take. */
static int64_t packet_lag_ns(const struct worker *w, uint64_t wall_ns)
{
    uint64_t last_ns = w->counters->capture_last_ns;

    if (w->now_ns > last_ns + PACKETS_LATE_NS || last_ns > wall_ns)
        return 0;
    return (int64_t)(wall_ns - last_ns);
}

static void stats_line(struct worker *w)
{
    const struct counters *c = w->counters, *b = &w->stats.stats_base;
    uint64_t wall = clock_wall_ns();
    struct rec_stats r = {0};

    RECORD_SET(stats, &r, ts, w->now_ns);
    RECORD_SET(stats, &r, peer, str_of(w->heritage->node));
    RECORD_SET(stats, &r, mem, resident_mb());
    RECORD_SET(stats, &r, pkts_proc, c->capture_packets - b->capture_packets);
    RECORD_SET(stats, &r, bytes_recv, c->capture_wire_bytes - b->capture_wire_bytes);
    if (w->heritage->live) {
        RECORD_SET(stats, &r, pkts_dropped, c->capture_kernel_drops - b->capture_kernel_drops);
        RECORD_SET(stats, &r, pkts_link, c->capture_link - b->capture_link);
        RECORD_SET(stats, &r, pkt_lag, packet_lag_ns(w, wall));
    }
    RECORD_SET(stats, &r, pkts_filtered,
               c->capture_filtered + c->capture_not_mine - b->capture_filtered -
                   b->capture_not_mine);
    RECORD_SET(stats, &r, events_proc, c->records_emitted - b->records_emitted);
    RECORD_SET(stats, &r, events_queued, c->spool_batches);
    RECORD_SET(stats, &r, active_tcp_conns, c->flows_active_tcp);
    RECORD_SET(stats, &r, active_udp_conns, c->flows_active_udp);
    RECORD_SET(stats, &r, active_icmp_conns, c->flows_active_icmp);
    RECORD_SET(stats, &r, tcp_conns, c->flows_tcp - b->flows_tcp);
    RECORD_SET(stats, &r, udp_conns, c->flows_udp - b->flows_udp);
    RECORD_SET(stats, &r, icmp_conns, c->flows_icmp - b->flows_icmp);
    RECORD_SET(stats, &r, active_timers, w->flows.wheel.armed);
    RECORD_SET(stats, &r, reassem_tcp_size, c->reassembly_bytes);
    RECORD_SET(stats, &r, reassem_frag_size, c->fragment_bytes);
    emit_record(w->emit, RECORD_stats, &r);
}

static void capture_loss_line(struct worker *w)
{
    const struct counters *c = w->counters, *b = &w->stats.loss_base;
    uint64_t acks = c->tcp_acks - b->tcp_acks, gaps = c->tcp_ack_gaps - b->tcp_ack_gaps;
    struct rec_capture_loss r = {0};

    RECORD_SET(capture_loss, &r, ts, w->now_ns);
    RECORD_SET(capture_loss, &r, ts_delta, (int64_t)(w->now_ns - w->stats.loss_ns));
    RECORD_SET(capture_loss, &r, peer, str_of(w->heritage->node));
    RECORD_SET(capture_loss, &r, gaps, gaps);
    RECORD_SET(capture_loss, &r, acks, acks);
    if (acks > 0) /* zero of zero is not 0 % */
        RECORD_SET(capture_loss, &r, percent_lost, 100.0 * (double)gaps / (double)acks);
    emit_record(w->emit, RECORD_capture_loss, &r);
}

/* True when a line is due; the first call only begins the interval. */
static bool stats_due(uint64_t *since_ns, uint64_t now_ns, uint64_t interval_ns)
{
    if (interval_ns == 0 || now_ns == 0)
        return false;
    if (*since_ns == 0 || *since_ns > now_ns) /* or the clock was set back */
        *since_ns = now_ns;
    return now_ns - *since_ns >= interval_ns;
}

void stats_run(struct worker *w)
{
    struct stats *s = &w->stats;

    if (stats_due(&s->stats_ns, w->now_ns, w->options->stats_interval)) {
        stats_line(w);
        s->stats_ns = w->now_ns;
        s->stats_base = *w->counters;
    }
    if (stats_due(&s->loss_ns, w->now_ns, w->options->capture_loss_interval)) {
        capture_loss_line(w);
        s->loss_ns = w->now_ns;
        s->loss_base = *w->counters;
    }
}

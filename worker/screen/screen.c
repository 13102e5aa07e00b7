/* SPDX-License-Identifier: BSD-3-Clause */
/* Three counts for each attempt:
 *
 *   port scan      (source, target): how many different ports
 *   address scan   (source, port): how many different targets
 *   SYN flood      (target, port): how many that stay half-open
 *
 * Different ones are counted with a sketch of 512 bits, which counts too few rather than too many:
 * what a notice says is true. A count runs for an interval from its first event, then begins anew.
 * A notice is found when a count reaches its threshold, and not again until it begins anew. */
#include "worker/screen/screen.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "worker/screen/screen_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NOTICES_PER_SECOND_MAX 100u
#define THRESHOLD_MIN          5u /* of one worker: fewer failures are daily life */

struct screen {
    struct screen_table counts;
    struct screen_table raised; /* by note, source and target: when it was, how often it was not */
    uint32_t ports, hosts, half_open;
    uint64_t scan_interval_ns, flood_interval_ns, suppression_ns;
    uint64_t second; /* in which so many were raised: */
    uint32_t second_n;
    struct counters *counters;
};

/* One worker's part of a threshold. */
static uint32_t share(uint64_t threshold, unsigned workers)
{
    uint64_t part = (threshold + workers - 1) / workers;

    if (part < THRESHOLD_MIN)
        part = threshold < THRESHOLD_MIN ? threshold : THRESHOLD_MIN;
    return (uint32_t)part;
}

static int thresholds_check(const struct options *o)
{
    static const struct {
        const char *name;
        uint64_t max;
    } limits[] = {{"screen_scan_ports", SCREEN_DISTINCT_MAX},
                  {"screen_scan_hosts", SCREEN_DISTINCT_MAX},
                  {"screen_syn_flood", UINT32_MAX}};
    const uint64_t values[] = {o->screen_scan_ports, o->screen_scan_hosts, o->screen_syn_flood};

    for (unsigned i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        if (values[i] >= 1 && values[i] <= limits[i].max)
            continue;
        log_error("%s is %llu: give 1 to %llu", limits[i].name, (unsigned long long)values[i],
                  (unsigned long long)limits[i].max);
        return -EINVAL;
    }
    return 0;
}

int screen_open(struct screen **out, const struct options *o, unsigned workers, uint32_t secret,
                struct counters *c)
{
    uint32_t capacity =
        o->screen_table_size > UINT32_MAX ? UINT32_MAX : (uint32_t)o->screen_table_size;
    struct screen *s;

    if (thresholds_check(o) < 0)
        return -EINVAL;
    s = calloc(1, sizeof *s);
    if (!s || screen_table_init(&s->counts, capacity, secret, &c->screen_evicted) < 0 ||
        screen_table_init(&s->raised, capacity / 4, secret, &c->screen_evicted) < 0) {
        screen_close(s);
        log_error("cannot map memory for the screen: lower screen_table_size");
        return -ENOMEM;
    }
    s->ports = share(o->screen_scan_ports, workers);
    s->hosts = share(o->screen_scan_hosts, workers);
    s->half_open = share(o->screen_syn_flood, workers);
    s->scan_interval_ns = o->screen_scan_interval;
    s->flood_interval_ns = o->screen_flood_interval;
    s->suppression_ns = o->notice_suppression;
    s->counters = c;
    *out = s;
    return 0;
}

void screen_close(struct screen *s)
{
    if (!s)
        return;
    screen_table_fini(&s->counts);
    screen_table_fini(&s->raised);
    free(s);
}

static struct screen_key key_of(enum notice note, const struct ipaddr *a, const struct ipaddr *b,
                                uint16_t port)
{
    struct screen_key key;

    memset(&key, 0, sizeof key);
    key.a = *a;
    if (b)
        key.b = *b;
    key.port = port;
    key.kind = (uint16_t)note;
    return key;
}

/* The running count of a key. */
static struct screen_entry *count_of(struct screen *s, const struct screen_key *key, uint64_t ts_ns,
                                     uint64_t interval_ns)
{
    struct screen_entry *e = screen_table_entry(&s->counts, key, ts_ns, interval_ns);

    screen_table_renew(e, ts_ns, interval_ns);
    return e;
}

static void found(struct screen_finding *out, unsigned *n, enum notice note,
                  const struct screen_entry *e, uint64_t ts_ns)
{
    out[(*n)++] =
        (struct screen_finding){note, e->n, ts_ns > e->since_ns ? ts_ns - e->since_ns : 0};
}

unsigned screen_attempt(struct screen *s, const struct screen_attempt *a,
                        struct screen_finding out[SCREEN_FINDINGS_MAX])
{
    struct screen_key key = key_of(NOTICE_PORT_SCAN, &a->src, &a->dst, 0);
    struct screen_entry *e = count_of(s, &key, a->ts_ns, s->scan_interval_ns);
    unsigned n = 0;

    if (screen_table_distinct(&s->counts, e, &a->dst, a->port) && e->n == s->ports)
        found(out, &n, NOTICE_PORT_SCAN, e, a->ts_ns);
    key = key_of(NOTICE_ADDRESS_SCAN, &a->src, NULL, a->port);
    e = count_of(s, &key, a->ts_ns, s->scan_interval_ns);
    if (screen_table_distinct(&s->counts, e, &a->dst, a->port) && e->n == s->hosts)
        found(out, &n, NOTICE_ADDRESS_SCAN, e, a->ts_ns);
    if (a->half_open) {
        key = key_of(NOTICE_SYN_FLOOD, &a->dst, NULL, a->port);
        e = count_of(s, &key, a->ts_ns, s->flood_interval_ns);
        if (e->n < UINT32_MAX && ++e->n == s->half_open)
            found(out, &n, NOTICE_SYN_FLOOD, e, a->ts_ns);
    }
    s->counters->screen_attempts++;
    return n;
}

static bool is_over_rate(struct screen *s, uint64_t now_ns)
{
    if (now_ns / NS_PER_SEC != s->second) {
        s->second = now_ns / NS_PER_SEC;
        s->second_n = 0;
    }
    return ++s->second_n > NOTICES_PER_SECOND_MAX;
}

/* An entry that has been raised counts from 1: what was asked for since, and 1. */
bool screen_admits(struct screen *s, enum notice note, const struct ipaddr *src,
                   const struct ipaddr *dst, uint64_t now_ns, uint64_t *n)
{
    struct screen_key key = key_of(note, src, dst, 0);
    struct screen_entry *e = screen_table_entry(&s->raised, &key, now_ns, s->suppression_ns);
    bool first = e->n == 0;

    if (e->n < UINT32_MAX)
        e->n++;
    if (!first && now_ns - e->since_ns < s->suppression_ns) {
        s->counters->notices_suppressed++;
        return false;
    }
    if (is_over_rate(s, now_ns)) {
        s->counters->notices_lost++;
        e->n -= first;
        return false;
    }
    *n = first ? 1 : e->n - 1;
    e->n = 1;
    e->since_ns = now_ns;
    s->counters->notices++;
    return true;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* A session -> its tls_plain record. */
#include "worker/correlate/correlate.h"

#define SET_TEXT(r, member, text)                                                                  \
    do {                                                                                           \
        if ((text).len > 0)                                                                        \
            RECORD_SET(tls_plain, r, member, text);                                                \
    } while (0)

static void record_library(const struct correlate_session *s, struct rec_tls_plain *r)
{
    const struct plaintext_session *f = &s->facts;

    SET_TEXT(r, library, f->library);
    SET_TEXT(r, library_path, f->path);
    SET_TEXT(r, build_id, f->build_id);
    SET_TEXT(r, hook, f->hook);
    SET_TEXT(r, tuple_method, f->method);
    SET_TEXT(r, alpn, str_make(s->alpn, s->alpn_len));
}

static void record_process(const struct process_facts *p, struct rec_tls_plain *r)
{
    RECORD_SET(tls_plain, r, pid, p->pid);
    SET_TEXT(r, process, p->name);
    SET_TEXT(r, exe, p->exe);
    SET_TEXT(r, container, p->container);
    SET_TEXT(r, cgroup, p->cgroup);
}

static void record_latency(const struct latency *l, struct rec_tls_plain *r)
{
    if (l->n == 0)
        return;
    RECORD_SET(tls_plain, r, latency_min, (int64_t)l->min_ns);
    RECORD_SET(tls_plain, r, latency_mean, (int64_t)latency_mean_ns(l));
    RECORD_SET(tls_plain, r, latency_p50, (int64_t)latency_quantile_ns(l, 0.5));
    RECORD_SET(tls_plain, r, latency_p99, (int64_t)latency_quantile_ns(l, 0.99));
    RECORD_SET(tls_plain, r, latency_max, (int64_t)l->max_ns);
}

void correlate_record(const struct correlate_session *s, struct rec_tls_plain *r)
{
    r->present = 0;
    RECORD_SET(tls_plain, r, ts, s->first_ns);
    record_library(s, r);
    record_process(&s->facts.process, r);
    if (s->last_ns >= s->first_ns)
        RECORD_SET(tls_plain, r, duration, (int64_t)(s->last_ns - s->first_ns));
    RECORD_SET(tls_plain, r, reads, s->calls[0]);
    RECORD_SET(tls_plain, r, writes, s->calls[1]);
    record_latency(&s->latency, r);
}

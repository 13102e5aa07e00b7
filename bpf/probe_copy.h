/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* Plaintext and news of sessions into the ring.
 *
 * The ring reserves constant sizes only, so bytes go in the smallest of five that holds them,
 * straight from the program's memory: a buffer in between would have to be a CPU's, and another
 * program may run there before it is copied on. The offset of a session advances by whatever was
 * read or written; what could not be copied shows as a jump in the next event.
 *
 * A ring that fills would lose requests and bodies alike. So its last quarter is for what a call
 * begins with, where the heads of messages are: bodies are the first that are lost. */
#ifndef SPLIFF_BPF_PROBE_COPY_H
#define SPLIFF_BPF_PROBE_COPY_H

#include "bpf/probe_maps.h"

#define IOVECS_MAX        16
#define HEAD_BYTES        1024 /* of a call, if the ring is nearly full */
#define NEARLY_FULL(size) ((size) / 4 * 3)

/* What is copied of one call. */
struct copy {
    __u64 left;              /* bytes that may still be copied */
    __u64 rest;              /* enum probe_stat: as what those beyond count */
    struct probe_event head; /* as of the next piece */
};

static __always_inline void copy_head(struct probe_event *e, const struct session_key *key,
                                      const struct session *s)
{
    __builtin_memset(e, 0, sizeof *e);
    e->method = s->method;
    e->flags = s->flags;
    e->image = s->image;
    e->pid = key->tgid;
    e->tid = (__u32)bpf_get_current_pid_tgid();
    e->session = s->number;
    e->ts_ns = bpf_ktime_get_ns();
    e->entry_ns = e->ts_ns;
    e->tuple = s->tuple;
}

static __always_inline void copy_bound(struct copy *c)
{
    c->left = config.call_max;
    c->rest = PROBE_STAT_CUT_BYTES;
    if (config.call_max > HEAD_BYTES &&
        bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) >
            NEARLY_FULL(bpf_ringbuf_query(&ring, BPF_RB_RING_SIZE))) {
        c->left = HEAD_BYTES;
        c->rest = PROBE_STAT_RING_BYTES;
    }
}

/* A new event of a session, or NULL. */
static __always_inline struct probe_event *copy_event(const struct session_key *key,
                                                      const struct session *s, __u8 type)
{
    struct probe_event *e = bpf_ringbuf_reserve(&ring, sizeof *e + PROBE_ALPN_MAX, 0);

    if (!e) {
        count(PROBE_STAT_RING_EVENTS, 1);
        return NULL;
    }
    copy_head(e, key, s);
    e->type = type;
    return e;
}

static __always_inline void copy_submit(struct probe_event *e)
{
    bpf_ringbuf_submit(e, 0);
    count(PROBE_STAT_EVENTS, 1);
}

/* bytes <= size, a constant. */
static __always_inline void copy_sized(const struct probe_event *head, __u64 from, __u64 bytes,
                                       __u64 size)
{
    struct probe_event *e = bpf_ringbuf_reserve(&ring, sizeof *e + size, 0);

    if (!e) {
        count(PROBE_STAT_RING_EVENTS, 1);
        count(PROBE_STAT_RING_BYTES, bytes);
        return;
    }
    *e = *head;
    asm volatile("" : "+r"(bytes)); /* or the compiler drops the bound that the verifier needs */
    if (bytes > size)
        bytes = size;
    e->len = (__u32)bytes;
    if (bpf_probe_read_user(e->data, bytes, (void *)from) < 0) {
        bpf_ringbuf_discard(e, 0);
        count(PROBE_STAT_FAULT_BYTES, bytes);
        return;
    }
    copy_submit(e);
}

/* One piece of at most PROBE_CHUNK_MAX bytes. Functions that are not static are verified once and
 * not for every call of theirs. */
__noinline int copy_chunk(struct copy *c, __u64 from, __u64 bytes)
{
    if (!c)
        return 0;
    if (bytes <= 256)
        copy_sized(&c->head, from, bytes, 256);
    else if (bytes <= 1024)
        copy_sized(&c->head, from, bytes, 1024);
    else if (bytes <= 4096)
        copy_sized(&c->head, from, bytes, 4096);
    else if (bytes <= 8192)
        copy_sized(&c->head, from, bytes, 8192);
    else
        copy_sized(&c->head, from, bytes, PROBE_CHUNK_MAX);
    return 0;
}

/* Bytes that lie together. */
__noinline int copy_span(struct copy *c, __u64 from, __u64 bytes)
{
    if (!c)
        return 0;
    for (int i = 0; i < PROBE_CHUNKS; i++) {
        __u64 n = bytes < PROBE_CHUNK_MAX ? bytes : PROBE_CHUNK_MAX;
        n = n < c->left ? n : c->left;
        if (n == 0)
            break;
        copy_chunk(c, from, n);
        c->head.offset += n;
        c->left -= n;
        from += n;
        bytes -= n;
    }
    count((__u32)c->rest, bytes);
    c->head.offset += bytes;
    return 0;
}

/* Bytes in `n` vectors of struct iovec at `at`, or of NSPR's, whose length is an int and what
 * follows it anything. */
__noinline int copy_vectors(struct copy *c, __u64 at, __u64 n, __u64 bytes)
{
    if (!c)
        return 0;
    for (__u64 i = 0; i < IOVECS_MAX && i < n && bytes > 0; i++) {
        __u64 v[2] = {0, 0}; /* base, length */
        bpf_probe_read_user(v, sizeof v, (void *)(at + i * sizeof v));
        v[1] &= 0xffffffff;
        if (v[1] > bytes)
            v[1] = bytes;
        copy_span(c, v[0], v[1]);
        bytes -= v[1];
    }
    count((__u32)c->rest, bytes);
    return 0;
}

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Sessions on the bench: events as the kernel gives them, and the items that come of them, written
 * down as text: one line an item, "worker: type session …". */
#ifndef SPLIFF_TESTS_SESSIONS_BENCH_H
#define SPLIFF_TESTS_SESSIONS_BENCH_H

#include "worker/probe/sessions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY      4
#define PENDING_BYTES (512u * 1024)
#define FIRST         1000u /* number of the kernel's session 0 */
#define OFFSET_NS     INT64_C(1000000)
#define PID           7

static struct heritage heritage;
static struct route route;
static struct counters counters;
static struct process_table *processes;
static struct sessions *sessions;
static bool refuse; /* the worker's queue is full */
static char said[4096];
static struct plaintext_session last_open;

static const struct session_image image = {"openssl", "/lib/libssl.so.3", "abc", "site"};

static inline const struct session_image *find_image(void *user, uint16_t index)
{
    (void)user;
    return index == 3 ? &image : NULL;
}

static inline void say(const char *fmt, ...)
{
    size_t n = strlen(said);
    va_list args;

    va_start(args, fmt);
    vsnprintf(said + n, sizeof said - n, fmt, args);
    va_end(args);
}

static inline bool take_item(void *user, unsigned worker, const struct plaintext_item *item)
{
    unsigned number = (unsigned)(item->session - FIRST);

    (void)user;
    if (refuse)
        return false;
    switch (item->type) {
    case PLAINTEXT_OPEN:
        last_open = item->open;
        say("%u: open %u at %llu\n", worker, number, (unsigned long long)item->ts_ns);
        break;
    case PLAINTEXT_DATA:
        say("%u: %s %u +%llu %.*s\n", worker, item->data.write ? "write" : "read", number,
            (unsigned long long)item->data.offset, (int)item->data.bytes.len, item->data.bytes.p);
        break;
    case PLAINTEXT_ALPN:
        say("%u: alpn %u %.*s\n", worker, number, (int)item->alpn.len, item->alpn.p);
        break;
    case PLAINTEXT_CLOSE:
        say("%u: close %u %llu %llu\n", worker, number, (unsigned long long)item->close.offset[0],
            (unsigned long long)item->close.offset[1]);
        break;
    }
    return true;
}

static const struct sessions_ops ops = {take_item, find_image};

/* Interface 0 is worker 0's, interface 1 (loopback) worker 1's. */
static inline int open_sessions(struct claims *c)
{
    memset(&counters, 0, sizeof counters);
    heritage.n_workers = 2;
    heritage.probe.n_interfaces = 2;
    for (unsigned b = 0; b < FLOW_BUCKETS; b++)
        heritage.probe.owner[1][b] = 1;
    route = (struct route){.heritage = &heritage, .netns = 55, .loopback = 1};
    processes = process_table_new(CAPACITY);
    sessions =
        sessions_new(CAPACITY, PENDING_BYTES, FIRST, &route, c, processes, &ops, NULL, &counters);
    refuse = false;
    said[0] = '\0';
    return sessions ? 0 : -1;
}

static inline int teardown(void **state)
{
    (void)state;
    sessions_free(sessions);
    process_table_free(processes);
    return 0;
}

/* What all events of a test have in common; with a tuple, it is on loopback: worker 1. */
static inline struct probe_event *make(enum probe_event_type type, uint64_t session, bool tuple,
                                       const char *text)
{
    static const unsigned char loopback[16] = {[10] = 0xff, 0xff, 127, 0, 0, 1};
    static uint64_t room[512];
    struct probe_event *e = (void *)room;

    memset(room, 0, sizeof room);
    e->type = (unsigned char)type;
    e->session = session;
    e->pid = PID;
    e->image = 3;
    e->ts_ns = 500;
    e->entry_ns = 400;
    e->len = (unsigned)strlen(text);
    memcpy(e->data, text, e->len);
    if (!tuple)
        return e;
    e->method = PROBE_METHOD_SOCKET;
    memcpy(e->tuple.local, loopback, 16);
    memcpy(e->tuple.remote, loopback, 16);
    e->tuple.local_port = 50000;
    e->tuple.remote_port = 443;
    e->tuple.netns = 55;
    return e;
}

static inline void event(const struct probe_event *e)
{
    sessions_event(sessions, e, OFFSET_NS);
}

static inline void data(uint64_t session, bool tuple, bool write, uint64_t offset, const char *text)
{
    struct probe_event *e = make(PROBE_EVENT_DATA, session, tuple, text);

    e->write = write;
    e->offset = offset;
    event(e);
}

static inline void expect(const char *text)
{
    assert_string_equal(said, text);
    said[0] = '\0';
}

#endif

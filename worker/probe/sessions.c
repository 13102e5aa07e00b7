/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of a session here:
 *
 *   first event            a place in the table; what it says waits, as the kernel said it
 *   an event with a tuple  the worker is known: OPEN with all facts, then what has waited
 *   further events         become items at once
 *   CLOSE, or exit         the last item, and the place is free
 *
 * Before each item it is asked whether the worker knows the session: it does not after it was
 * started anew, nor if its OPEN did not fit its queue. Nothing is sent again: a successor is told
 * of the session and sees by the offsets what it has missed.
 *
 * Bounds: the table's places, of which the one that was silent longest is closed for a new one; and
 * the memory of what waits, where the new is dropped. A session that never finds its five-tuple
 * holds memory no longer than until it is closed or its process ends. */
#include "worker/probe/sessions.h"

#include "common/base/check.h"
#include "common/base/pool.h"
#include "worker/probe/lru.h"

#include <stdlib.h>
#include <string.h>

#define EVENT_ALIGN 8u

struct session {
    uint64_t number;
    uint32_t pid;
    uint32_t next, previous; /* of the same process */
    uint32_t told;           /* in which life of its worker it was told of; 0: not yet */
    uint16_t worker;
    uint16_t image;
    uint8_t method; /* enum probe_method */
    bool has_tuple;
    struct probe_tuple tuple;
    uint64_t offset[2];    /* after the last byte known of: read, written */
    struct membuf pending; /* struct probe_event, each at EVENT_ALIGN */
};

struct sessions {
    uint64_t first_number;
    const struct route *route;
    struct process_table *processes;
    const struct sessions_ops *ops;
    void *user;
    struct counters *c;
    struct lru by_number, by_pid;
    struct session *table;
    uint32_t *first_of_pid; /* session, at the place of by_pid */
    struct bufpool memory;
    int64_t wall_offset_ns;
    uint32_t lives[HERITAGE_WORKERS_MAX]; /* of each worker */
};

struct sessions *sessions_new(uint32_t capacity, uint64_t pending_bytes, uint64_t first_number,
                              const struct route *r, struct process_table *p,
                              const struct sessions_ops *ops, void *user, struct counters *c)
{
    struct sessions *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->first_number = first_number;
    s->route = r;
    s->processes = p;
    s->ops = ops;
    s->user = user;
    s->c = c;
    for (unsigned i = 0; i < HERITAGE_WORKERS_MAX; i++)
        s->lives[i] = 1;
    s->table = calloc(capacity, sizeof *s->table);
    s->first_of_pid = calloc(capacity, sizeof *s->first_of_pid);
    if (!s->table || !s->first_of_pid || lru_init(&s->by_number, capacity) < 0 ||
        lru_init(&s->by_pid, capacity) < 0 || bufpool_init(&s->memory, pending_bytes) < 0) {
        sessions_free(s);
        return NULL;
    }
    return s;
}

void sessions_free(struct sessions *s)
{
    if (!s)
        return;
    bufpool_fini(&s->memory);
    lru_fini(&s->by_number);
    lru_fini(&s->by_pid);
    free(s->table);
    free(s->first_of_pid);
    free(s);
}

static uint64_t wall_ns(const struct sessions *s, uint64_t mono_ns)
{
    return (uint64_t)((int64_t)mono_ns + s->wall_offset_ns);
}

static uint32_t index_of(const struct sessions *s, const struct session *x)
{
    return (uint32_t)(x - s->table);
}

static void pid_list_add(struct sessions *s, struct session *x)
{
    uint32_t i = lru_find(&s->by_pid, x->pid);

    x->previous = x->next = LRU_NONE;
    if (i == LRU_NONE) {
        i = lru_insert(&s->by_pid, x->pid);
        CHECK(i != LRU_NONE); /* no more processes than sessions */
    } else {
        x->next = s->first_of_pid[i];
        s->table[x->next].previous = index_of(s, x);
    }
    s->first_of_pid[i] = index_of(s, x);
}

static void pid_list_remove(struct sessions *s, const struct session *x)
{
    uint32_t i = lru_find(&s->by_pid, x->pid);

    CHECK(i != LRU_NONE);
    if (x->next != LRU_NONE)
        s->table[x->next].previous = x->previous;
    if (x->previous != LRU_NONE)
        s->table[x->previous].next = x->next;
    else if (x->next != LRU_NONE)
        s->first_of_pid[i] = x->next;
    else
        lru_remove(&s->by_pid, i);
}

static const char *method_name(enum probe_method m)
{
    static const char *const names[PROBE_METHODS] = {
        [PROBE_METHOD_NONE] = "",
        [PROBE_METHOD_SOCKET] = "socket",
        [PROBE_METHOD_DESCRIPTOR] = "descriptor",
        [PROBE_METHOD_LEARNED] = "learned",
        [PROBE_METHOD_NEXT_SEND] = "next_send",
    };

    return names[m];
}

static void count_method(struct counters *c, enum probe_method m)
{
    switch (m) {
    case PROBE_METHOD_SOCKET:
        c->probe_method_socket++;
        break;
    case PROBE_METHOD_DESCRIPTOR:
        c->probe_method_descriptor++;
        break;
    case PROBE_METHOD_LEARNED:
        c->probe_method_learned++;
        break;
    case PROBE_METHOD_NEXT_SEND:
        c->probe_method_next_send++;
        break;
    case PROBE_METHOD_NONE:
    case PROBE_METHODS:
        break;
    }
}

/* Makes sure that the worker knows the session. */
static bool tell(struct sessions *s, struct session *x, uint64_t ts_ns)
{
    struct plaintext_item item = {.type = PLAINTEXT_OPEN, .session = x->number, .ts_ns = ts_ns};
    const struct session_image *image;

    if (x->told == s->lives[x->worker])
        return true;
    image = s->ops->image(s->user, x->image);
    memcpy(item.open.local.b, x->tuple.local, sizeof item.open.local.b);
    memcpy(item.open.remote.b, x->tuple.remote, sizeof item.open.remote.b);
    item.open.local_port = x->tuple.local_port;
    item.open.remote_port = x->tuple.remote_port;
    if (x->tuple.netns != s->route->netns && route_is_loopback(&item.open.local))
        item.open.foreign = x->tuple.netns;
    item.open.method = str_of(method_name(x->method));
    item.open.process = *process_table_get(s->processes, (pid_t)x->pid);
    if (image) {
        item.open.library = str_of(image->library);
        item.open.path = str_of(image->path);
        item.open.build_id = str_of(image->build_id);
        item.open.hook = str_of(image->hook);
    }
    if (!s->ops->send(s->user, x->worker, &item))
        return false;
    x->told = s->lives[x->worker];
    return true;
}

static void send_item(struct sessions *s, struct session *x, const struct plaintext_item *item)
{
    uint64_t bytes = item->type == PLAINTEXT_DATA ? item->data.bytes.len : 0;

    if (!tell(s, x, item->ts_ns) || !s->ops->send(s->user, x->worker, item))
        s->c->probe_queue_bytes += bytes;
}

/* An event of a session whose worker is known. */
static void send_event(struct sessions *s, struct session *x, const struct probe_event *e)
{
    struct plaintext_item item = {.session = x->number, .ts_ns = wall_ns(s, e->ts_ns)};

    switch (e->type) {
    case PROBE_EVENT_TUPLE:
        (void)tell(s, x, item.ts_ns);
        return;
    case PROBE_EVENT_DATA:
        item.type = PLAINTEXT_DATA;
        item.data.write = e->write;
        item.data.offset = e->offset;
        item.data.entry_ns = wall_ns(s, e->entry_ns);
        item.data.bytes = str_make(e->data, e->len);
        break;
    case PROBE_EVENT_ALPN:
        item.type = PLAINTEXT_ALPN;
        item.alpn = str_make(e->data, e->len);
        break;
    case PROBE_EVENT_CLOSE:
        item.type = PLAINTEXT_CLOSE;
        item.close.offset[0] = e->offset;
        item.close.offset[1] = e->offset_write;
        break;
    default:
        return;
    }
    send_item(s, x, &item);
}

static void pending_drop(struct sessions *s, struct session *x)
{
    struct cursor c = cursor_init(x->pending.p, x->pending.len);

    while (cursor_left(&c) > 0) {
        struct probe_event e;
        const uint8_t *p = cursor_bytes(&c, sizeof e);

        CHECK(p);
        memcpy(&e, p, sizeof e);
        cursor_skip(&c, (e.len + EVENT_ALIGN - 1) / EVENT_ALIGN * EVENT_ALIGN);
        if (e.type == PROBE_EVENT_DATA)
            s->c->probe_pending_lost += e.len;
    }
    s->c->probe_pending_bytes -= x->pending.len;
    membuf_free(&x->pending, &s->memory);
}

static void pending_send(struct sessions *s, struct session *x)
{
    for (uint32_t at = 0; at < x->pending.len;) {
        const struct probe_event *e = (const void *)(x->pending.p + at);

        send_event(s, x, e);
        at += (uint32_t)sizeof *e + (e->len + EVENT_ALIGN - 1) / EVENT_ALIGN * EVENT_ALIGN;
    }
    s->c->probe_pending_bytes -= x->pending.len;
    membuf_free(&x->pending, &s->memory);
}

static void pending_add(struct sessions *s, struct session *x, const struct probe_event *e)
{
    static const uint8_t zero[EVENT_ALIGN];
    uint32_t fill = -e->len % EVENT_ALIGN, before = x->pending.len;

    if (membuf_append(&x->pending, &s->memory, e, sizeof *e, BUFPOOL_MAX_BYTES) == 0 &&
        membuf_append(&x->pending, &s->memory, e->data, e->len, BUFPOOL_MAX_BYTES) == 0 &&
        membuf_append(&x->pending, &s->memory, zero, fill, BUFPOOL_MAX_BYTES) == 0) {
        s->c->probe_pending_bytes += x->pending.len - before;
        return;
    }
    x->pending.len = before;
    if (e->type == PROBE_EVENT_DATA)
        s->c->probe_pending_lost += e->len;
}

static void session_free(struct sessions *s, struct session *x)
{
    if (!x->has_tuple)
        s->c->probe_no_tuple++;
    pending_drop(s, x);
    pid_list_remove(s, x);
    s->c->probe_sessions_active--;
    lru_remove(&s->by_number, index_of(s, x));
}

/* Ends it with what is known of its offsets. */
static void session_end(struct sessions *s, struct session *x, uint64_t ts_ns)
{
    struct plaintext_item item = {
        .type = PLAINTEXT_CLOSE,
        .session = x->number,
        .ts_ns = ts_ns,
        .close = {{x->offset[0], x->offset[1]}},
    };

    if (x->has_tuple)
        send_item(s, x, &item);
    session_free(s, x);
}

static struct session *session_new(struct sessions *s, const struct probe_event *e)
{
    struct session *x;
    uint32_t i;

    if (s->by_number.n == s->by_number.capacity) {
        s->c->probe_table_full++;
        session_end(s, &s->table[lru_oldest(&s->by_number)], wall_ns(s, e->ts_ns));
    }
    i = lru_insert(&s->by_number, e->session);
    CHECK(i != LRU_NONE);
    x = &s->table[i];
    *x = (struct session){.number = s->first_number + e->session, .pid = e->pid, .image = e->image};
    pid_list_add(s, x);
    s->c->probe_sessions++;
    s->c->probe_sessions_active++;
    return x;
}

static void session_set_tuple(struct sessions *s, struct session *x, const struct probe_event *e)
{
    struct ipaddr local, remote;
    unsigned worker;

    memcpy(local.b, e->tuple.local, sizeof local.b);
    memcpy(remote.b, e->tuple.remote, sizeof remote.b);
    worker = route_worker(s->route, &local, e->tuple.local_port, &remote, e->tuple.remote_port);
    CHECK(worker < HERITAGE_WORKERS_MAX);
    x->worker = (uint16_t)worker;
    x->tuple = e->tuple;
    x->method = e->method;
    x->has_tuple = true;
    count_method(s->c, e->method);
    pending_send(s, x);
}

static void note_offsets(struct session *x, const struct probe_event *e)
{
    if (e->type == PROBE_EVENT_DATA)
        x->offset[e->write != 0] = e->offset + e->len;
}

void sessions_event(struct sessions *s, const struct probe_event *e, int64_t wall_offset_ns)
{
    uint32_t i = lru_find(&s->by_number, e->session);
    struct session *x;

    CHECK(e->method < PROBE_METHODS && e->len <= PROBE_CHUNK_MAX);
    s->wall_offset_ns = wall_offset_ns;
    if (i == LRU_NONE && e->type == PROBE_EVENT_CLOSE)
        return; /* it is closed already, or never did anything */
    x = i == LRU_NONE ? session_new(s, e) : &s->table[i];
    note_offsets(x, e);
    if (!x->has_tuple && e->method != PROBE_METHOD_NONE)
        session_set_tuple(s, x, e);
    if (x->has_tuple)
        send_event(s, x, e);
    else
        pending_add(s, x, e);
    if (e->type == PROBE_EVENT_CLOSE)
        session_free(s, x);
}

void sessions_forget_worker(struct sessions *s, unsigned worker)
{
    CHECK(worker < HERITAGE_WORKERS_MAX);
    s->lives[worker]++;
}

void sessions_exit(struct sessions *s, uint32_t pid, uint64_t ts_ns)
{
    uint32_t i;

    while ((i = lru_find(&s->by_pid, pid)) != LRU_NONE)
        session_end(s, &s->table[s->first_of_pid[i]], ts_ns);
}

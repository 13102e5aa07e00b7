/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of a session here:
 *
 *   first event            a place in the table; what it says waits, as the kernel said it
 *   an event with a tuple  its worker is known, by our hash or a claim; or the claim is waited for
 *   a worker               OPEN with all facts, then what has waited; further events at once
 *   CLOSE, or exit         the last item, and the place is free
 *
 * Where workers claim their flows (claims.h), the claim comes some milliseconds after the packets
 * of the handshake, often later than the first plaintext. A flow that nobody claims is not
 * captured, or its worker is far behind: after CLAIM_NS our hash decides, and a claim that comes
 * still later changes nothing, for half of a session is of no use to anybody.
 *
 * Before each item it is asked whether the worker knows the session: it does not after it was
 * started anew, nor if its OPEN did not fit its queue. Nothing is sent again: a successor is told
 * of the session and sees by the offsets what it has missed.
 *
 * Bounds: the table's places, of which the one that was silent longest is closed for a new one;
 * WAITING_MAX sessions that wait for a claim; and the memory of what waits, where the new is
 * dropped if there is no five-tuple yet, else the hash decides at once. A session that never finds
 * its five-tuple holds memory no longer than until it is closed or its process ends. */
#include "worker/probe/sessions.h"

#include "common/base/check.h"
#include "common/base/clock.h"
#include "common/base/pool.h"
#include "worker/probe/lru.h"
#include "worker/probe/pending.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define CLAIM_NS    (500 * NS_PER_MS)
#define WAITING_MAX 4096u

struct session {
    uint64_t number;
    uint32_t pid;
    uint32_t next, previous; /* of the same process */
    uint32_t told;           /* in which life of its worker it was told of; 0: not yet */
    uint16_t worker;
    uint16_t image;
    uint8_t method; /* enum probe_method */
    bool has_tuple;
    bool waits;  /* for a claim of its flow; if not and there is a tuple, it has a worker */
    bool closed; /* while it waits: of no process any more */
    struct probe_tuple tuple;
    uint64_t offset[2];                      /* after the last byte known of: read, written */
    uint64_t waits_until_ns;                 /* CLOCK_MONOTONIC */
    uint32_t waiting_next, waiting_previous; /* in the order in which they began */
    struct pending pending;
};

struct sessions {
    uint64_t first_number;
    const struct route *route;
    struct claims *claims; /* may be NULL */
    struct process_table *processes;
    const struct sessions_ops *ops;
    void *user;
    struct counters *c;
    struct lru by_number, by_pid;
    struct session *table;
    uint32_t *first_of_pid; /* session, at the place of by_pid */
    uint32_t first_waiting, last_waiting, n_waiting;
    struct bufpool memory;
    int64_t wall_offset_ns;
    uint64_t mono_ns;
    uint32_t lives[HERITAGE_WORKERS_MAX]; /* of each worker */
};

struct sessions *sessions_new(uint32_t capacity, uint64_t pending_bytes, uint64_t first_number,
                              const struct route *r, struct claims *claims, struct process_table *p,
                              const struct sessions_ops *ops, void *user, struct counters *c)
{
    struct sessions *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->first_number = first_number;
    s->route = r;
    s->claims = claims;
    s->first_waiting = s->last_waiting = LRU_NONE;
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

static struct ipaddr address_of(const unsigned char bytes[16])
{
    struct ipaddr a;

    memcpy(a.b, bytes, sizeof a.b);
    return a;
}

/* On the loopback of a network namespace that is not captured. */
static bool is_foreign(const struct sessions *s, const struct session *x)
{
    struct ipaddr local = address_of(x->tuple.local);

    return x->tuple.netns != s->route->netns && route_is_loopback(&local);
}

/* Makes sure that the worker knows the session. */
static bool tell(struct sessions *s, struct session *x, uint64_t ts_ns)
{
    struct plaintext_item item = {.type = PLAINTEXT_OPEN, .session = x->number, .ts_ns = ts_ns};
    const struct session_image *image;

    if (x->told == s->lives[x->worker])
        return true;
    image = s->ops->image(s->user, x->image);
    item.open.local = address_of(x->tuple.local);
    item.open.remote = address_of(x->tuple.remote);
    item.open.local_port = x->tuple.local_port;
    item.open.remote_port = x->tuple.remote_port;
    if (is_foreign(s, x))
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

/* What pending_take gives the events of. */
struct session_of {
    struct sessions *s;
    struct session *x;
};

static void on_pending_dropped(void *arg, const struct probe_event *e)
{
    const struct session_of *of = arg;

    if (e->type == PROBE_EVENT_DATA)
        of->s->c->probe_pending_lost += e->len;
}

static void on_pending(void *arg, const struct probe_event *e)
{
    const struct session_of *of = arg;

    send_event(of->s, of->x, e);
}

static void session_take_pending(struct sessions *s, struct session *x,
                                 void (*take)(void *arg, const struct probe_event *e))
{
    s->c->probe_pending_bytes -= x->pending.bytes;
    pending_take(&x->pending, &s->memory, take, &(struct session_of){s, x});
}

static bool session_add_pending(struct sessions *s, struct session *x, const struct probe_event *e)
{
    uint32_t before = x->pending.bytes;

    if (!pending_add(&x->pending, &s->memory, e))
        return false;
    s->c->probe_pending_bytes += x->pending.bytes - before;
    return true;
}

static void session_free(struct sessions *s, struct session *x)
{
    if (!x->has_tuple)
        s->c->probe_no_tuple++;
    session_take_pending(s, x, on_pending_dropped);
    if (!x->closed)
        pid_list_remove(s, x);
    s->c->probe_sessions_active--;
    lru_remove(&s->by_number, index_of(s, x));
}

/* --- which worker --- */

static void waiting_add(struct sessions *s, struct session *x)
{
    x->waits = true;
    x->waiting_next = LRU_NONE;
    x->waiting_previous = s->last_waiting;
    if (s->last_waiting != LRU_NONE)
        s->table[s->last_waiting].waiting_next = index_of(s, x);
    else
        s->first_waiting = index_of(s, x);
    s->last_waiting = index_of(s, x);
    s->n_waiting++;
}

static void waiting_remove(struct sessions *s, struct session *x)
{
    x->waits = false;
    if (x->waiting_next != LRU_NONE)
        s->table[x->waiting_next].waiting_previous = x->waiting_previous;
    else
        s->last_waiting = x->waiting_previous;
    if (x->waiting_previous != LRU_NONE)
        s->table[x->waiting_previous].waiting_next = x->waiting_next;
    else
        s->first_waiting = x->waiting_next;
    s->n_waiting--;
}

static struct flow_key key_of(const struct session *x)
{
    struct ipaddr local = address_of(x->tuple.local), remote = address_of(x->tuple.remote);
    struct flow_key key;

    (void)flow_key_set(&key, &local, x->tuple.local_port, &remote, x->tuple.remote_port,
                       IPPROTO_TCP);
    return key;
}

static unsigned interface_of(const struct sessions *s, const struct session *x)
{
    struct ipaddr local = address_of(x->tuple.local), remote = address_of(x->tuple.remote);

    return route_interface(s->route, &local, &remote);
}

/* The session has its worker. One that was closed while it waited is gone then. */
static void session_place(struct sessions *s, struct session *x)
{
    session_take_pending(s, x, on_pending);
    if (x->closed)
        session_free(s, x);
}

/* Both ends of a flow may be waiting: their worker hears of both before it hears what they said, so
 * that it knows who talks to whom. */
void sessions_claimed(struct sessions *s)
{
    uint32_t i = s->first_waiting, placed = LRU_NONE, *link = &placed;

    while (i != LRU_NONE) {
        struct session *x = &s->table[i];
        struct flow_key key = key_of(x);
        unsigned worker = claims_find(s->claims, &key);

        i = x->waiting_next;
        if (worker == CLAIMS_NONE)
            continue;
        waiting_remove(s, x);
        x->worker = (uint16_t)worker;
        if (x->pending.bytes > 0)
            (void)tell(s, x, wall_ns(s, x->pending.first_ns));
        *link = index_of(s, x);
        link = &x->waiting_next;
        *link = LRU_NONE;
    }
    while (placed != LRU_NONE) {
        struct session *x = &s->table[placed];

        placed = x->waiting_next;
        session_place(s, x);
    }
}

/* The hash's worker has it, as if it had claimed it, and so has the session of the other end. To be
 * followed by sessions_claimed. */
static void session_give_up(struct sessions *s, const struct session *x)
{
    struct flow_key key = key_of(x);

    if (claims_find(s->claims, &key) != CLAIMS_NONE)
        return;
    claims_add(s->claims, &key, route_worker(s->route, interface_of(s, x), &key), s->mono_ns);
    s->c->probe_unclaimed++;
}

/* There is no room for those that wait: the older half of them waits no longer, and x, if it is not
 * NULL. */
static void sessions_give_up(struct sessions *s, const struct session *x)
{
    uint32_t i = s->first_waiting;

    if (x)
        session_give_up(s, x);
    for (uint32_t n = s->n_waiting / 2; n > 0; n--) {
        session_give_up(s, &s->table[i]);
        i = s->table[i].waiting_next;
    }
    sessions_claimed(s);
}

uint64_t sessions_run(struct sessions *s, uint64_t mono_ns)
{
    uint32_t i = s->first_waiting;

    s->mono_ns = mono_ns;
    while (i != LRU_NONE && s->table[i].waits_until_ns <= mono_ns) {
        session_give_up(s, &s->table[i]);
        i = s->table[i].waiting_next;
    }
    if (i != s->first_waiting)
        sessions_claimed(s);
    return s->first_waiting == LRU_NONE ? UINT64_MAX : s->table[s->first_waiting].waits_until_ns;
}

/* Its process may be gone when the wait is over: now is the time to look at it. */
static void session_wait(struct sessions *s, struct session *x, uint64_t mono_ns)
{
    if (s->n_waiting == WAITING_MAX)
        sessions_give_up(s, NULL);
    x->waits_until_ns = mono_ns + CLAIM_NS;
    waiting_add(s, x);
    (void)process_table_get(s->processes, (pid_t)x->pid);
}

static void session_set_tuple(struct sessions *s, struct session *x, const struct probe_event *e)
{
    unsigned interface, worker;
    struct flow_key key;

    x->tuple = e->tuple;
    x->method = e->method;
    x->has_tuple = true;
    count_method(s->c, e->method);
    key = key_of(x);
    interface = interface_of(s, x);
    worker = route_worker(s->route, interface, &key);
    if (s->claims && s->route->heritage->probe.claims[interface] && !is_foreign(s, x))
        worker = claims_find(s->claims, &key);
    if (worker == CLAIMS_NONE) {
        session_wait(s, x, e->ts_ns);
        return;
    }
    CHECK(worker < HERITAGE_WORKERS_MAX);
    x->worker = (uint16_t)worker;
    session_place(s, x);
}

/* --- events --- */

static void session_event(struct sessions *s, struct session *x, const struct probe_event *e)
{
    if ((!x->has_tuple || x->waits) && session_add_pending(s, x, e))
        return;
    if (x->waits)
        sessions_give_up(s, x);
    CHECK(!x->waits); /* a claim that was just added is found */
    if (x->has_tuple)
        send_event(s, x, e);
    else if (e->type == PROBE_EVENT_DATA)
        s->c->probe_pending_lost += e->len;
}

/* Its last event was taken. */
static void session_close(struct sessions *s, struct session *x)
{
    if (!x->waits) {
        session_free(s, x);
        return;
    }
    x->closed = true;
    pid_list_remove(s, x);
}

/* Ends it with what is known of its offsets. ts_ns: wall clock. */
static void session_end(struct sessions *s, struct session *x, uint64_t ts_ns)
{
    struct probe_event e = {
        .type = PROBE_EVENT_CLOSE,
        .ts_ns = (uint64_t)((int64_t)ts_ns - s->wall_offset_ns),
        .offset = x->offset[0],
        .offset_write = x->offset[1],
    };

    session_event(s, x, &e);
    session_close(s, x);
}

/* Makes room for another. */
static void session_evict(struct sessions *s, struct session *x, uint64_t ts_ns)
{
    bool closed = x->closed;

    s->c->probe_table_full++;
    if (x->waits)
        sessions_give_up(s, x);
    if (!closed)
        session_end(s, x, ts_ns);
}

static struct session *session_new(struct sessions *s, const struct probe_event *e)
{
    struct session *x;
    uint32_t i;

    if (s->by_number.n == s->by_number.capacity)
        session_evict(s, &s->table[lru_oldest(&s->by_number)], wall_ns(s, e->ts_ns));
    i = lru_insert(&s->by_number, e->session);
    CHECK(i != LRU_NONE);
    x = &s->table[i];
    *x = (struct session){.number = s->first_number + e->session, .pid = e->pid, .image = e->image};
    pid_list_add(s, x);
    s->c->probe_sessions++;
    s->c->probe_sessions_active++;
    return x;
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
    if (x->closed)
        return;
    note_offsets(x, e);
    if (!x->has_tuple && e->method != PROBE_METHOD_NONE)
        session_set_tuple(s, x, e);
    session_event(s, x, e);
    if (e->type == PROBE_EVENT_CLOSE)
        session_close(s, x);
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

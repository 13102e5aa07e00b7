/* SPDX-License-Identifier: BSD-3-Clause */
/* Sessions are found by number in an open-addressed table of at most half load; joints by the flow,
 * which knows its own.
 *
 * There are twice as many joints as sessions: half of them for flows that do have plaintext, the
 * other half for TLS flows that may have some. The latter are needed because the first packets of a
 * connection have passed when its first plaintext is looked at, and when they came by is wanted.
 *
 * A session whose flow is over and that nobody has closed may go on (the flow fell silent), or its
 * process or probe is gone. It stays until room is needed: the one that lost its flow first goes
 * first. */
#include "worker/correlate/correlate.h"

#include "common/base/check.h"
#include "common/base/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SESSIONS_MAX (UINT64_C(1) << 24)

struct correlate {
    struct pool sessions, joints, slots_memory;
    uint32_t *slots; /* session's index + 1; 0 is empty */
    uint32_t mask;
    uint8_t shift;
    uint32_t newest, oldest; /* sessions without a flow: index + 1 */
    struct latency latency;  /* of all sessions */
    struct counters *counters;
};

int correlate_open(struct correlate **out, const struct options *o, struct counters *counters)
{
    uint64_t capacity = o->plaintext_sessions;
    struct correlate *c = *out = calloc(1, sizeof *c);
    uint32_t n = 64;
    int rc;

    if (!c)
        return -ENOMEM;
    CHECK(capacity > 0 && capacity <= SESSIONS_MAX);
    c->counters = counters;
    c->shift = 64 - 6;
    for (; n / 2 < capacity; n *= 2)
        c->shift--;
    c->mask = n - 1;
    if ((rc = pool_init(&c->sessions, sizeof(struct correlate_session), (uint32_t)capacity)) < 0 ||
        (rc = pool_init(&c->joints, sizeof(struct correlate_joint), 2 * (uint32_t)capacity)) < 0 ||
        (rc = pool_init(&c->slots_memory, sizeof(uint32_t) * n, 1)) < 0)
        return rc;
    c->slots = pool_at(&c->slots_memory, pool_get(&c->slots_memory)); /* fresh: zero */
    return 0;
}

void correlate_close(struct correlate *c)
{
    if (!c)
        return;
    pool_fini(&c->sessions);
    pool_fini(&c->joints);
    pool_fini(&c->slots_memory);
    free(c);
}

bool correlate_is_empty(const struct correlate *c)
{
    return c->joints.used == 0;
}

/* --- sessions by number --- */

static uint32_t home_of(const struct correlate *c, uint64_t number)
{
    return (uint32_t)(number * UINT64_C(0x9e3779b97f4a7c15) >> c->shift);
}

static struct correlate_session *session_at(const struct correlate *c, uint32_t index_plus_1)
{
    return pool_at(&c->sessions, index_plus_1 - 1);
}

static uint32_t session_ref(const struct correlate *c, const struct correlate_session *s)
{
    return pool_index(&c->sessions, s) + 1;
}

struct correlate_session *correlate_find(struct correlate *c, uint64_t number)
{
    for (uint32_t i = home_of(c, number); c->slots[i]; i = (i + 1) & c->mask) {
        struct correlate_session *s = session_at(c, c->slots[i]);

        if (s->number == number)
            return s;
    }
    return NULL;
}

static void slot_insert(struct correlate *c, const struct correlate_session *s)
{
    uint32_t i = home_of(c, s->number);

    while (c->slots[i])
        i = (i + 1) & c->mask;
    c->slots[i] = session_ref(c, s);
}

/* Those behind the hole move up, where they may. */
static void slot_remove(struct correlate *c, const struct correlate_session *s)
{
    uint32_t i = home_of(c, s->number), j;

    while (c->slots[i] != session_ref(c, s)) {
        CHECK(c->slots[i]);
        i = (i + 1) & c->mask;
    }
    for (j = (i + 1) & c->mask; c->slots[j]; j = (j + 1) & c->mask) {
        uint32_t home = home_of(c, session_at(c, c->slots[j])->number);

        if (((j - home) & c->mask) < ((j - i) & c->mask))
            continue;
        c->slots[i] = c->slots[j];
        i = j;
    }
    c->slots[i] = 0;
}

/* --- sessions without a flow --- */

static void waiting_add(struct correlate *c, struct correlate_session *s)
{
    uint32_t ref = session_ref(c, s);

    s->newer = 0;
    s->older = c->newest;
    if (c->newest)
        session_at(c, c->newest)->newer = ref;
    else
        c->oldest = ref;
    c->newest = ref;
}

static void waiting_remove(struct correlate *c, struct correlate_session *s)
{
    if (s->newer)
        session_at(c, s->newer)->older = s->older;
    else
        c->newest = s->older;
    if (s->older)
        session_at(c, s->older)->newer = s->newer;
    else
        c->oldest = s->newer;
}

/* One that has no flow and is in no list. */
static void session_free(struct correlate *c, struct correlate_session *s)
{
    if (!s->closed)
        c->counters->plain_sessions_active--;
    slot_remove(c, s);
    pool_put(&c->sessions, pool_index(&c->sessions, s));
}

static struct correlate_session *session_new(struct correlate *c)
{
    uint32_t index;

    if (c->sessions.used == c->sessions.capacity && c->oldest) {
        struct correlate_session *s = session_at(c, c->oldest);

        waiting_remove(c, s);
        session_free(c, s);
    }
    index = pool_get(&c->sessions);
    return index == POOL_NONE ? NULL : pool_at(&c->sessions, index);
}

/* --- texts --- */

/* Each takes what is left of the room. */
static void text_keep(struct correlate_session *s, size_t *used, struct str *text)
{
    size_t n = CORRELATE_TEXT_BYTES - *used;

    if (text->len < n)
        n = text->len;
    if (n > 0)
        memcpy(s->text + *used, text->p, n);
    *text = str_make(s->text + *used, n);
    *used += n;
}

/* The short ones first: they always fit. */
static void facts_keep(struct correlate_session *s, const struct plaintext_session *facts)
{
    struct process_facts *p = &s->facts.process;
    size_t used = 0;

    s->facts = *facts;
    text_keep(s, &used, &s->facts.library);
    text_keep(s, &used, &s->facts.method);
    text_keep(s, &used, &s->facts.hook);
    text_keep(s, &used, &p->name);
    text_keep(s, &used, &p->container);
    text_keep(s, &used, &s->facts.build_id);
    text_keep(s, &used, &p->exe);
    text_keep(s, &used, &s->facts.path);
    text_keep(s, &used, &p->cgroup);
}

/* --- joints --- */

struct correlate_joint *correlate_of(const struct correlate *c, const struct flow *f)
{
    return f->joint > 0 ? pool_at(&c->joints, f->joint - 1) : NULL;
}

/* The flow's joint, a new one if it has none; NULL: no room. */
static struct correlate_joint *joint_of(struct correlate *c, struct flow *f)
{
    struct correlate_joint *j = correlate_of(c, f);
    uint32_t index;

    if (j)
        return j;
    index = pool_get(&c->joints);
    if (index == POOL_NONE)
        return NULL;
    j = pool_at(&c->joints, index);
    memset(j, 0, sizeof *j);
    j->reader = -1;
    f->joint = index + 1;
    return j;
}

void correlate_watch(struct correlate *c, struct flow *f)
{
    if (c->joints.used < c->joints.capacity / 2)
        (void)joint_of(c, f);
}

void correlate_processes(struct correlate *c, struct flow *f, const struct frame_process told[2])
{
    struct correlate_joint *j;

    if (f->joint == 0)
        correlate_watch(c, f);
    j = correlate_of(c, f);
    for (unsigned end = 0; j && end < 2; end++)
        if (told[end].pid > 0)
            j->process[end] = told[end];
}

bool correlate_process(const struct correlate *c, const struct flow *f, unsigned end, uint32_t *pid,
                       struct str *name)
{
    const struct correlate_joint *j = correlate_of(c, f);

    if (j && j->session[end]) {
        *pid = (uint32_t)j->session[end]->facts.process.pid;
        *name = j->session[end]->facts.process.name;
    } else if (j && j->process[end].pid > 0) {
        *pid = j->process[end].pid;
        *name = str_make(j->process[end].name,
                         strnlen(j->process[end].name, sizeof j->process[end].name));
    } else {
        return false;
    }
    return true;
}

static bool session_place(struct correlate *c, struct flow *f, uint32_t flow_index, unsigned end,
                          struct correlate_session *s)
{
    struct correlate_joint *j = joint_of(c, f);

    if (!j || j->session[end])
        return false;
    j->session[end] = s;
    j->watched = true;
    s->flow = flow_index + 1;
    s->end = (uint8_t)end;
    return true;
}

struct correlate_session *correlate_join(struct correlate *c, struct flow *f, uint32_t flow_index,
                                         unsigned end, const struct plaintext_item *open)
{
    struct correlate_session *s = session_new(c);

    if (s) {
        memset(s, 0, offsetof(struct correlate_session, text));
        s->number = open->session;
        s->first_ns = s->last_ns = open->ts_ns;
        facts_keep(s, &open->open);
        if (session_place(c, f, flow_index, end, s)) {
            slot_insert(c, s);
            c->counters->plain_sessions++;
            c->counters->plain_sessions_active++;
            return s;
        }
        pool_put(&c->sessions, pool_index(&c->sessions, s));
    }
    c->counters->plain_bound++;
    return NULL;
}

bool correlate_rejoin(struct correlate *c, struct flow *f, uint32_t flow_index,
                      struct correlate_session *s)
{
    CHECK(s->flow == 0);
    if (!session_place(c, f, flow_index, s->end, s))
        return false;
    waiting_remove(c, s);
    return true;
}

void correlate_close_session(struct correlate *c, struct correlate_session *s)
{
    if (!s->closed)
        c->counters->plain_sessions_active--;
    s->closed = true;
    if (s->flow > 0)
        return;
    waiting_remove(c, s);
    session_free(c, s);
}

void correlate_detach(struct correlate *c, struct flow *f, struct correlate_session *s)
{
    struct correlate_joint *j = correlate_of(c, f);

    CHECK(j->session[s->end] == s);
    j->session[s->end] = NULL;
    s->flow = 0;
    if (s->closed) {
        session_free(c, s);
        return;
    }
    memset(s->bytes, 0, sizeof s->bytes);
    memset(s->missed, 0, sizeof s->missed);
    memset(s->calls, 0, sizeof s->calls);
    memset(&s->latency, 0, sizeof s->latency);
    waiting_add(c, s);
}

void correlate_end(struct correlate *c, struct flow *f)
{
    const struct correlate_joint *j = correlate_of(c, f);

    CHECK(!j->session[0] && !j->session[1] && j->child == 0);
    pool_put(&c->joints, f->joint - 1);
    f->joint = 0;
}

/* --- times --- */

void correlate_arrival(struct correlate *c, const struct flow *f, unsigned end, uint64_t ts_ns)
{
    struct correlate_joint *j = correlate_of(c, f);

    j->arrivals[end].ns[j->arrivals[end].n++ % CORRELATE_ARRIVALS] = ts_ns;
}

uint64_t correlate_wire_ns(const struct correlate *c, const struct flow *f, unsigned end,
                           uint64_t ts_ns, bool written)
{
    const struct correlate_joint *j = correlate_of(c, f);
    uint32_t n, kept;
    uint64_t after = 0;

    if (!j)
        return 0;
    n = j->arrivals[end].n;
    kept = n < CORRELATE_ARRIVALS ? n : CORRELATE_ARRIVALS;
    for (uint32_t i = 1; i <= kept; i++) {
        uint64_t at = j->arrivals[end].ns[(n - i) % CORRELATE_ARRIVALS];

        if (at < ts_ns || (at == ts_ns && !written))
            return written ? after : at;
        after = at;
    }
    /* What was before the oldest one kept is not known, unless that was the very first. */
    return written && kept == n ? after : 0;
}

void correlate_read(struct correlate *c, const struct flow *f, struct correlate_session *s,
                    uint64_t ts_ns)
{
    uint64_t arrived = correlate_wire_ns(c, f, !s->end, ts_ns, false);

    if (arrived == 0)
        return;
    latency_add(&s->latency, ts_ns - arrived);
    latency_add(&c->latency, ts_ns - arrived);
}

void correlate_count(struct correlate *c)
{
    struct counters *k = c->counters;
    const struct latency *l = &c->latency;

    if (k->plain_latency_n == l->n)
        return;
    k->plain_latency_n = l->n;
    k->plain_latency_min_ns = l->min_ns;
    k->plain_latency_mean_ns = latency_mean_ns(l);
    k->plain_latency_p50_ns = latency_quantile_ns(l, 0.5);
    k->plain_latency_p99_ns = latency_quantile_ns(l, 0.99);
    k->plain_latency_max_ns = l->max_ns;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* QUIC connections by the ids that their packets carry, so that a connection whose address or port
 * changes (a NAT that forgot it, RFC 9000 section 9) is known for what it is on its new path.
 *
 * A packet with a short header does not say how long its connection id is. So ids are looked up by
 * each length that is in use, longest first. What cannot be linked: a side whose packets carry an
 * empty id, as browsers have it; ids below CID_BYTES_MIN, since a random datagram would match one
 * too easily; and a client that changes its path on purpose, for it uses an id that was agreed upon
 * under encryption (RFC 9000 section 9.5).
 *
 * The flows of a connection hold it. When the last one has ended it is kept until the table is
 * full, and the one that was let go longest ago makes room: a path that is silent for minutes is
 * just what a NAT forgets. An id that two connections have belongs to the newer one, unless a flow
 * holds the older.
 *
 * The new path hashes to another worker as often as not. An id that is unknown here is asked of all
 * workers, each that knows it answers, and the answer is put into the table as a connection of
 * another worker, so that one of the next packets finds it. Random datagrams look like QUIC too, so
 * questions are few: ASKS_A_SECOND, and the same id every other second.
 *
 * A path may be a burst of packets that is over before the answer has come. So what was asked about
 * is kept as a question of its flow, which looks it up again when it ends. The newest question
 * takes the place of the oldest. */
#include "worker/learn/connections.h"

#include "common/base/check.h"
#include "common/base/clock.h"
#include "common/base/pool.h"
#include "common/base/siphash.h"
#include "worker/learn/learn_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define CID_BYTES_MIN   4u
#define CID_BYTES_MAX   CONNECTIONS_ASK_BYTES
#define IDS             4u /* of one connection: both sides', and some that came later */
#define CONNECTIONS_MAX (UINT64_C(1) << 26)
#define ASKS_A_SECOND   512u
#define ASKED_SETS      1024u
#define ASKED_WAYS      4u /* of each: of ASKS_A_SECOND in a second, hardly ever are more in one set */
#define ASKED_MARKS     (2 * ASKED_SETS * ASKED_WAYS)
#define QUESTIONS       (64 * ASKS_A_SECOND) /* longer than UDP flows are silent, as shipped */
#define QUESTION_BYTES  (1 + CONNECTIONS_ASK_BYTES)

/* Indexes are + 1, 0 is none. An id's is IDS times its connection's, and its place there. */
struct id {
    uint32_t next; /* of the same bucket */
    uint8_t len;   /* 0: free */
    uint8_t side;
    uint8_t bytes[CID_BYTES_MAX];
};

struct connection {
    struct id ids[IDS];
    uint32_t refs;
    uint32_t newer, older; /* among those that no flow holds */
    bool foreign;          /* another worker's */
    uint8_t category;      /* enum category */
    uint8_t uid_len;
    char uid[CONNECTIONS_UID_MAX];
};

/* Of one flow. */
struct question {
    uint32_t number; /* 0: none */
    bool asked[2];   /* by end */
    uint8_t datagram[2][QUESTION_BYTES];
};

struct connections {
    struct siphash_key key;
    struct counters *c;
    struct pool connections, heads_memory, questions_memory;
    uint32_t *heads;
    uint32_t mask;
    uint32_t newest, oldest;               /* that no flow holds */
    uint32_t by_length[CID_BYTES_MAX + 1]; /* ids of each length */
    bool share;
    unsigned n_asks, asks_left;                                 /* in this second */
    uint64_t second_ns, sent_ns;                                /* monotonic */
    uint8_t asks[CONNECTIONS_EVENT_MAX][CONNECTIONS_ASK_BYTES]; /* to be sent */
    uint32_t asked[2][ASKED_SETS][ASKED_WAYS]; /* beginnings of what was asked in this second and
                                                  the last; 0: free */
    unsigned this_second;                      /* which of both */
    struct question *questions;                /* number n at n % QUESTIONS */
    uint32_t last_question;                    /* its number */
};

int connections_open(struct learn *l)
{
    uint64_t capacity = l->h->options.quic_table_size;
    struct connections *t;
    uint32_t buckets = 64;
    int rc;

    if (capacity == 0)
        return 0;
    CHECK(capacity <= CONNECTIONS_MAX);
    t = l->connections = calloc(1, sizeof *t);
    if (!t)
        return -ENOMEM;
    t->c = l->c;
    t->share = l->bus && l->h->n_workers > 1;
    t->asks_left = ASKS_A_SECOND;
    if (getrandom(&t->key, sizeof t->key, 0) != (ssize_t)sizeof t->key)
        return -ENOMEM;
    while (buckets < 2 * capacity)
        buckets *= 2;
    t->mask = buckets - 1;
    if ((rc = pool_init(&t->connections, sizeof(struct connection), (uint32_t)capacity)) < 0 ||
        (rc = pool_init(&t->heads_memory, sizeof(uint32_t) * buckets, 1)) < 0 ||
        (rc = pool_init(&t->questions_memory, sizeof(struct question) * QUESTIONS, 1)) < 0)
        return rc;
    t->heads = pool_at(&t->heads_memory, pool_get(&t->heads_memory));             /* fresh: zero */
    t->questions = pool_at(&t->questions_memory, pool_get(&t->questions_memory)); /* zero as well */
    return 0;
}

void connections_close(struct learn *l)
{
    struct connections *t = l->connections;

    if (!t)
        return;
    pool_fini(&t->connections);
    pool_fini(&t->heads_memory);
    pool_fini(&t->questions_memory);
    free(t);
    l->connections = NULL;
}

/* --- ids --- */

static struct connection *connection_at(const struct connections *t, uint32_t connection)
{
    return pool_at(&t->connections, connection - 1);
}

static struct id *id_at(const struct connections *t, uint32_t id)
{
    return &connection_at(t, (id - 1) / IDS + 1)->ids[(id - 1) % IDS];
}

static uint32_t *head_of(const struct connections *t, const uint8_t *cid, size_t len)
{
    return &t->heads[siphash(&t->key, cid, len) & t->mask];
}

/* 0 if there is none. */
static uint32_t id_find(const struct connections *t, const uint8_t *cid, size_t len)
{
    for (uint32_t i = *head_of(t, cid, len); i; i = id_at(t, i)->next) {
        const struct id *id = id_at(t, i);

        if (id->len == len && memcmp(id->bytes, cid, len) == 0)
            return i;
    }
    return 0;
}

static void id_remove(struct connections *t, uint32_t index)
{
    struct id *id = id_at(t, index);
    uint32_t *link = head_of(t, id->bytes, id->len);

    while (*link != index)
        link = &id_at(t, *link)->next;
    *link = id->next;
    t->by_length[id->len]--;
    id->len = 0;
}

static bool id_add(struct connections *t, uint32_t connection, unsigned side, const uint8_t *cid,
                   size_t len)
{
    struct connection *c = connection_at(t, connection);
    uint32_t *head = head_of(t, cid, len);

    for (uint32_t i = 0; i < IDS; i++) {
        if (c->ids[i].len > 0)
            continue;
        c->ids[i].len = (uint8_t)len;
        c->ids[i].side = (uint8_t)side;
        memcpy(c->ids[i].bytes, cid, len);
        c->ids[i].next = *head;
        *head = (connection - 1) * IDS + i + 1;
        t->by_length[len]++;
        return true;
    }
    return false;
}

/* --- connections --- */

/* Out of the list of those that may go. */
static void list_remove(struct connections *t, uint32_t connection)
{
    struct connection *c = connection_at(t, connection);

    *(c->newer ? &connection_at(t, c->newer)->older : &t->newest) = c->older;
    *(c->older ? &connection_at(t, c->older)->newer : &t->oldest) = c->newer;
}

static void list_add(struct connections *t, uint32_t connection)
{
    struct connection *c = connection_at(t, connection);

    c->newer = 0;
    c->older = t->newest;
    *(t->newest ? &connection_at(t, t->newest)->newer : &t->oldest) = connection;
    t->newest = connection;
}

static void connection_hold(struct connections *t, uint32_t connection)
{
    if (connection_at(t, connection)->refs++ == 0)
        list_remove(t, connection);
}

static void connection_forget(struct connections *t, uint32_t connection)
{
    for (uint32_t i = 0; i < IDS; i++)
        if (connection_at(t, connection)->ids[i].len > 0)
            id_remove(t, (connection - 1) * IDS + i + 1);
    list_remove(t, connection);
    pool_put(&t->connections, connection - 1);
}

/* A new one that nobody holds; 0: all are held. */
static uint32_t connection_new(struct connections *t, struct str uid, bool foreign)
{
    uint32_t index;
    struct connection *c;

    if (t->connections.used == t->connections.capacity && t->oldest)
        connection_forget(t, t->oldest);
    index = pool_get(&t->connections);
    if (index == POOL_NONE) {
        t->c->learn_connections_bound++;
        return 0;
    }
    c = connection_at(t, index + 1);
    memset(c, 0, sizeof *c);
    c->foreign = foreign;
    c->uid_len = (uint8_t)(uid.len < sizeof c->uid ? uid.len : sizeof c->uid);
    memcpy(c->uid, uid.p, c->uid_len);
    list_add(t, index + 1);
    t->c->learn_connections++;
    return index + 1;
}

uint32_t learn_connection_id(struct learn *l, uint32_t connection, struct str uid, unsigned side,
                             const uint8_t *cid, size_t len)
{
    struct connections *t = l->connections;
    uint32_t known;

    CHECK(side < 2);
    if (!t || len < CID_BYTES_MIN || len > CID_BYTES_MAX)
        return connection;
    known = id_find(t, cid, len);
    if (known) {
        uint32_t owner = (known - 1) / IDS + 1;

        if (owner == connection || connection_at(t, owner)->refs > 0)
            return connection;
        id_remove(t, known);
    }
    if (connection == 0) {
        connection = connection_new(t, uid, false);
        if (connection == 0)
            return 0;
        connection_hold(t, connection);
    }
    if (!id_add(t, connection, side, cid, len))
        t->c->learn_connections_bound++;
    return connection;
}

/* By each length that it can be. 0: unknown. */
static uint32_t id_of_bytes(const struct connections *t, const uint8_t *bytes, size_t len)
{
    for (size_t n = len < CID_BYTES_MAX ? len : CID_BYTES_MAX; n >= CID_BYTES_MIN; n--) {
        uint32_t id = t->by_length[n] > 0 ? id_find(t, bytes, n) : 0;

        if (id)
            return id;
    }
    return 0;
}

/* Where the beginning of an id is noted when it is asked for. Never 0. */
static uint32_t asked_mark(const struct connections *t, const uint8_t *bytes, uint32_t *set)
{
    uint64_t hash = siphash(&t->key, bytes, CID_BYTES_MIN);

    *set = (uint32_t)hash % ASKED_SETS;
    return (uint32_t)(hash >> 32) | 1;
}

/* The place of its mark among ASKED_MARKS; ASKED_MARKS: it was not asked lately. */
static uint32_t asked_at(const struct connections *t, const uint8_t *bytes)
{
    uint32_t set, mark = asked_mark(t, bytes, &set);

    for (uint32_t i = 0; i < 2 * ASKED_WAYS; i++)
        if (t->asked[i / ASKED_WAYS][set][i % ASKED_WAYS] == mark)
            return set * 2 * ASKED_WAYS + i;
    return ASKED_MARKS;
}

static bool was_asked(const struct connections *t, const uint8_t *bytes)
{
    return asked_at(t, bytes) < ASKED_MARKS;
}

static void note_asked(struct connections *t, const uint8_t *bytes)
{
    uint32_t set, mark = asked_mark(t, bytes, &set), *ways = t->asked[t->this_second][set];
    unsigned i = 0;

    while (i < ASKED_WAYS - 1 && ways[i] != 0)
        i++;
    ways[i] = mark;
}

/* False: there are too many questions. */
static bool ask(struct connections *t, const uint8_t *bytes)
{
    if (was_asked(t, bytes))
        return true;
    if (t->asks_left == 0 || t->n_asks == CONNECTIONS_EVENT_MAX) {
        t->c->learn_connections_unasked++;
        return false;
    }
    note_asked(t, bytes);
    t->asks_left--;
    memcpy(t->asks[t->n_asks++], bytes, CONNECTIONS_ASK_BYTES);
    return true;
}

/* number > 0. NULL: closed, or another one has its place. */
static struct question *question_find(const struct connections *t, uint32_t number)
{
    struct question *q = &t->questions[number % QUESTIONS];

    return q->number == number ? q : NULL;
}

static struct question *question_new(struct connections *t)
{
    struct question *q;

    if (++t->last_question == 0)
        t->last_question = 1;
    q = &t->questions[t->last_question % QUESTIONS];
    if (q->number > 0)
        t->c->learn_connections_bound++;
    *q = (struct question){.number = t->last_question};
    return q;
}

uint32_t learn_connection_ask(struct learn *l, uint32_t question, unsigned end,
                              const uint8_t *datagram, size_t len)
{
    struct connections *t = l->connections;
    struct question *q;

    CHECK(end < 2);
    if (!t || !t->share || len < QUESTION_BYTES || !ask(t, datagram + 1))
        return question;
    q = question > 0 ? question_find(t, question) : NULL;
    if (!q)
        q = question_new(t);
    if (!q->asked[end])
        memcpy(q->datagram[end], datagram, QUESTION_BYTES);
    q->asked[end] = true;
    return q->number;
}

struct str learn_question_datagram(const struct learn *l, uint32_t question, unsigned end)
{
    const struct question *q = question > 0 ? question_find(l->connections, question) : NULL;

    CHECK(end < 2);
    return q && q->asked[end] ? str_make(q->datagram[end], QUESTION_BYTES) : STR_LIT("");
}

void learn_question_close(struct learn *l, uint32_t question)
{
    struct question *q = question > 0 ? question_find(l->connections, question) : NULL;

    if (q)
        q->number = 0;
}

/* Whether the answer may be on its way: it takes milliseconds. */
static bool question_is_open(const struct connections *t, const struct question *q)
{
    bool open = false;

    for (unsigned end = 0; end < 2 && q->number > 0; end++) {
        const uint8_t *id = q->datagram[end] + 1;

        if (!q->asked[end])
            continue;
        if (id_of_bytes(t, id, CONNECTIONS_ASK_BYTES))
            return false;
        open |= was_asked(t, id);
    }
    return open;
}

bool learn_question_is_open(const struct learn *l, uint32_t question)
{
    const struct question *q = question > 0 ? question_find(l->connections, question) : NULL;

    return q && question_is_open(l->connections, q);
}

bool learn_questions_open(const struct learn *l)
{
    const struct connections *t = l->connections;
    uint32_t i = 0;

    if (!t || !t->share)
        return false;
    while (i < QUESTIONS && !question_is_open(t, &t->questions[i]))
        i++;
    return i < QUESTIONS;
}

uint32_t learn_connection_find(struct learn *l, const uint8_t *datagram, size_t len, unsigned *side)
{
    struct connections *t = l->connections;
    uint32_t id;

    if (!t || len <= CID_BYTES_MIN)
        return 0;
    id = id_of_bytes(t, datagram + 1, len - 1);
    if (id == 0)
        return 0;
    *side = id_at(t, id)->side;
    connection_hold(t, (id - 1) / IDS + 1);
    return (id - 1) / IDS + 1;
}

struct str learn_connection_uid(const struct learn *l, uint32_t connection)
{
    const struct connection *c;

    if (connection == 0)
        return STR_LIT("");
    c = connection_at(l->connections, connection);
    return str_make(c->uid, c->uid_len);
}

void learn_connection_set_category(struct learn *l, uint32_t connection, enum category category)
{
    if (connection > 0)
        connection_at(l->connections, connection)->category = (uint8_t)category;
}

enum category learn_connection_category(const struct learn *l, uint32_t connection)
{
    return connection > 0 ? (enum category)connection_at(l->connections, connection)->category
                          : CATEGORY_unknown;
}

void learn_connection_release(struct learn *l, uint32_t connection)
{
    struct connections *t = l->connections;

    if (connection == 0)
        return;
    CHECK(connection_at(t, connection)->refs > 0);
    if (--connection_at(t, connection)->refs == 0)
        list_add(t, connection);
}

/* --- other workers --- */

struct answers {
    struct connections *t;
    struct connections_answer told[CONNECTIONS_EVENT_MAX];
    unsigned n;
};

static void on_asked(void *arg, const uint8_t *bytes)
{
    struct answers *a = arg;
    uint32_t id = id_of_bytes(a->t, bytes, CONNECTIONS_ASK_BYTES);
    const struct connection *c;

    if (id == 0 || a->n == CONNECTIONS_EVENT_MAX)
        return;
    c = connection_at(a->t, (id - 1) / IDS + 1);
    if (c->foreign)
        return; /* its own worker answers */
    a->told[a->n++] = (struct connections_answer){
        str_make(id_at(a->t, id)->bytes, id_at(a->t, id)->len), str_make(c->uid, c->uid_len),
        id_at(a->t, id)->side, (enum category)c->category};
}

/* Only what was asked here is of use here. */
static void on_told(void *arg, const struct connections_answer *told)
{
    struct connections *t = ((struct answers *)arg)->t;
    const uint8_t *cid = (const uint8_t *)told->cid.p;
    uint32_t connection;

    if (told->cid.len < CID_BYTES_MIN || !was_asked(t, cid) || id_find(t, cid, told->cid.len))
        return;
    connection = connection_new(t, told->uid, true);
    if (connection == 0)
        return;
    connection_at(t, connection)->category = (uint8_t)told->category;
    id_add(t, connection, told->side, cid, told->cid.len);
}

bool connections_event(struct learn *l, const uint8_t *body, size_t len)
{
    uint8_t event[CONNECTIONS_EVENT_BYTES];
    struct answers answers;
    bool good;

    if (!l->connections)
        return true;
    answers.t = l->connections;
    answers.n = 0;
    good = connections_event_read(body, len,
                                  &(struct connections_event_takers){on_asked, on_told, &answers});
    if (answers.n > 0)
        learn_publish(l, "connections", event,
                      connections_event_write(event, NULL, 0, answers.told, answers.n));
    return good;
}

/* What was gathered. */
static void publish_asks(struct learn *l)
{
    struct connections *t = l->connections;
    uint8_t event[CONNECTIONS_EVENT_BYTES];

    if (t->n_asks == 0)
        return;
    learn_publish(l, "connections", event,
                  connections_event_write(event, t->asks, t->n_asks, NULL, 0));
    t->n_asks = 0;
}

/* again: those of which it was done already. */
static void ask_again(struct learn *l, const struct question *q, bool again[ASKED_MARKS])
{
    struct connections *t = l->connections;

    for (unsigned end = 0; end < 2; end++) {
        const uint8_t *id = q->datagram[end] + 1;
        uint32_t at = q->asked[end] ? asked_at(t, id) : ASKED_MARKS;

        if (at == ASKED_MARKS || again[at])
            continue;
        again[at] = true;
        if (t->n_asks == CONNECTIONS_EVENT_MAX)
            publish_asks(l);
        memcpy(t->asks[t->n_asks++], id, CONNECTIONS_ASK_BYTES);
    }
}

void connections_ask_again(struct learn *l)
{
    struct connections *t = l->connections;
    bool again[ASKED_MARKS] = {0};

    if (!t || !t->share)
        return;
    t->n_asks = 0; /* of all that is open, also what was not sent yet */
    for (uint32_t i = 0; i < QUESTIONS; i++)
        if (question_is_open(t, &t->questions[i]))
            ask_again(l, &t->questions[i], again);
    publish_asks(l);
}

/* The first question after a quiet while goes at once; in busy times one message a pace carries
 * what was gathered, since each wakes every other worker. */
void connections_run(struct learn *l, uint64_t packet_ns, uint64_t mono_ns)
{
    struct connections *t = l->connections;

    (void)packet_ns;
    if (!t || !t->share)
        return;
    if (t->n_asks > 0 && (l->due || mono_ns >= connections_deadline_ns(l))) {
        publish_asks(l);
        t->sent_ns = mono_ns;
    }
    if (mono_ns - t->second_ns < NS_PER_SEC)
        return;
    t->second_ns = mono_ns;
    t->asks_left = ASKS_A_SECOND;
    t->this_second = !t->this_second;
    memset(t->asked[t->this_second], 0, sizeof t->asked[0]);
}

uint64_t connections_deadline_ns(const struct learn *l)
{
    const struct connections *t = l->connections;

    if (!t || t->n_asks == 0)
        return UINT64_MAX;
    return t->n_asks == CONNECTIONS_EVENT_MAX ? 0 : t->sent_ns + LEARN_PACE_NS;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Notices are few, a hundred in a second at most from a worker: a ring of the last ones, one of
 * each worker about the same, looked through from its youngest on, is all that this takes. */
#include "logger/notice_filter.h"

#include "common/ipc/heritage.h"
#include "common/ipc/record_reader.h"
#include "common/schema/notice.h"

#include <stdlib.h>
#include <string.h>

#define NOTE_MAX  64u
#define ADDR_MAX  16u
#define LAST_READ RECORD_notice_suppress_for

struct raised {
    char note[NOTE_MAX];
    uint8_t addr[2][1 + ADDR_MAX]; /* source and target, each behind its length */
    char node[HERITAGE_NODE_MAX];  /* that raised it */
    uint64_t ts_ns;                /* last */
};

struct notice_filter {
    struct raised ring[NOTICE_FILTER_MAX];
    uint32_t next, n;
};

struct notice_filter *notice_filter_new(void)
{
    return calloc(1, sizeof(struct notice_filter));
}

void notice_filter_free(struct notice_filter *f)
{
    free(f);
}

/* The values up to LAST_READ of a record that was checked. */
static void read_values(struct cursor *c, struct value v[LAST_READ + 1])
{
    struct value element;
    uint32_t n;

    (void)record_reader_begin(c, &n);
    for (uint32_t i = 0; i <= LAST_READ; i++) {
        (void)record_reader_any(c, &v[i]);
        for (uint32_t k = 0; v[i].kind == VALUE_ARRAY && k < v[i].n; k++)
            (void)record_reader_any(c, &element);
    }
}

static bool put_text(char *to, size_t room, struct str s)
{
    if (s.len == 0 || s.len >= room)
        return false;
    memcpy(to, s.p, s.len);
    return true;
}

static bool put_addr(uint8_t to[1 + ADDR_MAX], const struct value *v)
{
    if (v->kind != VALUE_BYTES)
        return false;
    to[0] = (uint8_t)v->bytes.len;
    memcpy(to + 1, v->bytes.p, v->bytes.len);
    return true;
}

/* What is said of a process has more of it in its identity than the record has. */
static bool is_of_process(struct str note)
{
    return str_equal(note, str_of(notice_schemas[NOTICE_UNHOOKED_TLS].name));
}

/* False if it is not one that two workers raise. */
static bool identify(struct raised *r, const struct value *v, struct str node)
{
    bool source, target;

    memset(r, 0, sizeof *r);
    if (v[RECORD_notice_ts].kind != VALUE_UINT || v[RECORD_notice_note].kind != VALUE_BYTES ||
        is_of_process(v[RECORD_notice_note].bytes))
        return false;
    r->ts_ns = v[RECORD_notice_ts].u;
    source = put_addr(r->addr[0], &v[RECORD_notice_src]);
    target = put_addr(r->addr[1], &v[RECORD_notice_dst]);
    return (source || target) && put_text(r->note, NOTE_MAX, v[RECORD_notice_note].bytes) &&
           put_text(r->node, sizeof r->node, node);
}

static bool is_same(const struct raised *a, const struct raised *b)
{
    return memcmp(a->addr, b->addr, sizeof a->addr) == 0 &&
           memcmp(a->note, b->note, sizeof a->note) == 0;
}

static void add(struct notice_filter *f, const struct raised *r)
{
    f->ring[f->next] = *r;
    f->next = (f->next + 1) % NOTICE_FILTER_MAX;
    if (f->n < NOTICE_FILTER_MAX)
        f->n++;
}

/* Workers are not equally far: the one that is behind tells of an earlier time. */
static uint64_t apart_ns(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

static bool is_repeated(struct notice_filter *f, const struct value *v, struct str node)
{
    const struct value *suppress = &v[RECORD_notice_suppress_for];
    uint64_t suppress_ns = suppress->kind == VALUE_UINT ? suppress->u : 0;
    struct raised r, *own = NULL;

    if (!identify(&r, v, node))
        return false;
    for (uint32_t i = 1; i <= f->n; i++) {
        struct raised *e = &f->ring[(f->next + NOTICE_FILTER_MAX - i) % NOTICE_FILTER_MAX];

        if (!is_same(e, &r))
            continue;
        if (strcmp(e->node, r.node) == 0)
            own = e;
        else if (apart_ns(e->ts_ns, r.ts_ns) < suppress_ns)
            return true;
    }
    if (own)
        memset(own, 0, sizeof *own); /* it is the youngest now */
    add(f, &r);
    return false;
}

static bool is_whole(const struct spool_batch *b, const uint8_t *records)
{
    struct cursor c = cursor_init(records, b->bytes);

    for (uint32_t i = 0; i < b->count; i++)
        if (record_reader_check(&c, RECORD_notice) < 0)
            return false;
    return cursor_left(&c) == 0;
}

uint32_t notice_filter_batch(struct notice_filter *f, struct str node, struct spool_batch *b,
                             uint8_t *records)
{
    struct cursor c = cursor_init(records, b->bytes);
    uint32_t n = b->count, repeated = 0;
    uint8_t *to = records;

    if (!is_whole(b, records))
        return 0;
    for (uint32_t i = 0; i < n; i++) {
        struct cursor values = c;
        struct value v[LAST_READ + 1];
        const uint8_t *record = c.p;

        (void)record_reader_check(&c, RECORD_notice);
        read_values(&values, v);
        if (is_repeated(f, v, node)) {
            repeated++;
        } else {
            memmove(to, record, (size_t)(c.p - record));
            to += c.p - record;
        }
    }
    b->bytes = (size_t)(to - records);
    b->count -= repeated;
    return repeated;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* A worker that has read all asks the others what it still wants to know, and nobody answers a
 * question that he cannot. To know when enough was waited it asks for a sign as well: messages of
 * one worker are passed on in order, so who gives the sign has answered what was asked before it,
 * and his answers have come before his sign.
 *
 * Who has just begun does not hear it: the bus has not told yet that he listens. And who is still
 * to read what the answer is in has none. In a replay that is short both are common, so there
 * nobody gives a sign before he has read all, who waits asks again until all have, and nobody
 * leaves before all others have what they wanted.
 *
 * Who has ended gives none. In a replay each ends at its own time, and says so. A worker that was
 * killed does not, so who waits has a bound of his own. */
#include "worker/learn/learn_private.h"

#include "common/base/check.h"
#include "common/base/pack.h"
#include "common/ipc/record_reader.h"

#include <errno.h>
#include <stdlib.h>

#define FIELDS      4u
#define EVENT_BYTES (1 + FIELDS * PACK_SCALAR_BYTES)

enum sign {
    SIGN_ASKED, /* from wants a sign of all others */
    SIGN_GIVEN, /* from gives it to `to` */
    SIGN_DONE,  /* from wants no more */
    SIGN_LEFT,  /* from gives no more, nor wants any */
    SIGNS
};

struct fence {
    bool all_read, done;                /* by this worker */
    uint32_t number;                    /* of the last time that signs were asked for */
    bool missing[HERITAGE_WORKERS_MAX]; /* no sign of that number yet */
    bool left[HERITAGE_WORKERS_MAX], wants_none[HERITAGE_WORKERS_MAX];
};

int fence_open(struct learn *l)
{
    if (!l->bus || l->h->n_workers == 1)
        return 0;
    l->fence = calloc(1, sizeof *l->fence);
    return l->fence ? 0 : -ENOMEM;
}

static void publish(struct learn *l, enum sign sign, uint32_t to, uint32_t number)
{
    uint8_t body[EVENT_BYTES], *p = pack_array(body, FIELDS);

    p = pack_uint(p, sign);
    p = pack_uint(p, l->h->worker_index);
    p = pack_uint(p, to);
    p = pack_uint(p, number);
    learn_publish(l, "fence", body, (size_t)(p - body));
}

void fence_close(struct learn *l)
{
    if (l->fence && l->h->one_shot)
        publish(l, SIGN_LEFT, 0, 0);
    free(l->fence);
    l->fence = NULL;
}

void learn_all_read(struct learn *l)
{
    if (l->fence)
        l->fence->all_read = true;
}

void learn_fence_raise(struct learn *l)
{
    struct fence *f = l->fence;

    if (!f)
        return;
    f->number++;
    for (uint32_t i = 0; i < l->h->n_workers; i++)
        f->missing[i] = i != l->h->worker_index && !f->left[i];
    learn_fence_ask(l);
}

void learn_fence_ask(struct learn *l)
{
    if (!l->fence)
        return;
    connections_ask_again(l); /* before it, so that the sign is for these questions too */
    publish(l, SIGN_ASKED, 0, l->fence->number);
}

bool learn_fence_stands(const struct learn *l)
{
    uint32_t i = 0;

    if (!l->fence)
        return false;
    while (i < l->h->n_workers && !l->fence->missing[i])
        i++;
    return i < l->h->n_workers;
}

void learn_done(struct learn *l)
{
    if (!l->fence)
        return;
    l->fence->done = true;
    publish(l, SIGN_DONE, 0, 0);
}

bool learn_is_wanted(const struct learn *l)
{
    uint32_t i = 0;

    if (!l->fence)
        return false;
    while (i < l->h->n_workers && (i == l->h->worker_index || l->fence->wants_none[i]))
        i++;
    return i < l->h->n_workers;
}

static void leave(struct fence *f, uint32_t from)
{
    f->left[from] = f->wants_none[from] = true;
    f->missing[from] = false;
}

static void answer(struct learn *l, uint32_t to, uint32_t number)
{
    if (!l->h->one_shot || l->fence->all_read)
        publish(l, SIGN_GIVEN, to, number);
    if (l->fence->done)
        publish(l, SIGN_DONE, 0, 0);
}

bool fence_event(struct learn *l, const uint8_t *body, size_t len)
{
    struct cursor c = cursor_init(body, len);
    struct fence *f = l->fence;
    uint64_t sign, from, to, number;

    if (record_reader_expect(&c, VALUE_ARRAY).n != FIELDS)
        return false;
    sign = record_reader_expect(&c, VALUE_UINT).u;
    from = record_reader_expect(&c, VALUE_UINT).u;
    to = record_reader_expect(&c, VALUE_UINT).u;
    number = record_reader_expect(&c, VALUE_UINT).u;
    if (!cursor_ok(&c) || cursor_left(&c) > 0 || sign >= SIGNS || from >= l->h->n_workers ||
        number > UINT32_MAX)
        return false;
    if (!f)
        return true;
    if (sign == SIGN_ASKED)
        answer(l, (uint32_t)from, (uint32_t)number);
    else if (sign == SIGN_DONE)
        f->wants_none[from] = true;
    else if (sign == SIGN_LEFT)
        leave(f, (uint32_t)from);
    else if (to == l->h->worker_index && number == f->number)
        f->missing[from] = false;
    return true;
}

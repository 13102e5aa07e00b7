/* SPDX-License-Identifier: BSD-3-Clause */
/* A message that was begun is never lost to a full queue: it waits here, and further items are
 * refused until it has gone. So whoever adds an item knows at once whether it will arrive, and what
 * is lost is the newest, which the offsets tell of. */
#include "worker/probe/outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void outbox_fini(struct outbox *o)
{
    for (unsigned i = 0; i < HERITAGE_WORKERS_MAX; i++)
        free(o->message[i].body);
}

/* It is gone, one way or the other. */
static void message_end(struct outbox_message *m, uint64_t *counter)
{
    *counter += m->data_bytes;
    m->len = 0;
    m->data_bytes = 0;
}

/* 0 if it is empty now; else -EAGAIN, or -ENOENT where nobody has come yet. */
static int message_send(struct outbox *o, unsigned worker)
{
    struct outbox_message *m = &o->message[worker];
    int err;

    if (m->len == 0)
        return 0;
    err = o->send(o->user, o->heritage->workers[worker], m->body, m->len);
    if (err == -EAGAIN || (err == -ENOENT && !m->met))
        return err;
    message_end(m, err < 0 ? &o->c->probe_queue_bytes : &o->c->probe_sent_bytes);
    return 0;
}

bool outbox_add(struct outbox *o, unsigned worker, const struct plaintext_item *item)
{
    struct outbox_message *m = &o->message[worker];

    if (!m->body)
        m->body = malloc(PLAINTEXT_MESSAGE_BYTES_MAX);
    if (!m->body)
        return false;
    while (!plaintext_encode(m->body, PLAINTEXT_MESSAGE_BYTES_MAX, &m->len, item))
        if (message_send(o, worker) < 0)
            return false;
    if (item->type == PLAINTEXT_DATA)
        m->data_bytes += item->data.bytes.len;
    return true;
}

bool outbox_flush(struct outbox *o)
{
    bool again = false;

    for (unsigned i = 0; i < o->heritage->n_workers; i++)
        again |= message_send(o, i) == -EAGAIN;
    return again;
}

bool outbox_arrival(struct outbox *o, const char *node, unsigned *worker)
{
    unsigned i = 0;

    while (i < o->heritage->n_workers && strcmp(o->heritage->workers[i], node) != 0)
        i++;
    if (i == o->heritage->n_workers)
        return false;
    *worker = i;
    if (!o->message[i].met) {
        o->message[i].met = true;
        return false;
    }
    message_end(&o->message[i], &o->c->probe_queue_bytes);
    return true;
}

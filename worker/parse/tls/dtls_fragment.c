/* SPDX-License-Identifier: BSD-3-Clause */
/* A message is put together in a buffer of its full length, and a short list of ranges says what of
 * it is there. Most messages never come here: what lies whole in one record is read in place.
 *
 * When a third message begins while two are unfinished, the one with the lower number gives way:
 * its missing piece was lost on the way to here, or it will come again with all the others. */
#include "worker/parse/tls/dtls_fragment.h"

#include <string.h>

bool dtls_fragment_is_known(const struct dtls_fragments *f, const struct dtls_fragment *piece)
{
    return f->seen[piece->seq] == piece->type + 1;
}

void dtls_fragment_done(struct dtls_fragments *f, const struct dtls_fragment *piece)
{
    f->seen[piece->seq] = (uint8_t)(piece->type + 1);
}

void dtls_fragment_release(struct dtls_message *m, struct bufpool *bufs)
{
    if (m->p)
        bufpool_put(bufs, m->p, m->capacity);
    m->p = NULL;
}

/* A piece that contradicts what came of its message before starts the message anew. */
static struct dtls_message *message_find(struct dtls_fragments *f, struct bufpool *bufs,
                                         const struct dtls_fragment *piece)
{
    struct dtls_message *m, *victim = &f->open[0];

    for (unsigned i = 0; i < DTLS_OPEN_MAX; i++) {
        m = &f->open[i];
        if (m->p && m->seq == piece->seq && m->type == piece->type && m->len == piece->message_len)
            return m;
        if (victim->p && (!m->p || m->seq < victim->seq))
            victim = m;
    }
    if (bufpool_is_tight(bufs))
        return NULL;
    dtls_fragment_release(victim, bufs);
    *victim =
        (struct dtls_message){.len = piece->message_len, .seq = piece->seq, .type = piece->type};
    victim->p = bufpool_get(bufs, piece->message_len, &victim->capacity);
    return victim->p ? victim : NULL;
}

/* Adds [from, to) and melts it together with what it touches. False if it would be one range too
 * many. */
static bool range_add(struct dtls_message *m, uint32_t from, uint32_t to)
{
    struct dtls_range *r = m->ranges;
    unsigned first = 0, last;

    while (first < m->n_ranges && r[first].to < from)
        first++;
    for (last = first; last < m->n_ranges && r[last].from <= to; last++) {
        from = r[last].from < from ? r[last].from : from;
        to = r[last].to > to ? r[last].to : to;
    }
    if (first == last && m->n_ranges == DTLS_RANGES_MAX)
        return false;
    /* One range takes the place of those from first to last, of which there may be none. */
    memmove(&r[first + 1], &r[last], (m->n_ranges - last) * sizeof *r);
    m->n_ranges = (uint8_t)(m->n_ranges + 1 - (last - first));
    r[first] = (struct dtls_range){from, to};
    return true;
}

struct dtls_message *dtls_fragment_add(struct dtls_fragments *f, struct bufpool *bufs,
                                       const struct dtls_fragment *piece, bool *refused)
{
    struct dtls_message *m = message_find(f, bufs, piece);

    *refused = !m || !range_add(m, piece->at, piece->at + piece->len);
    if (*refused)
        return NULL;
    memcpy(m->p + piece->at, piece->data, piece->len);
    return m->n_ranges == 1 && m->ranges[0].from == 0 && m->ranges[0].to == m->len ? m : NULL;
}

void dtls_fragment_fini(struct dtls_fragments *f, struct bufpool *bufs)
{
    for (unsigned i = 0; i < DTLS_OPEN_MAX; i++)
        dtls_fragment_release(&f->open[i], bufs);
}

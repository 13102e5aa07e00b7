/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages lie one behind the other in one ring of memory, as they came; items are read straight
 * out of it. A message is never cut at the ring's end: what is left there is skipped. The memory is
 * mapped whole and touched only as far as messages ever reached, since the ring begins anew
 * whenever it is empty.
 *
 * Items leave in the order in which they came, so one that happened late holds those behind it.
 * None can have happened after its message was taken here, unless the clock was set back: then the
 * time of taking counts, or all plaintext would wait for the old time to come again. */
#include "worker/plaintext/plaintext.h"

#include "common/base/check.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/ipc/plaintext_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* In front of each message. */
struct head {
    uint64_t taken_ns; /* wall clock */
    uint32_t len;      /* of the message; SKIP: the next one is at the ring's beginning */
    uint32_t pad;
};

#define SKIP UINT32_MAX

struct plaintext_input {
    struct plaintext_socket *socket;
    struct counters *counters;
    uint8_t *ring;
    size_t bytes;    /* of it */
    size_t at, next; /* where the oldest message begins, where the next one will */
    uint64_t messages;
    struct plaintext_reader reader; /* of the oldest message, if begun */
    bool begun;
    bool peeked; /* item was read and not yet given */
    struct plaintext_item item;
};

static size_t room_for(size_t len)
{
    return sizeof(struct head) + (len + 7) / 8 * 8;
}

int plaintext_input_open(struct plaintext_input **out, const struct heritage *h, struct counters *c)
{
    struct plaintext_input *p = *out = calloc(1, sizeof *p);
    int rc;

    if (!p)
        return -ENOMEM;
    p->counters = c;
    c->plain_held_bytes = 0;
    p->bytes = h->options.plaintext_memory / 8 * 8;
    p->ring = mmap(NULL, p->bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p->ring == MAP_FAILED) {
        p->ring = NULL;
        log_error("cannot map %zu bytes for plaintext: lower plaintext_memory", p->bytes);
        return -ENOMEM;
    }
    rc = plaintext_socket_connect(&p->socket, h->run_dir, h->node);
    return rc;
}

void plaintext_input_close(struct plaintext_input *p)
{
    if (!p)
        return;
    if (p->socket)
        plaintext_socket_close(p->socket);
    if (p->ring)
        munmap(p->ring, p->bytes);
    free(p);
}

int plaintext_input_fd(const struct plaintext_input *p)
{
    return plaintext_socket_fd(p->socket);
}

static struct head *head_at(const struct plaintext_input *p, size_t at)
{
    return (struct head *)(void *)(p->ring + at);
}

/* Where a message of that length can lie; false if the memory is full. A head always fits behind
 * the last message, to say that the next one is elsewhere. */
static bool place(struct plaintext_input *p, size_t len, size_t *where)
{
    size_t need = room_for(len) + sizeof(struct head);

    if (p->messages == 0)
        p->at = p->next = 0;
    *where = p->next;
    if (p->messages > 0 && p->next <= p->at)
        return need <= p->at - p->next;
    if (need <= p->bytes - p->next)
        return true;
    if (need > p->at)
        return false;
    if (p->messages > 0)
        head_at(p, p->next)->len = SKIP;
    *where = 0;
    return true;
}

static void message_keep(struct plaintext_input *p, const uint8_t *body, size_t len,
                         uint64_t now_ns)
{
    size_t where;

    if (len > PLAINTEXT_MESSAGE_BYTES_MAX || !place(p, len, &where)) {
        p->counters->plain_overrun_bytes += len;
        return;
    }
    *head_at(p, where) = (struct head){.taken_ns = now_ns, .len = (uint32_t)len};
    memcpy(p->ring + where + sizeof(struct head), body, len);
    p->next = where + room_for(len);
    p->messages++;
    p->counters->plain_held_bytes += len;
}

void plaintext_input_receive(struct plaintext_input *p)
{
    const uint8_t *body;
    size_t len;

    while (plaintext_socket_receive(p->socket, &body, &len)) {
        p->counters->plain_messages++;
        message_keep(p, body, len, clock_wall_ns());
    }
}

static void message_drop(struct plaintext_input *p)
{
    const struct head *h = head_at(p, p->at);

    p->counters->plain_held_bytes -= h->len;
    p->at += room_for(h->len);
    p->messages--;
    p->begun = false;
}

/* The oldest item, into p->item; false if there is none. */
static bool peek(struct plaintext_input *p)
{
    while (!p->peeked && p->messages > 0) {
        int rc = 0;

        if (!p->begun) {
            if (head_at(p, p->at)->len == SKIP)
                p->at = 0;
            rc = plaintext_reader_init(&p->reader, p->ring + p->at + sizeof(struct head),
                                       head_at(p, p->at)->len);
            p->begun = true;
        }
        if (rc == 0)
            rc = plaintext_read(&p->reader, &p->item);
        if (rc < 0)
            p->counters->plain_bad++;
        if (rc > 0)
            p->peeked = true;
        else
            message_drop(p);
    }
    return p->peeked;
}

static uint64_t happened_ns(const struct plaintext_input *p)
{
    uint64_t taken = head_at(p, p->at)->taken_ns;

    return p->item.ts_ns < taken ? p->item.ts_ns : taken;
}

bool plaintext_input_next(struct plaintext_input *p, uint64_t until_ns, struct plaintext_item *item)
{
    if (!peek(p) || happened_ns(p) > until_ns)
        return false;
    *item = p->item;
    p->peeked = false;
    return true;
}

uint64_t plaintext_input_oldest_ns(struct plaintext_input *p)
{
    return peek(p) ? happened_ns(p) : UINT64_MAX;
}

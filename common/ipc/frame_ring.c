/* SPDX-License-Identifier: BSD-3-Clause */
/* Blocks are numbered from 0 on. The reader counts those that it has published, each worker those
 * that it has given back, and the differences say everything: nobody writes a word that another one
 * writes. Which slot of memory block n lies in, the reader writes down before it publishes: of the
 * free ones it takes the one that was used last, so that as little memory is in use as those who
 * are behind need, and a cache has it.
 *
 * Who finds nothing to do says so in its `waits`, looks once more, and sleeps; who makes something
 * to do looks for that word afterwards. With both in one total order one of them sees the other, so
 * no wake-up is lost. The reader is woken only when half of the ring is free, and a worker when
 * half of it has something to take or the reader is about to sleep: to fall asleep and to be woken
 * costs as much as hundreds of frames, and where there are fewer cores than processes one waits for
 * the other anyway.
 *
 * The turn to fill is a word with the worker's number, and everything that a turn leaves is in the
 * block that it published: whoever comes after a worker that died in its turn finds the ring as it
 * was before.
 *
 * In memory: the control words, then the blocks, each of them a head, a list of frames for each
 * worker, and the bytes. The lists are as long as the smallest frames would need; what of them is
 * not used is never touched, and takes no memory. Lists go from one core's cache to another's, so
 * an entry has only what tells where the frame lies and whose it is; the rest stands in front of
 * the frame, in the line that its headers are in anyway. */
#include "common/ipc/frame_ring.h"

#include "common/base/check.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define LINE_BYTES 64
#define PAGE_BYTES (64u * 1024) /* or a whole number of smaller ones */
#define SLOTS      FRAME_RING_BLOCKS_IN_TURN

_Static_assert(SLOTS <= 64, "a word has a bit for each");
_Static_assert(FRAME_RING_BLOCKS <= SLOTS, "so many there are");

struct frame_ring_worker {
    _Alignas(LINE_BYTES) atomic_uint done;
    atomic_uint waits;
    atomic_uint gone;
};

struct frame_ring_control {
    _Alignas(LINE_BYTES) atomic_uint published;
    atomic_uint ended;
    atomic_uint turn; /* 1 + the worker that has it, 0: nobody */
    _Alignas(LINE_BYTES) atomic_uint reader_waits;
    atomic_uint reader_until; /* blocks given back, by each worker, that it waits for */
    struct frame_ring_worker worker[HERITAGE_WORKERS_MAX];
    _Alignas(LINE_BYTES) atomic_uchar slot[SLOTS]; /* of block n at n mod SLOTS */
};

/* Where a frame lies, and in the topmost bit whether it is hashed. */
struct frame_ring_entry {
    uint32_t at;
    uint32_t hash;
};

#define HASHED (UINT32_C(1) << 31)

/* In front of a frame, not aligned. */
struct frame_head {
    uint64_t ts_ns;
    uint32_t wirelen;
    uint32_t caplen : 20;
    uint32_t linktype : 12; /* larger ones than fit are as unknown as LINKTYPE_NONE */
};

#define LINKTYPE_NONE 0xfffu

_Static_assert(sizeof(struct frame_head) == FRAME_RING_HEAD_BYTES, "as promised");
_Static_assert(FRAME_RING_DATA_BYTES <= 1u << 20, "a frame's length fits");

struct frame_ring_block {
    uint64_t last_ns;
    struct frame_ring_place place; /* after it */
    uint32_t filler;               /* in turn: the worker that filled it */
    uint32_t n_of[HERITAGE_WORKERS_MAX];
    _Alignas(LINE_BYTES) struct frame_ring_entry lists[]; /* FRAME_RING_FRAMES_MAX a worker */
};

static size_t pages(size_t bytes)
{
    return (bytes + PAGE_BYTES - 1) & ~(size_t)(PAGE_BYTES - 1);
}

/* Behind the lists and room for the first frame's head. */
static size_t data_offset(uint32_t n_workers)
{
    return pages(sizeof(struct frame_ring_block) +
                 (size_t)n_workers * FRAME_RING_FRAMES_MAX * sizeof(struct frame_ring_entry) +
                 FRAME_RING_HEAD_BYTES);
}

static size_t block_bytes(uint32_t n_workers)
{
    return data_offset(n_workers) + FRAME_RING_DATA_BYTES;
}

size_t frame_ring_bytes(uint32_t n_workers)
{
    return pages(sizeof(struct frame_ring_control)) + SLOTS * block_bytes(n_workers);
}

static uint32_t slot_of(const struct frame_ring *r, uint32_t number)
{
    return atomic_load_explicit(&r->control->slot[number % SLOTS], memory_order_relaxed) % SLOTS;
}

static struct frame_ring_block *block_in(const struct frame_ring *r, uint32_t slot)
{
    return (void *)(r->blocks + slot * r->block_bytes);
}

static struct frame_ring_block *block_at(const struct frame_ring *r, uint32_t number)
{
    return block_in(r, slot_of(r, number));
}

static struct frame_ring_entry *list_of(struct frame_ring_block *b, uint32_t worker)
{
    return b->lists + (size_t)worker * FRAME_RING_FRAMES_MAX;
}

static uint8_t *data_of(const struct frame_ring *r, const struct frame_ring_block *b)
{
    return r->blocks + ((const uint8_t *)b - r->blocks) + data_offset(r->n_workers);
}

int frame_ring_open(struct frame_ring *r, int memory_fd, uint32_t n_workers,
                    enum frame_ring_role role)
{
    size_t control = pages(sizeof(struct frame_ring_control));
    uint8_t *all;

    CHECK(n_workers > 0 && n_workers <= HERITAGE_WORKERS_MAX);
    *r = (struct frame_ring){.n_workers = n_workers,
                             .role = role,
                             .ahead_max = role == FRAME_RING_IN_TURN ? FRAME_RING_BLOCKS_IN_TURN
                                                                     : FRAME_RING_BLOCKS,
                             .block_bytes = block_bytes(n_workers),
                             .reader_fd = -1};
    for (uint32_t i = 0; i < HERITAGE_WORKERS_MAX; i++)
        r->worker_fds[i] = -1;
    all = heritage_map(memory_fd, frame_ring_bytes(n_workers));
    if (!all)
        return -errno;
    r->control = (void *)all;
    r->blocks = all + control;
    if (role == FRAME_RING_WORKER && mprotect(r->blocks, SLOTS * r->block_bytes, PROT_READ) < 0) {
        int err = -errno;

        frame_ring_close(r);
        return err;
    }
    return 0;
}

void frame_ring_close(struct frame_ring *r)
{
    if (r->control)
        munmap(r->control, frame_ring_bytes(r->n_workers));
    r->control = NULL;
}

/* A full counter means that it is awake already. */
static void wake(int fd)
{
    const uint64_t one = 1;

    if (fd >= 0)
        while (write(fd, &one, sizeof one) < 0 && errno == EINTR)
            ;
}

/* but: not this one; n_workers: all. */
static void wake_all(const struct frame_ring *r, uint32_t but)
{
    for (uint32_t i = 0; i < r->n_workers; i++)
        if (i != but)
            wake(r->worker_fds[i]);
}

void frame_ring_woken(int fd)
{
    uint64_t count;

    while (read(fd, &count, sizeof count) < 0 && errno == EINTR)
        ;
}

/* Blocks that the worker furthest behind has still to give back. A count that cannot be is of a
 * worker that went wrong: nobody waits for it. */
static uint32_t blocks_in_use(const struct frame_ring *r)
{
    uint32_t published = atomic_load(&r->control->published), most = 0;

    for (uint32_t i = 0; i < r->n_workers; i++) {
        uint32_t used = published - atomic_load(&r->control->worker[i].done);

        if (!atomic_load(&r->control->worker[i].gone) && used <= SLOTS && used > most)
            most = used;
    }
    return most;
}

/* Of the free slots the one that this process has filled last, or else anybody: its memory is still
 * in a cache. The newest block stays, also when all have done with it: from its place the file is
 * read on. */
static uint32_t slot_choose(const struct frame_ring *r, uint32_t published, uint32_t in_use)
{
    uint32_t back, keep = in_use > 0 ? in_use : 1, anybody = SLOTS;
    uint64_t kept = 0;

    for (back = 1; back <= keep && back <= published; back++)
        kept |= UINT64_C(1) << slot_of(r, published - back);
    for (; back < SLOTS && back <= published; back++) {
        uint32_t slot = slot_of(r, published - back);

        if (kept >> slot & 1)
            continue;
        if (block_in(r, slot)->filler == r->turn_of)
            return slot;
        if (anybody == SLOTS)
            anybody = slot;
    }
    return anybody < SLOTS ? anybody : (uint32_t)__builtin_ctzll(~kept);
}

static void begin_block(struct frame_ring *r, uint32_t published, uint32_t in_use)
{
    uint32_t slot = slot_choose(r, published, in_use);

    atomic_store_explicit(&r->control->slot[published % SLOTS], (unsigned char)slot,
                          memory_order_relaxed);
    r->filling = block_in(r, slot);
    r->filling->filler = r->turn_of;
    r->n_frames = 0;
    memset(r->n_of, 0, r->n_workers * sizeof r->n_of[0]);
}

uint8_t *frame_ring_take(struct frame_ring *r)
{
    struct frame_ring_control *c = r->control;
    uint32_t published = atomic_load(&c->published), in_use = blocks_in_use(r);

    if (!r->filling && in_use >= r->ahead_max) {
        atomic_store(&c->reader_until, published - r->ahead_max / 2);
        atomic_store(&c->reader_waits, 1);
        in_use = blocks_in_use(r);
        if (in_use >= r->ahead_max)
            return NULL;
        atomic_store(&c->reader_waits, 0);
    }
    if (!r->filling)
        begin_block(r, published, in_use);
    return data_of(r, r->filling);
}

/* Writes the frame's head. Returns its entry in a list. */
static inline struct frame_ring_entry put(struct frame_ring *r, const struct frame_ring_frame *f)
{
    struct frame_head head = {.ts_ns = f->ts_ns,
                              .wirelen = f->wirelen,
                              .caplen = f->caplen & (FRAME_RING_DATA_BYTES - 1),
                              .linktype = f->linktype < LINKTYPE_NONE ? f->linktype & LINKTYPE_NONE
                                                                      : LINKTYPE_NONE};

    CHECK(r->filling && r->n_frames < FRAME_RING_FRAMES_MAX);
    memcpy(data_of(r, r->filling) + f->offset - sizeof head, &head, sizeof head);
    r->filling->last_ns = f->ts_ns;
    r->n_frames++;
    return (struct frame_ring_entry){f->offset | (f->hashed ? HASHED : 0), f->hash};
}

void frame_ring_add(struct frame_ring *r, const struct frame_ring_frame *f, uint32_t owner)
{
    struct frame_ring_entry e = put(r, f);

    CHECK(owner < r->n_workers);
    list_of(r->filling, owner)[r->n_of[owner]++] = e;
}

void frame_ring_add_to_all(struct frame_ring *r, const struct frame_ring_frame *f)
{
    struct frame_ring_entry e = put(r, f);

    for (uint32_t i = 0; i < r->n_workers; i++)
        list_of(r->filling, i)[r->n_of[i]++] = e;
}

uint32_t frame_ring_filled(const struct frame_ring *r)
{
    return r->filling ? r->n_frames : 0;
}

/* Those that wait and have at least so many blocks to take. */
static void wake_workers(struct frame_ring *r, uint32_t published, uint32_t blocks)
{
    for (uint32_t i = 0; i < r->n_workers; i++) {
        struct frame_ring_worker *w = &r->control->worker[i];

        if (atomic_load(&w->waits) && published - atomic_load(&w->done) >= blocks &&
            atomic_exchange(&w->waits, 0))
            wake(r->worker_fds[i]);
    }
}

static void publish(struct frame_ring *r, uint32_t wake_blocks)
{
    uint32_t published;

    memcpy(r->filling->n_of, r->n_of, r->n_workers * sizeof r->n_of[0]);
    published = atomic_fetch_add(&r->control->published, 1) + 1;
    r->filling = NULL;
    wake_workers(r, published, wake_blocks);
}

void frame_ring_publish(struct frame_ring *r)
{
    if (frame_ring_filled(r) > 0)
        publish(r, FRAME_RING_WAKE_BLOCKS);
}

static bool is_ended(const struct frame_ring *r)
{
    return atomic_load(&r->control->ended) != 0;
}

static void turn_release(struct frame_ring *r, uint32_t worker)
{
    unsigned held = worker + 1;

    atomic_compare_exchange_strong(&r->control->turn, &held, 0);
}

bool frame_ring_turn(struct frame_ring *r, uint32_t worker, struct frame_ring_place *place)
{
    unsigned nobody = 0;
    uint32_t published;

    CHECK(r->role == FRAME_RING_IN_TURN && worker < r->n_workers && !r->filling);
    if (is_ended(r) || !atomic_compare_exchange_strong(&r->control->turn, &nobody, worker + 1))
        return false;
    published = atomic_load(&r->control->published);
    *place = (struct frame_ring_place){0};
    if (published > 0) /* the first block is not filled again before it has a successor */
        *place = block_at(r, published - 1)->place;
    r->turn_of = worker;
    if (is_ended(r) || !frame_ring_take(r)) {
        turn_release(r, worker);
        return false;
    }
    if (published > 0)
        r->filling->last_ns = block_at(r, published - 1)->last_ns;
    return true;
}

void frame_ring_end(struct frame_ring *r)
{
    atomic_store(&r->control->ended, 1);
    wake_all(r, r->n_workers);
}

void frame_ring_turn_end(struct frame_ring *r, const struct frame_ring_place *place, bool last)
{
    CHECK(r->role == FRAME_RING_IN_TURN && r->filling);
    r->filling->place = *place;
    publish(r, 1);
    if (last)
        frame_ring_end(r);
    turn_release(r, r->turn_of);
}

void frame_ring_rest(struct frame_ring *r)
{
    wake_workers(r, atomic_load(&r->control->published), 1);
}

void frame_ring_leave(struct frame_ring *r, uint32_t worker)
{
    CHECK(worker < r->n_workers);
    atomic_store(&r->control->worker[worker].gone, 1);
    turn_release(r, worker);
    wake(r->reader_fd);
    wake_all(r, worker); /* it may have died between taking a worker for awake and waking it */
}

uint32_t frame_ring_present(const struct frame_ring *r)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < r->n_workers; i++)
        n += !atomic_load(&r->control->worker[i].gone);
    return n;
}

uint32_t frame_ring_ahead(const struct frame_ring *r, uint32_t worker)
{
    return atomic_load(&r->control->published) - atomic_load(&r->control->worker[worker].done);
}

/* Blocks that are there for this worker; 0 sets *ended if none will come. The end is read first:
 * all was published before it. */
static uint32_t blocks_waiting(const struct frame_ring *r, uint32_t worker, bool *ended)
{
    *ended = is_ended(r);
    return frame_ring_ahead(r, worker);
}

int frame_ring_next(struct frame_ring *r, uint32_t worker, struct frame_ring_list *out)
{
    struct frame_ring_control *c = r->control;
    bool ended;
    uint32_t n = blocks_waiting(r, worker, &ended);
    struct frame_ring_block *b;

    if (n == 0 && !ended) {
        atomic_store(&c->worker[worker].waits, 1);
        n = blocks_waiting(r, worker, &ended);
        if (n == 0 && !ended)
            return 0;
        atomic_store(&c->worker[worker].waits, 0);
    }
    if (n == 0)
        return -ENODATA;
    if (n > SLOTS)
        return -EPROTO;
    b = block_at(r, atomic_load(&c->worker[worker].done));
    *out = (struct frame_ring_list){.block = b,
                                    .entries = list_of(b, worker),
                                    .n = *(volatile uint32_t *)&b->n_of[worker],
                                    .last_ns = b->last_ns};
    return out->n <= FRAME_RING_FRAMES_MAX ? 1 : -EPROTO;
}

static uint32_t offset_of(uint32_t at)
{
    return at & (FRAME_RING_DATA_BYTES - 1);
}

void frame_ring_prefetch(const struct frame_ring *r, const struct frame_ring_list *list, uint32_t i)
{
    const uint8_t *head;

    if (i >= list->n)
        return;
    head = data_of(r, list->block) + offset_of(list->entries[i].at) - FRAME_RING_HEAD_BYTES;
    __builtin_prefetch(head);
    __builtin_prefetch(head + LINE_BYTES);
}

bool frame_ring_frame(const struct frame_ring *r, const struct frame_ring_list *list, uint32_t i,
                      struct frame_ring_frame *out, const uint8_t **data)
{
    struct frame_ring_entry e;
    struct frame_head head;

    CHECK(i < list->n);
    memcpy(&e, &list->entries[i], sizeof e);
    *data = data_of(r, list->block) + offset_of(e.at);
    memcpy(&head, *data - sizeof head, sizeof head);
    __asm__ volatile("" ::: "memory"); /* the copies are what is checked, and not read again */
    *out = (struct frame_ring_frame){.ts_ns = head.ts_ns,
                                     .offset = offset_of(e.at),
                                     .caplen = head.caplen,
                                     .wirelen = head.wirelen,
                                     .hash = e.hash,
                                     .linktype = head.linktype,
                                     .hashed = e.at & HASHED};
    return head.caplen <= FRAME_RING_DATA_BYTES - out->offset;
}

void frame_ring_give_back(struct frame_ring *r, uint32_t worker)
{
    struct frame_ring_control *c = r->control;
    uint32_t done = atomic_fetch_add(&c->worker[worker].done, 1) + 1;

    if (!atomic_load(&c->reader_waits) || (int32_t)(done - atomic_load(&c->reader_until)) < 0 ||
        !atomic_exchange(&c->reader_waits, 0))
        return;
    if (r->role == FRAME_RING_IN_TURN)
        wake_workers(r, atomic_load(&c->published), 0);
    else
        wake(r->reader_fd);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Two tables that go by least use: images by file, and processes with the numbers of their images.
 * An image stays when its last process has gone, hooked as it is, because the next one (the next
 * curl) would be seen too late; it goes when the room is wanted for another, or its hooks hold what
 * others want to be rid of (hooking.c). A process's entry
 * stays after its end, because questions about its sockets come then. */
#include "worker/probe/images.h"

#include "common/base/check.h"
#include "worker/probe/lru.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct process {
    bool ended;
    bool watched; /* it was told of as one that has a hooked image */
    uint8_t n;
    uint16_t image[IMAGES_A_PROCESS];
};

struct images {
    struct lru by_file, by_pid;
    struct process *processes;
    uint32_t watched;                 /* live processes with a hooked image */
    struct image *images[IMAGES_MAX]; /* by number; NULL: free */
};

_Static_assert(IMAGES_MAX <= UINT16_MAX, "an image's number fits the cookie");

struct images *images_new(void)
{
    struct images *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->processes = calloc(IMAGES_PROCESSES, sizeof *s->processes);
    if (!s->processes || lru_init(&s->by_file, IMAGES_MAX) < 0 ||
        lru_init(&s->by_pid, IMAGES_PROCESSES) < 0) {
        images_free(s);
        return NULL;
    }
    return s;
}

void images_free(struct images *s)
{
    if (!s)
        return;
    for (unsigned i = 0; i < IMAGES_MAX; i++)
        free(s->images[i]);
    free(s->processes);
    lru_fini(&s->by_file);
    lru_fini(&s->by_pid);
    free(s);
}

/* Two files with one key are possible, and the second then is not found. */
static uint64_t file_key(uint64_t device, uint64_t inode)
{
    return device * UINT64_C(0x100000001b3) ^ inode;
}

struct image *images_find(struct images *s, uint64_t device, uint64_t inode)
{
    uint32_t at = lru_find(&s->by_file, file_key(device, inode));
    struct image *i = at == LRU_NONE ? NULL : s->images[at];

    if (!i || i->device != device || i->inode != inode)
        return NULL;
    return s->images[i->same_as];
}

/* Rare enough to look through all. */
struct image *images_find_same(struct images *s, const char *build_id, uint64_t bytes,
                               uint64_t inode)
{
    for (unsigned n = 0; n < s->by_file.fresh; n++) {
        struct image *i = s->images[n];

        if (i && i->same_as == n && i->inode == inode && i->bytes == bytes && i->build_id[0] &&
            strcmp(i->build_id, build_id) == 0)
            return i;
    }
    return NULL;
}

void images_remove(struct images *s, struct image *i)
{
    uint16_t number = i->number;

    lru_remove(&s->by_file, number);
    s->images[number] = NULL;
    free(i);
    for (unsigned n = 0; n < s->by_file.fresh; n++)
        if (s->images[n] && s->images[n]->same_as == number)
            images_remove(s, s->images[n]);
}

/* The one that was not asked for longest of those that no process has mapped now; those that have
 * one become the newest on the way. */
struct image *images_unused(struct images *s)
{
    for (uint32_t n = 0; s->by_file.n == IMAGES_MAX && n < IMAGES_MAX; n++) {
        uint32_t at = lru_oldest(&s->by_file);

        if (s->images[at]->processes == 0)
            return s->images[at];
        (void)lru_find(&s->by_file, lru_key(&s->by_file, at));
    }
    return NULL;
}

struct image *images_add(struct images *s, uint64_t device, uint64_t inode)
{
    struct image *i = s->by_file.n < IMAGES_MAX ? calloc(1, sizeof *i) : NULL;
    uint32_t at;

    if (!i)
        return NULL;
    at = lru_insert(&s->by_file, file_key(device, inode));
    CHECK(at != LRU_NONE);
    s->images[at] = i;
    i->number = i->same_as = (uint16_t)at;
    i->device = device;
    i->inode = inode;
    i->handle = -1;
    return i;
}

void images_describe(struct image *i, const char *library, const char *hook, const char *path,
                     const char *build_id)
{
    snprintf(i->path, sizeof i->path, "%s", path);
    snprintf(i->build_id, sizeof i->build_id, "%s", build_id);
    i->session = (struct session_image){library, i->path, i->build_id, hook};
}

struct image *images_at(struct images *s, uint16_t number)
{
    return number < IMAGES_MAX ? s->images[number] : NULL;
}

static struct process *process_find(struct images *s, pid_t pid)
{
    uint32_t at = lru_find(&s->by_pid, (uint64_t)pid);

    return at == LRU_NONE ? NULL : &s->processes[at];
}

static bool process_hooked(const struct images *s, const struct process *p)
{
    for (unsigned n = 0; n < p->n; n++)
        if (s->images[p->image[n]] && s->images[p->image[n]]->handle >= 0)
            return true;
    return false;
}

/* Its images have one process less. */
static bool process_end(struct images *s, struct process *p)
{
    if (p->ended)
        return false;
    p->ended = true;
    s->watched -= p->watched;
    for (unsigned n = 0; n < p->n; n++)
        if (s->images[p->image[n]])
            s->images[p->image[n]]->processes--;
    return p->watched;
}

/* The one that was not asked for longest of those that have ended, or if all live, of these: an
 * image without a process loses its hooks. Those that live become the newest on the way. */
static uint32_t process_oldest(struct images *s)
{
    for (uint32_t n = 0; n < s->by_pid.n; n++) {
        uint32_t at = lru_oldest(&s->by_pid);

        if (s->processes[at].ended)
            return at;
        (void)lru_find(&s->by_pid, lru_key(&s->by_pid, at));
    }
    return lru_oldest(&s->by_pid);
}

/* Emptied, as of a process that has just begun. */
static struct process *process_new(struct images *s, pid_t pid)
{
    uint32_t at = lru_find(&s->by_pid, (uint64_t)pid);

    if (at == LRU_NONE && s->by_pid.n == IMAGES_PROCESSES) {
        uint32_t oldest = process_oldest(s);

        process_end(s, &s->processes[oldest]);
        lru_remove(&s->by_pid, oldest);
    }
    if (at == LRU_NONE)
        at = lru_insert(&s->by_pid, (uint64_t)pid);
    else
        process_end(s, &s->processes[at]);
    s->processes[at] = (struct process){0};
    return &s->processes[at];
}

bool images_map(struct images *s, pid_t pid, struct image *i)
{
    struct process *p = process_find(s, pid);
    unsigned n = 0;

    if (!p || p->ended)
        p = process_new(s, pid);
    while (n < p->n && p->image[n] != i->number)
        n++;
    if (n == IMAGES_A_PROCESS)
        return false;
    if (n == p->n) {
        p->image[p->n++] = i->number;
        i->processes++;
        i->idle = 0;
    }
    if (p->watched || i->handle < 0)
        return false;
    p->watched = true;
    s->watched++;
    return true;
}

bool images_fork(struct images *s, pid_t parent, pid_t pid)
{
    const struct process *from = process_find(s, parent);
    struct process copy, *p;

    if (!from || from->ended)
        return false;
    copy = *from;
    p = process_new(s, pid);
    *p = copy;
    for (unsigned n = 0; n < p->n; n++)
        if (s->images[p->image[n]])
            s->images[p->image[n]]->processes++;
    s->watched += p->watched;
    return p->watched;
}

bool images_exit(struct images *s, pid_t pid)
{
    struct process *p = process_find(s, pid);

    return p && process_end(s, p);
}

bool images_exec(struct images *s, pid_t pid)
{
    struct process *p = process_find(s, pid);
    bool hooked = p && process_end(s, p);

    if (p)
        *p = (struct process){0};
    return hooked;
}

bool images_hooked(struct images *s, pid_t pid)
{
    const struct process *p = process_find(s, pid);

    return p && process_hooked(s, p);
}

const struct image *images_missed(struct images *s, pid_t pid)
{
    const struct process *p = process_find(s, pid);

    for (unsigned n = 0; p && n < p->n; n++)
        if (s->images[p->image[n]] && s->images[p->image[n]]->missed)
            return s->images[p->image[n]];
    return NULL;
}

uint32_t images_processes(const struct images *s)
{
    return s->watched;
}

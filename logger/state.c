/* SPDX-License-Identifier: BSD-3-Clause */
/* Two slots, of which the one with the higher generation and a right checksum is what is committed.
 * A commit fills the other one, checksum included, and then stores its new generation. Killed
 * before that store, the process leaves a slot whose old generation loses (and whose checksum, made
 * for the new one, is wrong); killed after it, a complete one. The kernel keeps the mapped pages
 * when the process dies, so nothing needs to be synced, and a commit is no system call.
 *
 * The receiver's order is: write(2) to the files, commit, acknowledge. Killed after the write, the
 * files are longer than committed: they are cut back, and the batches, not acknowledged, come
 * again. Killed after the commit, the batches come again, too, and are known by their numbers.
 *
 * A power cut or a crash of the kernel is another matter: files and state lose what was not yet on
 * the disk, each by itself, and the workers' spools, which are memory, are gone. So lengths of an
 * earlier boot mean nothing. They are ignored, and the files are kept as the file system gives them
 * back: some of the last records may be missing, the last line may be cut, none is there twice.
 *
 * A logger outlives a killed manager for as long as its last work takes, and the next manager's
 * logger may begin meanwhile. Whoever has the state locked has the logs; the other one waits. */
#include "logger/state.h"

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/schema/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#define STATE_MAGIC UINT64_C(0x53504c4c4f473031) /* "SPLLOG01" */
#define BOOT_ID_MAX 40

struct state_slot {
    uint64_t generation; /* 0: never committed */
    uint64_t checksum;   /* of the generation and of what follows, so far as it is used */
    struct sink_lengths lengths;
    uint64_t n_nodes;
    struct state_node nodes[STATE_NODES];
};

struct state_file {
    uint64_t magic;
    uint64_t layout; /* folder, form and fields of the logs */
    char boot_id[BOOT_ID_MAX];
    struct state_slot slots[2];
};

struct state {
    struct state_file *file;
    int fd;                /* holds the lock; -1: in memory only */
    struct state_slot now; /* working copy; its generation is the committed one */
    struct sink_lengths found;
    bool resumed;
};

static uint64_t hash_bytes(uint64_t h, const void *data, size_t n)
{
    const uint8_t *p = data;

    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * UINT64_C(0x100000001b3);
    return h;
}

static uint64_t hash_text(uint64_t h, const char *s)
{
    return hash_bytes(h, s, strlen(s) + 1);
}

static uint64_t slot_checksum(const struct state_slot *s, uint64_t generation)
{
    size_t from = offsetof(struct state_slot, lengths);
    size_t n = offsetof(struct state_slot, nodes) + s->n_nodes * sizeof s->nodes[0] - from;
    uint64_t h = UINT64_C(0xcbf29ce484222325) ^ generation;

    for (size_t i = 0; i < n; i += sizeof(uint64_t)) {
        uint64_t word;

        memcpy(&word, (const char *)s + from + i, sizeof word);
        h = (h ^ word) * UINT64_C(0x100000001b3);
        h ^= h >> 29;
    }
    return h;
}

static bool slot_valid(const struct state_slot *s)
{
    return s->generation > 0 && s->n_nodes <= STATE_NODES &&
           s->checksum == slot_checksum(s, s->generation);
}

/* Files written by one layout cannot be gone on with by another. */
static uint64_t layout_of(const struct heritage *h)
{
    uint64_t sum = hash_text(UINT64_C(0xcbf29ce484222325), h->log_dir);

    sum = hash_bytes(sum, &h->options.log_format, sizeof h->options.log_format);
    sum = hash_bytes(sum, &h->options.format, sizeof h->options.format);
    sum = hash_bytes(sum, &h->one_shot, sizeof h->one_shot);
    return sum ^ record_schemas_sum();
}

/* Identifies the running kernel's boot; empty where there is no /proc. */
static void read_boot_id(char out[BOOT_ID_MAX])
{
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

    memset(out, 0, BOOT_ID_MAX);
    if (fd < 0)
        return;
    if (read(fd, out, BOOT_ID_MAX - 1) < 0)
        out[0] = '\0';
    close(fd);
}

/* 0 or -errno. Signals end the process, as they would later. */
static int lock(int fd, const char *path)
{
    int rc = flock(fd, LOCK_EX | LOCK_NB);

    if (rc < 0 && errno == EWOULDBLOCK) {
        log_info("waiting for the logger of an earlier manager to end: it still has %s", path);
        do
            rc = flock(fd, LOCK_EX);
        while (rc < 0 && errno == EINTR);
    }
    return rc < 0 ? -errno : 0;
}

/* posix_fallocate, because a store into a hole of a full disk would be a SIGBUS. 0 or -errno. */
static int map_shared(struct state *s)
{
    int rc = -posix_fallocate(s->fd, 0, (off_t)sizeof *s->file);
    void *p;

    if (rc < 0)
        return rc;
    p = mmap(NULL, sizeof *s->file, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
    if (p == MAP_FAILED)
        return -errno;
    s->file = p;
    return 0;
}

/* 0 or -errno; s->fd and s->file are what has come about. */
static int map_path(struct state *s, const char *path)
{
    int rc;

    if (path[0] == '\0') {
        void *p =
            mmap(NULL, sizeof *s->file, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        s->file = p == MAP_FAILED ? NULL : p;
        return s->file ? 0 : -errno;
    }
    s->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    rc = s->fd < 0 ? -errno : lock(s->fd, path);
    return rc < 0 ? rc : map_shared(s);
}

/* Takes over the committed slot, or begins anew. */
static void load(struct state *s, uint64_t layout)
{
    struct state_file *f = s->file;
    const struct state_slot *best = NULL;
    char boot_id[BOOT_ID_MAX];

    read_boot_id(boot_id);
    if (f->magic == STATE_MAGIC && f->layout == layout &&
        memcmp(f->boot_id, boot_id, BOOT_ID_MAX) == 0) {
        for (unsigned i = 0; i < 2; i++)
            if (slot_valid(&f->slots[i]) && (!best || f->slots[i].generation > best->generation))
                best = &f->slots[i];
    }
    if (best) {
        s->now = *best;
        s->found = best->lengths;
        s->resumed = true;
        return;
    }
    __atomic_store_n(&f->magic, 0, __ATOMIC_RELEASE);
    memset(f->slots, 0, sizeof f->slots);
    f->layout = layout;
    memcpy(f->boot_id, boot_id, BOOT_ID_MAX);
    __atomic_store_n(&f->magic, STATE_MAGIC, __ATOMIC_RELEASE);
}

int state_open(struct state **out, const struct heritage *h)
{
    struct state *s = calloc(1, sizeof *s);
    int rc;

    if (!s)
        return -ENOMEM;
    s->fd = -1;
    rc = map_path(s, h->state_path);
    if (rc < 0) {
        log_error("cannot open the state file %s: %s", h->state_path, strerror(-rc));
        state_close(s);
        return rc;
    }
    CHECK(s->file);
    load(s, layout_of(h));
    *out = s;
    return 0;
}

void state_close(struct state *s)
{
    if (s->file)
        munmap(s->file, sizeof *s->file);
    if (s->fd >= 0)
        close(s->fd);
    free(s);
}

const struct sink_lengths *state_committed(const struct state *s)
{
    return s->resumed ? &s->found : NULL;
}

struct state_node *state_at(struct state *s, uint32_t index)
{
    CHECK(index < s->now.n_nodes);
    return &s->now.nodes[index];
}

static uint32_t oldest_node(const struct state *s)
{
    uint32_t oldest = 0;

    for (uint32_t i = 1; i < STATE_NODES; i++)
        if (s->now.nodes[i].used < s->now.nodes[oldest].used)
            oldest = i;
    return oldest;
}

uint32_t state_node(struct state *s, struct str name, uint64_t epoch, uint64_t begin, bool *fresh)
{
    struct state_node *n;
    uint32_t i;

    CHECK(name.len > 0 && name.len < HERITAGE_NODE_MAX);
    for (i = 0; i < s->now.n_nodes; i++) {
        n = &s->now.nodes[i];
        if (n->epoch == epoch && str_equal(name, str_of(n->name)))
            break;
    }
    *fresh = i == s->now.n_nodes;
    if (*fresh) {
        if (i == STATE_NODES)
            i = oldest_node(s);
        else
            s->now.n_nodes++;
        n = &s->now.nodes[i];
        memset(n, 0, sizeof *n);
        memcpy(n->name, name.p, name.len);
        n->epoch = epoch;
        n->seq = begin;
    }
    s->now.nodes[i].used = s->now.generation + 1;
    return i;
}

void state_fill(struct state *s, const struct sink_lengths *lengths)
{
    uint64_t next = s->now.generation + 1;
    struct state_slot *slot = &s->file->slots[next & 1];

    s->now.lengths = *lengths;
    slot->lengths = s->now.lengths;
    slot->n_nodes = s->now.n_nodes;
    memcpy(slot->nodes, s->now.nodes, s->now.n_nodes * sizeof slot->nodes[0]);
    slot->checksum = slot_checksum(slot, next);
}

void state_commit(struct state *s, const struct sink_lengths *lengths)
{
    uint64_t next = s->now.generation + 1;

    state_fill(s, lengths);
    __atomic_store_n(&s->file->slots[next & 1].generation, next, __ATOMIC_RELEASE);
    s->now.generation = next;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/probe/perf.h"

#include "common/base/check.h"
#include "common/base/cursor.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define RING_BYTES   (512u * 1024)
#define RECORD_MAX   (PERF_PATH_MAX + 256u)
#define HEADER_BYTES 8u
#define TIME_BYTES   8u /* what sample_id_all appends to each record */

struct ring {
    int fd;
    struct perf_event_mmap_page *page;
    const uint8_t *data;
};

struct perf {
    unsigned n;
    size_t page_bytes;
    struct ring ring[PERF_CPUS_MAX];
    uint8_t record[RECORD_MAX];
};

static int ring_open(struct ring *r, int cpu, size_t page_bytes)
{
    struct perf_event_attr attr = {
        .size = sizeof(attr),
        .type = PERF_TYPE_SOFTWARE,
        .config = PERF_COUNT_SW_DUMMY,
        .sample_type = PERF_SAMPLE_TIME,
        .mmap = 1,
        .mmap2 = 1,
        .comm = 1,
        .comm_exec = 1,
        .task = 1,
        .sample_id_all = 1,
        .use_clockid = 1,
        .clockid = CLOCK_MONOTONIC,
        .watermark = 1,
        .wakeup_watermark = 1,
    };
    void *m;

    r->fd = (int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
    if (r->fd < 0)
        return -errno;
    m = mmap(NULL, page_bytes + RING_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
    if (m == MAP_FAILED) {
        int err = -errno;

        close(r->fd);
        return err;
    }
    r->page = m;
    r->data = (const uint8_t *)m + page_bytes;
    return 0;
}

int perf_open(struct perf **out)
{
    long cpus = sysconf(_SC_NPROCESSORS_CONF);
    struct perf *p = calloc(1, sizeof(*p));
    int err = -ENODEV;

    if (!p)
        return -ENOMEM;
    p->page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    for (int cpu = 0; cpu < cpus && p->n < PERF_CPUS_MAX; cpu++) {
        err = ring_open(&p->ring[p->n], cpu, p->page_bytes);
        if (err == 0)
            p->n++;
        else if (err != -ENODEV) /* which is a CPU that is off */
            break;
    }
    if (err < 0 && (err != -ENODEV || p->n == 0)) {
        perf_close(p);
        return err;
    }
    *out = p;
    return 0;
}

void perf_close(struct perf *p)
{
    for (unsigned i = 0; i < p->n; i++) {
        munmap(p->ring[i].page, p->page_bytes + RING_BYTES);
        close(p->ring[i].fd);
    }
    free(p);
}

int perf_fds(const struct perf *p, int *fds, unsigned max)
{
    unsigned n = 0;

    for (; n < p->n && n < max; n++)
        fds[n] = p->ring[n].fd;
    return (int)n;
}

/* Copies bytes of the ring, which may go round its end. */
static void ring_copy(const struct ring *r, uint64_t at, void *out, size_t n)
{
    size_t start = (size_t)(at % RING_BYTES), first = RING_BYTES - start;

    if (first > n)
        first = n;
    memcpy(out, r->data + start, first);
    memcpy((uint8_t *)out + first, r->data, n - first);
}

/* Size of the record at the ring's tail, and its time; 0 if there is none. */
static size_t ring_peek(const struct ring *r, uint64_t *time_ns)
{
    uint64_t head = __atomic_load_n(&r->page->data_head, __ATOMIC_ACQUIRE);
    uint64_t tail = r->page->data_tail;
    struct perf_event_header h;

    if (head == tail)
        return 0;
    ring_copy(r, tail, &h, sizeof(h));
    CHECK(h.size >= HEADER_BYTES + TIME_BYTES && h.size <= head - tail);
    ring_copy(r, tail + h.size - TIME_BYTES, time_ns, TIME_BYTES);
    return h.size;
}

/* linux/perf_event.h, PERF_RECORD_MMAP2. */
static bool map_read(struct perf_event *out, struct cursor c)
{
    uint64_t bytes;
    size_t len;

    out->kind = PERF_MAP;
    out->pid = (pid_t)cursor_le32(&c);
    cursor_skip(&c, 4); /* thread */
    out->start = cursor_le64(&c);
    bytes = cursor_le64(&c);
    out->end = out->start + bytes;
    cursor_skip(&c, 8 + 4 + 4); /* offset, device */
    out->inode = cursor_le64(&c);
    cursor_skip(&c, 8 + 4 + 4); /* generation, protection, flags */
    len = strnlen((const char *)c.p, cursor_left(&c));
    if (!cursor_ok(&c) || len >= sizeof(out->path))
        return false;
    memcpy(out->path, c.p, len);
    out->path[len] = '\0';
    return out->inode != 0 && out->path[0] == '/';
}

/* PERF_RECORD_FORK and _EXIT; of the threads, only the first stands for the process. */
static bool task_read(struct perf_event *out, struct cursor c, enum perf_kind kind)
{
    uint32_t tid;

    out->kind = kind;
    out->pid = (pid_t)cursor_le32(&c);
    out->parent = (pid_t)cursor_le32(&c);
    tid = cursor_le32(&c);
    return tid == (uint32_t)out->pid;
}

/* PERF_RECORD_COMM. */
static bool exec_read(struct perf_event *out, struct cursor c)
{
    out->kind = PERF_EXEC;
    out->pid = (pid_t)cursor_le32(&c);
    cursor_skip(&c, 4); /* thread */
    snprintf(out->name, sizeof(out->name), "%.*s", (int)cursor_left(&c), (const char *)c.p);
    return cursor_ok(&c) && out->pid > 0;
}

static bool record_read(const uint8_t *record, size_t bytes, struct perf_event *out)
{
    struct perf_event_header h;
    struct cursor c = cursor_init(record, bytes - TIME_BYTES);

    memcpy(&h, record, sizeof(h));
    cursor_skip(&c, HEADER_BYTES);
    switch (h.type) {
    case PERF_RECORD_MMAP2:
        return map_read(out, c) && out->pid > 0;
    case PERF_RECORD_FORK:
        return task_read(out, c, PERF_FORK) && out->pid > 0;
    case PERF_RECORD_EXIT:
        return task_read(out, c, PERF_EXIT) && out->pid > 0;
    case PERF_RECORD_COMM:
        return exec_read(out, c) && (h.misc & PERF_RECORD_MISC_COMM_EXEC);
    case PERF_RECORD_LOST:
        out->kind = PERF_LOST;
        cursor_skip(&c, 8); /* id */
        out->lost = cursor_le64(&c);
        return true;
    default:
        return false;
    }
}

/* The ring with the oldest record up to now_ns; NULL if there is none. */
static struct ring *ring_oldest(struct perf *p, uint64_t now_ns, size_t *bytes)
{
    struct ring *oldest = NULL;

    for (unsigned i = 0; i < p->n; i++) {
        uint64_t time_ns = 0;
        size_t n = ring_peek(&p->ring[i], &time_ns);

        if (n == 0 || time_ns > now_ns)
            continue;
        oldest = &p->ring[i];
        now_ns = time_ns;
        *bytes = n;
    }
    return oldest;
}

bool perf_next(struct perf *p, uint64_t now_ns, struct perf_event *out)
{
    size_t bytes = 0;

    for (struct ring *r; (r = ring_oldest(p, now_ns, &bytes));) {
        bool readable = bytes <= sizeof(p->record);

        if (readable)
            ring_copy(r, r->page->data_tail, p->record, bytes);
        __atomic_store_n(&r->page->data_tail, r->page->data_tail + bytes, __ATOMIC_RELEASE);
        if (readable && record_read(p->record, bytes, out))
            return true;
    }
    return false;
}

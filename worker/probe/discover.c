/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernel tells of mappings from when its events are opened; what was there before, and what it
 * could not tell of because a ring was full, is found by reading /proc/PID/maps of all processes, a
 * few a call.
 *
 * A file is looked at through /proc/PID/map_files: that link leads to what is mapped, also when it
 * has been deleted, replaced, or lies in another mount namespace. The path that the process used is
 * the second choice, for mappings that were split or joined since.
 *
 * A device and an inode number do not name a file for ever: the number is given out again after a
 * deletion, and content may be replaced in place. So times of birth and change and the size are
 * compared, too, each time that something is mapped. */
#include "worker/probe/discover.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "worker/probe/perf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define SETS        4096u
#define WAYS        8u
#define PIDS_MAX    (1u << 22) /* the most that the kernel allows */
#define EVENTS_RUN  256u       /* events taken by one call */
#define SCAN_RUN    16u        /* processes read by one call */
#define STARTING    64u        /* processes between exec and their first mapping */
#define SCAN_GAP_NS NS_PER_SEC
#define SCAN_ALONE  (3 * NS_PER_SEC) /* where there are no events */

/* A file that was reported. */
struct seen {
    uint64_t device, inode, bytes;
    int64_t born_ns, changed_ns;
    uint64_t used; /* when, in reports; 0: free */
};

/* Of processes, by number. */
struct pid_set {
    uint64_t bits[PIDS_MAX / 64];
};

struct discover {
    struct discover_ops ops;
    void *user;
    struct counters *counters;
    struct perf *perf; /* NULL: only scans */
    DIR *scan;         /* of /proc; NULL: none under way */
    bool scan_wanted;
    uint64_t scan_after_ns; /* not before */
    uint64_t reports;
    struct pid_set reported; /* processes that are reported and have not ended */
    struct pid_set present;  /* of them, what the scan under way has found, or begun since */
    struct {
        pid_t pid; /* 0: none */
        char name[PERF_NAME_MAX];
    } starting[STARTING]; /* by process */
    struct perf_event event;
    struct seen seen[SETS][WAYS];
};

static void pid_add(struct pid_set *s, pid_t pid)
{
    s->bits[(uint32_t)pid % PIDS_MAX / 64] |= UINT64_C(1) << ((uint32_t)pid % 64);
}

static void pid_remove(struct pid_set *s, pid_t pid)
{
    s->bits[(uint32_t)pid % PIDS_MAX / 64] &= ~(UINT64_C(1) << ((uint32_t)pid % 64));
}

int discover_open(struct discover **out, const struct discover_ops *ops, void *user,
                  struct counters *c)
{
    struct discover *d = calloc(1, sizeof(*d));
    int err;

    if (!d) {
        log_error("no memory for the table of executable files");
        return -ENOMEM;
    }
    d->ops = *ops;
    d->user = user;
    d->counters = c;
    d->scan_wanted = true;
    err = perf_open(&d->perf);
    if (err < 0)
        log_warn("the kernel does not tell of new programs (perf_event_open: %s): looking through "
                 "/proc every %u s, what is shorter may be missed; allow CAP_PERFMON",
                 strerror(-err), (unsigned)(SCAN_ALONE / NS_PER_SEC));
    *out = d;
    return 0;
}

void discover_close(struct discover *d)
{
    if (d->perf)
        perf_close(d->perf);
    if (d->scan)
        closedir(d->scan);
    free(d);
}

int discover_fds(const struct discover *d, int fds[DISCOVER_FDS_MAX])
{
    return d->perf ? perf_fds(d->perf, fds, DISCOVER_FDS_MAX) : 0;
}

static int64_t stamp_ns(const struct statx_timestamp *t)
{
    return t->tv_sec * (int64_t)NS_PER_SEC + t->tv_nsec;
}

/* The WAYS places that a file may have. */
static struct seen *seen_set(struct discover *d, uint64_t device, uint64_t inode)
{
    uint64_t hash = (inode ^ device << 40) * UINT64_C(0x9e3779b97f4a7c15);

    return d->seen[(hash >> 32) % SETS];
}

void discover_forget(struct discover *d, uint64_t device, uint64_t inode)
{
    struct seen *set = seen_set(d, device, inode);

    for (unsigned i = 0; i < WAYS; i++)
        if (set[i].device == device && set[i].inode == inode)
            set[i].used = 0;
}

/* Remembers a file. True if it was not there. */
static bool seen_add(struct discover *d, const struct statx *s)
{
    uint64_t device = makedev(s->stx_dev_major, s->stx_dev_minor);
    struct seen *set = seen_set(d, device, s->stx_ino), *oldest = set;
    struct seen new = {device,
                       s->stx_ino,
                       s->stx_size,
                       s->stx_mask & STATX_BTIME ? stamp_ns(&s->stx_btime) : 0,
                       stamp_ns(&s->stx_mtime),
                       ++d->reports};

    for (unsigned i = 0; i < WAYS; i++) {
        if (set[i].used != 0 && set[i].device == device && set[i].inode == new.inode) {
            bool same = set[i].bytes == new.bytes &&set[i].born_ns ==
                        new.born_ns &&set[i].changed_ns == new.changed_ns;
            set[i] = new;
            return !same;
        }
        if (set[i].used < oldest->used)
            oldest = &set[i];
    }
    *oldest = new;
    return true;
}

/* A descriptor that only names what a process has mapped, and what is known of it. Or -1. */
static int mapping_open(const struct perf_event *m, struct statx *s)
{
    char place[PERF_PATH_MAX + 32];
    int fd;

    snprintf(place, sizeof(place), "/proc/%d/map_files/%llx-%llx", m->pid,
             (unsigned long long)m->start, (unsigned long long)m->end);
    fd = open(place, O_PATH | O_CLOEXEC);
    if (fd < 0) {
        snprintf(place, sizeof(place), "/proc/%d/root%s", m->pid, m->path);
        fd = open(place, O_PATH | O_CLOEXEC);
    }
    if (fd >= 0 && (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, s) < 0 ||
                    s->stx_ino != m->inode || !S_ISREG(s->stx_mode))) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static bool is_program(pid_t pid, const struct statx *file)
{
    char place[32];
    struct stat st;

    snprintf(place, sizeof(place), "/proc/%d/exe", pid);
    return stat(place, &st) == 0 && st.st_ino == file->stx_ino &&
           st.st_dev == makedev(file->stx_dev_major, file->stx_dev_minor);
}

static void file_report(struct discover *d, const struct perf_event *m, int fd,
                        const struct statx *s)
{
    char open_path[32];
    struct discovered found = {
        .pid = m->pid,
        .path = m->path,
        .device = makedev(s->stx_dev_major, s->stx_dev_minor),
        .inode = s->stx_ino,
        .executable = is_program(m->pid, s),
        .first = seen_add(d, s),
        .fd = -1,
    };

    if (found.first) {
        snprintf(open_path, sizeof(open_path), "/proc/self/fd/%d", fd);
        /* The file's owner may have a lease on it, and who opens it would wait for him. */
        found.fd = open(open_path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        found.open_path = open_path;
        if (found.fd < 0) {
            discover_forget(d, found.device, found.inode);
            return;
        }
    }
    d->ops.image(d->user, &found);
    if (found.first)
        close(found.fd);
}

/* Of a process that is gone there is nothing to report, and the probe does not watch itself. */
static void mapping_report(struct discover *d, const struct perf_event *m)
{
    struct statx s;
    int fd = d->ops.image && m->pid != getpid() ? mapping_open(m, &s) : -1;

    pid_add(&d->reported, m->pid);
    pid_add(&d->present, m->pid);
    if (fd < 0)
        return;
    file_report(d, m, fd, &s);
    close(fd);
}

static void process_end(struct discover *d, pid_t pid)
{
    pid_remove(&d->reported, pid);
    if (d->ops.exit)
        d->ops.exit(d->user, pid);
}

static void exec_note(struct discover *d, const struct perf_event *e)
{
    unsigned at = (unsigned)e->pid % STARTING;

    d->starting[at].pid = e->pid;
    memcpy(d->starting[at].name, e->name, sizeof(e->name));
    if (d->ops.exec)
        d->ops.exec(d->user, e->pid);
}

/* What a process maps first after exec is its program. */
static void program_report(struct discover *d, const struct perf_event *e)
{
    unsigned at = (unsigned)e->pid % STARTING;

    if (d->starting[at].pid != e->pid)
        return;
    d->starting[at].pid = 0;
    if (d->ops.program)
        d->ops.program(d->user, e->pid, d->starting[at].name, e->path);
}

static void event_take(struct discover *d, const struct perf_event *e)
{
    switch (e->kind) {
    case PERF_MAP:
        program_report(d, e);
        mapping_report(d, e);
        break;
    case PERF_FORK:
        pid_add(&d->reported, e->pid);
        pid_add(&d->present, e->pid);
        if (d->ops.fork)
            d->ops.fork(d->user, e->parent, e->pid);
        break;
    case PERF_EXEC:
        exec_note(d, e);
        break;
    case PERF_EXIT:
        process_end(d, e->pid);
        break;
    case PERF_LOST:
        d->counters->probe_discover_lost += e->lost;
        d->scan_wanted = true;
        break;
    }
}

/* A line of /proc/PID/maps (proc(5)). True if it is a file that is mapped to execute. */
static bool line_read(char *line, struct perf_event *out)
{
    unsigned long long start, end, inode;
    char allowed[5];
    int path = 0;

    if (sscanf(line, "%llx-%llx %4s %*x %*x:%*x %llu %n", &start, &end, allowed, &inode, &path) <
            4 ||
        allowed[2] != 'x' || inode == 0 || line[path] != '/')
        return false;
    line[strcspn(line, "\n")] = '\0';
    out->start = start;
    out->end = end;
    out->inode = inode;
    snprintf(out->path, sizeof(out->path), "%s", line + path);
    return true;
}

/* Kernel threads have no mappings, and a process may end while it is looked at. */
static void process_scan(struct discover *d, pid_t pid)
{
    char place[32], *line = NULL;
    size_t room = 0;
    FILE *maps;

    snprintf(place, sizeof(place), "/proc/%d/maps", pid);
    maps = fopen(place, "re");
    if (!maps)
        return;
    d->event.kind = PERF_MAP;
    d->event.pid = pid;
    while (getline(&line, &room, maps) > 0)
        if (line_read(line, &d->event))
            mapping_report(d, &d->event);
    free(line);
    fclose(maps);
}

/* Processes whose end nobody told of. */
static void scan_end(struct discover *d)
{
    closedir(d->scan);
    d->scan = NULL;
    for (uint32_t i = 0; i < PIDS_MAX / 64; i++)
        for (uint64_t gone; (gone = d->reported.bits[i] & ~d->present.bits[i]) != 0;)
            process_end(d, (pid_t)(i * 64 + (uint32_t)__builtin_ctzll(gone)));
}

/* Reads some processes. True if there are more. */
static bool scan_step(struct discover *d)
{
    for (unsigned n = 0; n < SCAN_RUN;) {
        struct dirent *entry = readdir(d->scan);
        char *end;
        long pid;

        if (!entry) {
            scan_end(d);
            return false;
        }
        pid = strtol(entry->d_name, &end, 10);
        if (pid <= 0 || *end != '\0')
            continue;
        process_scan(d, (pid_t)pid);
        n++;
    }
    return true;
}

static void scan_begin(struct discover *d, uint64_t now_ns)
{
    d->scan = opendir("/proc");
    d->scan_wanted = !d->perf || !d->scan;
    d->scan_after_ns = now_ns + (d->perf ? SCAN_GAP_NS : SCAN_ALONE);
    memset(&d->present, 0, sizeof(d->present));
}

bool discover_run(struct discover *d, uint64_t now_ns)
{
    unsigned n = 0;

    while (d->perf && n < EVENTS_RUN && perf_next(d->perf, now_ns, &d->event)) {
        event_take(d, &d->event);
        n++;
    }
    if (!d->scan && d->scan_wanted && now_ns >= d->scan_after_ns)
        scan_begin(d, now_ns);
    return (d->scan && scan_step(d)) || n == EVENTS_RUN;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* What /proc tells of a process, kept because it tells nothing any more once the process has ended,
 * and the last of its plaintext is read after that. So facts that are out of date are replaced only
 * by newer ones, never by none.
 *
 * Paths are those of the process's own root: what lies outside of a chroot is no part of them. */
#include "worker/probe/process.h"

#include "worker/probe/lru.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROC_PATH_BYTES   64
#define CGROUP_FILE_BYTES 4096 /* of /proc/PID/cgroup are read */
#define COMM_BYTES        16
#define CONTAINER_ID_HEX  64u

struct entry {
    struct process_facts facts; /* borrow from the texts below */
    bool known, stale;
    char name[COMM_BYTES];
    char exe[PLAINTEXT_TEXT_MAX];
    char cgroup[PLAINTEXT_TEXT_MAX];
};

struct process_table {
    struct lru lru;
    struct entry *entries;
};

struct process_table *process_table_new(uint32_t capacity)
{
    struct process_table *t = calloc(1, sizeof *t);

    if (!t)
        return NULL;
    t->entries = calloc(capacity, sizeof *t->entries);
    if (!t->entries || lru_init(&t->lru, capacity) < 0) {
        free(t->entries);
        free(t);
        return NULL;
    }
    return t;
}

void process_table_free(struct process_table *t)
{
    if (!t)
        return;
    lru_fini(&t->lru);
    free(t->entries);
    free(t);
}

static void proc_path(char out[PROC_PATH_BYTES], pid_t pid, const char *file)
{
    snprintf(out, PROC_PATH_BYTES, "/proc/%d/%s", (int)pid, file);
}

/* The beginning of a file. */
static struct str read_file(pid_t pid, const char *file, char *out, size_t bytes)
{
    char path[PROC_PATH_BYTES];
    ssize_t n;
    int fd;

    proc_path(path, pid, file);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return (struct str){out, 0};
    n = read(fd, out, bytes);
    close(fd);
    return str_make(out, n > 0 ? (size_t)n : 0);
}

static struct str read_link(pid_t pid, const char *file, char *out, size_t bytes)
{
    char path[PROC_PATH_BYTES];
    ssize_t n;

    proc_path(path, pid, file);
    n = readlink(path, out, bytes);
    return str_make(out, n > 0 ? (size_t)n : 0);
}

static bool ends_with(struct str s, struct str end)
{
    return s.len >= end.len && memcmp(s.p + s.len - end.len, end.p, end.len) == 0;
}

static bool begins_with(struct str s, struct str begin)
{
    return s.len >= begin.len && memcmp(s.p, begin.p, begin.len) == 0;
}

static struct str without_begin(struct str s, size_t n)
{
    return str_make(s.p + n, s.len - n);
}

/* A file that was replaced or removed since is still known by its name. */
static struct str read_exe(pid_t pid, char out[PLAINTEXT_TEXT_MAX])
{
    char room[PLAINTEXT_TEXT_MAX];
    struct str exe = read_link(pid, "exe", out, PLAINTEXT_TEXT_MAX);
    struct str root = read_link(pid, "root", room, sizeof room);

    if (ends_with(exe, STR_LIT(" (deleted)")))
        exe.len -= STR_LIT(" (deleted)").len;
    if (root.len > 1 && begins_with(exe, root) && exe.len > root.len && exe.p[root.len] == '/')
        exe = without_begin(exe, root.len);
    return exe;
}

/* The next line, without its end. */
static struct str next_line(struct str *text)
{
    const char *end = text->len > 0 ? memchr(text->p, '\n', text->len) : NULL;
    struct str line = str_make(text->p, end ? (size_t)(end - text->p) : text->len);

    *text = without_begin(*text, end ? line.len + 1 : line.len);
    return line;
}

/* Lines are "hierarchy:controllers:path", the unified hierarchy is 0. Where both versions are
 * mounted the unified one may know nothing. */
static struct str cgroup_of(struct str text)
{
    struct str best = {NULL, 0};

    while (text.len > 0) {
        struct str line = next_line(&text);
        bool unified = begins_with(line, STR_LIT("0::"));
        const char *colon = line.len > 0 ? memchr(line.p, ':', line.len) : NULL;

        colon = colon ? memchr(colon + 1, ':', line.len - (size_t)(colon + 1 - line.p)) : NULL;
        if (!colon)
            continue;
        line = without_begin(line, (size_t)(colon + 1 - line.p));
        if (unified && line.len > 1)
            return line;
        if (line.len > best.len)
            best = line;
    }
    return best;
}

static void read_facts(struct entry *e, pid_t pid)
{
    char text[CGROUP_FILE_BYTES];
    struct str comm = read_file(pid, "comm", text, COMM_BYTES), cgroup, exe;

    exe = read_exe(pid, e->exe);
    if (exe.len == 0 && e->known)
        return; /* gone, or what is left of it until its parent asks */
    if (comm.len > 0 && comm.p[comm.len - 1] == '\n')
        comm.len--;
    memcpy(e->name, comm.p, comm.len);
    e->known = comm.len > 0;
    e->stale = !e->known;
    cgroup = cgroup_of(read_file(pid, "cgroup", text, sizeof text));
    if (cgroup.len > sizeof e->cgroup)
        cgroup.len = sizeof e->cgroup;
    if (cgroup.len > 0)
        memcpy(e->cgroup, cgroup.p, cgroup.len);
    cgroup.p = e->cgroup;
    e->facts = (struct process_facts){
        .pid = (uint32_t)pid,
        .name = {e->name, comm.len},
        .exe = exe,
        .container = process_container(cgroup),
        .cgroup = cgroup,
    };
}

static struct entry *entry_get(struct process_table *t, pid_t pid)
{
    uint32_t i = lru_find(&t->lru, (uint64_t)pid);

    if (i != LRU_NONE)
        return &t->entries[i];
    if (t->lru.n == t->lru.capacity)
        lru_remove(&t->lru, lru_oldest(&t->lru));
    i = lru_insert(&t->lru, (uint64_t)pid);
    t->entries[i] = (struct entry){.stale = true, .facts.pid = (uint32_t)pid};
    return &t->entries[i];
}

const struct process_facts *process_table_get(struct process_table *t, pid_t pid)
{
    struct entry *e = entry_get(t, pid);

    if (e->stale)
        read_facts(e, pid);
    return &e->facts;
}

void process_table_stale(struct process_table *t, pid_t pid)
{
    uint32_t i = lru_find(&t->lru, (uint64_t)pid);

    if (i != LRU_NONE)
        t->entries[i].stale = true;
}

void process_table_program(struct process_table *t, pid_t pid, const char *name, const char *exe)
{
    struct entry *e = entry_get(t, pid);

    e->facts.name = str_make(e->name, strnlen(name, sizeof e->name));
    memcpy(e->name, name, e->facts.name.len);
    e->facts.exe = str_make(e->exe, strnlen(exe, sizeof e->exe));
    memcpy(e->exe, exe, e->facts.exe.len);
    e->known = e->stale = true;
}

void process_table_fork(struct process_table *t, pid_t parent, pid_t pid)
{
    uint32_t i = lru_find(&t->lru, (uint64_t)parent);
    struct entry copy, *e;

    if (i == LRU_NONE) {
        process_table_stale(t, pid);
        return;
    }
    copy = t->entries[i];
    e = entry_get(t, pid);
    *e = copy;
    e->stale = true;
    e->facts.pid = (uint32_t)pid;
    e->facts.name.p = e->name;
    e->facts.exe.p = e->exe;
    e->facts.cgroup.p = e->cgroup;
    if (e->facts.container.len > 0)
        e->facts.container.p = e->cgroup + (copy.facts.container.p - t->entries[i].cgroup);
}

/* The last component of a path, which is shortened by it. */
static struct str last_component(struct str *path)
{
    uint32_t i = path->len;
    struct str s;

    while (i > 0 && path->p[i - 1] != '/')
        i--;
    s = without_begin(*path, i);
    path->len = i > 0 ? i - 1 : 0;
    return s;
}

/* The id of Docker, containerd, CRI-O and Podman: all of a name or what comes after its last
 * separator. Their monitors (conmon) are not in the container. */
static struct str hexadecimal_id(struct str name)
{
    struct str id;

    if (name.len < CONTAINER_ID_HEX || memmem(name.p, name.len, "conmon", 6))
        return (struct str){NULL, 0};
    id = without_begin(name, name.len - CONTAINER_ID_HEX);
    for (uint32_t i = 0; i < id.len; i++)
        if (str_hex_digit(id.p[i]) < 0)
            return (struct str){NULL, 0};
    if (name.len > id.len && name.p[name.len - id.len - 1] != '-' &&
        name.p[name.len - id.len - 1] != ':')
        return (struct str){NULL, 0};
    return id;
}

/* LXC and systemd call a container by a name: behind one of these, or as what is in "lxc". Virtual
 * machines of libvirt are "machine-qemu…" and run their guest's programs, not ours. */
static struct str named(struct str name, struct str parent)
{
    static const struct str begins[] = {{"lxc.payload.", 12}, {"systemd-nspawn@", 15}};

    for (size_t i = 0; i < sizeof begins / sizeof begins[0]; i++)
        if (begins_with(name, begins[i]))
            return without_begin(name, begins[i].len);
    if (begins_with(name, STR_LIT("machine-")) && !begins_with(name, STR_LIT("machine-qemu")))
        return without_begin(name, STR_LIT("machine-").len);
    if (str_equal(parent, STR_LIT("lxc")) || str_equal(parent, STR_LIT("lxc.payload")))
        return name;
    return (struct str){NULL, 0};
}

/* From the innermost one outwards: a container may run in another. */
struct str process_container(struct str path)
{
    while (path.len > 0) {
        struct str name = last_component(&path), above = path, id;

        if (ends_with(name, STR_LIT(".scope")))
            name.len -= STR_LIT(".scope").len;
        else if (ends_with(name, STR_LIT(".service")))
            name.len -= STR_LIT(".service").len;
        id = hexadecimal_id(name);
        if (id.len == 0)
            id = named(name, last_component(&above));
        if (id.len > 0)
            return id;
    }
    return (struct str){NULL, 0};
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* The lists are read into the half of the shared memory that is not in use, and put in order there;
 * only when all of them are right is it taken, by workers and programs alike. */
#include "manager/prefilter.h"

#include "common/base/log.h"
#include "common/base/prefilter_lists.h"
#include "common/base/prefix_table.h"
#include "common/ipc/heritage.h"
#include "manager/prefilter_maps.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIXES_MAX   1000000u
#define FILE_BYTES_MAX (64u << 20)

struct prefilter {
    const struct options *options;
    int fd; /* of the memory */
    struct prefix_share *share;
    struct prefilter_maps *maps; /* NULL: there is no BPF */
};

/* The options, and the list that each names. */
static const struct {
    const char *key;
    size_t option;
    uint8_t list;
} lists[] = {
    {"prefilter-ignore", offsetof(struct options, prefilter_ignore), PREFILTER_IGNORE},
    {"prefilter-only", offsetof(struct options, prefilter_only), PREFILTER_ONLY},
    {"prefilter-drop", offsetof(struct options, prefilter_drop), PREFILTER_DROP},
};
#define LISTS (sizeof lists / sizeof lists[0])

static const char *path_of(const struct options *o, unsigned list)
{
    return (const char *)o + lists[list].option;
}

static int file_bytes(int fd, size_t *bytes)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -EINVAL;
    *bytes = (size_t)st.st_size;
    return st.st_size > FILE_BYTES_MAX ? -EFBIG : 0;
}

/* At most bytes: the file may change while it is read. */
static int read_bytes(int fd, char *text, size_t bytes, size_t *len)
{
    ssize_t n = 1;

    for (*len = 0; *len < bytes && n > 0; *len += (size_t)n) {
        n = read(fd, text + *len, bytes - *len);
        if (n < 0)
            return -errno;
    }
    return 0;
}

/* The whole file, for the caller to free, also after an error. 0 or -errno. */
static int read_file(const char *path, char **text, size_t *len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), r;
    size_t bytes = 0;

    *text = NULL;
    if (fd < 0)
        return -errno;
    r = file_bytes(fd, &bytes);
    if (r == 0) {
        *text = malloc(bytes + 1);
        r = *text ? read_bytes(fd, *text, bytes, len) : -ENOMEM;
    }
    close(fd);
    return r;
}

static int read_list(struct prefix_table *t, const char *key, const char *path, uint8_t list,
                     char *error)
{
    char *text;
    unsigned line;
    uint32_t before = t->n;
    size_t len = 0;
    int r = read_file(path, &text, &len);

    if (r < 0) {
        snprintf(error, INI_ERROR_BYTES, "%s: cannot read %s: %s", key, path,
                 r == -EINVAL  ? "it is not a regular file"
                 : r == -EFBIG ? "it has more than 64 MiB"
                               : strerror(-r));
        free(text);
        return r;
    }
    r = prefix_table_read(t, text, len, list, &line);
    if (r == -EINVAL)
        snprintf(
            error, INI_ERROR_BYTES,
            "%s:%u: this is not a prefix: write it like 192.0.2.0/24 or 2001:db8::/32, numbers "
            "without leading zeros",
            path, line);
    else if (r < 0)
        snprintf(error, INI_ERROR_BYTES, "%s:%u: there are more than %u prefixes", path, line,
                 PREFIXES_MAX);
    else if (list == PREFILTER_ONLY && t->n == before)
        log_warn("%s: %s names no prefix: nothing is captured until it does", key, path);
    free(text);
    return r;
}

int prefilter_reload(struct prefilter *p, char *error)
{
    struct prefix_table *t;
    unsigned other;
    int r = 0;

    if (!p)
        return 0;
    other = !p->share->active;
    t = prefix_share_table(p->share, other);
    prefix_table_init(t, PREFIXES_MAX);
    for (unsigned i = 0; i < LISTS && r == 0; i++)
        if (path_of(p->options, i)[0] != '\0')
            r = read_list(t, lists[i].key, path_of(p->options, i), lists[i].list, error);
    if (r < 0)
        return r;
    prefix_table_finish(t);
    if (p->maps && (r = prefilter_maps_fill(p->maps, t)) < 0) {
        snprintf(error, INI_ERROR_BYTES, "the kernel does not take the prefilter's prefixes: %s",
                 strerror(-r));
        return r;
    }
    __atomic_store_n(&p->share->active, other, __ATOMIC_RELEASE);
    return 0;
}

static int open_share(struct prefilter *p, char *error)
{
    void *mine = NULL;

    p->fd = heritage_shm_shown("spliff-prefilter", prefix_share_bytes(PREFIXES_MAX), &mine);
    if (p->fd < 0) {
        snprintf(error, INI_ERROR_BYTES,
                 "cannot make shared memory for the prefilter's prefixes: %s", strerror(-p->fd));
        return p->fd;
    }
    p->share = mine;
    p->share->capacity = PREFIXES_MAX;
    return 0;
}

int prefilter_open(struct prefilter **out, const struct options *o, char *error)
{
    struct prefilter *p;
    bool wanted = false;
    int r;

    *out = NULL;
    for (unsigned i = 0; i < LISTS; i++)
        wanted |= path_of(o, i)[0] != '\0';
    if (!wanted)
        return 0;
    p = calloc(1, sizeof *p);
    if (!p) {
        snprintf(error, INI_ERROR_BYTES, "out of memory");
        return -ENOMEM;
    }
    p->options = o;
    p->fd = -1;
    r = open_share(p, error);
    if (r == 0 && o->read[0] == '\0' && prefilter_maps_open(&p->maps) < 0)
        p->maps = NULL; /* who loads a program will say why it cannot */
    if (r == 0)
        r = prefilter_reload(p, error);
    if (r < 0)
        prefilter_close(p);
    else
        *out = p;
    return r;
}

void prefilter_close(struct prefilter *p)
{
    if (!p)
        return;
    prefilter_maps_close(p->maps);
    if (p->share)
        munmap(p->share, prefix_share_bytes(PREFIXES_MAX));
    if (p->fd >= 0)
        close(p->fd);
    free(p);
}

int prefilter_use(const struct prefilter *p, struct bpf_object *program)
{
    if (!p)
        return 0;
    return p->maps ? prefilter_maps_use(p->maps, program) : -ENOTSUP;
}

int prefilter_give(const struct prefilter *p)
{
    return p ? fcntl(p->fd, F_DUPFD_CLOEXEC, 3) : -1;
}

uint32_t prefilter_size(const struct prefilter *p)
{
    return p ? prefix_share_active(p->share)->n : 0;
}

void prefilter_count(const struct prefilter *p, struct counters *c)
{
    c->manager_prefixes = prefilter_size(p);
    if (!p || !p->maps)
        return;
    c->manager_ignored = prefilter_maps_count(p->maps, PREFILTER_IGNORED);
    c->manager_not_only = prefilter_maps_count(p->maps, PREFILTER_NOT_ONLY);
    c->manager_dropped = prefilter_maps_count(p->maps, PREFILTER_DROPPED);
}

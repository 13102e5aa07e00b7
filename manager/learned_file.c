/* SPDX-License-Identifier: BSD-3-Clause */
#include "manager/learned_file.h"

#include "common/ipc/event.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A table of the greatest size is below it. */
#define FILE_BYTES_MAX (UINT64_C(1) << 34)

static int write_all(int fd, const uint8_t *p, size_t n)
{
    while (n > 0) {
        ssize_t done = write(fd, p, n);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return done < 0 ? -errno : -EIO;
        p += done;
        n -= (size_t)done;
    }
    return 0;
}

static int write_table(const struct alt_svc_table *t, int fd)
{
    uint8_t *body = malloc(EVENT_TABLE_BYTES);
    uint32_t position = 0;
    bool last = false;
    int err = body ? 0 : -ENOMEM;

    while (err == 0 && !last) {
        size_t n = event_table_encode(body, t, &position, &last);

        err = write_all(fd, body, n);
    }
    free(body);
    return err;
}

int learned_file_save(const struct alt_svc_table *t, const char *path)
{
    char temp[PATH_MAX];
    int fd, err;

    if (snprintf(temp, sizeof temp, "%s.new", path) >= (int)sizeof temp)
        return -ENAMETOOLONG;
    fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd < 0)
        return -errno;
    err = write_table(t, fd);
    if (close(fd) < 0 && err == 0)
        err = -errno;
    if (err == 0 && rename(temp, path) < 0)
        err = -errno;
    if (err < 0)
        unlink(temp);
    return err;
}

struct loading {
    struct alt_svc_table *table;
    uint64_t now_ns;
};

static void take(void *arg, const struct alt_svc_advert *a)
{
    const struct loading *load = arg;
    struct alt_svc_advert alive = *a;

    alive.n = 0;
    for (unsigned i = 0; i < a->n; i++)
        if (alt_svc_expires_ns(a->learned_ns, a->services[i].max_age_s) > load->now_ns)
            alive.services[alive.n++] = a->services[i];
    (void)alt_svc_table_set(load->table, &alive, NULL, NULL);
}

/* All messages of the file; the last one says so, and nothing follows it. */
static int read_table(struct loading *load, const uint8_t *p, size_t n)
{
    struct cursor c = cursor_init(p, n);
    bool last = false;
    int err = 0;

    while (err == 0 && !last)
        err = event_table_decode(&c, &last, take, load);
    return err < 0 || cursor_left(&c) == 0 ? err : -EBADMSG;
}

/* The file's bytes, for free(). 0 or -errno. */
static int read_file(int fd, uint8_t **out, size_t *n)
{
    struct stat st;
    ssize_t got = 0;

    *n = 0;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > FILE_BYTES_MAX)
        return -EBADMSG;
    *out = malloc((size_t)st.st_size + 1);
    if (!*out)
        return -ENOMEM;
    while (*n < (size_t)st.st_size && (got = read(fd, *out + *n, (size_t)st.st_size - *n)) > 0)
        *n += (size_t)got;
    return got < 0 ? -errno : 0;
}

static void put_aside(const char *path)
{
    char bad[PATH_MAX];

    if (snprintf(bad, sizeof bad, "%s.bad", path) < (int)sizeof bad)
        rename(path, bad);
}

int learned_file_load(struct alt_svc_table *t, const char *path, uint64_t now_ns)
{
    struct loading load = {t, now_ns};
    uint8_t *bytes = NULL;
    size_t n;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), err;

    if (fd < 0)
        return errno == ENOENT ? 0 : -errno;
    err = read_file(fd, &bytes, &n);
    close(fd);
    if (err == 0)
        err = read_table(&load, bytes, n);
    free(bytes);
    if (err == -EBADMSG || err == -EPROTO)
        put_aside(path);
    return err;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of a log file. The first record of a path puts the header and its line into the buffer
 * of that path; the next flush makes the file, appends the buffer with one write(2), and its new
 * length is committed by the receiver. A rotation appends the footer and moves the file away, so
 * the next record starts over.
 *
 * After a crash the committed lengths decide: what is behind them was not acknowledged and will
 * come again, so it is cut off; a file that was made but never committed goes altogether. Without
 * committed lengths (first start, reboot, another format of logs) nothing is known about the files:
 * a cluster archives them as they are, a `run` replaces those that it writes.
 *
 * Somebody who tidies up may take a file away while it is written: what is written after that would
 * be in no folder. So before a buffer is begun, the name is looked up again. */
#include "logger/sink/logfile.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "logger/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MODE 0644

struct logfile {
    int fd; /* -1: not made yet */
    struct outbuf out;
    uint64_t bytes;   /* length of the file */
    uint64_t open_ns; /* when it began; 0: no record yet */
    bool ended;       /* the footer is in the buffer */
    char path[ARCHIVE_PATH_MAX + 32];
};

struct sink_state {
    const struct logfile_format *format;
    const char *log_dir;
    bool replace;      /* one_shot: overwrite files of earlier runs */
    uint64_t began_ns; /* of the present interval */
    struct logfile files[RECORD_TYPES];
};

bool logfile_wanted(const struct heritage *h, enum log_format format)
{
    return h->log_dir[0] != '\0' && h->options.log_format == format;
}

/* When the file was made, so far as the file system knows. */
static uint64_t file_birth_ns(const char *path)
{
    struct statx st;

    if (statx(AT_FDCWD, path, 0, STATX_BTIME | STATX_MTIME, &st) < 0)
        return clock_wall_ns();
    if (st.stx_mask & STATX_BTIME)
        return (uint64_t)st.stx_btime.tv_sec * NS_PER_SEC + st.stx_btime.tv_nsec;
    return (uint64_t)st.stx_mtime.tv_sec * NS_PER_SEC + st.stx_mtime.tv_nsec;
}

/* A predecessor's file: goes on after its first `committed` bytes. replace: what has none may be of
 * an earlier run, and is replaced if there is a record for it. */
static int file_resume(struct logfile *f, uint64_t committed, bool replace)
{
    struct stat st;

    if (committed == 0)
        return !replace && unlink(f->path) < 0 && errno != ENOENT ? -errno : 0;
    f->fd = open(f->path, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (f->fd < 0)
        return errno == ENOENT ? 0 : -errno; /* it was being archived */
    if (fstat(f->fd, &st) < 0)
        return -errno;
    f->bytes = (uint64_t)st.st_size;
    if (f->bytes > committed) {
        if (ftruncate(f->fd, (off_t)committed) < 0)
            return -errno;
        f->bytes = committed;
    }
    f->open_ns = file_birth_ns(f->path);
    return 0;
}

static int file_make(struct logfile *f, bool replace)
{
    struct stat st;

    f->fd = open(f->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | (replace ? O_TRUNC : 0),
                 FILE_MODE);
    if (f->fd < 0)
        return -errno;
    if (fstat(f->fd, &st) < 0)
        return -errno;
    f->bytes = (uint64_t)st.st_size;
    return 0;
}

static int file_flush(struct sink_state *s, struct logfile *f)
{
    int rc = 0;

    if (f->out.len == 0)
        return 0;
    if (f->fd < 0)
        rc = file_make(f, s->replace);
    if (rc == -ENOENT && archive_restore(s->log_dir, s->replace) == 0)
        rc = file_make(f, s->replace);
    if (rc == 0)
        rc = outbuf_write(&f->out, f->fd, &f->bytes);
    return outbuf_report(&f->out, f->path, rc);
}

static void file_forget(struct logfile *f)
{
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
    f->bytes = 0;
    f->open_ns = 0;
    f->ended = false;
}

/* Whether the name stands for another file now, or for none, or the file was cut. */
static bool file_was_taken(const struct logfile *f)
{
    struct stat ours, named;

    return fstat(f->fd, &ours) == 0 &&
           (stat(f->path, &named) < 0 || named.st_ino != ours.st_ino ||
            named.st_dev != ours.st_dev || (uint64_t)named.st_size < f->bytes);
}

/* Appends and writes what ends a file; again after a failure only what is still to be written. */
static int file_end(struct sink_state *s, struct logfile *f, uint64_t close_ns)
{
    if (!f->ended && s->format->footer)
        s->format->footer(&f->out, close_ns);
    f->ended = true;
    return file_flush(s, f);
}

/* Says it now, once and for all, rather than with every file that cannot be made later. */
static int check_writable(const char *folder)
{
    int rc = access(folder, W_OK | X_OK) < 0 ? -errno : 0;

    if (rc < 0)
        log_error("cannot write logs to %s: %s; name another folder or give it to user id %u",
                  folder, strerror(-rc), (unsigned)geteuid());
    return rc;
}

static int files_open(struct sink_state *s, const char *folder,
                      const struct sink_lengths *committed)
{
    for (unsigned t = 0; t < RECORD_TYPES; t++) {
        struct logfile *f = &s->files[t];
        int rc = outbuf_init(&f->out);

        if (rc < 0) {
            log_error("cannot get memory for log files: %s", strerror(-rc));
            return rc;
        }
        snprintf(f->path, sizeof f->path, "%s/%s.log", folder, record_schemas[t].path);
        if (committed && (rc = file_resume(f, committed->file[t], s->replace)) < 0) {
            log_error("cannot go on with %s: %s", f->path, strerror(-rc));
            return rc;
        }
    }
    return 0;
}

int logfile_open(struct sink_state **out, const struct heritage *h,
                 const struct sink_lengths *committed, const struct logfile_format *format)
{
    char folder[ARCHIVE_PATH_MAX];
    struct sink_state *s = calloc(1, sizeof *s);
    int rc;

    if (!s)
        return -ENOMEM;
    s->format = format;
    s->log_dir = h->log_dir;
    s->replace = h->one_shot;
    s->began_ns = clock_wall_ns();
    for (unsigned t = 0; t < RECORD_TYPES; t++)
        s->files[t].fd = -1;

    archive_folder(h, folder);
    rc = check_writable(h->log_dir);
    if (rc == 0)
        rc = check_writable(folder);
    if (rc < 0)
        goto fail;
    if (!committed && !h->one_shot)
        archive_leftovers(h->log_dir);
    rc = files_open(s, folder, committed);
    if (rc < 0)
        goto fail;
    *out = s;
    return 0;
fail:
    for (unsigned t = 0; t < RECORD_TYPES; t++) {
        file_forget(&s->files[t]);
        outbuf_fini(&s->files[t].out);
    }
    free(s);
    return rc;
}

int logfile_write(struct sink_state *s, const struct spool_batch *batch)
{
    struct logfile *f = &s->files[batch->type];
    size_t before = f->out.len;
    bool begun;
    int rc;

    if (batch->type == RECORD_packet || batch->type == RECORD_exchange)
        return 0;
    if (batch->count == 0) /* makes no file */
        return batch->bytes > 0 ? -EBADMSG : 0;
    if (f->fd >= 0 && before == 0 && file_was_taken(f)) {
        log_warn("%s was taken away or cut by somebody else: it is begun anew", f->path);
        file_forget(f);
    }
    begun = f->open_ns != 0;
    if (!begun) {
        f->open_ns = s->began_ns;
        if (s->format->header)
            s->format->header(&f->out, batch->type, clock_wall_ns());
    }
    rc = format_batch(&f->out, batch, s->format->record, NULL);
    if (rc < 0 && !begun) {
        f->open_ns = 0;
        f->out.len = before;
    }
    return rc;
}

int logfile_flush(struct sink_state *s)
{
    int rc = 0;

    for (unsigned t = 0; t < RECORD_TYPES; t++) {
        int e = file_flush(s, &s->files[t]);

        if (e < 0)
            rc = e;
    }
    return rc;
}

/* A file that cannot be taken away (its folder was removed, say) stops the others' rotation, not
 * for long: the caller comes again. */
int logfile_rotate(struct sink_state *s, uint64_t close_ns)
{
    for (unsigned t = 0; t < RECORD_TYPES; t++) {
        struct logfile *f = &s->files[t];
        int rc;

        if (f->fd < 0)
            continue;
        rc = file_end(s, f, close_ns);
        if (rc < 0)
            return rc;
        rc = archive_enqueue(s->log_dir, record_schemas[t].path, f->open_ns, close_ns);
        if (rc == -ENOENT) {
            log_warn("%s was removed by somebody else; it cannot be archived", f->path);
            rc = 0;
        }
        if (outbuf_report(&f->out, f->path, rc) < 0)
            return rc;
        file_forget(f);
    }
    s->began_ns = close_ns;
    return 0;
}

void logfile_lengths(const struct sink_state *s, struct sink_lengths *out)
{
    for (unsigned t = 0; t < RECORD_TYPES; t++)
        out->file[t] = s->files[t].bytes;
}

void logfile_close(struct sink_state *s)
{
    uint64_t now_ns = clock_wall_ns();

    for (unsigned t = 0; t < RECORD_TYPES; t++) {
        struct logfile *f = &s->files[t];

        /* Bytes that wait were not acknowledged: then the file stays as a crash would leave it. */
        if (f->fd >= 0 && f->out.len == 0)
            (void)file_end(s, f, now_ns);
        file_forget(f);
        outbuf_fini(&f->out);
    }
    free(s);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Archiving in two steps, so that the logger never waits for it. Rotation renames a file into
 * .rotated/ under its final name with the date in front: instant, and from then on the file is
 * safe. Compression takes its time elsewhere: into a temporary name, synced, renamed, and only then
 * is the source removed. Killed anywhere, it is done over: what is in .rotated/ is what is still to
 * be done, and to do it twice gives the same file. The logger of a killed manager may still be at
 * it when the next one begins: one of them waits, by a lock on that folder.
 *
 * A name is chosen when the file is taken away, unlike any that waits or is archived; so the second
 * step may replace what it finds: that can only be its own earlier work. */
#include "logger/archive.h"

#include "common/base/clock.h"
#include "common/base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef HAVE_ZLIB
#include <zlib.h>
#endif

#define FOLDER_MODE 0755
#define FILE_MODE   0644
#define CURRENT     "current"
#define QUEUE       ".rotated"
#define DATE_CHARS  10u  /* 2026-08-21 */
#define NAME_MAX_   160u /* 2026-08-21_capture_loss.10:00:00-11:00:00-99.log */
#define PATH_CHARS  (HERITAGE_PATH_MAX + NAME_MAX_ + 32)
#define SAME_NAMES  10000u
#define CHUNK_BYTES (64u * 1024)
#define GZIP_MODE   "wb6"
#ifdef HAVE_ZLIB
#define ARCHIVE_EXTENSION ".gz"
#else
#define ARCHIVE_EXTENSION ""
#endif

void archive_folder(const struct heritage *h, char *out)
{
    snprintf(out, ARCHIVE_PATH_MAX, "%s%s", h->log_dir, h->one_shot ? "" : "/" CURRENT);
}

/* No link is followed: whoever owns the folder above may have put one in its place by now. */
static int make_folder(const struct heritage *h, const char *path)
{
    if (mkdir(path, FOLDER_MODE) < 0) {
        if (errno == EEXIST)
            return 0;
    } else if (geteuid() != 0 || h->uid == 0 ||
               fchownat(AT_FDCWD, path, h->uid, h->gid, AT_SYMLINK_NOFOLLOW) == 0) {
        return 0;
    }
    log_error("cannot make the log folder %s: %s", path, strerror(errno));
    return -errno;
}

/* In log_dir; of a run, whose logs are flat, only the first. */
static const char *const folders[] = {"", "/" CURRENT, "/" QUEUE};
#define FOLDERS (sizeof folders / sizeof folders[0])

int archive_prepare(const struct heritage *h)
{
    size_t n = h->one_shot ? 1 : FOLDERS;
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0 && h->log_dir[0] != '\0'; i++) {
        char path[ARCHIVE_PATH_MAX];

        snprintf(path, sizeof path, "%s%s", h->log_dir, folders[i]);
        rc = make_folder(h, path);
    }
    return rc;
}

int archive_restore(const char *log_dir, bool flat)
{
    for (size_t i = 0; i < (flat ? 1 : FOLDERS); i++) {
        char path[ARCHIVE_PATH_MAX];

        snprintf(path, sizeof path, "%s%s", log_dir, folders[i]);
        if (mkdir(path, FOLDER_MODE) < 0 && errno != EEXIST)
            return -errno;
    }
    return 0;
}

static void format_local(char *out, size_t bytes, const char *format, uint64_t wall_ns)
{
    time_t t = (time_t)(wall_ns / NS_PER_SEC);
    struct tm tm;

    localtime_r(&t, &tm);
    if (strftime(out, bytes, format, &tm) == 0)
        out[0] = '\0';
}

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

/* Two rotations may fall into one second, when the logger is stopped and started, or when clocks
 * are set back. Whether a file of this queue name waits or was archived before. */
static bool is_taken(const char *log_dir, const char *name)
{
    char path[PATH_CHARS];
    int n;

    snprintf(path, sizeof path, "%s/" QUEUE "/%s", log_dir, name);
    if (exists(path))
        return true;
    n = snprintf(path, sizeof path, "%s/%.*s/%s", log_dir, (int)DATE_CHARS, name,
                 name + DATE_CHARS + 1);
    if (n < 0 || (size_t)n + sizeof ".gz" > sizeof path || exists(path))
        return true;
    memcpy(path + n, ".gz", sizeof ".gz");
    return exists(path);
}

int archive_enqueue(const char *log_dir, const char *path, uint64_t open_ns, uint64_t close_ns)
{
    char begin[32], end[16], name[NAME_MAX_], from[PATH_CHARS], to[PATH_CHARS];
    unsigned n = 1;

    format_local(begin, sizeof begin, "%Y-%m-%d_%H:%M:%S", open_ns);
    format_local(end, sizeof end, "%H:%M:%S", close_ns);
    do {
        char again[16] = "";

        if (n > 1)
            snprintf(again, sizeof again, "-%u", n);
        snprintf(name, sizeof name, "%.*s_%s.%s-%s%s.log", (int)DATE_CHARS, begin, path,
                 begin + DATE_CHARS + 1, end, again);
    } while (is_taken(log_dir, name) && n++ < SAME_NAMES);
    if (n > SAME_NAMES)
        return -EEXIST;
    snprintf(from, sizeof from, "%s/" CURRENT "/%s.log", log_dir, path);
    snprintf(to, sizeof to, "%s/" QUEUE "/%s", log_dir, name);
    if (!exists(from))
        return -ENOENT;
    if (rename(from, to) == 0)
        return 0;
    /* Somebody tidied up: make the folder again, for the log must not wait for a person. */
    snprintf(to, sizeof to, "%s/" QUEUE, log_dir);
    if (errno != ENOENT || (mkdir(to, FOLDER_MODE) < 0 && errno != EEXIST))
        return -errno;
    snprintf(to, sizeof to, "%s/" QUEUE "/%s", log_dir, name);
    return rename(from, to) < 0 ? -errno : 0;
}

/* When a file began and was written last, as the file system knows it. */
static void file_times(const char *path, uint64_t *open_ns, uint64_t *close_ns)
{
    struct statx st;

    *open_ns = *close_ns = clock_wall_ns();
    if (statx(AT_FDCWD, path, 0, STATX_BTIME | STATX_MTIME, &st) < 0)
        return;
    *close_ns = (uint64_t)st.stx_mtime.tv_sec * NS_PER_SEC + st.stx_mtime.tv_nsec;
    *open_ns = *close_ns;
    if (st.stx_mask & STATX_BTIME)
        *open_ns = (uint64_t)st.stx_btime.tv_sec * NS_PER_SEC + st.stx_btime.tv_nsec;
}

void archive_leftovers(const char *log_dir)
{
    char folder[HERITAGE_PATH_MAX + sizeof CURRENT];
    struct dirent *e;
    DIR *d;

    snprintf(folder, sizeof folder, "%s/" CURRENT, log_dir);
    d = opendir(folder);
    while (d && (e = readdir(d))) {
        char path[PATH_CHARS], stem[NAME_MAX_];
        size_t n = strlen(e->d_name);
        uint64_t open_ns, close_ns;
        int rc;

        /* The rest of the name that it gets takes some 40 bytes. */
        if (n <= 4 || n > NAME_MAX_ - 40 || strcmp(e->d_name + n - 4, ".log") != 0)
            continue;
        snprintf(stem, sizeof stem, "%.*s", (int)(n - 4), e->d_name);
        snprintf(path, sizeof path, "%s/%s.log", folder, stem);
        file_times(path, &open_ns, &close_ns);
        rc = archive_enqueue(log_dir, stem, open_ns, close_ns);
        if (rc < 0)
            log_error("cannot archive %s of an earlier run: %s", path, strerror(-rc));
    }
    if (d)
        closedir(d);
}

#ifdef HAVE_ZLIB
/* Copies from to to, compressed; syncs it. 0 or -errno. */
static int compress_file(int from, int to)
{
    uint8_t chunk[CHUNK_BYTES];
    int own = dup(to); /* gzclose closes it, and the rest must be synced after that */
    gzFile z = own >= 0 ? gzdopen(own, GZIP_MODE) : NULL;
    ssize_t n = 0;
    int rc = 0;

    if (!z) {
        if (own >= 0)
            close(own);
        return -ENOMEM;
    }
    errno = 0;
    while (rc == 0 && (n = read(from, chunk, sizeof chunk)) > 0)
        if (gzwrite(z, chunk, (unsigned)n) != (int)n)
            rc = errno ? -errno : -EIO;
    if (n < 0)
        rc = -errno;
    errno = 0;
    if (gzclose(z) != Z_OK && rc == 0)
        rc = errno ? -errno : -EIO;
    if (rc == 0 && fsync(to) < 0)
        rc = -errno;
    return rc;
}

/* Writes the archived form of source beside its final place, then puts it there. */
static int store_file(const char *source, const char *temporary, const char *final)
{
    int from = open(source, O_RDONLY | O_CLOEXEC);
    int to = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, FILE_MODE);
    int rc = from < 0 || to < 0 ? -errno : compress_file(from, to);

    if (from >= 0)
        close(from);
    if (to >= 0)
        close(to);
    if (rc == 0 && rename(temporary, final) < 0)
        rc = -errno;
    if (rc == 0 && unlink(source) < 0)
        rc = -errno;
    if (rc < 0 && to >= 0)
        unlink(temporary);
    return rc;
}
#else
/* Without zlib a file is archived as it is. */
static int store_file(const char *source, const char *temporary, const char *final)
{
    (void)temporary;
    return rename(source, final) < 0 ? -errno : 0;
}
#endif

/* The name says all: the date in front is the folder, the rest the file. */
static int archive_one(const char *log_dir, const char *name)
{
    const char *base = name + DATE_CHARS + 1;
    char folder[PATH_CHARS], source[PATH_CHARS], temporary[PATH_CHARS + NAME_MAX_],
        final[PATH_CHARS + NAME_MAX_];

    snprintf(folder, sizeof folder, "%s/%.*s", log_dir, (int)DATE_CHARS, name);
    snprintf(source, sizeof source, "%s/" QUEUE "/%s", log_dir, name);
    snprintf(temporary, sizeof temporary, "%s/.%s" ARCHIVE_EXTENSION ".tmp", folder, base);
    snprintf(final, sizeof final, "%s/%s" ARCHIVE_EXTENSION, folder, base);
    if (mkdir(folder, FOLDER_MODE) < 0 && errno != EEXIST)
        return -errno;
    return store_file(source, temporary, final);
}

void archive_run(const char *log_dir)
{
    char queue[PATH_CHARS];
    struct dirent *e;
    DIR *d;

    snprintf(queue, sizeof queue, "%s/" QUEUE, log_dir);
    d = opendir(queue);
    while (d && flock(dirfd(d), LOCK_EX) < 0 && errno == EINTR)
        ;
    while (d && (e = readdir(d))) {
        size_t n = strlen(e->d_name);
        int rc;

        if (n <= DATE_CHARS + 1 || n >= NAME_MAX_ || e->d_name[DATE_CHARS] != '_')
            continue;
        rc = archive_one(log_dir, e->d_name);
        if (rc < 0)
            log_error("cannot archive %s/%s: %s; it stays there until the next rotation", queue,
                      e->d_name, strerror(-rc));
    }
    if (d)
        closedir(d);
}

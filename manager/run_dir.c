/* SPDX-License-Identifier: BSD-3-Clause */
/* A lock file is believed by its flock, never by the pid in it: the kernel drops the one when the
 * manager dies, however it dies, while a pid may be stale or somebody else's. */
#include "manager/run_dir.h"

#include "common/base/clock.h"
#include "common/base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TEMP_PREFIX     "spliff-run-"
#define TEMP_MIN_AGE_S  60 /* a younger one may not have taken its lock yet */
#define RUN_DIR_MODE    0770
#define LOCK_MODE       0600 /* whoever may open it may lock it */
#define LOCK_PATH_BYTES (OPTION_STRING_MAX + 8)

static int run_dir_fail(int err, char *error, const char *what, const char *path, const char *todo)
{
    snprintf(error, INI_ERROR_BYTES, "%s %s: %s; %s", what, path, strerror(-err), todo);
    return err;
}

/* Unlinks every file in the folder; folders in it (there are none of ours) stay. */
static void empty_dir(const char *path)
{
    DIR *d = opendir(path);
    struct dirent *e;

    if (!d)
        return;
    while ((e = readdir(d)))
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
}

void run_dir_remove(const char *path)
{
    empty_dir(path);
    rmdir(path);
}

static int lock_dir(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Removes run_dirs of ours whose manager was killed: nobody holds their lock. */
static void sweep(const char *base)
{
    DIR *d = opendir(base);
    struct dirent *e;

    if (!d)
        return;
    while ((e = readdir(d))) {
        char path[PATH_MAX];
        struct stat st;
        int fd;

        if (strncmp(e->d_name, TEMP_PREFIX, strlen(TEMP_PREFIX)) != 0 ||
            (size_t)snprintf(path, sizeof path, "%s/%s", base, e->d_name) >= sizeof path ||
            lstat(path, &st) < 0 || st.st_uid != geteuid() ||
            time(NULL) - st.st_ctime < TEMP_MIN_AGE_S)
            continue;
        fd = lock_dir(path);
        if (fd < 0)
            continue;
        run_dir_remove(path);
        close(fd);
    }
    closedir(d);
}

/* Whether sockets can lie below base and the children's user can get there. */
static bool base_fits(const char *base, const struct privileged_ids *ids)
{
    return base && *base == '/' && strlen(base) + sizeof TEMP_PREFIX + 8 <= RUN_DIR_MAX &&
           (!ids->root || privileged_allows(base, ids->uid, ids->gid, X_OK));
}

int run_dir_temp(const struct privileged_ids *ids, char out[HERITAGE_PATH_MAX], int *lock_fd,
                 char *error)
{
    const char *base = getenv("TMPDIR");
    int err = 0;

    if (!base_fits(base, ids))
        base = "/tmp";
    sweep(base);
    snprintf(out, HERITAGE_PATH_MAX, "%s/%sXXXXXX", base, TEMP_PREFIX);
    if (!mkdtemp(out))
        return run_dir_fail(-errno, error, "cannot make a folder in", base, "set TMPDIR");
    *lock_fd = lock_dir(out);
    if (*lock_fd < 0 || fchmod(*lock_fd, RUN_DIR_MODE) < 0 ||
        (ids->root && fchown(*lock_fd, (uid_t)-1, ids->gid) < 0))
        err = run_dir_fail(-errno, error, "cannot prepare", out, "set TMPDIR");
    if (err < 0)
        run_dir_remove(out);
    return err;
}

/* 0 where there is none. */
static pid_t read_pid(int fd)
{
    char text[32] = "";

    return pread(fd, text, sizeof text - 1, 0) > 0 ? (pid_t)atoi(text) : 0;
}

/* run_dir_holder takes the lock for a moment to look; that is waited for, a manager is not. */
static int lock_exclusive(int fd)
{
    static const struct timespec moment = {.tv_nsec = 10 * NS_PER_MS};

    for (int tries = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; tries++) {
        if (errno != EWOULDBLOCK || tries == 5)
            return -errno;
        nanosleep(&moment, NULL);
    }
    return 0;
}

int run_dir_lock(const char *state_dir, pid_t *holder, char *error)
{
    static const char *const todo = "run as root, or set another state_dir";
    char path[LOCK_PATH_BYTES];
    int fd, err = privileged_make_dirs(state_dir, 0755);

    *holder = 0;
    if (err < 0)
        return run_dir_fail(err, error, "cannot make the state folder", state_dir,
                            err == -ENOTDIR ? "set another state_dir" : todo);
    snprintf(path, sizeof path, "%s/lock", state_dir);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, LOCK_MODE);
    if (fd < 0)
        return run_dir_fail(-errno, error, "cannot open", path, todo);
    err =
        fchmod(fd, LOCK_MODE) < 0 ? -errno : lock_exclusive(fd); /* earlier versions let all read */
    if (err == 0) {
        run_dir_lock_mine(fd);
        return fd;
    }
    *holder = read_pid(fd);
    close(fd);
    if (err != -EWOULDBLOCK)
        return run_dir_fail(err, error, "cannot lock", path, todo);
    snprintf(error, INI_ERROR_BYTES,
             "a cluster is already running on %s (manager pid %d): stop it first, or set another "
             "state_dir",
             state_dir, (int)*holder);
    return -EBUSY;
}

void run_dir_lock_mine(int lock_fd)
{
    char text[32];
    int n = snprintf(text, sizeof text, "%d\n", (int)getpid());

    /* The pid is for people; whether the lock is held does not depend on it. */
    if (ftruncate(lock_fd, 0) == 0 && pwrite(lock_fd, text, (size_t)n, 0) != n)
        log_warn("cannot write our pid into the lock: %s", strerror(errno));
}

pid_t run_dir_holder(const char *state_dir)
{
    char path[LOCK_PATH_BYTES];
    pid_t pid = 0;
    int fd;

    snprintf(path, sizeof path, "%s/lock", state_dir);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
    if (flock(fd, LOCK_SH | LOCK_NB) < 0)
        pid = errno != EWOULDBLOCK ? -errno : read_pid(fd) > 0 ? read_pid(fd) : 1;
    close(fd);
    return pid;
}

int run_dir_cluster(const char *state_dir, const struct privileged_ids *ids,
                    char out[HERITAGE_PATH_MAX], char *error)
{
    char *full = realpath(state_dir, NULL);
    int err = 0;

    if (!full || (size_t)snprintf(out, HERITAGE_PATH_MAX, "%s/run", full) > RUN_DIR_MAX) {
        snprintf(error, INI_ERROR_BYTES,
                 "state_dir %s: its path is too long for sockets; give one of at most %d bytes",
                 state_dir, RUN_DIR_MAX - 4);
        err = -ENAMETOOLONG;
    }
    free(full);
    if (err == 0 && ids->root && !privileged_allows(state_dir, ids->uid, ids->gid, X_OK)) {
        snprintf(error, INI_ERROR_BYTES,
                 "state_dir %s: the workers' user (uid %d) cannot get there; open its folders "
                 "(chmod o+x) or give another state_dir",
                 state_dir, (int)ids->uid);
        err = -EACCES;
    }
    if (err == 0)
        err = privileged_make_dirs(out, RUN_DIR_MODE);
    if (err == 0)
        empty_dir(out);
    if (err == 0 &&
        (chmod(out, RUN_DIR_MODE) < 0 || (ids->root && chown(out, (uid_t)-1, ids->gid) < 0)))
        err = -errno;
    if (err < 0 && err != -ENAMETOOLONG && err != -EACCES)
        run_dir_fail(err, error, "cannot prepare", out, "set another state_dir");
    return err;
}

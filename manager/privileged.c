/* SPDX-License-Identifier: BSD-3-Clause */
/* Rights are spent here and nowhere else: after this a child needs none but those of its user.
 *
 * A folder is judged by the mode bits of its whole path, not by access(2), because the question is
 * always about somebody else: the user that a child is going to be. */
#include "manager/privileged.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FOLDER_MODE 0755

int privileged_ids_find(const struct options *o, struct privileged_ids *out, char *error)
{
    const struct passwd *pw;

    *out = (struct privileged_ids){getuid(), getgid(), geteuid() == 0, false};
    if (!out->root)
        return 0;
    pw = getpwnam(o->user);
    if (!pw) {
        out->user_absent = true;
        pw = getpwnam("nobody");
    }
    if (!pw || pw->pw_uid == 0) {
        snprintf(error, INI_ERROR_BYTES,
                 pw ? "user %s is root: workers never run as root; name another one"
                    : "there is neither a user %s nor nobody: create one for the workers",
                 o->user);
        return pw ? -EPERM : -ENOENT;
    }
    out->uid = pw->pw_uid;
    out->gid = pw->pw_gid;
    return 0;
}

/* The three mode bits that count for uid/gid. */
static int mode_for(const struct stat *st, uid_t uid, gid_t gid)
{
    if (st->st_uid == uid)
        return st->st_mode >> 6 & 7;
    return (st->st_gid == gid ? st->st_mode >> 3 : st->st_mode) & 7;
}

bool privileged_has(unsigned capability)
{
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0, 0, 0}};

    return syscall(SYS_capget, &head, data) == 0 &&
           (data[capability / 32].effective >> capability % 32 & 1);
}

bool privileged_allows(const char *path, uid_t uid, gid_t gid, int mask)
{
    char *full = realpath(path, NULL);
    struct stat st;
    bool ok = full && stat(full, &st) == 0 && (mode_for(&st, uid, gid) & mask) == mask;

    for (char *p = full; ok && p && (p = strchr(p, '/')); p++) {
        char rest = p[1];

        p[1] = '\0';
        ok = stat(full, &st) == 0 && (!S_ISDIR(st.st_mode) || mode_for(&st, uid, gid) & X_OK);
        p[1] = rest;
    }
    free(full);
    return ok;
}

int privileged_make_dirs(const char *path, mode_t mode)
{
    char part[OPTION_STRING_MAX];
    struct stat st;

    if ((size_t)snprintf(part, sizeof part, "%s", path) >= sizeof part)
        return -ENAMETOOLONG;
    for (char *p = strchr(part + 1, '/'); p; p = strchr(p + 1, '/')) {
        *p = '\0';
        if (mkdir(part, FOLDER_MODE) < 0 && errno != EEXIST)
            return -errno;
        *p = '/';
    }
    if (mkdir(part, mode) == 0)
        return 0;
    if (errno != EEXIST)
        return -errno;
    return stat(part, &st) < 0 ? -errno : S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

/* Who shall own a new log folder that was just made. */
static uid_t new_log_dir_owner(const char *dir, const struct privileged_ids *ids)
{
    char above[OPTION_STRING_MAX + 4];
    struct stat st;

    snprintf(above, sizeof above, "%s/..", dir);
    if (privileged_allows(above, ids->uid, ids->gid, X_OK) || stat(above, &st) < 0)
        return ids->uid;
    return st.st_uid;
}

static int log_dir_fail(const char *dir, int err, char *error)
{
    snprintf(error, INI_ERROR_BYTES, "log folder %s: %s; give another log_dir (--log-dir)", dir,
             err == -EACCES ? "no permission to write there" : strerror(-err));
    return err;
}

int privileged_log_dir(const char *dir, const struct privileged_ids *ids, uid_t *owner, char *error)
{
    struct stat st;
    bool made = stat(dir, &st) < 0;
    int err = privileged_make_dirs(dir, FOLDER_MODE);

    if (err < 0)
        return log_dir_fail(dir, err, error);
    if (!ids->root) {
        *owner = ids->uid;
        return access(dir, W_OK | X_OK) < 0 ? log_dir_fail(dir, -errno, error) : 0;
    }
    if (made &&
        fchownat(AT_FDCWD, dir, new_log_dir_owner(dir, ids), ids->gid, AT_SYMLINK_NOFOLLOW) < 0)
        return log_dir_fail(dir, -errno, error);
    if (stat(dir, &st) < 0)
        return log_dir_fail(dir, -errno, error);
    *owner = st.st_uid;
    return 0;
}

int privileged_own_file(const char *path, uid_t uid, gid_t gid, char *error)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    int err = fd < 0 ? -errno : 0;

    if (fd >= 0 && geteuid() == 0 && fchown(fd, uid, gid) < 0)
        err = -errno;
    if (fd >= 0)
        close(fd);
    if (err < 0)
        snprintf(error, INI_ERROR_BYTES, "cannot make %s: %s", path, strerror(-err));
    return err;
}

static const char *input_name(const char *path)
{
    return strcmp(path, "-") == 0 ? "standard input" : path;
}

static int input_fail(const char *path, int err, char *error)
{
    snprintf(error, INI_ERROR_BYTES, "cannot read %s: %s", input_name(path), strerror(-err));
    return err;
}

int privileged_check_input(const char *path, char *error)
{
    bool is_stdin = strcmp(path, "-") == 0;
    struct stat st;

    if ((is_stdin ? fstat(STDIN_FILENO, &st) : stat(path, &st)) < 0 ||
        (!is_stdin && access(path, R_OK) < 0))
        return input_fail(path, -errno, error);
    if (S_ISDIR(st.st_mode)) {
        snprintf(error, INI_ERROR_BYTES, "%s is a folder: give a capture file", path);
        return -EISDIR;
    }
    if (is_stdin && isatty(STDIN_FILENO)) {
        snprintf(error, INI_ERROR_BYTES,
                 "standard input is a terminal: pipe a capture into it, as from tcpdump -w -");
        return -EINVAL;
    }
    return 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* The names say whose they are: spliff-MANAGER-OWNER or spliff-MANAGER-NODE, with the numbers of
 * the processes. A process of this number may be another by now, or be in another container, so
 * what lives is also told by the lock that DPDK holds on a file of the folder. */
#include "manager/capture/dpdk_leftover.h"

#include "common/base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PREFIX "spliff-"

/* One that has ended and was not yet asked how has no program any more. */
static bool lives(long pid)
{
    char path[40], program[8];

    snprintf(path, sizeof path, "/proc/%ld/exe", pid);
    return readlink(path, program, sizeof program) >= 0 || (errno != ENOENT && errno != ESRCH);
}

/* The owner holds a lock on this file as long as it lives. */
static bool is_locked(const char *folder, const char *prefix)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char path[PATH_MAX];
    bool locked;
    int fd;

    snprintf(path, sizeof path, "%s/%s/config", folder, prefix);
    fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return false;
    locked = fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
    close(fd);
    return locked;
}

/* Whether the processes that this name is made of are gone. */
static bool is_left_over(const char *folder, const char *name)
{
    char prefix[NAME_MAX + 1], *end, *map;
    long manager, owner;

    if (strncmp(name, PREFIX, strlen(PREFIX)) != 0)
        return false;
    snprintf(prefix, sizeof prefix, "%s", name);
    map = strstr(prefix, "map_"); /* of a huge page: the prefix, and its number */
    if (map)
        *map = '\0';
    manager = strtol(prefix + strlen(PREFIX), &end, 10);
    if (*end != '-')
        return false;
    owner = strtol(end + 1, &end, 10);
    return !lives(*end == '\0' ? owner : manager) && !is_locked(folder, prefix);
}

/* One folder of DPDK's, which has no folders in it. */
static void remove_folder(const char *folder, const char *name)
{
    char path[PATH_MAX], file[PATH_MAX + NAME_MAX + 2];
    struct dirent *e;
    DIR *d;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    d = opendir(path);
    while (d && (e = readdir(d))) {
        snprintf(file, sizeof file, "%s/%s", path, e->d_name);
        if (e->d_name[0] != '.')
            (void)unlink(file);
    }
    if (d)
        closedir(d);
    if (rmdir(path) < 0 && errno != ENOENT)
        log_warn("cannot remove %s, which DPDK has left: %s", path, strerror(errno));
}

static void remove_pages(const char *folder, const char *huge_folder)
{
    DIR *d = huge_folder[0] ? opendir(huge_folder) : NULL;
    char file[PATH_MAX + NAME_MAX + 2];
    struct dirent *e;

    while (d && (e = readdir(d))) {
        snprintf(file, sizeof file, "%s/%s", huge_folder, e->d_name);
        if (is_left_over(folder, e->d_name))
            (void)unlink(file);
    }
    if (d)
        closedir(d);
}

void dpdk_leftover_remove(const char *folder, const char *huge_folder)
{
    struct dirent *e;
    DIR *d;

    remove_pages(folder, huge_folder); /* first: the folder tells whether they are in use */
    d = opendir(folder);
    while (d && (e = readdir(d)))
        if (is_left_over(folder, e->d_name))
            remove_folder(folder, e->d_name);
    if (d)
        closedir(d);
}

bool dpdk_leftover_huge_folder(const char *mounts, char *out, size_t bytes)
{
    FILE *f = setmntent(mounts, "re");
    bool found = false;
    struct mntent *m;

    while (f && !found && (m = getmntent(f))) {
        if (strcmp(m->mnt_type, "hugetlbfs") != 0 || hasmntopt(m, "pagesize=1024M"))
            continue;
        found = strlen(m->mnt_dir) < bytes;
        if (found)
            snprintf(out, bytes, "%s", m->mnt_dir);
    }
    if (f)
        endmntent(f);
    return found;
}

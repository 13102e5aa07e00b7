/* SPDX-License-Identifier: BSD-3-Clause */
/* Where logs and state are written, and as whom. */
#include "manager/doctor/doctor.h"

#include "manager/folder.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#define MEGABYTE    (UINT64_C(1) << 20)
#define MIN_PERCENT 5u

/* File systems that are slow to answer or forget (linux/magic.h, and those that it lacks). */
static const struct {
    uint32_t magic;
    const char *why;
} poor_file_systems[] = {
    {0x01021994, "is in memory (tmpfs): what is there is gone after a restart of the machine"},
    {0x6969, "is on the network (NFS): writing waits for another machine"},
    {0xff534d42, "is on the network (CIFS): writing waits for another machine"},
    {0xfe534d42, "is on the network (SMB): writing waits for another machine"},
};

/* Of the whole disk where dev is a partition of it. */
static bool rotates(const struct doctor *d, dev_t dev)
{
    char path[128];
    uint64_t v;

    snprintf(path, sizeof path, "/sys/dev/block/%u:%u/queue/rotational", major(dev), minor(dev));
    v = doctor_read_number(d, path, UINT64_MAX);
    if (v == UINT64_MAX) {
        snprintf(path, sizeof path, "/sys/dev/block/%u:%u/../queue/rotational", major(dev),
                 minor(dev));
        v = doctor_read_number(d, path, 0);
    }
    return v == 1;
}

/* A folder that spliff.cfg names: what it is for and the option. */
struct folder_of {
    const char *what, *option, *dir;
};

static void find(struct doctor_report *r, enum doctor_level level, const struct folder_of *f,
                 const char *where, const char *why)
{
    char mend[DOCTOR_TEXT_MAX];

    snprintf(mend, sizeof mend, "%s%s in spliff.cfg", f->option, where);
    doctor_find(r, level, mend, "%s %.120s %s", f->what, f->dir, why);
}

static bool check_space(const struct folder_of *f, const struct statvfs *v, struct doctor_report *r)
{
    uint64_t unused = (uint64_t)v->f_bavail * v->f_frsize / MEGABYTE;
    uint64_t percent = v->f_blocks ? (uint64_t)v->f_bavail * 100 / v->f_blocks : 100;
    char mend[DOCTOR_TEXT_MAX];

    if (percent >= MIN_PERCENT && unused > 0)
        return true;
    snprintf(mend, sizeof mend, "make room, or %s on another disk in spliff.cfg", f->option);
    doctor_find(r, percent == 0 || unused == 0 ? DOCTOR_FAIL : DOCTOR_WARN, mend,
                "%s %.120s has %" PRIu64 " MB left, %" PRIu64 " %%", f->what, f->dir, unused,
                percent);
    return false;
}

static void check_folder(const struct doctor *d, const struct folder_of *f, struct doctor_report *r)
{
    char path[PATH_MAX];
    struct statvfs space;
    struct statfs kind;
    struct stat st;

    snprintf(path, sizeof path, "%s", f->dir);
    folder_nearest(path);
    if (statvfs(path, &space) < 0 || statfs(path, &kind) < 0 || stat(path, &st) < 0) {
        find(r, DOCTOR_FAIL, f, " elsewhere", "cannot be looked at");
        return;
    }
    if (!check_space(f, &space, r))
        return;
    for (size_t i = 0; i < sizeof poor_file_systems / sizeof poor_file_systems[0]; i++) {
        if ((uint32_t)kind.f_type == poor_file_systems[i].magic) {
            find(r, DOCTOR_WARN, f, " on a local disk", poor_file_systems[i].why);
            return;
        }
    }
    if (rotates(d, st.st_dev))
        find(r, DOCTOR_WARN, f, " on a solid-state disk", "is on a disk that rotates");
    else
        doctor_find(r, DOCTOR_OK, "", "%s %.120s has %" PRIu64 " MB left", f->what, f->dir,
                    (uint64_t)space.f_bavail * space.f_frsize / MEGABYTE);
}

/* Records that the logger has not yet written wait in memory, in the workers' spools. */
DOCTOR_CHECK(disk)
{
    const struct folder_of folders[] = {{"log folder", "log_dir", d->log_dir},
                                        {"state folder", "state_dir", d->state_dir}};

    (void)c;
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        if (folders[i].dir[0])
            check_folder(d, &folders[i], r);
}

DOCTOR_CHECK(user)
{
    char mend[DOCTOR_TEXT_MAX];

    (void)c;
    snprintf(mend, sizeof mend,
             "useradd --system --user-group --home-dir / --no-create-home --shell "
             "/usr/sbin/nologin %.32s",
             d->options->user);
    if (d->user_absent)
        doctor_find(r, DOCTOR_WARN, mend, "there is no user %.32s: workers run as nobody",
                    d->options->user);
    else
        doctor_find(r, DOCTOR_OK, "", "workers run as %.32s", d->options->user);
}

DOCTOR_CHECK(rights)
{
    (void)c;
    if (d->may_capture)
        doctor_find(r, DOCTOR_OK, "", "we may capture");
    else
        doctor_find(r, DOCTOR_WARN, "sudo spliff-cluster doctor",
                    "not root: capture would be refused, and some things cannot be looked at");
}

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
    {0x01021994, "is in memory (tmpfs): its logs are gone after a restart of the machine"},
    {0x6969, "is on the network (NFS): a log line waits for another machine"},
    {0xff534d42, "is on the network (CIFS): a log line waits for another machine"},
    {0xfe534d42, "is on the network (SMB): a log line waits for another machine"},
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

static bool check_space(const char *what, const char *dir, const struct statvfs *v,
                        struct doctor_report *r)
{
    uint64_t unused = (uint64_t)v->f_bavail * v->f_frsize / MEGABYTE;
    uint64_t percent = v->f_blocks ? (uint64_t)v->f_bavail * 100 / v->f_blocks : 100;

    if (percent >= MIN_PERCENT && unused > 0)
        return true;
    doctor_find(r, percent == 0 || unused == 0 ? DOCTOR_FAIL : DOCTOR_WARN,
                "make room, or log_dir on another disk in spliff.cfg",
                "%s %.120s has %" PRIu64 " MB left, %" PRIu64 " %%", what, dir, unused, percent);
    return false;
}

static void check_folder(const struct doctor *d, const char *what, const char *dir,
                         struct doctor_report *r)
{
    char path[PATH_MAX];
    struct statvfs space;
    struct statfs kind;
    struct stat st;

    snprintf(path, sizeof path, "%s", dir);
    folder_nearest(path);
    if (statvfs(path, &space) < 0 || statfs(path, &kind) < 0 || stat(path, &st) < 0) {
        doctor_find(r, DOCTOR_FAIL, "another log_dir or state_dir in spliff.cfg",
                    "%s %.120s cannot be looked at", what, dir);
        return;
    }
    if (!check_space(what, dir, &space, r))
        return;
    for (size_t i = 0; i < sizeof poor_file_systems / sizeof poor_file_systems[0]; i++) {
        if ((uint32_t)kind.f_type == poor_file_systems[i].magic) {
            doctor_find(r, DOCTOR_WARN, "log_dir on a local disk in spliff.cfg", "%s %.120s %s",
                        what, dir, poor_file_systems[i].why);
            return;
        }
    }
    if (rotates(d, st.st_dev))
        doctor_find(r, DOCTOR_WARN, "log_dir on a solid-state disk in spliff.cfg",
                    "%s %.120s is on a disk that rotates", what, dir);
    else
        doctor_find(r, DOCTOR_OK, "", "%s %.120s has %" PRIu64 " MB left", what, dir,
                    (uint64_t)space.f_bavail * space.f_frsize / MEGABYTE);
}

/* Records that the logger has not yet written wait in memory, in the workers' spools. */
DOCTOR_CHECK(disk)
{
    (void)c;
    if (d->log_dir[0])
        check_folder(d, "log folder", d->log_dir, r);
    if (d->state_dir[0])
        check_folder(d, "state folder", d->state_dir, r);
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

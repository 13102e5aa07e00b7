/* SPDX-License-Identifier: BSD-3-Clause */
/* Both ends of the fork. The memory that crosses it is sealed against resizing: a child that went
 * wrong can scribble on its own counters and spool, but cannot make the manager fault by truncating
 * a page that the manager reads. */
#include "common/ipc/heritage.h"

#include "common/base/log.h"
#include "common/base/threads.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#define SEALS_SIZE (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

static int memfd_of(const char *name, size_t bytes, unsigned flags)
{
    int fd = memfd_create(name, flags | MFD_ALLOW_SEALING);

    if (fd < 0)
        return -errno;
    if (ftruncate(fd, (off_t)bytes) < 0) {
        int err = errno;
        close(fd);
        return -err;
    }
    return fd;
}

int *heritage_capture_fd(struct heritage_capture *c, unsigned i)
{
    int *const fds[HERITAGE_CAPTURE_FDS] = {
        &c->fd,        &c->flows_fd,   &c->memory_fd,       &c->program_fd,
        &c->lists_fd,  &c->shunted_fd, &c->shunted_page_fd, &c->stats_fd,
        &c->queues_fd, &c->reader_fd,  &c->processes_fd};

    return fds[i];
}

/* Sealed against writing too: two children that inherit it by mistake still read the same. */
int heritage_write(const struct heritage *h)
{
    struct heritage copy = *h;
    int fd = memfd_of("spliff-heritage", sizeof copy, MFD_CLOEXEC);
    int err;

    if (fd < 0)
        return fd;
    copy.magic = HERITAGE_MAGIC;
    copy.bytes = sizeof copy;
    copy.manager_pid = getpid();
    if (pwrite(fd, &copy, sizeof copy, 0) != (ssize_t)sizeof copy)
        err = errno ? errno : EIO;
    else if (fcntl(fd, F_ADD_SEALS, SEALS_SIZE | F_SEAL_WRITE) < 0)
        err = errno;
    else
        return fd;
    close(fd);
    return -err;
}

int heritage_shm(const char *name, size_t bytes)
{
    int fd = memfd_of(name, bytes, 0);

    if (fd >= 0 && fcntl(fd, F_ADD_SEALS, SEALS_SIZE) < 0) {
        int err = errno;
        close(fd);
        return -err;
    }
    return fd;
}

/* Touching a page past the end of the file is SIGBUS, so the size is asked before. */
static void *map_fd(int fd, size_t bytes, int prot)
{
    struct stat st;
    void *p;

    if (fstat(fd, &st) < 0)
        return NULL;
    if (st.st_size < 0 || (size_t)st.st_size < bytes) {
        errno = EINVAL;
        return NULL;
    }
    p = mmap(NULL, bytes, prot, MAP_SHARED, fd, 0);
    return p == MAP_FAILED ? NULL : p;
}

void *heritage_map(int fd, size_t bytes)
{
    return map_fd(fd, bytes, PROT_READ | PROT_WRITE);
}

const void *heritage_map_read(int fd, size_t bytes)
{
    return map_fd(fd, bytes, PROT_READ);
}

/* The seal leaves mappings alone that are there already. */
static int show(int fd, size_t bytes, void **mine)
{
    *mine = heritage_map(fd, bytes);
    if (!*mine)
        return -errno;
    if (fcntl(fd, F_ADD_SEALS, SEALS_SIZE | F_SEAL_FUTURE_WRITE) == 0)
        return 0;
    munmap(*mine, bytes);
    return -errno;
}

int heritage_shm_shown(const char *name, size_t bytes, void **mine)
{
    int fd = memfd_of(name, bytes, MFD_CLOEXEC);
    int err = fd < 0 ? fd : show(fd, bytes, mine);

    if (err < 0 && fd >= 0)
        close(fd);
    return err < 0 ? err : fd;
}

const struct heritage *heritage_read(void)
{
    const struct heritage *h = map_fd(HERITAGE_FD, sizeof *h, PROT_READ);

    if (!h || h->magic != HERITAGE_MAGIC || h->bytes != sizeof *h) {
        log_error("descriptor %d holds no heritage: this program is started by spliff-cluster, not "
                  "by hand",
                  HERITAGE_FD);
        return NULL;
    }
    return h;
}

/* Not "the parent is process 1": in a container the manager may be that itself. */
bool heritage_orphaned(const struct heritage *h)
{
    return h->manager_pid != 0 && getppid() != h->manager_pid;
}

/* Empties the bounding set, which only root may; whoever may not has nothing to bound. */
static void drop_bounding_set(void)
{
    for (unsigned long cap = 0; prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0; cap++)
        ;
}

/* What the probe goes on to do: load programs and attach them, map what the kernel gives it, look
 * into all processes and open the files that they have mapped (CAP_CHECKPOINT_RESTORE: those that
 * have been deleted). */
static const unsigned probe_capabilities[] = {
    CAP_BPF,          CAP_PERFMON,         CAP_CHECKPOINT_RESTORE, CAP_SYS_PTRACE,
    CAP_SYS_RESOURCE, CAP_DAC_READ_SEARCH, CAP_IPC_LOCK,
};

/* Before 6.6 probes are attached as perf events, for which the kernel asks the rights of an
 * administrator; since then as one BPF link, for which CAP_PERFMON will do. */
static bool probes_are_perf_events(void)
{
    struct utsname u;
    int major = 0, minor = 0;

    if (uname(&u) < 0 || sscanf(u.release, "%d.%d", &major, &minor) != 2)
        return true;
    return major < 6 || (major == 6 && minor < 6);
}

static void capabilities_keep(uint32_t keep[_LINUX_CAPABILITY_U32S_3], unsigned capability)
{
    keep[capability / 32] |= UINT32_C(1) << capability % 32;
}

/* By system call: libcap would be one more library for these few lines. A change of user empties
 * the sets already; this is for a worker that stays root, and for one that was given capabilities.
 * The probe keeps of its own what is in the list. */
static int drop_capabilities(enum node_kind kind)
{
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3] = {{0, 0, 0}};
    uint32_t keep[_LINUX_CAPABILITY_U32S_3] = {0, 0};

    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ||
        syscall(SYS_capget, &head, caps) < 0)
        return -errno;
    for (size_t i = 0; kind == NODE_PROBE && i < sizeof probe_capabilities / sizeof(unsigned); i++)
        capabilities_keep(keep, probe_capabilities[i]);
    if (kind == NODE_PROBE && probes_are_perf_events())
        capabilities_keep(keep, CAP_SYS_ADMIN);
    for (unsigned i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
        caps[i].permitted &= keep[i];
        caps[i].effective = caps[i].permitted;
        caps[i].inheritable = 0;
    }
    return syscall(SYS_capset, &head, caps) < 0 ? -errno : 0;
}

/* Groups first: after the user has changed, there is no right to change them. */
static int become(uid_t uid, gid_t gid)
{
    if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
        return -errno;
    return 0;
}

/* For threads_each: */
static int bound_thread(const void *arg)
{
    (void)arg;
    drop_bounding_set();
    return 0;
}

static int drop_thread(const void *arg)
{
    int err = drop_capabilities(((const struct heritage *)arg)->kind);

    if (err == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        err = -errno;
    return err;
}

int heritage_drop_privileges(const struct heritage *h)
{
    /* Needs CAP_SETPCAP, so before anything else goes. */
    int err = threads_each(bound_thread, h);

    if (err == 0 && geteuid() == 0)
        err = become(h->uid, h->gid);
    if (err == 0)
        err = threads_each(drop_thread, h);
    if (err < 0)
        return err;
    /* A change of user clears the death signal, so it is asked for last; and a manager that died
     * before cannot send it any more. */
    if (prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) < 0)
        return -errno;
    return heritage_orphaned(h) ? -ESRCH : 0;
}

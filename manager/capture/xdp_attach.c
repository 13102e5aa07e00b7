/* SPDX-License-Identifier: BSD-3-Clause */
/* libxdp puts programs behind a dispatcher, so that several share an interface. Where the kernel
 * does not let it (no bpffs, no programs that replace others' functions) it attaches the program
 * alone, and then an interface that has one already is refused.
 *
 * Either way the program stays when the manager is killed. It passes all frames on then, because
 * its maps are empty, and the next manager takes it away. Whether a manager still lives is told by
 * a lock on a file of the interface, in a folder that is root's: the kernel drops it with the
 * process. Clusters in containers that capture from the same interfaces must have that folder in
 * common.
 *
 * libxdp's own program does not say whose it is. A manager that guards an interface leaves a note
 * in the file, for its successors, that such a program there is ours. */
#include "manager/capture/xdp_attach.h"

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/ipc/dpdk_share.h"
#include "manager/ini_file.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xdp/libxdp.h>

#define LIBXDP_PREFIX "xsk_def" /* of the program that it has for AF_XDP sockets */
#define DISPATCHER    "xdp_dispatcher"
#define LOCK_BYTES    64
#define GUARD_NOTE    "guarded\n"

struct xdp_attached {
    struct xdp_program *program;
    unsigned index; /* of the interface */
    enum xdp_mode mode;
    uint32_t id;    /* of what is attached: our program, or the dispatcher that it is behind */
    bool suspected; /* another one was there, or none, when it was looked at last */
    bool displaced;
    int lock_fd;
};

/* What libxdp and the kernel call the modes, and the order in which auto tries them. */
static const struct {
    enum xdp_mode mode;
    enum xdp_attach_mode as;
    uint32_t flag;
    const char *name;
    bool automatic;
} modes[] = {
    {XDP_NATIVE, XDP_MODE_NATIVE, XDP_FLAGS_DRV_MODE, "native", true},
    {XDP_GENERIC, XDP_MODE_SKB, XDP_FLAGS_SKB_MODE, "generic", true},
    {XDP_OFFLOAD, XDP_MODE_HW, XDP_FLAGS_HW_MODE, "offload", false},
};
#define MODES (sizeof modes / sizeof modes[0])

const char *xdp_mode_name(enum xdp_mode mode)
{
    for (unsigned i = 0; i < MODES; i++)
        if (modes[i].mode == mode)
            return modes[i].name;
    return "auto";
}

enum xdp_mode xdp_attached_mode(const struct xdp_attached *a)
{
    return a->mode;
}

/* Numbers of interfaces are of a network namespace. */
static void lock_path(unsigned index, char path[LOCK_BYTES])
{
    struct stat net = {0};

    (void)stat("/proc/self/ns/net", &net);
    snprintf(path, LOCK_BYTES, DPDK_SHARE_RUNTIME "/xdp-%llu-%u", (unsigned long long)net.st_ino,
             index);
}

/* False: who had the lock before has removed the file, and others lock another one. */
static bool leads_to(const char *path, int fd)
{
    struct stat there, here;

    return stat(path, &there) == 0 && fstat(fd, &here) == 0 && there.st_dev == here.st_dev &&
           there.st_ino == here.st_ino;
}

/* The descriptor that keeps other managers from this interface, or -errno; -EWOULDBLOCK if one has
 * it. */
static int lock_interface(unsigned index)
{
    char path[LOCK_BYTES];

    lock_path(index, path);
    if (mkdir(DPDK_SHARE_RUNTIME, 0755) < 0 && errno != EEXIST)
        return -errno;
    for (;;) {
        int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600), r;

        if (fd < 0)
            return -errno;
        r = flock(fd, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
        if (r == 0 && leads_to(path, fd))
            return fd;
        close(fd);
        if (r < 0)
            return r;
    }
}

static void unlock_interface(unsigned index, int fd)
{
    char path[LOCK_BYTES];

    lock_path(index, path);
    (void)unlink(path);
    close(fd);
}

/* The name of a loaded program, cut as the kernel cuts it; "" if it cannot be told. */
static void program_name(uint32_t id, char name[BPF_OBJ_NAME_LEN])
{
    struct bpf_prog_info info = {0};
    uint32_t bytes = sizeof info;
    int fd = bpf_prog_get_fd_by_id(id);

    name[0] = '\0';
    if (fd < 0)
        return;
    if (bpf_obj_get_info_by_fd(fd, &info, &bytes) == 0)
        memcpy(name, info.name, BPF_OBJ_NAME_LEN);
    close(fd);
}

static bool begins_with(const char *name, const char *prefix)
{
    return name && strncmp(name, prefix, strlen(prefix)) == 0;
}

/* Behind a dispatcher the programs change when one of them goes, so the search begins anew. */
static void remove_from_dispatcher(int index, const char *prefix)
{
    for (bool found = true; found;) {
        struct xdp_multiprog *all = xdp_multiprog__get_from_ifindex(index);
        struct xdp_program *p = NULL;

        if (libxdp_get_error(all) != 0)
            return;
        while ((p = xdp_multiprog__next_prog(p, all)) && !begins_with(xdp_program__name(p), prefix))
            ;
        found = p && xdp_program__detach(p, index, xdp_multiprog__attach_mode(all), 0) == 0;
        xdp_multiprog__close(all);
    }
}

/* Takes away programs whose names begin so, what a killed manager has left. One that is alone is
 * taken away without libxdp, which keeps the program, and so its maps, until this process ends. */
static void remove_leftovers(int index, const char *prefix)
{
    DECLARE_LIBBPF_OPTS(bpf_xdp_query_opts, attached);
    const struct {
        const uint32_t *id;
        uint32_t mode;
    } ways[] = {{&attached.drv_prog_id, XDP_FLAGS_DRV_MODE},
                {&attached.skb_prog_id, XDP_FLAGS_SKB_MODE},
                {&attached.hw_prog_id, XDP_FLAGS_HW_MODE}};
    char name[BPF_OBJ_NAME_LEN];

    if (bpf_xdp_query(index, 0, &attached) < 0)
        return;
    for (unsigned i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        if (*ways[i].id == 0)
            continue;
        program_name(*ways[i].id, name);
        if (begins_with(name, prefix))
            bpf_xdp_detach(index, ways[i].mode, NULL);
        else if (strcmp(name, DISPATCHER) == 0)
            remove_from_dispatcher(index, prefix);
    }
}

/* What guarding has left, if the interface was guarded. */
static void remove_guarded(unsigned index, int lock_fd)
{
    struct stat lock;

    if (fstat(lock_fd, &lock) == 0 && lock.st_size > 0)
        remove_leftovers((int)index, LIBXDP_PREFIX);
}

void xdp_sweep(void)
{
    struct if_nameindex *all = if_nameindex();

    libxdp_set_print(NULL);
    libbpf_set_print(NULL);
    for (const struct if_nameindex *i = all; i && i->if_index > 0; i++) {
        uint32_t program = 0;
        int lock_fd;

        if (bpf_xdp_query_id((int)i->if_index, 0, &program) < 0 || program == 0)
            continue;
        lock_fd = lock_interface(i->if_index);
        if (lock_fd < 0) /* somebody's who lives */
            continue;
        remove_leftovers((int)i->if_index, XDP_ATTACH_PREFIX);
        remove_guarded(i->if_index, lock_fd);
        unlock_interface(i->if_index, lock_fd);
    }
    if (all)
        if_freenameindex(all);
}

/* Attaches in the mode asked for, or in the first of auto's that the interface has. */
static int attach(struct xdp_attached *a, enum xdp_mode mode)
{
    int r = -EOPNOTSUPP;

    for (unsigned i = 0; i < MODES; i++) {
        if (mode == XDP_AUTO ? !modes[i].automatic : modes[i].mode != mode)
            continue;
        a->mode = modes[i].mode;
        r = xdp_program__attach(a->program, (int)a->index, modes[i].as, 0);
        if (r == 0 || r == -EBUSY || r == -EEXIST || r == -EPERM)
            break;
    }
    return r;
}

/* Whether the kernel does not say what is attached: it names programs to administrators alone. */
static bool is_unknown(unsigned index)
{
    uint32_t id = 0;
    int fd;

    if (bpf_xdp_query_id((int)index, 0, &id) < 0 || id == 0)
        return false;
    fd = bpf_prog_get_fd_by_id(id);
    if (fd >= 0)
        close(fd);
    return fd == -EPERM;
}

static int explain(const struct interface *i, enum xdp_mode mode, int r, char *error)
{
    switch (-r) {
    case EBUSY:
    case EEXIST:
        if (is_unknown(i->index))
            return interface_fail(i->name, error, -EBUSY,
                                  "an XDP program is attached, and to tell whether it is a "
                                  "leftover of ours needs CAP_SYS_ADMIN: run with it, or ip link "
                                  "set dev %s xdp off",
                                  i->name);
        return interface_fail(i->name, error, -EBUSY,
                              "another XDP program is attached, and is not one that shares (see "
                              "bpftool net): ip link set dev %s xdp off",
                              i->name);
    case EPERM:
    case EACCES:
        return interface_fail(i->name, error, -EPERM, "loading an XDP program needs root");
    case EOPNOTSUPP:
        return interface_fail(i->name, error, -ENOTSUP, "its driver has no XDP of mode %s%s",
                              xdp_mode_name(mode),
                              mode == XDP_AUTO ? "" : ": set xdp_mode to auto");
    default: /* what an interface cannot take on itself, drivers and kernel refuse in many ways */
        if (mode == XDP_OFFLOAD)
            return interface_fail(i->name, error, -ENOTSUP,
                                  "it cannot run the program itself (%s): set xdp_mode to auto",
                                  strerror(-r));
        return interface_fail(i->name, error, r, "cannot attach an XDP program: %s", strerror(-r));
    }
}

static int lock(struct xdp_attached *a, const struct interface *i, char *error)
{
    a->lock_fd = lock_interface(i->index);
    if (a->lock_fd >= 0)
        return 0;
    if (a->lock_fd == -EWOULDBLOCK)
        return interface_fail(i->name, error, -EBUSY,
                              "another cluster captures from it by XDP: one at a time can");
    if (a->lock_fd == -EACCES)
        return interface_fail(i->name, error, -EPERM, "capturing by XDP needs root");
    return interface_fail(i->name, error, a->lock_fd,
                          "cannot lock it in " DPDK_SHARE_RUNTIME ": %s", strerror(-a->lock_fd));
}

static struct xdp_program *program_of(struct bpf_object *o, const char *function)
{
    DECLARE_LIBXDP_OPTS(xdp_program_opts, opts, .obj = o, .prog_name = function);
    struct xdp_program *p = xdp_program__create(&opts);

    return libxdp_get_error(p) == 0 ? p : NULL;
}

/* What is attached where the program was; 0: nothing. False: that cannot be told. */
static bool find_attached(const struct xdp_attached *a, uint32_t *id)
{
    DECLARE_LIBBPF_OPTS(bpf_xdp_query_opts, there);

    if (bpf_xdp_query((int)a->index, 0, &there) < 0)
        return false;
    *id = a->mode == XDP_OFFLOAD   ? there.hw_prog_id
          : a->mode == XDP_GENERIC ? there.skb_prog_id
                                   : there.drv_prog_id;
    return true;
}

int xdp_attach(struct xdp_attached **out, struct bpf_object *o, const char *function,
               const struct interface *i, enum xdp_mode mode, char *error)
{
    struct xdp_attached *a = calloc(1, sizeof *a);
    int r;

    CHECK(strncmp(function, XDP_ATTACH_PREFIX, strlen(XDP_ATTACH_PREFIX)) == 0);
    libxdp_set_print(NULL); /* one line of our own is enough */
    libbpf_set_print(NULL);
    if (!a)
        return interface_fail(i->name, error, -ENOMEM, "out of memory");
    a->index = i->index;
    r = lock(a, i, error);
    if (r < 0)
        goto free_attached;
    remove_leftovers((int)i->index, XDP_ATTACH_PREFIX);
    a->program = program_of(o, function);
    if (!a->program) {
        r = interface_fail(i->name, error, -ENOMEM, "cannot prepare an XDP program");
        goto unlock;
    }
    r = attach(a, mode);
    if (r == 0) {
        find_attached(a, &a->id);
        *out = a;
        return 0;
    }
    r = explain(i, mode, r, error);
    xdp_program__close(a->program);
unlock:
    unlock_interface(a->index, a->lock_fd);
free_attached:
    free(a);
    return r;
}

/* Whether the program is behind the dispatcher that is there now. */
static bool is_dispatched(const struct xdp_attached *a)
{
    struct xdp_multiprog *all = xdp_multiprog__get_from_ifindex((int)a->index);
    struct xdp_program *p = NULL;

    if (libxdp_get_error(all) != 0)
        return false;
    while ((p = xdp_multiprog__next_prog(p, all)) &&
           xdp_program__id(p) != xdp_program__id(a->program))
        ;
    xdp_multiprog__close(all);
    return p != NULL;
}

/* An interface that is being removed loses its program before anybody is told: so it is looked at
 * twice. */
void xdp_look(struct xdp_attached *a, const char *name)
{
    bool suspected = a && a->suspected;
    uint32_t id;

    if (!a || a->displaced)
        return;
    a->suspected = find_attached(a, &id) && id != a->id;
    if (!a->suspected || !suspected)
        return;
    a->id = id;
    a->displaced = !is_dispatched(a);
    if (a->displaced)
        log_warn("interface %s: our XDP program was detached by another, and what comes in is not "
                 "captured: ip link set dev %s xdp off, and restart",
                 name, name);
}

int xdp_guard(struct xdp_attached **out, const struct interface *i, char *error)
{
    struct xdp_attached *a = calloc(1, sizeof *a);
    int r;

    libxdp_set_print(NULL);
    libbpf_set_print(NULL);
    if (!a)
        return interface_fail(i->name, error, -ENOMEM, "out of memory");
    a->index = i->index;
    r = lock(a, i, error);
    if (r < 0) {
        free(a);
        return r;
    }
    remove_guarded(i->index, a->lock_fd);
    /* Without it nothing is worse than that a program which passes all frames may be left. */
    if (pwrite(a->lock_fd, GUARD_NOTE, strlen(GUARD_NOTE), 0) < 0)
        log_warn("cannot note that interface %s is guarded: %s", i->name, strerror(errno));
    *out = a;
    return 0;
}

/* libxdp asks the kernel first what is attached, and not everybody is answered. A program that is
 * alone can be taken away unseen. */
static void detach(const struct xdp_attached *a)
{
    DECLARE_LIBBPF_OPTS(bpf_xdp_attach_opts, ours, .old_prog_fd = xdp_program__fd(a->program));
    char name[IF_NAMESIZE];
    unsigned row = 0;
    uint32_t id;
    int r;

    while (modes[row].mode != a->mode)
        CHECK(++row < MODES);
    r = xdp_program__detach(a->program, (int)a->index, modes[row].as, 0);
    /* With an interface that has gone the program has gone, too. */
    if (r == 0 || !find_attached(a, &id) || id == 0 || id != a->id)
        return;
    r = bpf_xdp_detach((int)a->index, modes[row].flag, &ours);
    if (r < 0 && if_indextoname(a->index, name))
        log_warn("interface %s: our XDP program cannot be detached: %s: ip link set dev %s xdp off",
                 name, strerror(-r), name);
}

void xdp_detach(struct xdp_attached *a)
{
    if (!a)
        return;
    if (!a->program)
        remove_guarded(a->index, a->lock_fd);
    else
        detach(a);
    xdp_program__close(a->program);
    unlock_interface(a->index, a->lock_fd);
    free(a);
}

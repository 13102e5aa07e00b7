/* SPDX-License-Identifier: BSD-3-Clause */
/* By system calls: libxdp's functions for sockets want one process to open, fill and read them.
 *
 * The rings have room for all frames of the memory at once, so the ring of received frames is never
 * full: frames are lost only if the worker is so late that all memory waits for it, which the
 * kernel then counts as a fill ring that is empty.
 *
 * Without being told the kernel tries zero-copy first and then copies, but frames in several pieces
 * ask more of a driver than whole ones do, so the ways to bind are tried one by one, each on a new
 * socket: one that could not be bound keeps what it was given. */
#include "manager/capture/xsk.h"

#include "bpf/af_xdp.h"
#include "common/base/log.h"
#include "manager/ini_file.h"

#include <errno.h>
#include <linux/if_xdp.h>
#include <linux/memfd.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/* Not in older headers. */
#ifndef XDP_USE_SG
#define XDP_USE_SG (1 << 4)
#endif
#ifndef SO_PREFER_BUSY_POLL
#define SO_PREFER_BUSY_POLL 69
#endif
#ifndef SO_BUSY_POLL_BUDGET
#define SO_BUSY_POLL_BUDGET 70
#endif

#define HUGE_PAGE_BYTES  (UINT64_C(2) << 20)
#define BUSY_PAUSE_MS    100u
#define BUSY_PATIENCE_MS 5000u
#define COMPLETION_SLOTS 64u /* nothing is sent, but the kernel asks for such a ring */

struct opening {
    const struct xsk_plan *plan;
    struct heritage_capture *out;
    void *memory;
    char *error;
};

static int fail_call(const struct opening *o, const char *what)
{
    return interface_fail_call(o->plan->interface->name, o->error, what);
}

static uint32_t power_of_two(uint32_t at_least)
{
    uint32_t n = 1;

    while (n < at_least)
        n *= 2;
    return n;
}

/* Mapped memory behind a new descriptor. NULL if there is none of that kind. */
static void *map_memory(int *fd, uint64_t bytes, unsigned flags)
{
    void *p = MAP_FAILED;

    *fd = memfd_create("spliff-frames", MFD_CLOEXEC | flags);
    if (*fd >= 0 && ftruncate(*fd, (off_t)bytes) == 0)
        p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
    if (p != MAP_FAILED)
        return p;
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    return NULL;
}

static int open_memory(struct opening *o)
{
    struct heritage_af_xdp *x = &o->out->af_xdp;
    uint64_t bytes = o->plan->options->af_xdp_buffer_size;

    bytes = (bytes + HUGE_PAGE_BYTES - 1) / HUGE_PAGE_BYTES * HUGE_PAGE_BYTES;
    o->memory = map_memory(&o->out->memory_fd, bytes, MFD_HUGETLB | MFD_HUGE_2MB);
    x->huge_pages = o->memory != NULL;
    if (!o->memory)
        o->memory = map_memory(&o->out->memory_fd, bytes, 0);
    if (!o->memory)
        return fail_call(o, "no memory for frames: set af_xdp_buffer_size lower");
    madvise(o->memory, bytes, MADV_HUGEPAGE); /* where shared memory may have them unreserved */
    x->memory_bytes = bytes;
    x->frame_bytes = o->plan->frame_bytes;
    x->frames = (uint32_t)((bytes - HERITAGE_NOTES_BYTES) / x->frame_bytes);
    x->ring_slots = power_of_two(x->frames);
    return 0;
}

static int open_socket(const struct opening *o, int *fd)
{
    const char *name = o->plan->interface->name;

    *fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (*fd >= 0)
        return 0;
    if (errno == EPERM || errno == EACCES)
        return interface_fail(name, o->error, -EPERM, "capturing needs CAP_NET_RAW: run as root");
    if (errno == EAFNOSUPPORT)
        return interface_fail(name, o->error, -ENOTSUP,
                              "this kernel has no AF_XDP (CONFIG_XDP_SOCKETS)");
    return fail_call(o, "cannot open an AF_XDP socket");
}

/* What the kernel copies begins so that the program's note begins a line of the cache; where the
 * interface itself writes, frames are best left aligned. */
uint32_t xsk_headroom_bytes(const struct options *o, bool zero_copy)
{
    return (uint32_t)o->af_xdp_headroom + (zero_copy ? 0 : (uint32_t)sizeof(struct af_xdp_note));
}

static int give_memory(const struct opening *o, int fd, bool zero_copy)
{
    const struct heritage_af_xdp *x = &o->out->af_xdp;
    struct xdp_umem_reg reg = {.addr = (uint64_t)(uintptr_t)o->memory,
                               .len = (uint64_t)x->frames * x->frame_bytes,
                               .chunk_size = x->frame_bytes,
                               .headroom = xsk_headroom_bytes(o->plan->options, zero_copy)};

    if (setsockopt(fd, SOL_XDP, XDP_UMEM_REG, &reg, sizeof reg) == 0)
        return 0;
    if (errno == ENOBUFS)
        return interface_fail(o->plan->interface->name, o->error, -ENOMEM,
                              "the memory for frames cannot be locked: raise ulimit -l, or set "
                              "af_xdp_buffer_size lower");
    return fail_call(o, "the kernel refuses the memory for frames");
}

static int make_rings(const struct opening *o, int fd)
{
    const struct {
        int option;
        uint32_t slots;
    } rings[] = {
        {XDP_RX_RING, o->out->af_xdp.ring_slots},
        {XDP_UMEM_FILL_RING, o->out->af_xdp.ring_slots},
        {XDP_UMEM_COMPLETION_RING, COMPLETION_SLOTS},
    };

    for (unsigned i = 0; i < sizeof rings / sizeof rings[0]; i++)
        if (setsockopt(fd, SOL_XDP, rings[i].option, &rings[i].slots, sizeof rings[i].slots) < 0)
            return fail_call(o, "cannot make an AF_XDP ring");
    return 0;
}

static int set_busy_poll(const struct opening *o, int fd)
{
    const struct options *options = o->plan->options;
    int prefer = 1, budget = (int)options->busy_poll_budget;
    int us = (int)(options->busy_poll / NS_PER_US);

    if (options->busy_poll == 0)
        return 0;
    if (setsockopt(fd, SOL_SOCKET, SO_PREFER_BUSY_POLL, &prefer, sizeof prefer) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_BUSY_POLL, &us, sizeof us) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_BUSY_POLL_BUDGET, &budget, sizeof budget) < 0)
        return fail_call(o, "cannot set busy polling (from Linux 5.11): set busy_poll to 0");
    return 0;
}

/* A socket with all but its queue. The descriptor, or -errno with a line. */
static int make_socket(const struct opening *o, bool zero_copy)
{
    int fd, r;

    if ((r = open_socket(o, &fd)) < 0)
        return r;
    if ((r = give_memory(o, fd, zero_copy)) < 0 || (r = make_rings(o, fd)) < 0 ||
        (r = set_busy_poll(o, fd)) < 0) {
        close(fd);
        return r;
    }
    return fd;
}

/* The ways to bind, best first. */
static const struct way {
    unsigned flags;
    bool zero_copy, joins;
} ways[] = {
    {XDP_ZEROCOPY | XDP_USE_NEED_WAKEUP, true, false},
    {XDP_ZEROCOPY | XDP_USE_NEED_WAKEUP | XDP_USE_SG, true, true},
    {XDP_COPY | XDP_USE_NEED_WAKEUP | XDP_USE_SG, false, true},
    {XDP_COPY | XDP_USE_NEED_WAKEUP, false, false},
};

static bool way_fits(const struct way *w, const struct xsk_plan *plan)
{
    if (w->zero_copy)
        return plan->options->af_xdp_zero_copy && w->joins == plan->long_frames;
    return true;
}

static int explain_bind(const struct opening *o, int err)
{
    const char *name = o->plan->interface->name;

    if (err == EBUSY)
        return interface_fail(name, o->error, -EBUSY, "another program has its queue %u",
                              o->plan->queue);
    if (err == EINVAL || err == EOPNOTSUPP)
        return interface_fail(name, o->error, -ENOTSUP, "its queue %u cannot be read by AF_XDP: %s",
                              o->plan->queue, strerror(err));
    return interface_fail(name, o->error, -err, "cannot bind an AF_XDP socket to queue %u: %s",
                          o->plan->queue, strerror(err));
}

/* Returns 0, -errno with a line, or the errno of binding without one. */
static int bind_socket(struct opening *o)
{
    int err = EOPNOTSUPP;

    for (unsigned i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        struct sockaddr_xdp addr = {.sxdp_family = AF_XDP,
                                    .sxdp_flags = (uint16_t)ways[i].flags,
                                    .sxdp_ifindex = o->plan->interface->index,
                                    .sxdp_queue_id = o->plan->queue};
        int fd;

        if (!way_fits(&ways[i], o->plan))
            continue;
        fd = make_socket(o, ways[i].zero_copy);
        if (fd < 0)
            return fd;
        if (bind(fd, (struct sockaddr *)&addr, sizeof addr) == 0) {
            o->out->fd = fd;
            o->out->af_xdp.zero_copy = ways[i].zero_copy;
            o->out->af_xdp.joins = ways[i].joins;
            return 0;
        }
        err = errno;
        close(fd);
        if (err == EBUSY)
            break;
    }
    return err;
}

/* The children of a manager that was killed hold its sockets until they have ended, too. */
static int bind_patiently(struct opening *o)
{
    struct timespec pause = {.tv_nsec = BUSY_PAUSE_MS * (long)NS_PER_MS};
    int r = bind_socket(o);

    for (unsigned waited_ms = 0; r == EBUSY && waited_ms < BUSY_PATIENCE_MS;
         waited_ms += BUSY_PAUSE_MS) {
        nanosleep(&pause, NULL);
        r = bind_socket(o);
    }
    return r > 0 ? explain_bind(o, r) : r;
}

int xsk_open(struct heritage_capture *out, const struct xsk_plan *plan, char *error)
{
    struct opening o = {.plan = plan, .out = out, .error = error};
    int r = open_memory(&o);

    if (r < 0)
        return r;
    r = bind_patiently(&o);
    munmap(o.memory, out->af_xdp.memory_bytes); /* the socket holds the pages */
    return r;
}

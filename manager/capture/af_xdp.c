/* SPDX-License-Identifier: BSD-3-Clause */
/* One queue of the interface, one socket, one worker: the interface itself decides which worker
 * gets a flow, and everything here sees to it that it can.
 *
 * The program is attached before the sockets are put in its map, so that there is never a socket
 * that another program could send to; until then the host gets the frames. After that it gets none
 * of them any more, which is why an interface that the host uses is refused. */
#include "manager/capture/opener.h"

#include "common/base/linktype.h"
#include "common/base/log.h"
#include "manager/capture/host_use.h"
#include "manager/capture/interface.h"
#include "manager/capture/queues.h"
#include "manager/capture/xdp_attach.h"
#include "manager/capture/xsk.h"
#include "manager/prefilter.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual" /* what bpftool writes casts const away */
#include "af_xdp.skel.h"
#pragma GCC diagnostic pop

#define LINK_BYTES  22u /* in front of what the MTU counts: Ethernet, two VLAN tags */
#define SMALL_FRAME 2048u
#define LARGE_FRAME 4096u

struct opened {
    char name[HERITAGE_PATH_MAX];
    struct interface interface;
    struct af_xdp_bpf *program;
    struct xdp_attached *attached;
    struct queues queues;
    int promiscuous_fd;
    uint32_t whole_bytes; /* of the longest frame that is not lost */
};

struct opening {
    const struct capture_request *r;
    struct opened *opened;
    uint32_t begun; /* workers whose socket was asked for */
    char *error;    /* INI_ERROR_BYTES */
};

static int check_interface(const struct opening *o)
{
    const struct interface *i = &o->opened->interface;
    char why[128];

    if (i->linktype != LINKTYPE_ETHERNET)
        return interface_fail(i->name, o->error, -ENOTSUP,
                              "is a tunnel, which has no queues for AF_XDP: use lb_method=xdp or "
                              "af_packet");
    if (!o->r->options->force && host_use_find(i->name, why, sizeof why))
        return interface_fail(i->name, o->error, -EBUSY,
                              "it %s, and AF_XDP takes all its frames away from this host: capture "
                              "from a tap or mirror port, or with another method, or say force",
                              why);
    return 0;
}

static int make_promiscuous(const struct opening *o)
{
    if (!o->r->options->promiscuous)
        return 0;
    o->opened->promiscuous_fd = interface_make_promiscuous(&o->opened->interface, o->error);
    return o->opened->promiscuous_fd < 0 ? o->opened->promiscuous_fd : 0;
}

static int attach_program(const struct opening *o)
{
    const struct interface *i = &o->opened->interface;
    struct af_xdp_bpf *b = af_xdp_bpf__open();

    if (!b)
        return interface_fail(i->name, o->error, -ENOMEM, "out of memory");
    o->opened->program = b;
    b->rodata->af_xdp_seed = o->r->seed;
    b->rodata->flows_preempted = o->r->preempts;
    b->rodata->prefilter_used = o->r->prefilter != NULL;
    bpf_map__set_max_entries(b->maps.af_xdp_sockets, o->r->n_workers);
    bpf_map__set_max_entries(b->maps.af_xdp_queues, o->r->n_workers);
    bpf_map__set_max_entries(b->maps.af_xdp_flows,
                             (uint32_t)o->r->options->shunt_table_size * o->r->n_workers);
    bpf_map__set_max_entries(b->maps.af_xdp_shunts,
                             (uint32_t)o->r->options->shunt_table_size * o->r->n_workers);
    if (prefilter_use(o->r->prefilter, b->obj) < 0)
        return interface_fail(i->name, o->error, -ENOTSUP, "cannot use the prefilter's lists");
    return xdp_attach(&o->opened->attached, b->obj, "spliff_af_xdp", i, o->r->options->xdp_mode,
                      o->error);
}

static uint32_t frame_room(const struct options *o, uint32_t frame_bytes)
{
    return frame_bytes - XSK_KERNEL_HEADROOM_BYTES - xsk_headroom_bytes(o, false);
}

static struct xsk_plan plan_of(const struct opening *o, uint32_t queue)
{
    const struct options *options = o->r->options;
    uint32_t longest = o->opened->interface.mtu_bytes + LINK_BYTES;
    struct xsk_plan p = {.interface = &o->opened->interface,
                         .options = options,
                         .queue = queue,
                         .frame_bytes = (uint32_t)options->af_xdp_frame_size};

    if (p.frame_bytes == 0)
        p.frame_bytes = longest <= frame_room(options, SMALL_FRAME) ? SMALL_FRAME : LARGE_FRAME;
    p.long_frames = longest > frame_room(options, p.frame_bytes);
    o->opened->whole_bytes = frame_room(options, p.frame_bytes);
    return p;
}

/* The program's maps that a worker uses. */
static int give_maps(const struct opening *o, struct heritage_capture *out)
{
    const struct {
        const struct bpf_map *map;
        int *fd;
    } given[] = {
        {o->opened->program->maps.af_xdp_flows, &out->flows_fd},
        {o->opened->program->maps.af_xdp_shunts, &out->shunted_fd},
        {o->opened->program->maps.af_xdp_shunted, &out->shunted_page_fd},
        {o->opened->program->maps.af_xdp_queues, &out->queues_fd},
    };

    for (unsigned i = 0; i < sizeof given / sizeof given[0]; i++) {
        *given[i].fd = fcntl(bpf_map__fd(given[i].map), F_DUPFD_CLOEXEC, 3);
        if (*given[i].fd < 0)
            return interface_fail_call(o->r->interface, o->error, "no more descriptors");
    }
    return 0;
}

static int open_worker(const struct opening *o, uint32_t queue, struct heritage_capture *out)
{
    struct xsk_plan plan = plan_of(o, queue);
    int r;

    *out = (struct heritage_capture){.kind = CAPTURE_AF_XDP,
                                     HERITAGE_CAPTURE_NO_FDS,
                                     .linktype = o->opened->interface.linktype,
                                     .number = queue,
                                     .lists_below = true};
    snprintf(out->name, sizeof out->name, "%s", o->r->interface);
    r = xsk_open(out, &plan, o->error);
    if (r < 0)
        return r;
    if (out->af_xdp.joins)
        o->opened->whole_bytes = UINT32_MAX;
    if ((r = give_maps(o, out)) < 0)
        return r;
    if (bpf_map_update_elem(bpf_map__fd(o->opened->program->maps.af_xdp_sockets), &queue, &out->fd,
                            BPF_ANY) < 0)
        return interface_fail_call(o->r->interface, o->error, "cannot direct its frames");
    return 0;
}

static void say_how(const struct opened *o, const struct heritage_capture *first, uint32_t n)
{
    log_info("interface %s: AF_XDP, %s XDP, %s, %u queue%s, each with %llu MiB of %s pages",
             o->name, xdp_mode_name(xdp_attached_mode(o->attached)),
             first->af_xdp.zero_copy ? "zero-copy" : "frames copied", (unsigned)n,
             n == 1 ? "" : "s", (unsigned long long)(first->af_xdp.memory_bytes >> 20),
             first->af_xdp.huge_pages ? "huge" : "small");
}

/* Says what will be missing in frames that the interface has changed. */
static void check_changes(const struct opened *o)
{
    bool takes_tags, joins_segments;

    ethtool_changes_get(o->name, &takes_tags, &joins_segments);
    if (takes_tags || joins_segments)
        log_warn("interface %s: it %s, which AF_XDP does not tell: ethtool -K %s%s%s", o->name,
                 takes_tags && joins_segments ? "takes VLAN tags out of frames and joins segments"
                 : takes_tags                 ? "takes VLAN tags out of frames"
                                              : "joins segments",
                 o->name, takes_tags ? " rxvlan off" : "", joins_segments ? " lro off" : "");
}

/* Says once that frames are lost for their length. */
static void check_mtu(struct opened *o)
{
    if (o->interface.mtu_bytes + LINK_BYTES > o->whole_bytes)
        log_warn("interface %s: its MTU is %u, and frames of more than %u bytes are lost: restart "
                 "with af_xdp_frame_size = 4K, or for longer ones with Linux 6.6",
                 o->name, (unsigned)o->interface.mtu_bytes, (unsigned)o->whole_bytes);
}

static void af_xdp_close(struct opened *o)
{
    xdp_detach(o->attached);
    af_xdp_bpf__destroy(o->program);
    queues_restore(&o->queues);
    if (o->promiscuous_fd >= 0)
        close(o->promiscuous_fd);
    free(o);
}

static int open_all(struct opening *o, struct heritage_capture *const *out)
{
    struct opened *opened = o->opened;
    int r;

    if ((r = interface_find(&opened->interface, opened->name, o->error)) < 0 ||
        (r = check_interface(o)) < 0 || (r = make_promiscuous(o)) < 0 ||
        (r = queues_open(&opened->queues, opened->name, o->r->n_workers, o->r->options, o->error)) <
            0 ||
        (r = attach_program(o)) < 0)
        return r;
    for (; o->begun < o->r->n_workers && r == 0; o->begun++)
        r = open_worker(o, o->begun, out[o->begun]);
    return r;
}

static void close_sockets(struct heritage_capture *const *out, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (out[i]->fd >= 0)
            close(out[i]->fd);
        out[i]->fd = -1;
    }
}

static int af_xdp_open(const struct capture_request *r, struct heritage_capture *const *out,
                       struct opened **opened, char *error)
{
    struct opening o = {.r = r, .opened = calloc(1, sizeof *o.opened), .error = error};
    int code;

    if (!o.opened)
        return interface_fail(r->interface, error, -ENOMEM, "out of memory");
    o.opened->promiscuous_fd = -1;
    snprintf(o.opened->name, sizeof o.opened->name, "%s", r->interface);
    code = open_all(&o, out);
    if (code < 0) {
        close_sockets(out, o.begun); /* the kernel takes away no queue that has one */
        af_xdp_close(o.opened);
        return code;
    }
    say_how(o.opened, out[0], r->n_workers);
    check_changes(o.opened);
    check_mtu(o.opened);
    *opened = o.opened;
    return 0;
}

static void af_xdp_tick(struct opened *o)
{
    struct interface now;
    char error[INI_ERROR_BYTES];

    queues_look(&o->queues);
    xdp_look(o->attached, o->name);
    if (interface_find(&now, o->name, error) < 0 || now.index != o->interface.index ||
        now.mtu_bytes == o->interface.mtu_bytes)
        return;
    o->interface.mtu_bytes = now.mtu_bytes;
    check_mtu(o);
}

const struct opener opener_af_xdp = {
    .mode = MODE_AF_XDP,
    .open = af_xdp_open,
    .tick = af_xdp_tick,
    .close = af_xdp_close,
};

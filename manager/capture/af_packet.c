/* SPDX-License-Identifier: BSD-3-Clause */
/* The order of the calls matters. The socket is made without a protocol, so that nothing arrives
 * before the ring is there; a filter that passes nothing is set before it is bound and stays until
 * the worker replaces it, so that all sockets of an interface have joined the fanout group before
 * the first packet is shared out; the BPF program can be given to the group only after the first
 * socket has joined, and is given with every one, which leaves nothing to remember between calls.
 */
#include "manager/capture/opener.h"

#include "common/base/filter.h"
#include "common/base/linktype.h"
#include "common/base/log.h"
#include "manager/capture/interface.h"
#include "manager/capture/socket_filter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef HAVE_LIBBPF
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual" /* what bpftool writes casts const away */
#include "fanout.skel.h"
#pragma GCC diagnostic pop
#endif

#define BLOCK_MIN_BYTES                                                                            \
    (256u * 1024) /* holds frames that the kernel has merged to 64 KiB and more */
#define BLOCK_MAX_BYTES (64u * 1024 * 1024)
#define BLOCKS_MIN      2u
#define RING_MAX_BYTES  (UINT32_C(1) << 31)
#define FRAME_BYTES     2048u /* TPACKET_V3 packs frames tightly; the number only has to divide */
#define GROUP_TRIES     64u

struct opened {
    struct socket_filter *filter;
};

/* What is being opened. */
struct opening {
    const struct capture_request *r;
    struct heritage_capture *out;
    struct interface interface;
    int fd;
    char *error; /* INI_ERROR_BYTES */
};

static int fail_call(const struct opening *o, const char *what)
{
    return interface_fail_call(o->r->interface, o->error, what);
}

static int open_socket(struct opening *o)
{
    o->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (o->fd >= 0)
        return 0;
    if (errno == EPERM || errno == EACCES)
        return interface_fail(o->r->interface, o->error, -EPERM,
                              "capturing needs CAP_NET_RAW: run as root");
    return fail_call(o, "cannot open a packet socket");
}

/* The user's filter, NULL if there is none. That it does not compile is said now, not by the worker
 * later. */
static int compile_filter(const struct capture_request *r, const struct interface *i,
                          struct filter **user, char *error)
{
    char why[400];
    int code = 0;

    *user = NULL;
    if (r->options->filter[0] != '\0')
        code = filter_compile(user, r->options->filter, (uint16_t)i->linktype, why, sizeof why);
    return code < 0 ? interface_fail(r->interface, error, code, "%s", why) : 0;
}

static int keep_frames_out(struct opening *o)
{
    struct sock_filter pass_nothing = BPF_STMT(BPF_RET | BPF_K, 0);
    struct sock_fprog program = {1, &pass_nothing};

    if (setsockopt(o->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0)
        return fail_call(o, "cannot set a filter");
    return 0;
}

/* Sets up the ring, or a smaller one if the kernel has not enough memory for it. */
static int set_up_ring(struct opening *o)
{
    const struct options *options = o->r->options;
    uint32_t page = (uint32_t)sysconf(_SC_PAGESIZE);
    uint64_t block = options->ring_block_size, wanted, blocks;
    int version = TPACKET_V3;
    struct tpacket_req3 req = {.tp_frame_size = FRAME_BYTES,
                               .tp_sizeof_priv = HERITAGE_RING_PRIVATE_BYTES};

    block = block < BLOCK_MIN_BYTES   ? BLOCK_MIN_BYTES
            : block > BLOCK_MAX_BYTES ? BLOCK_MAX_BYTES
                                      : block;
    block = (block + page - 1) / page * page;
    wanted = options->ring_size > RING_MAX_BYTES ? RING_MAX_BYTES : options->ring_size;
    wanted = wanted / block < BLOCKS_MIN ? BLOCKS_MIN : wanted / block;
    req.tp_block_size = (uint32_t)block;
    req.tp_retire_blk_tov = (uint32_t)(options->ring_block_timeout / NS_PER_MS);
    if (req.tp_retire_blk_tov == 0)
        req.tp_retire_blk_tov = 1;
    if (setsockopt(o->fd, SOL_PACKET, PACKET_VERSION, &version, sizeof version) < 0)
        return fail_call(o, "the kernel has no TPACKET_V3 rings");
    for (blocks = wanted;; blocks /= 2) {
        if (blocks < BLOCKS_MIN)
            return interface_fail(o->r->interface, o->error, -ENOMEM,
                                  "no memory for a capture ring: set af_packet_buffer_size lower");
        req.tp_block_nr = (uint32_t)blocks;
        req.tp_frame_nr = (uint32_t)(blocks * (block / FRAME_BYTES));
        if (setsockopt(o->fd, SOL_PACKET, PACKET_RX_RING, &req, sizeof req) == 0)
            break;
        if (errno != ENOMEM)
            return fail_call(o, "cannot set up a capture ring");
    }
    if (blocks < wanted)
        log_warn("interface %s: memory only for a capture ring of %llu MiB instead of %llu",
                 o->r->interface, (unsigned long long)(blocks * block >> 20),
                 (unsigned long long)(wanted * block >> 20));
    o->out->ring_block_bytes = req.tp_block_size;
    o->out->ring_blocks = req.tp_block_nr;
    return 0;
}

static int bind_interface(struct opening *o)
{
    struct sockaddr_ll addr = {.sll_family = AF_PACKET,
                               .sll_protocol = htons(ETH_P_ALL),
                               .sll_ifindex = (int)o->interface.index};
    struct packet_mreq promiscuous = {.mr_ifindex = (int)o->interface.index,
                                      .mr_type = PACKET_MR_PROMISC};

    if (o->r->options->promiscuous &&
        setsockopt(o->fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof promiscuous) < 0)
        return fail_call(o, "cannot be made promiscuous");
    if (bind(o->fd, (struct sockaddr *)&addr, sizeof addr) < 0)
        return fail_call(o, "cannot bind a packet socket to it");
    return 0;
}

#ifdef HAVE_LIBBPF
/* Loads the program of bpf/fanout.bpf.c with this group's seed and table. NULL with errno. */
static struct fanout_bpf *load_program(const struct opening *o)
{
    struct fanout_bpf *b;
    int r;

    libbpf_set_print(NULL); /* one line of our own is enough */
    b = fanout_bpf__open();
    if (!b)
        return NULL;
    b->rodata->fanout_seed = o->r->seed;
    b->rodata->fanout_ethernet = o->out->linktype == LINKTYPE_ETHERNET;
    r = fanout_bpf__load(b);
    for (uint32_t i = 0; r == 0 && i < FLOW_BUCKETS; i++) {
        uint32_t member = o->r->bucket_owner[i];
        r = bpf_map_update_elem(bpf_map__fd(b->maps.fanout_member), &i, &member, BPF_ANY);
    }
    if (r == 0)
        return b;
    fanout_bpf__destroy(b);
    errno = -r;
    return NULL;
}

static int give_program(const struct opening *o, const struct fanout_bpf *b)
{
    int program = bpf_program__fd(b->progs.fanout);

    if (setsockopt(o->fd, SOL_PACKET, PACKET_FANOUT_DATA, &program, sizeof program) < 0)
        return fail_call(o, "cannot give the fanout group its program");
    return 0;
}
#else
struct fanout_bpf;

static struct fanout_bpf *load_program(const struct opening *o)
{
    (void)o;
    errno = ENOTSUP;
    return NULL;
}

static int give_program(const struct opening *o, const struct fanout_bpf *b)
{
    (void)o, (void)b;
    return 0;
}

static void fanout_bpf__destroy(struct fanout_bpf *b)
{
    (void)b;
}
#endif

/* A group of this number may belong to another program: then the kernel answers EINVAL. Without a
 * number of the user's own the next ones are tried; each worker finds the same way to its group. */
static int join_group(const struct opening *o, unsigned type)
{
    uint32_t group = o->r->fanout_group, tries = o->r->options->fanout_id ? 1 : GROUP_TRIES;

    for (uint32_t i = 0; i < tries; i++) {
        uint32_t value = ((group + i) & 0xffff) | type << 16;
        if (setsockopt(o->fd, SOL_PACKET, PACKET_FANOUT, &value, sizeof value) == 0)
            return 0;
        if (errno != EINVAL)
            return fail_call(o, "cannot join a fanout group");
    }
    if (!o->interface.up)
        return interface_fail(
            o->r->interface, o->error, -ENETDOWN,
            "is down: with several workers it must be up at the start (ip link set %s up)",
            o->r->interface);
    return interface_fail(o->r->interface, o->error, -EINVAL,
                          "fanout group %u is in use by another program: set af_packet_fanout_id",
                          (unsigned)group);
}

static int join_by_flow(const struct opening *o)
{
    static bool warned;
    struct fanout_bpf *b = load_program(o);
    int r;

    if (!b) {
        if (!warned)
            log_warn("interface %s: cannot load the fanout program (%s): the kernel's own hash "
                     "shares out the packets",
                     o->r->interface, strerror(errno));
        warned = true;
        return join_group(o, PACKET_FANOUT_HASH);
    }
    r = join_group(o, PACKET_FANOUT_EBPF);
    if (r == 0)
        r = give_program(o, b);
    o->out->hash_decides = true;
    fanout_bpf__destroy(b); /* the group keeps the program */
    return r;
}

static int join_fanout(const struct opening *o)
{
    if (o->r->n_workers < 2)
        return 0;
    switch (o->r->options->fanout_mode) {
    case FANOUT_CPU:
        return join_group(o, PACKET_FANOUT_CPU);
    case FANOUT_QUEUE:
        return join_group(o, PACKET_FANOUT_QM);
    default:
        return join_by_flow(o);
    }
}

static int open_worker(const struct capture_request *r, struct heritage_capture *out, char *error)
{
    struct opening o = {.r = r, .out = out, .fd = -1, .error = error};
    int code;

    *out = (struct heritage_capture){.kind = CAPTURE_AF_PACKET, HERITAGE_CAPTURE_NO_FDS};
    snprintf(out->name, sizeof out->name, "%s", r->interface);
    code = interface_find(&o.interface, r->interface, error);
    out->linktype = o.interface.linktype;
    out->skip_outgoing = o.interface.loopback;
    if (code < 0 || (code = open_socket(&o)) < 0 || (code = keep_frames_out(&o)) < 0 ||
        (code = set_up_ring(&o)) < 0 || (code = bind_interface(&o)) < 0 ||
        (code = join_fanout(&o)) < 0) {
        if (o.fd >= 0)
            close(o.fd);
        return code;
    }
    out->fd = o.fd;
    return 0;
}

/* The sockets join the group in the order of the workers, which is that of bucket_owner. */
static int open_workers(const struct capture_request *r, struct heritage_capture *const *out,
                        char *error)
{
    int code = 0;

    for (uint32_t i = 0; i < r->n_workers && code == 0; i++)
        code = open_worker(r, out[i], error);
    return code;
}

/* What the workers' sockets get as their filter, if there is one. */
static int give_filter(const struct capture_request *r, struct heritage_capture *const *out,
                       const struct socket_filter *filter, char *error)
{
    int code = 0;

    for (uint32_t i = 0; i < r->n_workers && filter && code == 0; i++) {
        code = socket_filter_give(filter, out[i]);
        out[i]->lists_below = true;
    }
    return code < 0 ? interface_fail(r->interface, error, code, "no more descriptors") : 0;
}

static void af_packet_close(struct opened *o)
{
    socket_filter_close(o->filter);
    free(o);
}

static int af_packet_open(const struct capture_request *r, struct heritage_capture *const *out,
                          struct opened **opened, char *error)
{
    struct opened *o = calloc(1, sizeof *o);
    struct interface interface;
    struct filter *user = NULL;
    int code;

    if (!o)
        return interface_fail(r->interface, error, -ENOMEM, "out of memory");
    code = interface_find(&interface, r->interface, error);
    if (code == 0)
        code = compile_filter(r, &interface, &user, error);
    if (code == 0)
        code = open_workers(r, out, error);
    if (code == 0) {
        o->filter = socket_filter_open(r, &interface, user);
        code = give_filter(r, out, o->filter, error);
    }
    filter_free(user);
    if (code == 0)
        *opened = o;
    else
        af_packet_close(o);
    return code;
}

const struct opener opener_af_packet = {
    .mode = MODE_KERNEL,
    .open = af_packet_open,
    .close = af_packet_close,
};

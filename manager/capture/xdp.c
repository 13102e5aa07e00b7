/* SPDX-License-Identifier: BSD-3-Clause */
/* Mode xdp: the programs of bpf/xdp.bpf.c on an interface, their maps, and a ring for each worker.
 *
 * The maps belong to the manager and outlive what is attached: an interface that goes and comes
 * back gets the programs anew, on the same maps, and the workers notice nothing but the silence.
 *
 * XDP sees what comes in, tc what goes out. Tunnels have no XDP, and on a loopback what goes out
 * comes in as well. Virtual interfaces such as veth have it, but in a costly way: each frame is
 * copied before their XDP can see it. On all of these tc sees both, unless XDP was asked for. */
#include "manager/capture/opener.h"

#include "bpf/processes.h"
#include "bpf/xdp.h"
#include "common/base/clock.h"
#include "common/base/linktype.h"
#include "common/base/log.h"
#include "manager/capture/interface.h"
#include "manager/capture/tc_attach.h"
#include "manager/capture/xdp_attach.h"
#include "manager/cores.h"
#include "manager/prefilter.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual" /* what bpftool writes casts const away */
#include "xdp.skel.h"
#pragma GCC diagnostic pop

#define RING_BYTES_MIN   (256u * 1024) /* holds some of the longest frames */
#define CPU_QUEUE_FRAMES 4096u
#define QUIET_SHARE      4u /* of the flows, that a worker may want no more of: most are over sooner */

struct opened {
    char name[HERITAGE_PATH_MAX];
    struct interface interface; /* as it was when the programs were attached */
    const struct options *options;
    const struct prefilter *prefilter;
    int processes_fd; /* borrowed; -1: there is no probe */
    uint32_t n_workers, seed;
    uint32_t flows;                        /* entries of the map of flows */
    unsigned cores[XDP_CPUS_MAX], n_cores; /* of xdp_cpus */
    struct xdp_bpf *program;
    struct xdp_attached *in;
    struct tc_attached *tc_in, *tc_out;
    int promiscuous_fd; /* -1: it is not to be */
    bool virtual;
};

static uint32_t ring_bytes(const struct options *o)
{
    uint32_t bytes = RING_BYTES_MIN;

    while (bytes < o->xdp_ring_size)
        bytes *= 2;
    return bytes;
}

/* No device behind it, as with veth, bridges and tunnels. */
static bool is_virtual(const char *name)
{
    char path[64];

    snprintf(path, sizeof path, "/sys/class/net/%.20s/device", name);
    return access(path, F_OK) < 0;
}

/* Whether what comes in is seen by XDP, and not by tc. */
static bool wants_xdp(const struct opened *o)
{
    const struct interface *i = &o->interface;

    return i->linktype == LINKTYPE_ETHERNET && !i->loopback &&
           (!o->virtual || o->options->xdp_mode != XDP_AUTO);
}

static void set_sizes(const struct opened *o, struct xdp_bpf *b)
{
    uint32_t learned = (uint32_t)o->options->alt_svc_table_size;

    bpf_map__set_max_entries(b->maps.xdp_flows, o->flows);
    bpf_map__set_max_entries(b->maps.xdp_quiet, o->flows / QUIET_SHARE);
    bpf_map__set_max_entries(b->maps.xdp_rings, o->n_workers);
    bpf_map__set_max_entries(b->maps.xdp_stats, o->n_workers * XDP_STATS);
    bpf_map__set_max_entries(b->maps.xdp_cpus, (uint32_t)libbpf_num_possible_cpus());
    /* A service has up to two addresses: that of who told of it, and its own. */
    bpf_map__set_max_entries(b->maps.learned_h3_hosts, learned * 2);
    bpf_map__set_max_entries(b->maps.learned_h3_ports, learned < 65536 ? learned : 65536);
}

static void set_config(const struct opened *o, struct xdp_bpf *b)
{
    struct xdp_config *config = (struct xdp_config *)&b->rodata->xdp_config;

    *config = (struct xdp_config){
        .seed = o->seed,
        .first_bytes = (uint32_t)o->options->xdp_first_bytes,
        .l3 = o->interface.linktype != LINKTYPE_ETHERNET,
        .segments = !o->interface.loopback,
        .processes = o->processes_fd >= 0,
    };
    config->n_cpus = (unsigned short)o->n_cores;
    for (unsigned i = 0; i < o->n_cores; i++)
        config->cpu[i] = (unsigned short)o->cores[i];
    b->rodata->prefilter_used = o->prefilter != NULL;
    bpf_program__set_autoload(b->progs.spliff_xdp, wants_xdp(o));
    bpf_program__set_autoload(b->progs.spliff_tc_in, !wants_xdp(o));
    bpf_program__set_autoload(b->progs.spliff_tc_out, !o->interface.loopback);
}

/* The maps of a program that was loaded before, but for its constants. */
static int share_maps(struct xdp_bpf *b, const struct xdp_bpf *from)
{
    struct bpf_map *map;
    int r = 0;

    bpf_object__for_each_map(map, b->obj)
    {
        const struct bpf_map *old = bpf_object__find_map_by_name(from->obj, bpf_map__name(map));

        if (r == 0 && old && !bpf_map__is_internal(map) && bpf_map__fd(old) >= 0)
            r = bpf_map__reuse_fd(map, bpf_map__fd(old));
    }
    return r;
}

/* One map for all interfaces and the probe: the first that is opened makes it. */
static int make_processes(const struct capture_request *r, char *error)
{
    if (!r->processes_fd || *r->processes_fd >= 0)
        return 0;
    *r->processes_fd = bpf_map_create(BPF_MAP_TYPE_LRU_HASH, "flow_processes",
                                      sizeof(struct flows_key), sizeof(struct processes),
                                      (uint32_t)r->options->xdp_process_table_size, NULL);
    return *r->processes_fd < 0
               ? interface_fail(r->interface, error, -errno,
                                "no memory for processes of flows: set xdp_process_table_size "
                                "lower: %s",
                                strerror(errno))
               : 0;
}

static int use_processes(const struct opened *o, struct xdp_bpf *b)
{
    return o->processes_fd < 0 ? bpf_map__set_autocreate(b->maps.flow_processes, false)
                               : bpf_map__reuse_fd(b->maps.flow_processes, o->processes_fd);
}

/* A program for the interface as it is now, neither loaded nor attached. NULL: no memory. */
static struct xdp_bpf *open_program(const struct opened *o)
{
    struct xdp_bpf *b = xdp_bpf__open();

    if (!b)
        return NULL;
    set_sizes(o, b);
    set_config(o, b);
    if (prefilter_use(o->prefilter, b->obj) < 0 || use_processes(o, b) < 0 ||
        (o->program && share_maps(b, o->program) < 0)) {
        xdp_bpf__destroy(b);
        return NULL;
    }
    return b;
}

static void detach(struct opened *o)
{
    tc_detach(o->tc_out);
    tc_detach(o->tc_in);
    xdp_detach(o->in);
    o->tc_out = o->tc_in = NULL;
    o->in = NULL;
    if (o->promiscuous_fd >= 0)
        close(o->promiscuous_fd);
    o->promiscuous_fd = -1;
}

/* Each core takes some frames at a time from those that wait for it. Only frames of the driver are
 * handed over whole: from generic XDP the kernel loses where their headers begin. */
static int set_cores(const struct opened *o, const struct xdp_bpf *b, char *error)
{
    bool native = o->in && xdp_attached_mode(o->in) == XDP_NATIVE;

    for (unsigned i = 0; i < o->n_cores; i++) {
        struct bpf_cpumap_val queue = {.qsize = CPU_QUEUE_FRAMES};
        int map = bpf_map__fd(b->maps.xdp_cpus);

        if (!native)
            bpf_map_delete_elem(map, &o->cores[i]);
        else if (bpf_map_update_elem(map, &o->cores[i], &queue, BPF_ANY) < 0)
            return interface_fail(o->name, error, -EINVAL, "xdp_cpus: core %u cannot be used: %s",
                                  o->cores[i], strerror(errno));
    }
    if (o->n_cores > 0 && !native)
        log_warn("interface %s: xdp_cpus has no effect without native XDP", o->name);
    return 0;
}

/* Loads b, which xdp_attach does by itself, and attaches its programs. */
static int attach(struct opened *o, struct xdp_bpf *b, char *error)
{
    const struct interface *i = &o->interface;
    int r = 0;

    if (wants_xdp(o)) {
        r = xdp_attach(&o->in, b->obj, "spliff_xdp", i, o->options->xdp_mode, error);
    } else {
        r = xdp_bpf__load(b);
        if (r < 0)
            return interface_fail(o->name, error, r, "cannot load a BPF program: %s%s",
                                  strerror(-r), r == -EPERM ? " (run as root)" : "");
        r = tc_attach(&o->tc_in, bpf_program__fd(b->progs.spliff_tc_in), i, false, TC_AUTO, error);
    }
    if (r == 0 && o->options->promiscuous && !i->loopback) {
        o->promiscuous_fd = interface_make_promiscuous(i, error);
        r = o->promiscuous_fd < 0 ? o->promiscuous_fd : 0;
    }
    if (r == 0 && !i->loopback)
        r = tc_attach(&o->tc_out, bpf_program__fd(b->progs.spliff_tc_out), i, true, TC_AUTO, error);
    if (r == 0)
        r = set_cores(o, b, error);
    if (r < 0)
        detach(o);
    return r == -ENOMEM ? interface_fail(o->name, error, r,
                                         "no memory to count flows: set xdp_flow_table_size lower")
                        : r;
}

static int make_rings(const struct opened *o, struct heritage_capture *const *out, char *error)
{
    int rings = bpf_map__fd(o->program->maps.xdp_rings);

    for (uint32_t i = 0; i < o->n_workers; i++) {
        int fd =
            bpf_map_create(BPF_MAP_TYPE_RINGBUF, "spliff_ring", 0, 0, ring_bytes(o->options), NULL);

        if (fd < 0)
            return interface_fail(o->name, error, -errno,
                                  "no memory for a ring: set xdp_ring_size lower");
        out[i]->fd = fd;
        if (bpf_map_update_elem(rings, &i, &fd, BPF_ANY) < 0)
            return interface_fail_call(o->name, error, "cannot put a ring in its map");
    }
    return 0;
}

static int set_owners(const struct opened *o, const uint16_t *bucket_owner, char *error)
{
    int owners = bpf_map__fd(o->program->maps.xdp_owner);

    for (uint32_t bucket = 0; bucket < FLOW_BUCKETS; bucket++) {
        uint32_t worker = bucket_owner[bucket];

        if (bpf_map_update_elem(owners, &bucket, &worker, BPF_ANY) < 0)
            return interface_fail_call(o->name, error, "cannot share out the flows");
    }
    return 0;
}

/* What a worker gets of the maps that all share. */
static int give_maps(const struct opened *o, struct heritage_capture *out, char *error)
{
    const struct {
        int *to;
        const struct bpf_map *map;
    } shared[] = {
        {&out->flows_fd, o->program->maps.xdp_flows},
        {&out->shunted_fd, o->program->maps.xdp_quiet},
        {&out->stats_fd, o->program->maps.xdp_stats},
    };

    for (unsigned i = 0; i < sizeof shared / sizeof shared[0]; i++) {
        *shared[i].to = fcntl(bpf_map__fd(shared[i].map), F_DUPFD_CLOEXEC, 3);
        if (*shared[i].to < 0)
            return interface_fail_call(o->name, error, "no more descriptors");
    }
    return 0;
}

/* Without lists_below: tc may find headers in more pieces than one, which the prefilter does not
 * read, and so few frames come up that the worker may look at each. */
static void fill_heritage(const struct opened *o, uint32_t number, struct heritage_capture *out)
{
    *out = (struct heritage_capture){
        .kind = CAPTURE_XDP,
        HERITAGE_CAPTURE_NO_FDS,
        .linktype = o->interface.linktype,
        .hash_decides = true,
        .ring_block_bytes = ring_bytes(o->options),
        .number = number,
        .virtual = o->virtual, /* nobody need fill checksums in, and no device checks them */
    };
    snprintf(out->name, sizeof out->name, "%s", o->name);
}

/* What comes from this machine itself, by a virtual interface, has its checksums filled in only
 * when it leaves: that they are yet to be is lost on the way to another core. */
static int read_cores(struct opened *o, char *error)
{
    int n = cores_parse(o->options->xdp_cpus, o->cores, XDP_CPUS_MAX), missing;

    if (n < 0)
        return interface_fail(o->name, error, n,
                              "xdp_cpus: give at most %d core numbers such as 0,2,4", XDP_CPUS_MAX);
    o->n_cores = (unsigned)n;
    missing = cores_missing(o->cores, o->n_cores);
    if (missing >= 0)
        return interface_fail(o->name, error, -EINVAL, "xdp_cpus: there is no core %d", missing);
    if (n > 0 && o->virtual && o->options->xdp_mode == XDP_NATIVE && !o->options->force)
        return interface_fail(o->name, error, -ENOTSUP,
                              "it is virtual, and xdp_cpus would lose what its other end sends "
                              "without checksums: ethtool -K tx off there and say force, or leave "
                              "xdp_cpus away");
    return 0;
}

static int open_all(struct opened *o, const struct capture_request *r,
                    struct heritage_capture *const *out, char *error)
{
    int code = interface_find(&o->interface, o->name, error);

    if (code < 0)
        return code;
    o->virtual = is_virtual(o->name);
    code = read_cores(o, error);
    if (code < 0)
        return code;
    o->flows = (uint32_t)o->options->xdp_flow_table_size;
    code = make_processes(r, error);
    if (code < 0)
        return code;
    o->processes_fd = r->processes_fd ? *r->processes_fd : -1;
    o->program = open_program(o);
    if (!o->program)
        return interface_fail(o->name, error, -ENOMEM, "out of memory");
    for (uint32_t i = 0; i < o->n_workers; i++)
        fill_heritage(o, i, out[i]);
    if ((code = attach(o, o->program, error)) < 0 || (code = make_rings(o, out, error)) < 0)
        return code;
    for (uint32_t i = 0; i < o->n_workers && code == 0; i++)
        code = give_maps(o, out[i], error);
    return code < 0 ? code : set_owners(o, r->bucket_owner, error);
}

static void say_how(const struct opened *o)
{
    log_info("interface %s: %s%s, %u flows counted", o->name,
             o->in ? xdp_mode_name(xdp_attached_mode(o->in)) : "tc",
             o->in                   ? " XDP and tc"
             : o->interface.loopback ? " on what comes in, as it is a loopback"
             : o->virtual            ? " in both directions, as it is virtual"
                                     : " in both directions, as it has no XDP",
             (unsigned)o->flows);
    if (!wants_xdp(o) && o->options->xdp_mode != XDP_AUTO)
        log_warn("interface %s: xdp_mode has no effect on a %s, which is read by tc", o->name,
                 o->interface.loopback ? "loopback" : "tunnel without a link layer");
}

static void xdp_close(struct opened *o)
{
    detach(o);
    xdp_bpf__destroy(o->program);
    free(o);
}

static int xdp_open(const struct capture_request *r, struct heritage_capture *const *out,
                    struct opened **opened, char *error)
{
    struct opened *o = calloc(1, sizeof *o);
    int code;

    libbpf_set_print(NULL); /* one line of our own is enough */
    if (!o)
        return interface_fail(r->interface, error, -ENOMEM, "out of memory");
    snprintf(o->name, sizeof o->name, "%s", r->interface);
    o->options = r->options;
    o->prefilter = r->prefilter;
    o->n_workers = r->n_workers;
    o->seed = r->seed;
    o->promiscuous_fd = -1;
    code = open_all(o, r, out, error);
    if (code < 0) {
        xdp_close(o);
        return code;
    }
    say_how(o);
    *opened = o;
    return 0;
}

static int xdp_back(struct opened *o, const struct interface *now, char *error)
{
    struct xdp_bpf *b;
    int code;

    o->interface = *now;
    o->interface.name = o->name;
    b = open_program(o);
    if (!b)
        return interface_fail(o->name, error, -ENOMEM, "out of memory");
    code = attach(o, b, error);
    if (code < 0) {
        xdp_bpf__destroy(b);
        return code;
    }
    xdp_bpf__destroy(o->program);
    o->program = b;
    return 0;
}

static void xdp_tick(struct opened *o)
{
    xdp_look(o->in, o->name);
}

/* In the programs' time, CLOCK_MONOTONIC; of several services with one key the last to expire
 * counts.
 */
static void put_learned(const struct bpf_map *map, const void *key, uint64_t expires_ns)
{
    uint64_t until_ns = expires_ns - (clock_wall_ns() - clock_mono_ns()), known_ns;
    int fd = bpf_map__fd(map);

    if (expires_ns == 0)
        bpf_map_delete_elem(fd, key);
    else if (bpf_map_lookup_elem(fd, key, &known_ns) < 0 || known_ns < until_ns)
        bpf_map_update_elem(fd, key, &until_ns, BPF_ANY); /* a full map: the worker knows better */
}

static void xdp_learned_host(struct opened *o, const struct alt_svc_host_key *key,
                             uint64_t expires_ns)
{
    put_learned(o->program->maps.learned_h3_hosts, key, expires_ns);
}

static void xdp_learned_port(struct opened *o, const struct alt_svc_port_key *key,
                             uint64_t expires_ns)
{
    put_learned(o->program->maps.learned_h3_ports, key, expires_ns);
}

const struct opener opener_xdp = {
    .mode = MODE_XDP,
    .sweep = xdp_sweep, /* of both modes */
    .open = xdp_open,
    .gone = detach,
    .back = xdp_back,
    .tick = xdp_tick,
    .learned_host = xdp_learned_host,
    .learned_port = xdp_learned_port,
    .close = xdp_close,
};

/* SPDX-License-Identifier: BSD-3-Clause */
/* The program of mode xdp with a ring, and frames that are run through it in the kernel
 * (BPF_PROG_TEST_RUN). Included once by a test. */
#ifndef SPLIFF_TESTS_XDP_BENCH_H
#define SPLIFF_TESTS_XDP_BENCH_H

#include "bpf/xdp.h"
#include "common/base/clock.h"
#include "tests/unit/bpf/program.h"
#include "worker/decode/fragments.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual" /* what bpftool writes casts const away */
#include "xdp.skel.h"
#pragma GCC diagnostic pop

#define CLIENT      0xc0000201u
#define SERVER      0xc0000202u
#define FIRST_BYTES 4000u
#define RING_BYTES  (1u << 20)
#define XDP_PASS    2

static struct xdp_bpf *bpf;
static int ring_fd = -1;
static struct counters counters;
static struct decoder decoder = {.seed = SEED, .tunnel_max_depth = 8, .counters = &counters};

static inline int load(void **state)
{
    uint32_t zero = 0;

    (void)state;
    libbpf_set_print(NULL);
    decoder.fragments = fragments_new(1 << 20, NS_PER_SEC, &counters);
    bpf = xdp_bpf__open();
    if (!bpf || !decoder.fragments)
        return -1;
    bpf->rodata->xdp_config = (struct xdp_config){.seed = SEED, .first_bytes = FIRST_BYTES};
    bpf_map__set_max_entries(bpf->maps.xdp_flows, 256);
    bpf_map__set_max_entries(bpf->maps.xdp_quiet, 256);
    bpf_map__set_max_entries(bpf->maps.learned_h3_ports, 16);
    bpf_map__set_max_entries(bpf->maps.learned_h3_hosts, 16);
    bpf_program__set_autoload(bpf->progs.spliff_tc_in, false);
    bpf_program__set_autoload(bpf->progs.spliff_tc_out, false);
    ring_fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "ring", 0, 0, RING_BYTES, NULL);
    if (ring_fd < 0)
        return -1;
    LOAD_OR_DESTROY(xdp, bpf);
    if (!bpf)
        return 0;
    return bpf_map_update_elem(bpf_map__fd(bpf->maps.xdp_rings), &zero, &ring_fd, BPF_ANY);
}

static inline int unload(void **state)
{
    (void)state;
    xdp_bpf__destroy(bpf);
    fragments_free(decoder.fragments);
    return 0;
}

/* Every test has flows of its own: the ring and the maps are emptied by nobody. */
static inline int begin(void **state)
{
    static unsigned flow;

    if (!bpf)
        skip();
    *state = (void *)(uintptr_t)(1024 + ++flow); /* the client's port */
    return 0;
}

#define TEST(f) cmocka_unit_test_setup(f, begin)

static inline unsigned port_of(void **state)
{
    return (unsigned)(uintptr_t)*state;
}

/* Of a ring's counter, the sum over CPUs. */
static inline uint64_t stat(uint32_t stat)
{
    uint64_t values[256] = {0}, sum = 0;

    assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(bpf->maps.xdp_stats), &stat, values), 0);
    for (unsigned i = 0; i < 256; i++)
        sum += values[i];
    return sum;
}

/* Whether the frame in pb goes up. */
static inline bool rises(void)
{
    LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = pb.b, .data_size_in = (uint32_t)pb.n);
    uint64_t before = stat(XDP_STAT_UP);

    assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(bpf->progs.spliff_xdp), &opts), 0);
    assert_int_equal(opts.retval, XDP_PASS);
    return stat(XDP_STAT_UP) > before;
}

/* What was counted of the flow of the frame in pb; by decode's own key. */
static inline struct flows_value counted(struct packet *p)
{
    struct frame f = {.data = pb.b,
                      .caplen = (uint32_t)pb.n,
                      .wirelen = (uint32_t)pb.n,
                      .linktype = LINKTYPE_ETHERNET};
    struct xdp_flow value = {0};
    enum weird weird;

    decode_batch(&decoder);
    assert_int_equal(decode_frame(&decoder, &f, p, &weird), DECODE_PACKET);
    bpf_map_lookup_elem(bpf_map__fd(bpf->maps.xdp_flows), &p->key, &value);
    return value.counted;
}

/* A segment of the flow that the client's port stands for; from the server if `server`. */
static inline void tcp(unsigned port, bool server, uint32_t seq, unsigned flags, const char *text,
                       size_t bytes)
{
    pb_ethernet(&pb, 0x0800);
    pb_ipv4(&pb, 6, server ? SERVER : CLIENT, server ? CLIENT : SERVER, 0, 0x4000);
    pb_tcp(&pb, server ? 443 : port, server ? port : 443, seq, 1, flags);
    pb_text(&pb, text);
    if (bytes > strlen(text))
        pb_fill(&pb, 'x', bytes - strlen(text));
    pb_end(&pb);
}

static inline void udp(unsigned port, bool server, const uint8_t *data, size_t bytes)
{
    pb_ethernet(&pb, 0x0800);
    pb_ipv4(&pb, 17, server ? SERVER : CLIENT, server ? CLIENT : SERVER, 0, 0x4000);
    pb_udp(&pb, server ? 4433 : port, server ? port : 4433, (unsigned)bytes);
    memcpy(pb.b + pb.n, data, bytes);
    pb.n += bytes;
    pb_end(&pb);
}

#endif

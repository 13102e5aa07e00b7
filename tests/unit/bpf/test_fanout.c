/* SPDX-License-Identifier: BSD-3-Clause */
/* The fanout program must choose by the very hash that decode computes. Each frame is run through
 * the program in the kernel (BPF_PROG_TEST_RUN) with a table that maps every bucket to itself. */
#include "common/base/flow_key.h"
#include "common/base/linktype.h"
#include "tests/unit/packet_builder.h"
#include "worker/decode/decode.h"
#include "worker/decode/fragments.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#ifdef HAVE_LIBBPF
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual" /* what bpftool writes casts const away */
#include "fanout.skel.h"
#pragma GCC diagnostic pop

#define SEED 0x5eed1234u
#define A    0xc0000201u
#define B    0x0a010203u

static struct fanout_bpf *bpf;
static struct packet_builder pb;
static struct counters counters;
static struct decoder decoder = {.seed = SEED, .counters = &counters};

static int load(void **state)
{
    (void)state;
    libbpf_set_print(NULL);
    decoder.fragments = fragments_new(1 << 20, NS_PER_SEC, &counters);
    bpf = fanout_bpf__open();
    if (!bpf || !decoder.fragments)
        return -1;
    bpf->rodata->fanout_seed = SEED;
    if (fanout_bpf__load(bpf) < 0) {
        printf("the kernel does not let this user load BPF (%s): nothing is tested\n",
               strerror(errno));
        fanout_bpf__destroy(bpf);
        bpf = NULL;
        return 0;
    }
    for (uint32_t i = 0; i < FLOW_BUCKETS; i++)
        bpf_map_update_elem(bpf_map__fd(bpf->maps.fanout_member), &i, &i, BPF_ANY);
    return 0;
}

static int unload(void **state)
{
    (void)state;
    fanout_bpf__destroy(bpf);
    fragments_free(decoder.fragments);
    return 0;
}

/* The bucket that the program chooses for the frame in pb. */
static uint32_t chosen(void)
{
    LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = pb.b, .data_size_in = (uint32_t)pb.n);

    assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(bpf->progs.fanout), &opts), 0);
    return opts.retval;
}

static void check(void)
{
    struct frame f = {.data = pb.b,
                      .caplen = (uint32_t)pb.n,
                      .wirelen = (uint32_t)pb.n,
                      .linktype = LINKTYPE_ETHERNET};
    struct packet p;
    enum weird weird;

    assert_int_equal(decode_frame(&decoder, &f, &p, &weird), DECODE_PACKET);
    assert_int_equal(chosen(), p.hash % FLOW_BUCKETS);
}

#define SKIP_WITHOUT_BPF()                                                                         \
    do {                                                                                           \
        if (!bpf)                                                                                  \
            skip();                                                                                \
    } while (0)

static void transport(unsigned proto, unsigned i)
{
    if (proto == 6)
        pb_tcp(&pb, 1024 + i, 443, 1, 2, 16);
    else if (proto == 17)
        pb_udp(&pb, 53, 1024 + i * 7, 0);
    else
        pb_fill(&pb, i, 24);
    pb_end(&pb);
}

static void test_ipv4(void **state)
{
    static const unsigned protos[] = {6, 17, 132};

    (void)state;
    SKIP_WITHOUT_BPF();
    for (unsigned i = 0; i < 60; i++) {
        pb_ethernet(&pb, 0x0800);
        for (unsigned tags = 0; tags < i % 4; tags++)
            pb_vlan(&pb, tags ? 0x8100 : 0x88a8, 0x2000 | i, 0x0800);
        pb_ipv4(&pb, protos[i % 3], A + i, B - i, i % 11, 0x4000);
        transport(protos[i % 3], i);
        check();
    }
}

static void test_ipv6(void **state)
{
    static const unsigned extensions[] = {0, 60, 43, 51, 44};

    (void)state;
    SKIP_WITHOUT_BPF();
    for (unsigned i = 0; i < 60; i++) {
        unsigned n = i % (FLOW_IPV6_EXTENSIONS + 3), proto = i % 2 ? 6 : 17;
        unsigned next = n > 0 ? extensions[i % 5] : proto;

        pb_ethernet(&pb, 0x86dd);
        if (i & 4)
            pb_vlan(&pb, 0x8100, i, 0x86dd);
        pb_ipv6(&pb, next, A + i, B);
        for (unsigned k = 1; k <= n; k++) /* a fragment header without offset is no fragment */
            pb_extension(&pb, k < n ? extensions[(i + k) % 5] : proto, 0);
        transport(proto, i);
        check();
    }
}

static void test_icmp(void **state)
{
    (void)state;
    SKIP_WITHOUT_BPF();
    for (unsigned type = 0; type < 256; type++) {
        pb_ethernet(&pb, 0x0800);
        pb_ipv4(&pb, 1, A, B, 0, 0);
        pb_icmp(&pb, type, 3);
        pb_end(&pb);
        check();
        pb_ethernet(&pb, 0x86dd);
        pb_ipv6(&pb, 58, A, B);
        pb_icmp(&pb, type, 3);
        pb_end(&pb);
        check();
    }
}

static void test_mapped_addresses(void **state)
{
    (void)state;
    SKIP_WITHOUT_BPF();
    pb_ethernet(&pb, 0x86dd);
    pb_ipv6(&pb, 17, A, B);
    memset(pb.b + pb.ip + 8, 0, 10);
    memset(pb.b + pb.ip + 18, 0xff, 2);
    transport(17, 1);
    check();
}

/* All fragments of a datagram go to one socket, whatever they carry of it. */
static void test_fragments(void **state)
{
    struct flow_key key;
    struct ipaddr src, dst;

    (void)state;
    SKIP_WITHOUT_BPF();
    for (unsigned offset = 0; offset < 3; offset++) {
        pb_ethernet(&pb, 0x0800);
        pb_ipv4(&pb, 17, A, B, 0, offset | (offset < 2 ? 0x2000 : 0));
        pb_fill(&pb, offset, 8);
        pb_end(&pb);
        ipaddr_set_v4(&src, pb.b + pb.ip + 12);
        ipaddr_set_v4(&dst, pb.b + pb.ip + 16);
        flow_key_set(&key, &src, 0, &dst, 0, 17);
        assert_int_equal(chosen(), flow_key_hash(&key, SEED) % FLOW_BUCKETS);

        pb_ethernet(&pb, 0x86dd);
        pb_ipv6(&pb, 60, A, B);
        pb_extension(&pb, 44, 0);
        pb_extension(&pb, offset ? 17 : 60, offset * 8 | (offset < 2));
        pb_fill(&pb, offset, 8);
        pb_end(&pb);
        memcpy(src.b, pb.b + pb.ip + 8, 16);
        memcpy(dst.b, pb.b + pb.ip + 24, 16);
        flow_key_set(&key, &src, 0, &dst, 0, 44);
        assert_int_equal(chosen(), flow_key_hash(&key, SEED) % FLOW_BUCKETS);
    }
}

static void test_not_ip_goes_to_the_first(void **state)
{
    (void)state;
    SKIP_WITHOUT_BPF();
    pb_ethernet(&pb, 0x0806);
    pb_fill(&pb, 1, 46);
    assert_int_equal(chosen(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ipv4),      cmocka_unit_test(test_ipv6),
        cmocka_unit_test(test_icmp),      cmocka_unit_test(test_mapped_addresses),
        cmocka_unit_test(test_fragments), cmocka_unit_test(test_not_ip_goes_to_the_first),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
#else
int main(void)
{
    printf("built without libbpf: nothing is tested\n");
    return 0;
}
#endif

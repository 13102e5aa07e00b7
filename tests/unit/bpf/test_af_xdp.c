/* SPDX-License-Identifier: BSD-3-Clause */
/* What the program of mode af_xdp writes in front of a frame, and which frames it keeps. Each frame
 * is run through it in the kernel (BPF_PROG_TEST_RUN); there is no socket, so it passes them. */
#include "bpf/af_xdp.h"
#include "bpf/flows.h"
#include "common/base/flow_key.h"
#include "tests/unit/bpf/program.h"
#include "worker/decode/fragments.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual" /* what bpftool writes casts const away */
#include "af_xdp.skel.h"
#pragma GCC diagnostic pop

#define A        0xc0000201u
#define B        0x0a010203u
#define XDP_DROP 1
#define XDP_PASS 2

static struct af_xdp_bpf *bpf;
static struct counters counters;
static struct decoder decoder = {.seed = SEED, .tunnel_max_depth = 8, .counters = &counters};

static int load(void **state)
{
    (void)state;
    libbpf_set_print(NULL);
    decoder.fragments = fragments_new(1 << 20, NS_PER_SEC, &counters);
    bpf = af_xdp_bpf__open();
    if (!bpf || !decoder.fragments)
        return -1;
    bpf->rodata->af_xdp_seed = SEED;
    bpf_map__set_max_entries(bpf->maps.af_xdp_flows, 16);
    LOAD_OR_DESTROY(af_xdp, bpf);
    return 0;
}

static int unload(void **state)
{
    (void)state;
    af_xdp_bpf__destroy(bpf);
    fragments_free(decoder.fragments);
    return 0;
}

/* What the program does with the frame in pb; *note is what it writes in front of it. */
static uint32_t run(struct af_xdp_note *note)
{
    static uint8_t out[sizeof pb.b + 256];
    LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = pb.b, .data_size_in = (uint32_t)pb.n,
                .data_out = out, .data_size_out = sizeof out);

    assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(bpf->progs.spliff_af_xdp), &opts), 0);
    if (opts.retval == XDP_PASS) {
        assert_int_equal(opts.data_size_out, pb.n + sizeof *note);
        memcpy(note, out, sizeof *note);
        assert_memory_equal(out + sizeof *note, pb.b, pb.n);
    }
    return opts.retval;
}

static bool is_hashed(const struct af_xdp_note *note)
{
    return note->mark != (AF_XDP_MARK ^ SEED);
}

static enum decode_result decode(struct frame *f, const struct af_xdp_note *note, struct packet *p)
{
    enum weird weird;

    f->hashed = note && is_hashed(note);
    f->hash = note ? note->hash : 0;
    decode_batch(&decoder);
    return decode_frame(&decoder, f, p, &weird);
}

static void say_shunted(uint32_t n)
{
    const struct flows_shunted some = {.n = n, .changes = n};
    uint32_t zero = 0;

    assert_int_equal(
        bpf_map_update_elem(bpf_map__fd(bpf->maps.af_xdp_shunted), &zero, &some, BPF_ANY), 0);
}

/* Decode must make the same of the frame with the note as without, and the program of a frame that
 * it looks at for its flow as of one that it does not. True if there was a hash. */
static bool check(void)
{
    struct frame f = built_frame();
    struct packet alone, noted;
    struct af_xdp_note note, looked_up;
    uint32_t hop;
    enum decode_result r;

    assert_int_equal(run(&note), XDP_PASS);
    say_shunted(1);
    assert_int_equal(run(&looked_up), XDP_PASS);
    say_shunted(0);
    assert_int_equal(looked_up.mark, note.mark);
    assert_int_equal(looked_up.hash, note.hash);
    assert_int_equal((note.mark ^ SEED) & ~AF_XDP_HASHED, AF_XDP_MARK);
    assert_in_range((uint32_t)(clock_mono_ns() >> AF_XDP_TIME_SHIFT) - note.time, 0, 1u << 24);
    r = decode(&f, NULL, &alone);
    hop = alone.n_hops > 0 ? alone.hops[0].hash : 0;
    assert_int_equal(decode(&f, &note, &noted), r);
    assert_int_equal(noted.hash, alone.hash);
    assert_int_equal(noted.n_hops > 0 ? noted.hops[0].hash : 0, hop);
    return is_hashed(&note);
}

static void test_plain_packets_have_a_hash(void **state)
{
    (void)state;
    SKIP_WITHOUT_BPF();
    for (unsigned i = 0; i < 40; i++) {
        pb_ethernet(&pb, i & 1 ? 0x86dd : 0x0800);
        if (i & 2)
            pb_vlan(&pb, 0x8100, i, i & 1 ? 0x86dd : 0x0800);
        if (i & 1)
            pb_ipv6(&pb, i & 4 ? 6 : 17, A + i, B - i);
        else
            pb_ipv4(&pb, i & 4 ? 6 : 17, A + i, B - i, i % 11, 0x4000);
        if (i & 4)
            pb_tcp(&pb, 1024 + i, 443, 1, 2, 16);
        else
            pb_udp(&pb, 53, 1024 + i, 20);
        pb_fill(&pb, i, i & 4 ? i : 20);
        pb_end(&pb);
        assert_true(check());
    }
}

static void test_others_have_none(void **state)
{
    struct tunnel_builder t;

    (void)state;
    SKIP_WITHOUT_BPF();
    pb_ethernet(&pb, 0x0806); /* ARP */
    pb_fill(&pb, 1, 28);
    assert_false(check());
    pb_ethernet(&pb, 0x0800);
    pb_ipv4(&pb, 1, A, B, 0, 0);
    pb_icmp(&pb, 8, 0);
    pb_end(&pb);
    assert_false(check());
    pb_ethernet(&pb, 0x0800);
    pb_ipv4(&pb, 17, A, B, 0, 0x2000);
    pb_fill(&pb, 0, 64);
    pb_end(&pb);
    assert_false(check());
    tb_begin(&t, &pb, 0x0800);
    tb_ipv4(&t, 17, A, B);
    tb_udp(&t, 40000, 4789);
    tb_vxlan(&t, 7);
    tb_ethernet(&t, 0x0800);
    tb_ipv4(&t, 6, A + 1, B);
    pb_tcp(&pb, 1024, 443, 1, 2, 16);
    tb_end(&t);
    assert_false(check());
}

/* A tunnel on a port that is not its own has the outer packet's hash; the inner one is decode's. */
static void test_tunnel_off_its_port(void **state)
{
    struct tunnel_builder t;

    (void)state;
    SKIP_WITHOUT_BPF();
    tb_begin(&t, &pb, 0x0800);
    tb_ipv4(&t, 17, A, B);
    tb_udp(&t, 40000, 40001);
    tb_vxlan(&t, 7);
    tb_ethernet(&t, 0x0800);
    tb_ipv4(&t, 6, A + 1, B);
    pb_tcp(&pb, 1024, 443, 1, 2, 16);
    tb_end(&t);
    assert_true(check());
}

/* Broken headers: whatever the program makes of them, decode must not be misled. */
static void test_damaged_packets(void **state)
{
    unsigned hashed = 0;
    uint32_t random = 1;

    (void)state;
    SKIP_WITHOUT_BPF();
    for (unsigned i = 0; i < 4000; i++) {
        pb_ethernet(&pb, i & 1 ? 0x86dd : 0x0800);
        if (i & 1)
            pb_ipv6(&pb, i & 4 ? 6 : 17, A + i, B - i);
        else
            pb_ipv4(&pb, i & 4 ? 6 : 17, A + i, B - i, i % 11, 0);
        if (i & 4)
            pb_tcp(&pb, 1024 + i, 443, 1, 2, 16);
        else
            pb_udp(&pb, 5353, 1024 + i, 20);
        pb_fill(&pb, i, 20);
        pb_end(&pb);
        for (unsigned n = i % 4; n > 0; n--) {
            random = random * 1664525u + 1013904223u;
            pb.b[12 + (random >> 8) % (pb.n - 12)] = (uint8_t)(random >> 24);
        }
        if (i % 16 == 15) /* cut, but for what a test run asks for */
            pb.n = 14 + (random >> 16) % (pb.n - 14);
        hashed += check();
    }
    assert_in_range(hashed, 500, 3999);
}

static void test_shunted_flow_is_counted_and_dropped(void **state)
{
    const struct flows_shunt whole = {0};
    int cpus = libbpf_num_possible_cpus();
    struct flows_kept *values;
    struct frame f = {.data = pb.b, .linktype = LINKTYPE_ETHERNET};
    struct packet p;
    struct af_xdp_note note;
    uint64_t packets = 0, payload_bytes = 0;
    int map;

    (void)state;
    SKIP_WITHOUT_BPF();
    map = bpf_map__fd(bpf->maps.af_xdp_flows);
    values = calloc((size_t)cpus, sizeof *values);
    pb_ethernet(&pb, 0x0800);
    pb_ipv4(&pb, 6, A, B, 0, 0);
    pb_tcp(&pb, 1024, 443, 1000, 2, 16);
    pb_fill(&pb, 0, 100);
    pb_end(&pb);
    f.caplen = f.wirelen = (uint32_t)pb.n;
    assert_int_equal(run(&note), XDP_PASS);
    decode(&f, NULL, &p);
    assert_int_equal(bpf_map_update_elem(map, &p.key, values, BPF_ANY), 0);
    assert_int_equal(run(&note), XDP_PASS); /* that alone is not it */
    assert_int_equal(
        bpf_map_update_elem(bpf_map__fd(bpf->maps.af_xdp_shunts), &p.key, &whole, BPF_ANY), 0);
    assert_int_equal(run(&note), XDP_PASS); /* nor as long as none is said to be shunted */
    say_shunted(1);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(run(&note), XDP_DROP);
    pb.b[14 + 20 + 13] |= 1; /* FIN: goes up */
    assert_int_equal(run(&note), XDP_PASS);
    assert_int_equal(bpf_map_lookup_elem(map, &p.key, values), 0);
    for (int i = 0; i < cpus; i++) {
        packets += values[i].counted.end[p.from].packets;
        payload_bytes += values[i].counted.end[p.from].payload_bytes;
    }
    assert_int_equal(packets, 3);
    assert_int_equal(payload_bytes, 100); /* the others were sent again */
    free(values);
    say_shunted(0);
}

static struct af_xdp_queue queue_now(void)
{
    struct af_xdp_queue q;
    uint32_t zero = 0;

    assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(bpf->maps.af_xdp_queues), &zero, &q), 0);
    return q;
}

static void set_queue(const struct af_xdp_queue *q)
{
    uint32_t zero = 0;

    assert_int_equal(bpf_map_update_elem(bpf_map__fd(bpf->maps.af_xdp_queues), &zero, q, BPF_ANY),
                     0);
}

/* While the worker is behind, and in one tick, frames in a row have a time a unit apart, for as
 * many frames as it has said. */
static void test_time_of_frames_in_a_row(void **state)
{
    struct af_xdp_queue before, q = {0};
    unsigned shared = 0;
    struct af_xdp_note note;

    (void)state;
    SKIP_WITHOUT_BPF();
    pb_ethernet(&pb, 0x0800);
    pb_ipv4(&pb, 6, A, B, 0, 0);
    pb_tcp(&pb, 1024, 443, 1000, 2, 16);
    pb_end(&pb);
    set_queue(&q);
    for (unsigned i = 0; i < 20; i++) {
        uint32_t last = queue_now().time;

        run(&note);
        assert_int_not_equal(note.time, last);
    }
    for (unsigned i = 0; i < 200; i++) {
        before = queue_now();
        before.behind = 5;
        set_queue(&before);
        run(&note);
        q = queue_now();
        assert_int_equal(note.time, q.time);
        if (before.left > 0 && q.tick == before.tick) {
            assert_int_equal(q.time, before.time + 1);
            assert_int_equal(q.left, before.left - 1);
            assert_int_equal(q.behind, 4);
            shared++;
        } else {
            assert_int_not_equal(q.time, before.time);
            assert_int_equal(q.left, AF_XDP_CLOCK_FRAMES - 1);
            assert_int_equal(q.behind, 5);
        }
    }
    assert_true(shared > 0);
    q.left = AF_XDP_CLOCK_FRAMES - 1;
    q.tick--;
    q.time -= 1000;
    set_queue(&q);
    run(&note);
    assert_true(note.time - q.time > 1000 - 1);
    q = (struct af_xdp_queue){.behind = 1, .left = UINT32_MAX, .tick = queue_now().tick};
    set_queue(&q);
    run(&note);
    assert_int_not_equal(note.time, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_packets_have_a_hash),
        cmocka_unit_test(test_others_have_none),
        cmocka_unit_test(test_tunnel_off_its_port),
        cmocka_unit_test(test_damaged_packets),
        cmocka_unit_test(test_shunted_flow_is_counted_and_dropped),
        cmocka_unit_test(test_time_of_frames_in_a_row),
    };

    return cmocka_run_group_tests_name("bpf/af_xdp", tests, load, unload);
}

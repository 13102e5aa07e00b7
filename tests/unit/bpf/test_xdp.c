/* SPDX-License-Identifier: BSD-3-Clause */
/* Which packets the program of mode xdp sends up and which it counts. Each frame is run through it
 * in the kernel (BPF_PROG_TEST_RUN). */
#include "tests/unit/bpf/xdp_bench.h"

#include "common/base/alt_svc_key.h"

#include <pthread.h>
#include <sched.h>

/* A record of TLS with its header: as much of it as `bytes`, all of a segment's payload. */
static void tls(unsigned port, uint32_t seq, unsigned type, unsigned length, size_t bytes)
{
    tcp(port, false, seq, TCP_ACK, "", bytes);
    uint8_t *b = pb.b + pb.n - bytes;

    b[0] = (uint8_t)type;
    b[1] = b[2] = 3;
    b[3] = (uint8_t)(length >> 8);
    b[4] = (uint8_t)length;
    b[5] = 1; /* of a handshake: ClientHello */
}

static void a_connection_begins_and_ends_in_the_worker(void **state)
{
    unsigned port = port_of(state);

    tcp(port, false, 100, TCP_SYN, "", 0);
    assert_true(rises());
    tcp(port, true, 900, TCP_SYN | TCP_ACK, "", 0);
    assert_true(rises());
    for (uint32_t n = 0; n < 2 * FIRST_BYTES; n += 1000) {
        tcp(port, false, 101 + n, TCP_ACK, "", 1000);
        rises();
    }
    tcp(port, false, 101 + 2 * FIRST_BYTES, TCP_ACK, "", 10);
    assert_false(rises());
    tcp(port, false, 111 + 2 * FIRST_BYTES, TCP_ACK | TCP_FIN, "", 0);
    assert_true(rises());
    tcp(port, true, 901, TCP_RST, "", 0);
    assert_true(rises());
}

static void first_bytes_of_a_known_protocol_go_up(void **state)
{
    unsigned port = port_of(state), up = 0;
    struct flows_value v;
    struct packet p;

    tcp(port, true, 1, TCP_ACK, "HTTP/1.1 200 OK\r\n", 1000);
    up += rises();
    for (unsigned n = 1; n < 10; n++) {
        tcp(port, true, 1 + n * 1000, TCP_ACK, "", 1000);
        up += rises();
    }
    assert_int_equal(up, FIRST_BYTES / 1000);
    v = counted(&p);
    assert_int_equal(v.end[p.from].packets, 10 - up);
    assert_int_equal(v.end[p.from].ip_bytes, (10 - up) * 1040);
    assert_int_equal(v.end[p.from].payload_bytes, (10 - up) * 1000);
    assert_int_equal(v.end[p.from].seq_end, 10001);
    assert_true(v.flags & FLOWS_SEQ << p.from);
    assert_int_equal(v.end[!p.from].packets, 0);
}

static void a_quarter_of_them_if_nobody_knows_it(void **state)
{
    unsigned port = port_of(state), up = 0;

    for (unsigned n = 0; n < 10; n++) {
        tcp(port, true, 1 + n * 500, TCP_ACK, "", 500);
        up += rises();
    }
    assert_int_equal(up, FIRST_BYTES / 4 / 500);
}

static void tls_goes_up_until_its_data_begin(void **state)
{
    unsigned port = port_of(state);
    uint32_t seq = 1;

    /* A record of 16,000 bytes in segments: far more than first_bytes. */
    tls(port, seq, 22, 16000, 1000);
    assert_true(rises());
    for (seq = 1001; seq < 16006; seq += 1001) { /* 16,006 is where the next one begins */
        tcp(port, false, seq, TCP_ACK, "", seq + 1001 < 16006 ? 1001 : 16006 - seq);
        assert_true(rises());
    }
    seq = 16006;
    tls(port, seq, 20, 1, 6);
    assert_true(rises());
    tls(port, seq + 6, 23, 1000, 1005); /* tells that the handshake is over */
    assert_true(rises());
    tls(port, seq + 1011, 23, 1000, 1005);
    assert_false(rises());
    /* The other direction has its own end. */
    tcp(port, true, 1, TCP_ACK, "", 10);
    assert_true(rises());
}

/* As a server says it: the handshake, and at once its first data. */
static void tls_data_may_begin_deep_in_a_segment(void **state)
{
    unsigned port = port_of(state);
    uint8_t *b;

    tls(port, 1, 22, 3000, 8000);
    b = pb.b + pb.n - 8000 + 3005;
    memcpy(b, "\x14\x03\x03\x00\x01\x01\x17\x03\x03\x10\x00", 11);
    assert_true(rises());
    tcp(port, false, 8001, TCP_ACK, "", 100);
    assert_false(rises());
}

static void what_is_sent_again_is_told_apart(void **state)
{
    unsigned port = port_of(state);
    struct flows_value v;
    struct packet p;

    for (unsigned n = 0; n < 5; n++) {
        tcp(port, true, 1 + n * 500, TCP_ACK, "", 500);
        rises();
    }
    tcp(port, true, 2001, TCP_ACK, "", 500);
    assert_false(rises());
    v = counted(&p);
    assert_int_equal(v.end[p.from].packets, 4);
    assert_int_equal(v.end[p.from].resent, 1);
    assert_int_equal(v.end[p.from].payload_bytes, 1500);
    assert_int_equal(v.end[p.from].seq_end, 2501);
}

static void acknowledgements_are_soon_only_counted(void **state)
{
    unsigned port = port_of(state), up = 0;
    struct flows_value v;
    struct packet p;

    for (unsigned n = 0; n < 100; n++) {
        tcp(port, false, 1, TCP_ACK, "", 0);
        up += rises();
    }
    assert_in_range(up, 1, 50);
    v = counted(&p);
    assert_int_equal(v.end[p.from].packets, 100 - up);
    assert_true(v.flags & FLOWS_ACK << p.from);
    assert_false(v.flags & FLOWS_SEQ << p.from);
}

static void a_five_tuple_may_be_used_again(void **state)
{
    unsigned port = port_of(state);

    for (unsigned n = 0; n < 10; n++) {
        tcp(port, false, 1 + n * 500, TCP_ACK, "", 500);
        rises();
    }
    tcp(port, false, 5001, TCP_ACK, "", 500);
    assert_false(rises());
    tcp(port, false, 5000, TCP_SYN, "", 0);
    assert_true(rises());
    tcp(port, false, 5001, TCP_ACK, "GET / HTTP/1.1\r\n\r\n", 0);
    assert_true(rises());
}

/* The SYN was on another CPU: the numbers tell. */
static void also_if_the_syn_was_not_seen(void **state)
{
    unsigned port = port_of(state);
    struct packet p;

    for (unsigned n = 0; n < 10; n++) {
        tcp(port, false, 1 + n * 500, TCP_ACK, "", 500);
        rises();
    }
    assert_false(rises());
    tcp(port, false, 0x40000000, TCP_ACK, "GET / HTTP/1.1\r\n\r\n", 0);
    counted(&p);
    assert_true(rises());
}

static void what_the_worker_shunts_is_counted(void **state)
{
    unsigned port = port_of(state);
    uint32_t both = 3;
    struct packet p;

    tcp(port, false, 1, TCP_ACK, "GET / HTTP/1.1\r\n", 0);
    assert_true(rises());
    counted(&p);
    assert_int_equal(bpf_map_update_elem(bpf_map__fd(bpf->maps.xdp_quiet), &p.key, &both, BPF_ANY),
                     0);
    tcp(port, false, 17, TCP_ACK, "", 100);
    assert_false(rises());
    tcp(port, true, 1, TCP_ACK, "", 100);
    assert_false(rises());
    assert_int_equal(counted(&p).end[p.from].packets, 1);
}

static void dns_goes_up_for_ever(void **state)
{
    static const uint8_t query[] = {0x12, 0x34, 1, 0,   0, 1, 0, 0, 0, 0,
                                    0,    0,    1, 'a', 0, 0, 1, 0, 1};

    for (unsigned n = 0; n < FIRST_BYTES; n++) {
        udp(port_of(state), n & 1, query, sizeof query);
        assert_true(rises());
    }
}

static void long_headers_of_quic_go_up_for_ever(void **state)
{
    static uint8_t initial[1200] = {0xc3, 0, 0, 0, 1}, data[1200] = {0x43};
    static const uint8_t rtp[200] = {0x80, 0x60, 1, 2, 3};
    unsigned up = 0;

    udp(port_of(state), false, initial, sizeof initial);
    assert_true(rises());
    for (unsigned n = 0; n < 10; n++) {
        udp(port_of(state), false, data, sizeof data);
        up += rises();
    }
    assert_in_range(up, 3, 4); /* QUIC is known: FIRST_BYTES */
    udp(port_of(state), false, initial, sizeof initial);
    assert_true(rises());
    udp(port_of(state), false, rtp, sizeof rtp); /* the same bit, but no version of QUIC */
    assert_false(rises());
}

/* Put n_events into the ring that is full: counted as what was not sent up. */
static void a_full_ring_is_counted(void **state)
{
    unsigned port = port_of(state), up = 0;
    uint64_t before = stat(XDP_STAT_RING_FULL);
    struct packet p;

    for (unsigned n = 0; n < RING_BYTES / 1000; n++) {
        tcp(port, false, 1, TCP_SYN, "", 1400);
        up += rises();
    }
    assert_true(up < RING_BYTES / 1000);
    assert_int_equal(stat(XDP_STAT_RING_FULL) - before, RING_BYTES / 1000 - up);
    assert_int_equal(counted(&p).end[p.from].packets, RING_BYTES / 1000 - up);
}

static void new_data_that_find_it_full_are_new(void **state)
{
    unsigned port = port_of(state);
    struct flows_value v;
    struct packet p;

    do
        tcp(port + 2000, false, 1, TCP_SYN, "", 500);
    while (rises());
    for (unsigned n = 0; n < 5; n++) {
        tcp(port, true, 1 + n * 500, TCP_ACK, "", 500);
        assert_false(rises());
    }
    v = counted(&p);
    assert_int_equal(v.end[p.from].packets, 5);
    assert_int_equal(v.end[p.from].payload_bytes, 2500);
    assert_int_equal(v.end[p.from].resent, 0);
    tcp(port, true, 2001, TCP_ACK, "", 500);
    assert_false(rises());
    assert_int_equal(counted(&p).end[p.from].resent, 1);
}

#define ROUNDS 20000

/* On another CPU than the test, if there is one. */
static void *count_elsewhere(void *arg)
{
    LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = pb.b, .data_size_in = (uint32_t)pb.n,
                .repeat = ROUNDS);
    cpu_set_t all;

    (void)arg;
    memset(&all, 0xff, sizeof all);
    CPU_CLR((unsigned)sched_getcpu(), &all);
    sched_setaffinity(0, sizeof all, &all);
    return bpf_prog_test_run_opts(bpf_program__fd(bpf->progs.spliff_xdp), &opts) == 0 ? arg : NULL;
}

static void no_count_is_lost_between_cpus(void **state)
{
    LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = pb.b, .repeat = ROUNDS);
    unsigned port = port_of(state), up = 0;
    struct flows_end e;
    struct packet p;
    pthread_t thread;
    void *done;

    for (unsigned n = 0; n < 10; n++) {
        tcp(port, false, 1 + n * 500, TCP_ACK, "", 500);
        up += rises();
    }
    assert_in_range(up, 1, 9);
    opts.data_size_in = (uint32_t)pb.n;
    assert_int_equal(pthread_create(&thread, NULL, count_elsewhere, &opts), 0);
    assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(bpf->progs.spliff_xdp), &opts), 0);
    assert_int_equal(pthread_join(thread, &done), 0);
    assert_non_null(done);
    e = counted(&p).end[p.from];
    assert_int_equal(e.packets, 2 * ROUNDS + 10 - up);
    assert_int_equal(e.ip_bytes, e.packets * 540);
    assert_int_equal(e.resent, 2 * ROUNDS);
    assert_int_equal(e.payload_bytes, (10 - up) * 500);
}

static void http3_is_known_where_it_was_learned(void **state)
{
    static uint8_t data[500] = {0x43};
    struct alt_svc_host_key host = {.port = 4433};
    struct alt_svc_port_key port = {.port = 4433};
    uint64_t until = clock_mono_ns() + NS_PER_SEC * 60;
    struct xdp_flow value;
    struct packet p;

    host.addr[10] = host.addr[11] = 0xff;
    memcpy(host.addr + 12, (uint8_t[]){0xc0, 0, 2, 2}, 4);
    bpf_map_update_elem(bpf_map__fd(bpf->maps.learned_h3_ports), &port, &until, BPF_ANY);
    bpf_map_update_elem(bpf_map__fd(bpf->maps.learned_h3_hosts), &host, &until, BPF_ANY);
    udp(port_of(state), false, data, sizeof data);
    assert_true(rises());
    counted(&p);
    assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(bpf->maps.xdp_flows), &p.key, &value), 0);
    assert_int_equal(value.stream[p.from].content, XDP_HTTP3);
    until = 1;
    bpf_map_update_elem(bpf_map__fd(bpf->maps.learned_h3_hosts), &host, &until, BPF_ANY);
    udp(port_of(state) + 2000, false, data, sizeof data);
    rises();
    counted(&p);
    assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(bpf->maps.xdp_flows), &p.key, &value), 0);
    assert_int_equal(value.stream[p.from].content, XDP_UNKNOWN);
}

/* The events that are in the ring: how many, and the last one. */
static struct xdp_event last;
static int on_event(void *arg, void *data, size_t bytes)
{
    assert_true(bytes >= sizeof last);
    memcpy(&last, data, sizeof last);
    ++*(unsigned *)arg;
    return 0;
}

/* As much as the program says it knows of a damaged frame, decode knows too. */
static void hashes_are_those_of_decode(void **state)
{
    unsigned seed = 7, events = 0, hashed = 0;
    struct ring_buffer *ring = ring_buffer__new(ring_fd, on_event, &events, NULL);

    (void)state;
    assert_non_null(ring);
    ring_buffer__consume(ring);
    for (unsigned i = 0; i < 4000; i++) {
        struct frame f = {.data = pb.b, .linktype = LINKTYPE_ETHERNET};
        struct packet p;
        enum weird weird;

        pb_ethernet(&pb, i & 1 ? 0x86dd : 0x0800);
        if (i & 2)
            pb_vlan(&pb, 0x8100, 7, i & 1 ? 0x86dd : 0x0800);
        if (i & 1)
            pb_ipv6(&pb, i & 4 ? 60 : 6, CLIENT, SERVER);
        else
            pb_ipv4(&pb, i & 4 ? 17 : 6, CLIENT, SERVER, i % 3, 0x4000);
        if ((i & 5) == 5)
            pb_extension(&pb, 6, 0);
        if ((i & 5) == 4)
            pb_udp(&pb, 1 + i, 2, 300);
        else
            pb_tcp(&pb, 1 + i, 2, 1, 1, TCP_SYN);
        pb_fill(&pb, 'x', 300);
        pb_end(&pb);
        for (unsigned n = rand_r(&seed) % 3; n > 0; n--)
            pb.b[12 + rand_r(&seed) % 60] ^= (uint8_t)(1u << rand_r(&seed) % 8);
        f.caplen = f.wirelen = (uint32_t)pb.n;
        events = 0;
        rises();
        ring_buffer__consume(ring);
        decode_batch(&decoder);
        if (events == 0 || !last.hashed)
            continue;
        assert_int_equal(decode_frame(&decoder, &f, &p, &weird), DECODE_PACKET);
        assert_int_equal(p.n_hops, 0);
        assert_int_equal(last.hash, p.hash);
        hashed++;
    }
    assert_true(hashed > 1000);
    ring_buffer__free(ring);
}

/* Counted under the key that decode finds, whatever is in front of the ports. */
static void keys_are_those_of_decode(void **state)
{
    static const unsigned extensions[] = {0, 60, 43, 44};

    for (unsigned i = 0; i < 24; i++) {
        struct packet p;
        bool v6 = i & 1;

        for (unsigned n = 0; n < 60; n++) { /* until it is only counted */
            pb_ethernet(&pb, v6 ? 0x86dd : 0x0800);
            for (unsigned tags = 0; tags < i / 2 % 3; tags++)
                pb_vlan(&pb, tags ? 0x8100 : 0x88a8, 7, v6 ? 0x86dd : 0x0800);
            if (v6) {
                unsigned k = i / 6;

                pb_ipv6(&pb, k ? extensions[i % 4] : 6, CLIENT, SERVER + i);
                for (; k > 0; k--)
                    pb_extension(&pb, k > 1 ? extensions[(i + k) % 4] : 6, 0);
            } else {
                pb_ipv4(&pb, 6, CLIENT + i, SERVER, i % 11, 0x4000);
            }
            pb_tcp(&pb, i % 3 ? 80 : port_of(state), i % 3 ? port_of(state) : 80, n, 1, TCP_ACK);
            pb_end(&pb);
            rises();
        }
        assert_true(counted(&p).end[p.from].packets > 0);
    }
}

static void what_is_not_tcp_or_udp_goes_up(void **state)
{
    for (unsigned i = 0; i < 5; i++) {
        for (unsigned n = 0; n < 40; n++) {
            pb_ethernet(&pb, i == 0 ? 0x0806 : 0x0800);
            pb_ipv4(&pb, i == 1 ? 1 : i == 2 ? 47 : 17, CLIENT, SERVER, 0, i == 3 ? 0x2000 : 0);
            if (i == 4)
                pb_udp(&pb, port_of(state), 4789, 400); /* VXLAN */
            pb_fill(&pb, 0, 400);
            pb_end(&pb);
            assert_true(rises());
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_connection_begins_and_ends_in_the_worker),
        TEST(first_bytes_of_a_known_protocol_go_up),
        TEST(a_quarter_of_them_if_nobody_knows_it),
        TEST(tls_goes_up_until_its_data_begin),
        TEST(tls_data_may_begin_deep_in_a_segment),
        TEST(what_is_sent_again_is_told_apart),
        TEST(acknowledgements_are_soon_only_counted),
        TEST(a_five_tuple_may_be_used_again),
        TEST(also_if_the_syn_was_not_seen),
        TEST(what_the_worker_shunts_is_counted),
        TEST(dns_goes_up_for_ever),
        TEST(long_headers_of_quic_go_up_for_ever),
        TEST(no_count_is_lost_between_cpus),
        TEST(http3_is_known_where_it_was_learned),
        TEST(keys_are_those_of_decode),
        TEST(hashes_are_those_of_decode),
        TEST(what_is_not_tcp_or_udp_goes_up),
        TEST(a_full_ring_is_counted),
        TEST(new_data_that_find_it_full_are_new),
    };

    return cmocka_run_group_tests(tests, load, unload);
}

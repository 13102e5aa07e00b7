/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames out of the ring of mode xdp, put in by its program as it runs in the kernel
 * (BPF_PROG_TEST_RUN): SYNs, which always go up. */
#include "bpf/processes.h"
#include "bpf/xdp.h"
#include "common/base/clock.h"
#include "common/base/linktype.h"
#include "tests/unit/packet_builder.h"
#include "worker/capture/sources.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual" /* what bpftool writes casts const away */
#include "xdp.skel.h"
#pragma GCC diagnostic pop

#define RING_BYTES 65536u
#define CLIENT     0xc0000201u
#define SERVER     0xc0000202u
#define TCP_SYN    2
#define TCP_ACK    16

static struct xdp_bpf *bpf;
static struct heritage heritage;
static struct counters counters;
static struct capture *capture;
static struct frame frames[CAPTURE_BATCH_MAX];
static struct packet_builder pb;

static int load(void **state)
{
    (void)state;
    libbpf_set_print(NULL);
    bpf = xdp_bpf__open();
    if (!bpf)
        return -1;
    bpf->rodata->xdp_config = (struct xdp_config){.first_bytes = 1000, .processes = 1};
    bpf_map__set_max_entries(bpf->maps.flow_processes, 64);
    bpf_map__set_max_entries(bpf->maps.xdp_flows, 1024);
    bpf_map__set_max_entries(bpf->maps.xdp_quiet, 64);
    bpf_program__set_autoload(bpf->progs.spliff_tc_in, false);
    bpf_program__set_autoload(bpf->progs.spliff_tc_out, false);
    if (xdp_bpf__load(bpf) < 0) {
        printf("the kernel does not let this user load BPF (%s): nothing is tested\n",
               strerror(errno));
        xdp_bpf__destroy(bpf);
        bpf = NULL;
    }
    return 0;
}

static int unload(void **state)
{
    (void)state;
    xdp_bpf__destroy(bpf);
    return 0;
}

/* A ring of its own for each test. */
static int set_up(void **state)
{
    struct heritage_capture *c = &heritage.capture;
    uint32_t zero = 0;

    (void)state;
    if (!bpf)
        skip();
    heritage = (struct heritage){.options.snaplen = 65535};
    *c = (struct heritage_capture){.kind = CAPTURE_XDP,
                                   HERITAGE_CAPTURE_NO_FDS,
                                   .linktype = LINKTYPE_ETHERNET,
                                   .ring_block_bytes = RING_BYTES};
    c->fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "ring", 0, 0, RING_BYTES, NULL);
    c->flows_fd = bpf_map__fd(bpf->maps.xdp_flows);
    c->shunted_fd = bpf_map__fd(bpf->maps.xdp_quiet);
    c->stats_fd = bpf_map__fd(bpf->maps.xdp_stats);
    memset(&counters, 0, sizeof counters);
    assert_true(c->fd >= 0);
    assert_int_equal(bpf_map_update_elem(bpf_map__fd(bpf->maps.xdp_rings), &zero, &c->fd, BPF_ANY),
                     0);
    return capture_xdp.open(&capture, &heritage, &counters);
}

static int tear_down(void **state)
{
    (void)state;
    if (capture)
        capture_xdp.close(capture);
    capture = NULL;
    close(heritage.capture.fd);
    return 0;
}

/* A segment from this port, with payload of so many bytes of the port's last digit. */
static void put_segment_at(unsigned port, unsigned flags, uint32_t seq, size_t bytes)
{
    LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = pb.b);

    pb_ethernet(&pb, 0x0800);
    pb_ipv4(&pb, 6, CLIENT, SERVER, 0, 0x4000);
    pb_tcp(&pb, port, 443, seq, 0, flags);
    pb_fill(&pb, '0' + port % 10, bytes);
    pb_end(&pb);
    opts.data_size_in = (uint32_t)pb.n;
    assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(bpf->progs.spliff_xdp), &opts), 0);
}

static void put_segment(unsigned port, unsigned flags, size_t bytes)
{
    put_segment_at(port, flags, 1, bytes);
}

static void put(unsigned port, size_t bytes)
{
    put_segment(port, TCP_SYN, bytes);
}

static void frames_come_whole_and_in_order(void **state)
{
    static const size_t sizes[] = {0, 1, 73, 74, 75, 200, 900, 1400, 3000};
    uint64_t before = clock_wall_ns();
    int n = sizeof sizes / sizeof sizes[0];

    (void)state;
    for (int i = 0; i < n; i++)
        put(2000 + (unsigned)i, sizes[i]);
    assert_int_equal(capture_xdp.recv(capture, frames, CAPTURE_BATCH_MAX), n);
    for (int i = 0; i < n; i++) {
        assert_int_equal(frames[i].caplen, 54 + sizes[i]);
        assert_int_equal(frames[i].wirelen, 54 + sizes[i]);
        assert_int_equal(frames[i].linktype, LINKTYPE_ETHERNET);
        assert_int_equal(frames[i].data[35], (2000 + i) & 0xff);
        for (size_t k = 0; k < sizes[i]; k++)
            assert_int_equal(frames[i].data[54 + k], '0' + (2000 + i) % 10);
        assert_in_range(frames[i].ts_ns, before - NS_PER_SEC, clock_wall_ns() + NS_PER_SEC);
        assert_true(frames[i].hashed);
        assert_false(frames[i].outgoing);
        assert_null(frames[i].processes);
    }
    capture_xdp.release(capture);
    assert_int_equal(capture_xdp.recv(capture, frames, CAPTURE_BATCH_MAX), 0);
}

/* What the probe knows of the flow from this port. */
static int map_of_processes(unsigned port, struct flow_key *key)
{
    memset(key, 0, sizeof *key);
    flow_key_set_v4(key, (const uint8_t[]){0xc0, 0, 2, 1}, port, (const uint8_t[]){0xc0, 0, 2, 2},
                    443, 6);
    return bpf_map__fd(bpf->maps.flow_processes);
}

static void know_server(unsigned port)
{
    struct processes known = {.end[1] = {.pid = 77, .name = "nginx"}};
    struct flow_key key;
    int map = map_of_processes(port, &key);

    assert_int_equal(bpf_map_update_elem(map, &key, &known, BPF_ANY), 0);
}

/* With each frame of the flow, until a SYN begins another one on its five-tuple. */
static void processes_come_with_the_frames_of_their_flow(void **state)
{
    struct processes known;
    struct flow_key key;
    int map = map_of_processes(8000, &key);

    (void)state;
    know_server(8000);
    put_segment(8000, TCP_ACK, 100);
    put_segment(8001, TCP_ACK, 100);
    put_segment(8000, TCP_ACK, 100);
    put_segment(8000, TCP_SYN, 0);
    put_segment(8000, TCP_ACK, 100);
    assert_int_equal(capture_xdp.recv(capture, frames, CAPTURE_BATCH_MAX), 5);
    for (int i = 0; i < 5; i++) {
        const struct frame_process *p = frames[i].processes;

        assert_int_equal(frames[i].caplen, i == 3 ? 54 : 154);
        assert_int_equal(frames[i].data[12], 0x08);
        if (i == 0 || i == 2) {
            assert_int_equal(p[0].pid, 0);
            assert_int_equal(p[1].pid, 77);
            assert_string_equal(p[1].name, "nginx");
        } else {
            assert_null(p);
        }
    }
    assert_true(bpf_map_lookup_elem(map, &key, &known) < 0);
}

/* Its SYN was not seen, the numbers tell. */
static void a_connection_that_follows_begins_with_nobody(void **state)
{
    (void)state;
    know_server(8002);
    put_segment_at(8002, TCP_ACK, 1, 100);
    put_segment_at(8002, TCP_ACK, 0x40000000, 100);
    assert_int_equal(capture_xdp.recv(capture, frames, CAPTURE_BATCH_MAX), 2);
    assert_non_null(frames[0].processes);
    assert_null(frames[1].processes);
}

/* Over its end, many times. */
static void the_ring_goes_round(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 400; i++) {
        put(3000 + i, i * 7 % 1400);
        assert_int_equal(capture_xdp.recv(capture, frames, CAPTURE_BATCH_MAX), 1);
        assert_int_equal(frames[0].caplen, 54 + i * 7 % 1400);
        assert_int_equal(frames[0].data[frames[0].caplen - 1],
                         i * 7 % 1400 > 0 ? '0' + (3000 + i) % 10 : 0);
        capture_xdp.release(capture);
    }
}

static void what_is_borrowed_is_not_overwritten(void **state)
{
    struct flow_key key = {{{{0}}}, {0}, 0, {0}};
    struct capture_unseen unseen;
    unsigned n = RING_BYTES / 1024 + 50;

    (void)state;
    put(4000, 900);
    assert_int_equal(capture_xdp.recv(capture, frames, 1), 1);
    for (unsigned i = 0; i < n; i++)
        put(4001, 901);
    assert_int_equal(frames[0].data[54], '0');
    capture_xdp.stats(capture);
    assert_true(counters.capture_kernel_drops > 0);
    assert_true(counters.capture_link >= n);
    /* What found no room was counted with its flow. */
    flow_key_set_v4(&key, (const uint8_t[]){0xc0, 0, 2, 1}, 4001, (const uint8_t[]){0xc0, 0, 2, 2},
                    443, 6);
    assert_true(capture_xdp.unseen(capture, &key, true, &unseen));
    assert_int_equal(unseen.packets[0] + unseen.packets[1], counters.capture_kernel_drops);
    assert_false(capture_xdp.unseen(capture, &key, true, &unseen));
}

static void a_successor_begins_behind_what_was_handed_out(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 10; i++)
        put(5000 + i, 100);
    assert_int_equal(capture_xdp.recv(capture, frames, 3), 3);
    capture_xdp.release(capture);
    assert_int_equal(capture_xdp.recv(capture, frames, 4), 4);
    capture_xdp.close(capture); /* killed: the four are not released */
    assert_int_equal(capture_xdp.open(&capture, &heritage, &counters), 0);
    assert_int_equal(counters.capture_abandoned, 4);
    assert_int_equal(capture_xdp.recv(capture, frames, CAPTURE_BATCH_MAX), 3);
    assert_int_equal(frames[0].data[35], 5007 & 0xff);
}

static void what_is_shunted_is_said_for_both_ends(void **state)
{
    const struct flow_key key = {.proto = 6, .port = {1, 8000}};
    struct capture_shunt all = {.link_bytes = 0};
    struct capture_unseen unseen;
    uint32_t ends = 0;
    int quiet = bpf_map__fd(bpf->maps.xdp_quiet);

    (void)state;
    assert_int_equal(capture_xdp.shunt(capture, &key, &all), 0);
    assert_int_equal(bpf_map_lookup_elem(quiet, &key, &ends), 0);
    assert_int_equal(ends, 3);
    assert_false(capture_xdp.unseen(capture, &key, false, &unseen));
    assert_int_equal(bpf_map_delete_elem(quiet, &key), 0);
}

static void the_descriptor_is_ready_when_there_are_frames(void **state)
{
    struct pollfd p = {.fd = capture_xdp.wait_fd(capture), .events = POLLIN};

    (void)state;
    assert_int_equal(poll(&p, 1, 0), 0);
    put(6000, 0);
    assert_int_equal(poll(&p, 1, 1000), 1);
    assert_int_equal(capture_xdp.recv(capture, frames, CAPTURE_BATCH_MAX), 1);
    capture_xdp.release(capture);
    assert_int_equal(poll(&p, 1, 0), 0);
}

static void a_filter_and_a_snap_length_hold(void **state)
{
    (void)state;
    capture_xdp.close(capture);
    heritage.options.snaplen = 64;
    snprintf(heritage.options.filter, sizeof heritage.options.filter, "port 7001");
    assert_int_equal(capture_xdp.open(&capture, &heritage, &counters), 0);
    put(7000, 100);
    put(7001, 100);
    put(7002, 100);
    assert_int_equal(capture_xdp.recv(capture, frames, CAPTURE_BATCH_MAX), 1);
    assert_int_equal(frames[0].caplen, 64);
    assert_int_equal(frames[0].wirelen, 154);
    assert_int_equal(counters.capture_filtered, 2);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(frames_come_whole_and_in_order),
        TEST(processes_come_with_the_frames_of_their_flow),
        TEST(a_connection_that_follows_begins_with_nobody),
        TEST(the_ring_goes_round),
        TEST(what_is_borrowed_is_not_overwritten),
        TEST(a_successor_begins_behind_what_was_handed_out),
        TEST(what_is_shunted_is_said_for_both_ends),
        TEST(the_descriptor_is_ready_when_there_are_frames),
        TEST(a_filter_and_a_snap_length_hold),
    };

    return cmocka_run_group_tests(tests, load, unload);
}

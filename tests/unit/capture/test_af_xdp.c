/* SPDX-License-Identifier: BSD-3-Clause */
/* Sockets and program for real: in a network namespace of its own, on a veth pair ("far" - "near"),
 * with frames that are put in at the far end (veth.h). */
#include "bpf/af_xdp.h"
#include "manager/capture/opener.h"
#include "worker/capture/kernel_map.h"
#include "worker/capture/sources.h"

#include "tests/unit/capture/veth.h"
#include "worker/decode/decode.h"

#include <poll.h>

#define WORKERS_MAX 2u
#define SEED        99u
#define WAIT_MS     2000

static const struct capture_ops *const ops = &capture_af_xdp;
static struct heritage heritage[WORKERS_MAX]; /* one a worker */
static struct counters counters[WORKERS_MAX];
static struct capture *capture[WORKERS_MAX];
static struct opened *opened;
static struct options options;
static uint16_t owner[FLOW_BUCKETS];
static struct frame frames[CAPTURE_BATCH_MAX];
static char error[INI_ERROR_BYTES];

static int make_namespace(void **state)
{
    (void)state;
    veth_make(2, 9000);
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    memset(counters, 0, sizeof counters);
    options_init(&options);
    options.af_xdp_buffer_size = 2 << 20;
    options.af_xdp_frame_size = 2048;
    for (unsigned i = 0; i < WORKERS_MAX; i++)
        heritage[i].capture = (struct heritage_capture){HERITAGE_CAPTURE_NO_FDS};
    return 0;
}

static void open_worker(unsigned i)
{
    heritage[i].options = options;
    heritage[i].seed = SEED;
    heritage[i].worker_index = i;
    assert_int_equal(ops->open(&capture[i], &heritage[i], &counters[i]), 0);
}

static int open_opener(const char *interface, uint32_t n)
{
    struct capture_request r = {.interface = interface,
                                .options = &options,
                                .n_workers = n,
                                .seed = SEED,
                                .bucket_owner = owner};
    struct heritage_capture *out[WORKERS_MAX];

    for (unsigned i = 0; i < n; i++)
        out[i] = &heritage[i].capture;
    return opener_af_xdp.open(&r, out, &opened, error);
}

static void open_interface(void)
{
    if (open_opener("near", WORKERS_MAX) < 0)
        fail_msg("%s", error);
    for (unsigned i = 0; i < WORKERS_MAX; i++)
        open_worker(i);
}

static int tear_down(void **state)
{
    (void)state;
    for (unsigned i = 0; i < WORKERS_MAX; i++) {
        if (capture[i])
            ops->close(capture[i]);
        capture[i] = NULL;
        for (unsigned f = 0; f < HERITAGE_CAPTURE_FDS; f++)
            if (*heritage_capture_fd(&heritage[i].capture, f) >= 0)
                close(*heritage_capture_fd(&heritage[i].capture, f));
    }
    if (opened)
        opener_af_xdp.close(opened);
    opened = NULL;
    return 0;
}

/* The worker whose queue has something, and that is then in frames; *n of them. */
static unsigned receive(uint32_t want, int *n)
{
    struct pollfd p[WORKERS_MAX];

    for (;;) {
        for (unsigned w = 0; w < WORKERS_MAX; w++) {
            p[w] = (struct pollfd){.fd = ops->wait_fd(capture[w]), .events = POLLIN};
            *n = ops->recv(capture[w], frames, want);
            if (*n != 0)
                return w;
        }
        if (poll(p, WORKERS_MAX, WAIT_MS) == 0)
            fail_msg("no frame came");
    }
}

static unsigned source_port(const struct frame *f)
{
    return (unsigned)(f->data[34] << 8 | f->data[35]);
}

static void test_frame_with_time_and_hash(void **state)
{
    struct counters c = {0};
    struct decoder d = {.seed = SEED, .counters = &c};
    uint64_t before = clock_wall_ns();
    struct packet p;
    enum weird weird;
    unsigned w;
    int n;

    (void)state;
    SKIP_IF_UNABLE();
    open_interface();
    build_udp(1000, 100);
    inject("far");
    w = receive(CAPTURE_BATCH_MAX, &n);
    assert_int_equal(n, 1);
    assert_int_equal(frames[0].caplen, pb.n);
    assert_int_equal(frames[0].wirelen, pb.n);
    assert_memory_equal(frames[0].data, pb.b, pb.n);
    assert_true(frames[0].ts_ns + NS_PER_MS > before && frames[0].ts_ns <= clock_wall_ns());
    assert_true(frames[0].hashed);
    frames[0].hashed = false;
    assert_int_equal(decode_frame(&d, &frames[0], &p, &weird), DECODE_PACKET);
    assert_int_equal(frames[0].hash, p.hash);
    ops->release(capture[w]);
    ops->stats(capture[w]);
    counters[w].capture_packets = 1; /* the pipeline's */
    ops->stats(capture[w]);
    assert_int_equal(counters[w].capture_link, 1);
}

/* Longer than a place of 2 KiB has room for. Of a batch that would not fit into the buffer for such
 * frames, the rest comes with the next one. */
static void test_jumbo_frames_are_joined(void **state)
{
    unsigned next = 0, batches = 0;

    (void)state;
    SKIP_IF_UNABLE();
    open_interface();
    for (unsigned i = 0; i < 64; i++) {
        build_udp(7, 8900);
        pb.b[42] = (uint8_t)i;
        inject("far");
    }
    while (next < 64) {
        int n;
        unsigned w = receive(CAPTURE_BATCH_MAX, &n);

        for (int i = 0; i < n; i++) {
            assert_int_equal(frames[i].caplen, pb.n);
            assert_int_equal(frames[i].data[42], next++);
            assert_memory_equal(frames[i].data + 43, pb.b + 43, pb.n - 43);
        }
        ops->release(capture[w]);
        batches++;
    }
    assert_int_equal(counters[0].capture_joined + counters[1].capture_joined, 64);
    assert_true(batches > 1);
}

static void test_snap_length_and_filter(void **state)
{
    unsigned w;
    int n;

    (void)state;
    SKIP_IF_UNABLE();
    options.snaplen = 64;
    snprintf(options.filter, sizeof options.filter, "udp src port 7");
    open_interface();
    build_udp(6, 100);
    inject("far");
    build_udp(7, 100);
    inject("far");
    w = receive(2, &n);
    assert_int_equal(n, 1);
    assert_int_equal(source_port(&frames[0]), 7);
    assert_int_equal(frames[0].caplen, 64);
    assert_int_equal(frames[0].wirelen, pb.n);
    ops->release(capture[w]);
    for (w = 0; w < WORKERS_MAX; w++) /* the other frame may be in either queue */
        ops->recv(capture[w], frames, 2);
    assert_int_equal(counters[0].capture_truncated + counters[1].capture_truncated, 1);
    assert_int_equal(counters[0].capture_filtered + counters[1].capture_filtered, 1);
}

/* What a worker had in its hands is not read again by its successor, what it had not, is; and no
 * place in memory is lost by it: many times as many frames come through as there are places. */
static void test_successor_goes_on(void **state)
{
    unsigned next = 0, sent = 0, abandoned = 0;
    unsigned owner_of_all = 0;

    (void)state;
    SKIP_IF_UNABLE();
    open_interface();
    for (unsigned round = 0; round < 60; round++) {
        for (unsigned i = 0; i < 100; i++) {
            build_udp(7, i % 10 == 9 ? 3000 : 100);
            pb.b[42] = (uint8_t)(sent >> 8);
            pb.b[43] = (uint8_t)sent++;
            inject("far");
        }
        while (next < sent) {
            int n;

            owner_of_all = receive(next % 100 == 40 ? 5 : 20, &n);
            for (int i = 0; i < n; i++)
                assert_int_equal(frames[i].data[42] << 8 | frames[i].data[43], next++);
            if (round % 2 && next % 100 == 45) { /* handed out, but the worker dies with them */
                abandoned += (unsigned)n;
                ops->close(capture[owner_of_all]);
                open_worker(owner_of_all);
            } else {
                ops->release(capture[owner_of_all]);
            }
        }
    }
    ops->stats(capture[owner_of_all]);
    assert_int_equal(counters[owner_of_all].capture_kernel_drops, 0);
    assert_true(abandoned > 0);
    assert_int_equal(counters[owner_of_all].capture_abandoned, abandoned);
}

/* Sends more frames than there is room for. Each is received or counted as dropped; returns how
 * many were received. */
static unsigned overfill(unsigned payload, unsigned sent)
{
    unsigned got = 0, w = 0;
    int n;

    open_interface();
    build_udp(1, payload);
    for (unsigned i = 0; i < sent; i++)
        inject("far");
    while (got + counters[w].capture_kernel_drops < sent) {
        w = receive(CAPTURE_BATCH_MAX, &n);
        got += (unsigned)n;
        ops->release(capture[w]);
        counters[w].capture_packets = got;
        ops->stats(capture[w]);
    }
    assert_int_equal(got + counters[w].capture_kernel_drops, sent);
    assert_int_equal(counters[w].capture_link, sent);
    assert_int_equal(counters[w].capture_refused, 0);
    inject("far");
    assert_int_equal(receive(1, &n), w);
    return got;
}

/* Full memory is counted frame by frame, and is used again when it has been read. */
static void test_full_memory(void **state)
{
    (void)state;
    SKIP_IF_UNABLE();
    assert_in_range(overfill(100, 2000), 1000, 1023); /* of 2 MiB, in places of 2 KiB */
}

/* Nor is it another loss if the frames are longer than a place. */
static void test_full_memory_of_jumbo_frames(void **state)
{
    (void)state;
    SKIP_IF_UNABLE();
    assert_in_range(overfill(4000, 700), 330, 341); /* of three places each */
}

/* Frames go out by the queue with the number of the core that sends them. */
static void inject_by_core(int on)
{
    assert_int_equal(setsockopt(injector, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on), 0);
}

static void run_on(unsigned core)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(core, &set);
    assert_int_equal(sched_setaffinity(0, sizeof set, &set), 0);
}

/* Both queues are read, and what was sent before a worker began is neither seen nor counted. */
static void test_queues(void **state)
{
    unsigned seen[WORKERS_MAX] = {0};

    (void)state;
    SKIP_IF_UNABLE();
    if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
        skip();
    if (open_opener("near", WORKERS_MAX) < 0)
        fail_msg("%s", error);
    build_udp(1, 10);
    inject("far");
    for (unsigned i = 0; i < WORKERS_MAX; i++)
        open_worker(i);
    inject_by_core(1);
    for (unsigned i = 0; i < 100; i++) {
        run_on(i % 2);
        build_udp(2000 + i, 10);
        inject("far");
    }
    inject_by_core(0);
    while (seen[0] + seen[1] < 100) {
        int n;
        unsigned w = receive(CAPTURE_BATCH_MAX, &n);

        for (int i = 0; i < n; i++)
            assert_in_range(source_port(&frames[i]), 2000, 2099);
        seen[w] += (unsigned)n;
        ops->release(capture[w]);
        ops->stats(capture[w]);
        assert_int_equal(counters[w].capture_kernel_drops + counters[w].capture_refused, 0);
    }
    assert_int_equal(seen[0], 50);
}

static bool told_behind(unsigned worker)
{
    struct af_xdp_queue q;

    assert_int_equal(kernel_map_get(heritage[worker].capture.queues_fd, &worker, &q), 0);
    return q.behind;
}

/* The program is told while more wait than two batches, and no longer; also by a successor. */
static void test_tells_that_it_is_behind(void **state)
{
    unsigned w, got;
    int n;

    (void)state;
    SKIP_IF_UNABLE();
    open_interface();
    build_udp(1, 100);
    for (unsigned i = 0; i < 300; i++)
        inject("far");
    for (got = 0; got < 300; got += (unsigned)n) {
        w = receive(CAPTURE_BATCH_MAX, &n);
        ops->release(capture[w]);
        if (got == 64) {
            assert_true(told_behind(w));
            ops->close(capture[w]);
            open_worker(w);
            assert_false(told_behind(w));
        }
    }
    assert_false(told_behind(w));
    assert_false(told_behind(1 - w));
}

/* Also over batches, and while the program does not ask the clock for each: a flow whose packets
 * had one time would be logged without a duration. */
static void test_each_frame_is_later_than_the_one_before(void **state)
{
    uint64_t last = 0;
    unsigned w;
    int n;

    (void)state;
    SKIP_IF_UNABLE();
    open_interface();
    build_udp(1, 100);
    for (unsigned i = 0; i < 300; i++)
        inject("far");
    w = receive(CAPTURE_BATCH_MAX, &n);
    ops->release(capture[w]);
    for (unsigned batch = 0; batch < 300; batch++) {
        n = ops->recv(capture[w], frames, CAPTURE_BATCH_MAX);
        assert_int_equal(n, CAPTURE_BATCH_MAX);
        for (int i = 0; i < n; i++) {
            assert_true(frames[i].ts_ns > last);
            last = frames[i].ts_ns;
        }
        ops->release(capture[w]);
        for (int i = 0; i < n; i++)
            inject("far");
    }
    assert_true(told_behind(w));
}

static void test_refusals(void **state)
{
    (void)state;
    SKIP_IF_UNABLE();
    assert_int_equal(open_opener("nowhere0", 1), -ENODEV);
    assert_non_null(strstr(error, "no interface nowhere0; there are: "));
    assert_int_equal(open_opener("near", 1), -EINVAL);
    assert_non_null(strstr(error, "has 2 receive queues, and 1 worker"));
    assert_non_null(strstr(error, "ethtool -L near rx 1"));
    assert_int_equal(open_opener("lo", 1), -EBUSY);
    assert_non_null(strstr(error, "carries the address 127.0.0.1"));
    assert_int_equal(system("ip route add 198.51.100.0/24 dev near"), 0);
    assert_int_equal(open_opener("near", 2), -EBUSY);
    assert_non_null(strstr(error, "carries a route"));
    options.force = true;
    assert_int_equal(open_opener("near", 2), 0);
    assert_int_equal(system("ip route del 198.51.100.0/24 dev near"), 0);
}

static void test_sets_queues_and_puts_them_back(void **state)
{
    (void)state;
    SKIP_IF_UNABLE();
    options.set_queues = true;
    assert_int_equal(system("ethtool -L far tx 1"), 0); /* or no fewer queues would do for XDP */
    if (open_opener("near", 1) < 0)
        fail_msg("%s", error);
    assert_int_equal(system("ethtool -l near | tail -n 6 | grep -q '^RX:.*1$'"), 0);
    assert_int_equal(system("ethtool -L near rx 2"), 0); /* by somebody else */
    opener_af_xdp.tick(opened);
    assert_int_equal(system("ethtool -l near | tail -n 6 | grep -q '^RX:.*1$'"), 0);
    opener_af_xdp.close(opened);
    opened = NULL;
    assert_int_equal(system("ethtool -l near | tail -n 6 | grep -q '^RX:.*2$'"), 0);
    assert_int_equal(system("ethtool -L far tx 2"), 0);
}

/* The first keeps it, and nothing is left when it has gone. */
static void test_interface_of_another(void **state)
{
    struct heritage_capture first[WORKERS_MAX];
    struct opened *kept;

    (void)state;
    SKIP_IF_UNABLE();
    assert_int_equal(open_opener("near", 2), 0);
    kept = opened;
    opened = NULL;
    for (unsigned i = 0; i < WORKERS_MAX; i++)
        first[i] = heritage[i].capture;
    set_up(NULL);
    assert_int_equal(open_opener("near", 2), -EBUSY);
    assert_non_null(strstr(error, "another cluster"));
    for (unsigned i = 0; i < WORKERS_MAX; i++)
        heritage[i].capture = first[i];
    opened = kept;
    tear_down(NULL);
    assert_int_not_equal(system("ip link show near | grep -q xdp"), 0);
    set_up(NULL);
}

/* Who sleeps on the socket is not woken for ever. */
static void test_removed_interface(void **state)
{
    struct pollfd p = {.events = POLLIN};

    (void)state;
    SKIP_IF_UNABLE();
    open_interface();
    p.fd = ops->wait_fd(capture[0]);
    assert_int_equal(system("ip link set near down"), 0);
    assert_int_equal(ops->recv(capture[0], frames, 1), 0);
    assert_int_equal(system("ip link del near"), 0);
    assert_int_equal(ops->recv(capture[0], frames, 1), 0);
    assert_int_equal(ops->recv(capture[0], frames, 1), 0);
    assert_int_equal(poll(&p, 1, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_frame_with_time_and_hash, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_jumbo_frames_are_joined, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_snap_length_and_filter, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_successor_goes_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_full_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_full_memory_of_jumbo_frames, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_queues, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_tells_that_it_is_behind, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_each_frame_is_later_than_the_one_before, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_refusals, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_interface_of_another, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sets_queues_and_puts_them_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_removed_interface, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("af_xdp", tests, make_namespace, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Ring and fanout for real: in a network namespace of its own, on a veth pair ("far" - "near"),
 * with frames that are put in at either end (veth.h). */
#include "manager/capture/opener.h"
#include "worker/capture/sources.h"

#include "tests/unit/capture/veth.h"
#include "worker/decode/decode.h"

#include <arpa/inet.h>
#include <poll.h>

#define MEMBERS_MAX 2u
#define SEED        99u
#define WAIT_MS     2000

static const struct capture_ops *const ops = &capture_af_packet;
static struct heritage heritage[MEMBERS_MAX]; /* one a worker */
static struct counters counters[MEMBERS_MAX];
static struct capture *capture[MEMBERS_MAX];
static struct options options;
static uint16_t owner[FLOW_BUCKETS];
static struct frame frames[CAPTURE_BATCH_MAX];
static struct opened *opened;

static int make_namespace(void **state)
{
    (void)state;
    veth_make(1, 65535);
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    memset(counters, 0, sizeof counters);
    options_init(&options);
    options.ring_size = 8 << 20;
    options.ring_block_size = 256 << 10;
    options.ring_block_timeout = 20 * NS_PER_MS;
    for (unsigned i = 0; i < FLOW_BUCKETS; i++)
        owner[i] = (uint16_t)(i * 7 % 3 % 2);
    for (unsigned i = 0; i < MEMBERS_MAX; i++)
        heritage[i].capture.fd = -1;
    return 0;
}

static void open_worker(unsigned i)
{
    heritage[i].options = options;
    assert_int_equal(ops->open(&capture[i], &heritage[i], &counters[i]), 0);
}

static struct capture_request request(const char *interface, uint32_t n)
{
    return (struct capture_request){.interface = interface,
                                    .options = &options,
                                    .n_workers = n,
                                    .seed = SEED,
                                    .fanout_group = 23,
                                    .bucket_owner = owner};
}

static void open_interface(const char *interface, uint32_t n)
{
    struct capture_request r = request(interface, n);
    struct heritage_capture *out[MEMBERS_MAX] = {NULL};
    char error[INI_ERROR_BYTES] = "";

    for (unsigned i = 0; i < n; i++)
        out[i] = &heritage[i].capture;
    if (opener_af_packet.open(&r, out, &opened, error) < 0)
        fail_msg("%s", error);
    for (unsigned i = 0; i < n; i++)
        open_worker(i);
}

static int tear_down(void **state)
{
    (void)state;
    for (unsigned i = 0; i < MEMBERS_MAX; i++) {
        if (capture[i])
            ops->close(capture[i]);
        capture[i] = NULL;
        if (heritage[i].capture.fd >= 0)
            close(heritage[i].capture.fd);
        heritage[i].capture.fd = -1;
    }
    if (opened)
        opener_af_packet.close(opened);
    opened = NULL;
    return 0;
}

/* Up to `want` frames of a worker, waiting for them; released only when the next are asked for. */
static int receive(unsigned worker, uint32_t want)
{
    struct pollfd p = {.fd = ops->wait_fd(capture[worker]), .events = POLLIN};
    int n;

    memset(frames, 0xff, sizeof frames); /* all members are the source's to fill in */
    while ((n = ops->recv(capture[worker], frames, want)) == 0)
        if (poll(&p, 1, WAIT_MS) == 0)
            return 0;
    return n;
}

static void test_both_directions(void **state)
{
    (void)state;
    SKIP_IF_UNABLE();
    open_interface("near", 1);
    build_udp(1000, 100);
    inject("far");
    assert_int_equal(receive(0, 1), 1);
    assert_int_equal(frames[0].caplen, pb.n);
    assert_memory_equal(frames[0].data, pb.b, pb.n);
    assert_false(frames[0].outgoing);
    assert_true(frames[0].ts_ns > 1600000000 * NS_PER_SEC);
    ops->release(capture[0]);
    build_udp(1001, 1);
    inject("near");
    assert_int_equal(receive(0, 1), 1);
    assert_memory_equal(frames[0].data, pb.b, pb.n);
    assert_true(frames[0].outgoing);
    ops->release(capture[0]);
    ops->stats(capture[0]);
    assert_int_equal(counters[0].capture_link, 2);
    assert_int_equal(counters[0].capture_kernel_drops, 0);
}

static void test_vlan_and_large_frames(void **state)
{
    (void)state;
    SKIP_IF_UNABLE();
    open_interface("near", 1);
    pb_ethernet(&pb, 0);
    pb_vlan(&pb, 0x8100, 0x6000 | 42, ETH_P_IP);
    pb_ipv4(&pb, 17, 1, 2, 0, 0);
    pb_udp(&pb, 1, 2, 0);
    pb_end(&pb);
    inject("far");
    assert_int_equal(receive(0, 1), 1);
    assert_int_equal(frames[0].vlan_tci, 0x6000 | 42);
    assert_int_equal(frames[0].caplen, pb.n - 4);
    ops->release(capture[0]);

    build_udp(5, 65000);
    inject("far");
    assert_int_equal(receive(0, 1), 1);
    assert_int_equal(frames[0].caplen, pb.n);
    assert_int_equal(frames[0].data[pb.n - 1], 5);
    ops->release(capture[0]);
    assert_int_equal(counters[0].capture_truncated, 0);
}

static void test_snap_length_and_filter(void **state)
{
    (void)state;
    SKIP_IF_UNABLE();
    options.snaplen = 60;
    snprintf(options.filter, sizeof options.filter, "udp src port 7");
    open_interface("near", 1);
    build_udp(6, 100);
    inject("far");
    build_udp(7, 100);
    inject("far");
    assert_int_equal(receive(0, 2), 1);
    assert_int_equal(frames[0].caplen, 60);
    assert_int_equal(frames[0].wirelen, pb.n);
    assert_int_equal(counters[0].capture_truncated, 1);
}

/* Every flow, in both directions and tagged or not, is where the table says. */
static void test_fanout(void **state)
{
    unsigned seen[MEMBERS_MAX] = {0};

    (void)state;
    SKIP_IF_UNABLE();
    open_interface("near", 2);
    for (unsigned i = 0; i < 100; i++) {
        build_udp(2000 + i / 2, 10);
        if (i % 4 == 3) {
            pb_ethernet(&pb, 0);
            pb_vlan(&pb, 0x8100, 9, 0);
            if (i % 8 == 7)
                pb_vlan(&pb, 0x8100, 10, 0);
            pb.n -= 2;
            pb_u16(&pb, ETH_P_IP);
            pb_ipv4(&pb, 17, 0xc0000202, 0xc0000201, 0, 0);
            pb_udp(&pb, 9, 2000 + i / 2, 0);
            pb_end(&pb);
        }
        inject(i % 2 ? "near" : "far");
    }
    for (unsigned w = 0; w < MEMBERS_MAX; w++) {
        struct decoder d = {.seed = SEED, .counters = &counters[w]};
        int n;

        while (seen[0] + seen[1] < 100 && (n = receive(w, CAPTURE_BATCH_MAX)) > 0) {
            for (int i = 0; i < n; i++) {
                struct packet p;
                enum weird weird;

                assert_false(frames[i].hashed);
                assert_null(frames[i].processes);
                assert_int_equal(decode_frame(&d, &frames[i], &p, &weird), DECODE_PACKET);
                assert_int_equal(owner[p.hash % FLOW_BUCKETS], w);
                seen[w]++;
            }
            ops->release(capture[w]);
        }
    }
    assert_int_equal(seen[0] + seen[1], 100);
    assert_true(seen[0] > 10 && seen[1] > 10);
}

/* Who must ask the workers for their flows is told so. */
static void test_who_decides(void **state)
{
    static const enum fanout modes[] = {FANOUT_HASH, FANOUT_CPU, FANOUT_QUEUE};

    (void)state;
    SKIP_IF_UNABLE();
    for (unsigned i = 0; i < 3; i++) {
        options.fanout_mode = modes[i];
        open_interface("near", 2);
        for (unsigned w = 0; w < MEMBERS_MAX; w++)
            assert_int_equal(heritage[w].capture.hash_decides, modes[i] == FANOUT_HASH);
        (void)tear_down(NULL);
    }
}

/* What a worker had in its hands is not read again by its successor, what it had not, is. */
static void test_successor_goes_on(void **state)
{
    unsigned next = 0, abandoned = 0;

    (void)state;
    SKIP_IF_UNABLE();
    open_interface("near", 1);
    for (unsigned round = 0; round < 40; round++) {
        int n;

        for (unsigned i = 0; i < 50; i++) {
            build_udp(3000 + round * 50 + i, 1400);
            inject("far");
        }
        for (unsigned got = 0; got < 40;) {
            n = receive(0, 7);
            assert_true(n > 0);
            for (int i = 0; i < n; i++)
                assert_int_equal(frames[i].data[34] << 8 | frames[i].data[35], 3000 + next++);
            ops->release(capture[0]);
            got += (unsigned)n;
        }
        if ((n = receive(0, 3)) > 0) { /* handed out, but the worker dies before it releases */
            next += (unsigned)n;
            abandoned += (unsigned)n;
            ops->close(capture[0]);
            open_worker(0);
        }
    }
    while (next < 2000) {
        int n = receive(0, CAPTURE_BATCH_MAX);

        assert_true(n > 0);
        for (int i = 0; i < n; i++)
            assert_int_equal(frames[i].data[34] << 8 | frames[i].data[35], 3000 + next++);
        ops->release(capture[0]);
    }
    ops->stats(capture[0]);
    assert_int_equal(counters[0].capture_kernel_drops, 0);
    assert_true(abandoned > 0);
    assert_int_equal(counters[0].capture_abandoned, abandoned);
}

/* A full ring is counted, and works again when it has been read. */
static void test_full_ring(void **state)
{
    unsigned got = 0;
    int n;

    (void)state;
    SKIP_IF_UNABLE();
    open_interface("near", 1);
    build_udp(1, 60000);
    for (unsigned i = 0; i < 200; i++)
        inject("far");
    while (got < 200 && (n = receive(0, CAPTURE_BATCH_MAX)) > 0) {
        got += (unsigned)n;
        ops->release(capture[0]);
        ops->stats(capture[0]);
        if (got + counters[0].capture_kernel_drops == 200)
            break;
    }
    assert_int_equal(got + counters[0].capture_kernel_drops, 200);
    assert_int_equal(counters[0].capture_link, 200);
    assert_true(counters[0].capture_kernel_drops > 0);
    assert_true(counters[0].capture_kernel_freezes > 0);
    inject("far");
    assert_int_equal(receive(0, 1), 1);
}

static void test_loopback_shows_packets_once(void **state)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    uint8_t byte = 0;

    (void)state;
    SKIP_IF_UNABLE();
    snprintf(options.filter, sizeof options.filter, "udp");
    open_interface("lo", 1);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (; byte < 5; byte++)
        assert_int_equal(sendto(fd, &byte, 1, 0, (struct sockaddr *)&to, sizeof to), 1);
    close(fd);
    for (unsigned next = 0; next < 5;) {
        int n = receive(0, CAPTURE_BATCH_MAX);

        assert_true(n > 0);
        for (int i = 0; i < n; i++)
            assert_int_equal(frames[i].data[42], next++);
        ops->release(capture[0]);
    }
}

static void test_down_and_up_again(void **state)
{
    (void)state;
    SKIP_IF_UNABLE();
    open_interface("near", 1);
    assert_int_equal(system("ip link set near down"), 0);
    assert_int_equal(ops->recv(capture[0], frames, 1), 0);
    assert_int_equal(system("ip link set near up"), 0);
    build_udp(77, 10);
    for (unsigned i = 0; i < 5; i++) { /* a link that comes up may lose what is sent at first */
        inject("far");
        if (receive(0, 1) == 1)
            return;
    }
    fail();
}

static void test_errors(void **state)
{
    struct capture_request r = request("nowhere0", 1);
    struct heritage_capture *out[] = {&heritage[0].capture};
    char error[INI_ERROR_BYTES];

    (void)state;
    SKIP_IF_UNABLE();
    assert_int_equal(opener_af_packet.open(&r, out, &opened, error), -ENODEV);
    assert_non_null(strstr(error, "no interface nowhere0; there are: "));
    assert_non_null(strstr(error, "near"));
    snprintf(options.filter, sizeof options.filter, "tpc");
    r.interface = "near";
    assert_int_equal(opener_af_packet.open(&r, out, &opened, error), -EINVAL);
    assert_non_null(strstr(error, "tpc"));
}

/* A fanout group that another program has is left alone. */
static void test_group_of_another_program(void **state)
{
    uint32_t value = 23u | PACKET_FANOUT_HASH << 16;
    struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
    struct capture_request r = request("near", 2);
    struct heritage_capture *out[] = {&heritage[0].capture, &heritage[1].capture};
    char error[INI_ERROR_BYTES];
    int fd;

    (void)state;
    SKIP_IF_UNABLE();
    fd = socket(AF_PACKET, SOCK_RAW, 0);
    to.sll_ifindex = (int)if_nametoindex("near");
    assert_int_equal(bind(fd, (struct sockaddr *)&to, sizeof to), 0);
    assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_FANOUT, &value, sizeof value), 0);
    open_interface("near", 2);
    tear_down(NULL);
    options.fanout_id = 99; /* the user's own choice is not replaced */
    assert_int_equal(opener_af_packet.open(&r, out, &opened, error), -EINVAL);
    assert_non_null(strstr(error, "af_packet_fanout_id"));
    close(fd);
}

/* Who sleeps on the socket is woken once, and not for ever. */
static void test_removed_interface(void **state)
{
    struct pollfd p = {.events = POLLIN};

    (void)state;
    SKIP_IF_UNABLE();
    open_interface("near", 1);
    p.fd = capture_af_packet.wait_fd(capture[0]);
    assert_int_equal(system("ip link del near"), 0);
    assert_int_equal(poll(&p, 1, 1000), 1);
    assert_int_equal(capture_af_packet.recv(capture[0], frames, 1), 0);
    assert_int_equal(poll(&p, 1, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_both_directions),
        TEST(test_vlan_and_large_frames),
        TEST(test_snap_length_and_filter),
        TEST(test_fanout),
        TEST(test_who_decides),
        TEST(test_successor_goes_on),
        TEST(test_full_ring),
        TEST(test_loopback_shows_packets_once),
        TEST(test_down_and_up_again),
        TEST(test_errors),
        TEST(test_group_of_another_program),
        TEST(test_removed_interface), /* last: it takes the interface away */
    };
    return cmocka_run_group_tests(tests, make_namespace, NULL);
}

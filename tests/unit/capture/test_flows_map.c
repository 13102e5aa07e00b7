/* SPDX-License-Identifier: BSD-3-Clause */
/* The values that CPUs have of a flow, as one; and the calls on a map of the kernel, if this user
 * may make one. */
#include "worker/capture/flows_map.h"
#include "worker/capture/kernel_map.h"

#include "common/base/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#define CPUS 3
#define MS   NS_PER_MS
#define GIB  (UINT64_C(1) << 30)

/* As mode xdp has them: with a state of its own behind each. */
struct value {
    struct flows_value v;
    uint8_t more[24];
};

static struct value values[CPUS];
static struct capture_unseen sum;

static int clear(void **state)
{
    (void)state;
    memset(values, 0, sizeof values);
    return 0;
}

static bool merge(void)
{
    return flows_map_merge(values, sizeof values[0], CPUS, 1000, &sum);
}

/* What a CPU has of end 1: as if it had seen payload bytes up to seq_end at that time. */
static void saw(unsigned cpu, uint64_t bytes, uint32_t seq_end, uint64_t last_ns)
{
    values[cpu].v.flags |= FLOWS_SEQ << 1;
    values[cpu].v.end[1] = (struct flows_end){.packets = 1,
                                              .ip_bytes = bytes + 40,
                                              .payload_bytes = bytes,
                                              .seq_end = seq_end,
                                              .last_ns = last_ns};
    values[cpu].v.seq_time[1] = (uint32_t)(last_ns >> FLOWS_TIME_SHIFT);
}

static void nothing_is_nothing(void **state)
{
    (void)state;
    assert_false(merge());
    values[1].v.flags = FLOWS_SEQ; /* seen, and all of it went up */
    assert_false(merge());
}

static void counts_are_summed(void **state)
{
    (void)state;
    saw(0, 100, 0, 5);
    saw(2, 200, 0, 7);
    values[1].v.end[0] = (struct flows_end){
        .packets = 3, .ip_bytes = 120, .last_ns = 6, .resent = 2, .zero_windows = 1};
    values[1].v.flags |= FLOWS_ACK;
    assert_true(merge());
    assert_int_equal(sum.packets[0], 3);
    assert_int_equal(sum.packets[1], 2);
    assert_int_equal(sum.ip_bytes[0], 120);
    assert_int_equal(sum.ip_bytes[1], 380);
    assert_int_equal(sum.payload_bytes[0], 0);
    assert_int_equal(sum.payload_bytes[1], 300);
    assert_int_equal(sum.resent[0], 2);
    assert_int_equal(sum.zero_windows[0], 1);
    assert_true(sum.has_ack[0]);
    assert_false(sum.has_ack[1]);
    assert_false(sum.has_seq[0]);
    assert_int_equal(sum.last_ns, 1007);
}

static void newest_note_counts(void **state)
{
    (void)state;
    saw(0, 1000, 5000, 1 * NS_PER_SEC);
    saw(1, 1000, 9000, 2 * NS_PER_SEC);
    assert_true(merge());
    assert_true(sum.has_seq[1]);
    assert_int_equal(sum.seq_end[1], 9000);
}

/* Segments overtake each other between CPUs. */
static void or_one_ahead_in_the_same_moment(void **state)
{
    (void)state;
    saw(0, 1000, 7500, 1000 * MS - 3);
    saw(1, 1000, 6000, 1000 * MS);
    saw(2, 1000, 6100, 1000 * MS - 1);
    assert_true(merge());
    assert_int_equal(sum.seq_end[1], 7500);
    saw(0, 1000, 500, 1000 * MS - 3); /* over the wrap */
    saw(1, 1000, UINT32_C(0xffffff00), 1000 * MS);
    assert_true(merge());
    assert_int_equal(sum.seq_end[1], 6100);
    saw(2, 0, UINT32_C(0xfffffe00), 1000 * MS);
    assert_true(merge());
    assert_int_equal(sum.seq_end[1], 500);
}

/* The direction was at that CPU before, and then its last acknowledgement was. */
static void an_ack_makes_no_note_newer(void **state)
{
    (void)state;
    saw(0, 380u << 20, 380u << 20, 1000 * MS);
    saw(1, 120u << 20, 500u << 20, 1200 * MS);
    values[0].v.end[1].last_ns = 1210 * MS;
    values[0].v.end[1].packets++;
    assert_true(merge());
    assert_int_equal(sum.seq_end[1], 500u << 20);
    assert_int_equal(sum.last_ns, 1210 * MS + 1000);
    values[0].v.end[1].last_ns = 9000 * MS;
    assert_true(merge());
    assert_int_equal(sum.seq_end[1], 500u << 20);
}

/* A hole is filled after the sender's time-out, at another CPU, which has been waiting for it. */
static void what_is_sent_again_does_not_go_back(void **state)
{
    (void)state;
    saw(0, 500u << 20, 500u << 20, 1000 * MS);
    saw(1, 1000, 499u << 20, 1250 * MS);
    assert_true(merge());
    assert_int_equal(sum.seq_end[1], 500u << 20);
}

/* The direction went to another CPU, and on for more than the numbers can tell. */
static void an_old_note_says_nothing(void **state)
{
    (void)state;
    saw(0, 3 * GIB, 0x20000000, 1 * NS_PER_SEC);
    saw(1, 5 * GIB, 0x1fff0000, 90 * NS_PER_SEC);
    assert_true(merge());
    assert_int_equal(sum.seq_end[1], 0x1fff0000);
    assert_int_equal(sum.payload_bytes[1], 8 * GIB);
}

static int new_map(unsigned type, unsigned key_bytes, unsigned value_bytes, unsigned entries,
                   unsigned flags)
{
    union bpf_attr attr = {.map_type = type,
                           .key_size = key_bytes,
                           .value_size = value_bytes,
                           .max_entries = entries,
                           .map_flags = flags};

    return (int)syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof attr);
}

static int new_flows(void)
{
    int fd =
        new_map(BPF_MAP_TYPE_PERCPU_HASH, sizeof(struct flows_key), sizeof(struct value), 2, 0);

    if (fd < 0)
        printf("the kernel does not let this user make BPF maps (%s)\n", strerror(errno));
    return fd;
}

static void a_map_gives_and_takes(void **state)
{
    struct flow_key a = {.proto = 6, .port = {1, 2}}, b = {.proto = 17}, c = {.proto = 1};
    struct flows_map *m;
    static struct value all[256];
    int fd = new_flows();

    (void)state;
    if (fd < 0)
        skip();
    assert_int_equal(flows_map_open(&m, &(struct flows_map_fds){fd, -1, -1}, 0, "test0"), 0);
    assert_false(flows_map_unseen(m, &a, false, &sum));
    all[0].v.end[0].packets = 5;
    assert_int_equal(kernel_map_put(fd, &a, all, BPF_ANY), 0);
    assert_int_equal(kernel_map_put(fd, &b, all, BPF_NOEXIST), 0);
    assert_int_equal(kernel_map_put(fd, &b, all, BPF_NOEXIST), -EEXIST);
    assert_int_equal(kernel_map_put(fd, &c, all, BPF_NOEXIST), -ENOSPC);
    assert_true(flows_map_unseen(m, &a, false, &sum));
    assert_int_equal(sum.packets[0], 5);
    assert_true(flows_map_unseen(m, &a, true, &sum));
    assert_int_equal(sum.packets[0], 5);
    assert_false(flows_map_unseen(m, &a, true, &sum));
    assert_int_equal(kernel_map_next(fd, NULL, &c), 0);
    assert_memory_equal(&c, &b, sizeof b);
    assert_int_equal(kernel_map_next(fd, &b, &c), -ENOENT);
    flows_map_close(m);
    close(fd);
}

static struct flows_shunted said_in(int fd)
{
    struct flows_shunted shunted = {.n = UINT32_MAX};
    uint32_t zero = 0;

    assert_int_equal(kernel_map_get(fd, &zero, &shunted), 0);
    return shunted;
}

static uint32_t number_in(int fd)
{
    return said_in(fd).n;
}

/* The number that the program looks at first. */
static void shunted_flows_are_numbered(void **state)
{
    struct flow_key a = {.proto = 6, .port = {1, 2}}, b = {.proto = 17}, c = {.proto = 1};
    struct flows_map_fds fds = {.flows = new_flows()};
    struct capture_shunt how = {0};
    struct flows_map *m, *other;

    (void)state;
    if (fds.flows < 0)
        skip();
    fds.shunts = new_map(BPF_MAP_TYPE_HASH, sizeof a, sizeof(struct flows_shunt), 2, 0);
    fds.shunted = new_map(BPF_MAP_TYPE_ARRAY, 4, sizeof(struct flows_shunted), 1, BPF_F_MMAPABLE);
    assert_int_equal(flows_map_open(&m, &fds, 0, "test0"), 0);
    assert_int_equal(flows_map_open(&other, &fds, 1, "test0"), 0);
    assert_int_equal(flows_map_shunt(m, &a, &how), 0);
    assert_int_equal(said_in(fds.shunted).changes, 1);
    assert_int_equal(flows_map_shunt(m, &a, &how), 0); /* may be another wish */
    assert_int_equal(said_in(fds.shunted).changes, 2);
    assert_int_equal(number_in(fds.shunted), 1);
    assert_int_equal(flows_map_shunt(other, &b, &how), 0);
    assert_int_equal(number_in(fds.shunted), 2);
    assert_int_equal(flows_map_shunt(other, &c, &how), -ENOSPC);
    assert_int_equal(number_in(fds.shunted), 2);
    assert_int_equal(flows_map_shunt(m, &a, NULL), 0);
    assert_int_equal(flows_map_shunt(m, &a, NULL), 0);
    assert_int_equal(number_in(fds.shunted), 1);
    assert_int_equal(flows_map_sweep(m), 0);
    assert_int_equal(flows_map_shunt(m, &a, &how), 0);
    assert_int_equal(flows_map_sweep(other), 1);
    assert_int_equal(number_in(fds.shunted), 1);
    flows_map_unseen(m, &a, true, &sum);
    flows_map_unseen(m, &a, true, &sum);
    assert_int_equal(number_in(fds.shunted), 0);
    flows_map_close(other);
    flows_map_close(m);
    close(fds.shunted);
    close(fds.shunts);
    close(fds.flows);
}

/* A flow that a killed worker wanted again is not in the map of what is shunted, but its counts are
 * still there: another flow of the same five-tuple is not to begin with them. */
static void successors_take_out_what_was_counted(void **state)
{
    struct flow_key a = {.proto = 6, .port = {1, 2}}, b = {.proto = 17}, left;
    struct flows_map_fds fds = {.flows = new_flows()};
    struct capture_shunt how = {0};
    struct flows_map *m, *other;

    (void)state;
    if (fds.flows < 0)
        skip();
    fds.shunts = new_map(BPF_MAP_TYPE_HASH, sizeof a, sizeof(struct flows_shunt), 2, 0);
    fds.shunted = new_map(BPF_MAP_TYPE_ARRAY, 4, sizeof(struct flows_shunted), 1, BPF_F_MMAPABLE);
    assert_int_equal(flows_map_open(&m, &fds, 1, "test0"), 0);
    assert_int_equal(flows_map_open(&other, &fds, 0, "test0"), 0);
    assert_int_equal(flows_map_shunt(m, &a, &how), 0);
    assert_int_equal(flows_map_shunt(m, &a, NULL), 0);
    assert_int_equal(flows_map_shunt(other, &b, &how), 0);
    assert_int_equal(flows_map_shunt(other, &b, NULL), 0);
    assert_int_equal(flows_map_sweep(m), 0);
    assert_int_equal(kernel_map_next(fds.flows, NULL, &left), 0);
    assert_memory_equal(&left, &b, sizeof b);
    assert_int_equal(kernel_map_next(fds.flows, &b, &left), -ENOENT);
    assert_int_equal(number_in(fds.shunted), 0);
    flows_map_close(other);
    flows_map_close(m);
    close(fds.shunted);
    close(fds.shunts);
    close(fds.flows);
}

/* Its two directions come in by two queues, and the key is one. */
static void a_flow_is_shunted_by_one_worker(void **state)
{
    struct flow_key a = {.proto = 6, .port = {1, 2}};
    struct flows_map_fds fds = {.flows = new_flows()};
    struct capture_shunt how = {0};
    struct flows_map *m, *other;
    static struct value all[256];

    (void)state;
    if (fds.flows < 0)
        skip();
    fds.shunts = new_map(BPF_MAP_TYPE_HASH, sizeof a, sizeof(struct flows_shunt), 2, 0);
    fds.shunted = new_map(BPF_MAP_TYPE_ARRAY, 4, sizeof(struct flows_shunted), 1, BPF_F_MMAPABLE);
    assert_int_equal(flows_map_open(&m, &fds, 1, "test0"), 0);
    assert_int_equal(flows_map_open(&other, &fds, 0, "test0"), 0);
    assert_int_equal(flows_map_shunt(m, &a, &how), 0);
    assert_int_equal(flows_map_shunt(other, &a, &how), -EPROTONOSUPPORT);
    assert_int_equal(number_in(fds.shunted), 1);
    assert_int_equal(kernel_map_get(fds.flows, &a, all), 0);
    all[0].v.end[0].packets = 5;
    assert_int_equal(kernel_map_put(fds.flows, &a, all, BPF_EXIST), 0);
    assert_false(flows_map_unseen(other, &a, false, &sum));
    assert_false(flows_map_unseen(other, &a, true, &sum));
    assert_int_equal(number_in(fds.shunted), 1);
    assert_true(flows_map_unseen(m, &a, false, &sum));
    assert_true(flows_map_unseen(m, &a, true, &sum));
    assert_int_equal(sum.packets[0], 5);
    assert_int_equal(number_in(fds.shunted), 0);
    assert_int_equal(flows_map_shunt(other, &a, &how), 0);
    assert_int_equal(flows_map_sweep(other), 1);
    flows_map_close(other);
    flows_map_close(m);
    close(fds.shunted);
    close(fds.shunts);
    close(fds.flows);
}

static void another_map_is_refused(void **state)
{
    struct flows_map *m;
    int fd = memfd_create("no-map", 0);

    (void)state;
    assert_true(flows_map_open(&m, &(struct flows_map_fds){fd, -1, -1}, 0, "test0") < 0);
    close(fd);
}

#define TEST(f) cmocka_unit_test_setup(f, clear)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_nothing),
        TEST(counts_are_summed),
        TEST(newest_note_counts),
        TEST(or_one_ahead_in_the_same_moment),
        TEST(an_ack_makes_no_note_newer),
        TEST(what_is_sent_again_does_not_go_back),
        TEST(an_old_note_says_nothing),
        TEST(a_map_gives_and_takes),
        TEST(shunted_flows_are_numbered),
        TEST(successors_take_out_what_was_counted),
        TEST(a_flow_is_shunted_by_one_worker),
        TEST(another_map_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Several workers that read one file in turn, in one process. As in life a worker is not called
 * again before its eventfd wakes it, and nobody else looks after it: a wake-up that is missing
 * leaves all of them asleep. */
#include "common/base/clock.h"
#include "common/base/linktype.h"
#include "common/base/log.h"
#include "common/ipc/frame_ring.h"
#include "worker/capture/pcap_input.h"
#include "worker/capture/sources.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define WORKERS    3u
#define BATCH      7u
#define FRAMES_MAX 40000u
#define LONG_BYTES (256u * 1024) /* a frame that no single read holds */
#define NUMBER_AT  44            /* of a frame, in its payload */
#define PAGE_BYTES 4096
#define ROUNDS_MAX 20000u
#define EVENTS_AT  100 /* descriptors that follow one another, as in a child */

/* A worker, and what it has been lent and not yet looked at. */
struct seat {
    struct heritage heritage;
    struct counters counters;
    struct capture *capture;
    struct frame frames[BATCH];
    int n;
    bool asleep;
    int end;       /* 0: not there yet */
    uint64_t last; /* 1 + number of its last frame */
};

static struct seat seats[WORKERS];
static struct frame_ring manager;
static int file_fd, memory_fd, stderr_fd, said_fd;

/* By number in the file. */
static struct {
    uint64_t offset; /* of its bytes in the file */
    uint32_t bytes;
    bool to_all;
    unsigned seen;
} expected[FRAMES_MAX];
static uint32_t n_expected;

static int begin(void **state)
{
    const uint32_t header[] = {0xa1b2c3d4, 0x00040002, 0, 0, 262144, LINKTYPE_ETHERNET};

    (void)state;
    memset(seats, 0, sizeof seats);
    memset(expected, 0, sizeof expected);
    n_expected = 0;
    file_fd = memfd_create("capture", 0);
    assert_int_equal(write(file_fd, header, sizeof header), sizeof header);
    memory_fd = heritage_shm("test-frames", frame_ring_bytes(WORKERS));
    assert_int_equal(frame_ring_open(&manager, memory_fd, WORKERS, FRAME_RING_READER), 0);
    for (unsigned w = 0; w < WORKERS; w++) {
        int fd = eventfd(0, EFD_NONBLOCK);

        manager.worker_fds[w] = EVENTS_AT + (int)w;
        assert_int_equal(dup2(fd, EVENTS_AT + (int)w), EVENTS_AT + (int)w);
        close(fd);
    }
    said_fd = memfd_create("said", 0);
    stderr_fd = dup(STDERR_FILENO);
    log_init("test", LOG_LEVEL_ERROR);
    return 0;
}

static int end(void **state)
{
    (void)state;
    for (unsigned w = 0; w < WORKERS; w++) {
        if (seats[w].capture)
            capture_file_in_turn.close(seats[w].capture);
        close(EVENTS_AT + (int)w);
    }
    frame_ring_close(&manager);
    dup2(stderr_fd, STDERR_FILENO);
    close(stderr_fd);
    close(said_fd);
    close(memory_fd);
    close(file_fd);
    return 0;
}

/* --- the file --- */

static uint64_t file_bytes(void)
{
    return (uint64_t)lseek(file_fd, 0, SEEK_END);
}

static void file_frame(const uint8_t *head, uint32_t bytes, bool to_all)
{
    uint8_t *b = calloc(1, 16 + bytes);
    const uint32_t fields[] = {n_expected, 0, bytes, bytes};

    memcpy(b, fields, sizeof fields);
    memcpy(b + 16, head, NUMBER_AT);
    memcpy(b + 16 + NUMBER_AT, &n_expected, sizeof n_expected);
    assert_true(n_expected < FRAMES_MAX);
    expected[n_expected].offset = file_bytes() + 16;
    expected[n_expected].bytes = bytes;
    expected[n_expected++].to_all = to_all;
    assert_int_equal(write(file_fd, b, 16 + bytes), 16 + bytes);
    free(b);
}

/* UDP from a host of this number, or a fragment of it. */
static void file_udp(uint8_t host, uint32_t bytes, bool fragment)
{
    const uint8_t head[NUMBER_AT] = {
        [12] = 0x08, [14] = 0x45, [17] = 46,  [20] = fragment ? 0x20 : 0,
        [22] = 64,   [23] = 17,   [26] = 192, [28] = 2,
        [29] = host, [30] = 192,  [32] = 2,   [33] = 200,
        [35] = 99,   [37] = 98,   [39] = 26};

    file_frame(head, bytes, fragment);
}

static void file_arp(void)
{
    const uint8_t head[NUMBER_AT] = {[12] = 0x08, [13] = 0x06};

    file_frame(head, 60, true);
}

#define UDP_FRAMES 28000u
#define ARP_FRAMES 28u

/* More than all blocks of the ring hold, with something for all in between. */
static void file_of_many_blocks(void)
{
    for (uint32_t i = 0; i < UDP_FRAMES; i++) {
        file_udp((uint8_t)i, 60 + i % 1400, i % 100 == 50);
        if (i % (UDP_FRAMES / ARP_FRAMES) == 0)
            file_arp();
    }
    assert_true(lseek(file_fd, 0, SEEK_END) > (FRAME_RING_BLOCKS_IN_TURN + 4) * PCAP_READ_BYTES);
}

static void file_cut(unsigned bytes)
{
    assert_int_equal(ftruncate(file_fd, (off_t)(file_bytes() - bytes)), 0);
}

/* --- the workers --- */

static void bequeath(unsigned w, const char *filter)
{
    struct heritage *h = &seats[w].heritage;

    h->capture.kind = CAPTURE_FILE_IN_TURN;
    h->capture.fd = file_fd;
    h->capture.memory_fd = memory_fd;
    h->capture.reader_fd = -1;
    h->workers_fd = EVENTS_AT;
    h->n_workers = WORKERS;
    h->worker_index = w;
    h->options.snaplen = LONG_BYTES;
    strcpy(h->capture.name, "test.pcap");
    strcpy(h->options.filter, filter);
    for (unsigned b = 0; b < FLOW_BUCKETS; b++)
        h->bucket_owner[b] = (uint16_t)(b % WORKERS);
    lseek(file_fd, 0, SEEK_SET);
}

static int open_worker(unsigned w)
{
    return capture_file_in_turn.open(&seats[w].capture, &seats[w].heritage, &seats[w].counters);
}

static void open_workers(const char *filter)
{
    for (unsigned w = 0; w < WORKERS; w++) {
        bequeath(w, filter);
        assert_int_equal(open_worker(w), 0);
        assert_int_equal(capture_file_in_turn.wait_fd(seats[w].capture), EVENTS_AT + (int)w);
    }
}

static void look_at(unsigned w, const struct frame *f)
{
    uint64_t number = f->ts_ns / NS_PER_SEC;
    uint32_t in_frame;

    assert_true(number < n_expected);
    if (number < seats[w].last)
        fail_msg("worker %u has frame %u after %u", w, (unsigned)number,
                 (unsigned)seats[w].last - 1);
    seats[w].last = number + 1;
    memcpy(&in_frame, f->data + NUMBER_AT, sizeof in_frame);
    assert_int_equal(in_frame, number);
    assert_int_equal(f->caplen, expected[number].bytes);
    assert_int_equal((uintptr_t)f->data % PAGE_BYTES, expected[number].offset % PAGE_BYTES);
    assert_int_equal(f->linktype, LINKTYPE_ETHERNET);
    assert_int_equal(f->hashed, !expected[number].to_all);
    if (f->hashed)
        assert_int_equal(f->hash % FLOW_BUCKETS % WORKERS, w);
    expected[number].seen++;
}

/* One batch; what it was lent before is looked at only now, when others have read on. */
static void step(unsigned w)
{
    struct seat *s = &seats[w];

    for (int i = 0; i < s->n; i++)
        look_at(w, &s->frames[i]);
    if (s->n > 0)
        capture_file_in_turn.release(s->capture);
    s->n = capture_file_in_turn.recv(s->capture, s->frames, BATCH);
    s->asleep = s->n == 0;
    if (s->n < 0) {
        s->end = s->n;
        s->n = 0;
    }
}

static bool can_step(unsigned w)
{
    struct pollfd p = {.fd = EVENTS_AT + (int)w, .events = POLLIN};

    return seats[w].capture && seats[w].end == 0 && (!seats[w].asleep || poll(&p, 1, 0) == 1);
}

static bool any_can_step(void)
{
    bool any = false;

    for (unsigned w = 0; w < WORKERS; w++)
        any = any || can_step(w);
    return any;
}

/* All of them until their ends, in an order as chance has it, up to `batches` at a time. */
static void run(unsigned batches)
{
    uint32_t chance = 1, rounds = 0;

    dup2(said_fd, STDERR_FILENO);
    while (any_can_step() && rounds++ < ROUNDS_MAX) {
        unsigned w, n;

        chance = chance * 1664525 + 1013904223;
        w = (chance >> 24) % WORKERS;
        n = 1 + (chance >> 8) % batches;
        while (n-- > 0 && can_step(w))
            step(w);
    }
    dup2(stderr_fd, STDERR_FILENO);
    for (unsigned w = 0; w < WORKERS; w++)
        if (seats[w].capture && seats[w].end == 0)
            fail_msg("worker %u %s", w,
                     can_step(w) ? "comes to no end" : "sleeps, nobody wakes it");
}

/* The first one reads until the ring is full, the last one on from there. */
static void run_each_as_far_as_it_comes(void)
{
    dup2(said_fd, STDERR_FILENO);
    for (unsigned w = 0; w < WORKERS; w++)
        while (can_step(w))
            step(w);
    dup2(stderr_fd, STDERR_FILENO);
}

static unsigned lines_said(void)
{
    char text[4096];
    ssize_t n = pread(said_fd, text, sizeof text, 0);
    unsigned lines = 0;

    for (ssize_t i = 0; i < n; i++)
        lines += text[i] == '\n';
    return lines;
}

#define SUM(counter)                                                                               \
    (seats[0].counters.counter + seats[1].counters.counter + seats[2].counters.counter)

static void assert_all_read(uint32_t frames)
{
    for (uint32_t i = 0; i < frames; i++)
        if (expected[i].seen != (expected[i].to_all ? WORKERS : 1))
            fail_msg("frame %u came %u times", i, expected[i].seen);
    for (uint32_t i = frames; i < n_expected; i++)
        assert_int_equal(expected[i].seen, 0);
    assert_int_equal(SUM(reader_frames), frames);
    assert_int_equal(SUM(capture_read_bytes), file_bytes());
    assert_int_equal(SUM(capture_total_bytes), file_bytes());
}

static void assert_ends(void)
{
    for (unsigned w = 0; w < WORKERS; w++)
        assert_int_equal(seats[w].end, -ENODATA);
    assert_int_equal(lines_said(), 0);
}

/* --- */

static void each_frame_reaches_its_worker_once(void **state)
{
    (void)state;
    file_of_many_blocks();
    open_workers("");
    run(300);
    assert_ends();
    assert_all_read(n_expected);
    for (unsigned w = 0; w < WORKERS; w++) {
        assert_true(seats[w].last > n_expected / 2);
        assert_int_equal(capture_file_in_turn.input_ns(seats[w].capture),
                         (n_expected - 1) * NS_PER_SEC);
    }
    assert_int_equal(SUM(reader_to_all), UDP_FRAMES / 100 + ARP_FRAMES);
}

/* Each of them goes on for as long as it can. */
static void nobody_can_read_it_all_alone(void **state)
{
    (void)state;
    file_of_many_blocks();
    open_workers("");
    run_each_as_far_as_it_comes();
    assert_in_range(seats[0].counters.reader_frames, 1, n_expected - 1);
    assert_true(seats[0].asleep && seats[0].counters.reader_waits > 0);
    run(1000000);
    assert_ends();
    assert_all_read(n_expected);
    assert_true(seats[WORKERS - 1].counters.reader_frames > 0);
}

static void who_was_woken_can_sleep_again(void **state)
{
    (void)state;
    file_of_many_blocks();
    open_workers("");
    for (unsigned i = 0; i < FRAMES_MAX && (can_step(0) || can_step(1)); i++)
        step(can_step(0) ? 0 : 1);
    while (!can_step(0)) { /* all blocks wait for the last one */
        assert_true(can_step(WORKERS - 1));
        step(WORKERS - 1);
    }
    step(0);
    assert_int_equal(seats[0].n, BATCH);
    seats[0].asleep = true; /* as if it were: its eventfd was emptied */
    assert_false(can_step(0));
}

static void a_file_without_frames(void **state)
{
    (void)state;
    open_workers("");
    run(300);
    assert_ends();
    assert_all_read(0);
}

static void frames_for_one_worker_only(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < UDP_FRAMES; i++)
        file_udp(1, 1000, false);
    open_workers("");
    run(1);
    assert_ends();
    assert_all_read(n_expected);
    for (unsigned w = 0; w < WORKERS; w++)
        assert_int_equal(capture_file_in_turn.input_ns(seats[w].capture),
                         (n_expected - 1) * NS_PER_SEC);
}

static void a_frame_longer_than_a_read(void **state)
{
    (void)state;
    file_arp();
    for (uint32_t i = 0; i < 30; i++) {
        file_udp((uint8_t)i, LONG_BYTES, false);
        file_udp((uint8_t)i, 60, i % 2 == 0);
    }
    file_udp(1, LONG_BYTES, false);
    open_workers("");
    run(300);
    assert_ends();
    assert_all_read(n_expected);
}

static void a_filter_that_nothing_passes(void **state)
{
    (void)state;
    file_of_many_blocks();
    open_workers("udp port 9");
    run(300);
    assert_ends();
    assert_int_equal(SUM(capture_filtered), n_expected);
    assert_int_equal(SUM(reader_frames), 0);
    assert_int_equal(SUM(capture_read_bytes), file_bytes());
}

static void a_filter_that_little_passes(void **state)
{
    (void)state;
    file_of_many_blocks();
    open_workers("arp");
    run(300);
    assert_ends();
    assert_int_equal(SUM(reader_frames), ARP_FRAMES);
    assert_int_equal(SUM(capture_filtered), n_expected - ARP_FRAMES);
    for (uint32_t i = 0; i < n_expected; i++) /* one ARP in 1001 frames, the second of them */
        assert_int_equal(expected[i].seen, i % 1001 == 1 ? WORKERS : 0);
}

/* Whoever comes to the place says so and fails, for the others the file ends there. */
static void assert_broken(uint32_t frames)
{
    unsigned told = 0;

    for (unsigned w = 0; w < WORKERS; w++) {
        told += seats[w].end == -EBADMSG;
        assert_true(seats[w].end == -EBADMSG || seats[w].end == -ENODATA);
    }
    assert_int_equal(told, 1);
    assert_int_equal(lines_said(), 1);
    assert_all_read(frames);
}

static void a_file_that_is_cut(void **state)
{
    static const unsigned cuts[] = {1, 999, 1000, 1015}; /* in the frame, in front of it */

    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        if (i > 0) {
            end(state);
            begin(state);
        }
        file_of_many_blocks();
        file_udp(9, 1000, false);
        file_cut(cuts[i]);
        open_workers("");
        run(300);
        assert_broken(n_expected - 1);
    }
}

static void a_message_names_the_packet_in_the_file(void **state)
{
    char text[512] = "", packet[32];

    (void)state;
    file_of_many_blocks();
    file_cut(1);
    open_workers("");
    run_each_as_far_as_it_comes();
    run(300);
    for (unsigned w = 0; w < WORKERS; w++)
        assert_in_range(seats[w].counters.reader_frames, 0, n_expected - 2);
    assert_true(pread(said_fd, text, sizeof text - 1, 0) > 0);
    snprintf(packet, sizeof packet, "packet %u at", n_expected);
    assert_non_null(strstr(text, packet));
}

/* The file may end wherever a worker is killed: the others have theirs, to the end. */
static void a_worker_that_is_gone_holds_up_nobody(void **state)
{
    (void)state;
    file_of_many_blocks();
    open_workers("");
    for (unsigned i = 0; i < 50; i++)
        for (unsigned w = 0; w < WORKERS; w++)
            if (can_step(w))
                step(w);
    capture_file_in_turn.close(seats[1].capture);
    seats[1].capture = NULL;
    frame_ring_leave(&manager, 1);
    run(300);
    assert_int_equal(seats[0].end, -ENODATA);
    assert_int_equal(seats[2].end, -ENODATA);
    for (uint32_t i = 0; i < n_expected; i++)
        if (expected[i].to_all)
            assert_in_range(expected[i].seen, WORKERS - 1, WORKERS);
    assert_int_equal(SUM(reader_frames), n_expected);
}

/* The manager had seen a classic capture. */
static void another_file_is_refused(void **state)
{
    const uint32_t section[] = {0x0a0d0d0a, 28, 0x1a2b3c4d, 1, UINT32_MAX, UINT32_MAX, 28};

    (void)state;
    assert_int_equal(pwrite(file_fd, section, sizeof section, 0), sizeof section);
    dup2(said_fd, STDERR_FILENO);
    bequeath(0, "");
    assert_int_equal(open_worker(0), -EBADMSG);
    assert_null(seats[0].capture);
    assert_int_equal(lines_said(), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_frame_reaches_its_worker_once),
        TEST(nobody_can_read_it_all_alone),
        TEST(who_was_woken_can_sleep_again),
        TEST(a_file_without_frames),
        TEST(frames_for_one_worker_only),
        TEST(a_frame_longer_than_a_read),
        TEST(a_filter_that_nothing_passes),
        TEST(a_filter_that_little_passes),
        TEST(a_file_that_is_cut),
        TEST(a_message_names_the_packet_in_the_file),
        TEST(a_worker_that_is_gone_holds_up_nobody),
        TEST(another_file_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

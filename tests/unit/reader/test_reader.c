/* SPDX-License-Identifier: BSD-3-Clause */
/* The reader and the source of its workers, in one process: what is in the file comes out at the
 * workers, once, and in the file's order. */
#include "worker/reader/reader.h"

#include "common/base/linktype.h"
#include "common/ipc/frame_ring.h"
#include "worker/capture/sources.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#define WORKERS 2u
#define FRAMES  40u
#define BYTES   60u /* of a frame */

static struct heritage reader_heritage, worker_heritage[WORKERS];
static struct counters reader_counters, worker_counters;
static struct capture *captures[WORKERS];
static int pipe_fds[2];
static volatile int stop, never;

/* Descriptors of the eventfds have to follow one another, as in a child. */
static void open_events(void)
{
    int first = dup(pipe_fds[0]);

    for (unsigned i = 0; i < WORKERS; i++) {
        int fd = eventfd(0, EFD_NONBLOCK);

        assert_int_equal(dup2(fd, first + 50 + (int)i), first + 50 + (int)i);
        close(fd);
        worker_heritage[i].capture.fd = first + 50 + (int)i;
    }
    close(first);
    reader_heritage.workers_fd = worker_heritage[0].capture.fd;
}

static int begin(void **state)
{
    int memory_fd = heritage_shm("test-frames", frame_ring_bytes(WORKERS));

    (void)state;
    memset(&reader_heritage, 0, sizeof reader_heritage);
    memset(&reader_counters, 0, sizeof reader_counters);
    assert_int_equal(pipe(pipe_fds), 0);
    reader_heritage.n_workers = WORKERS;
    reader_heritage.options.snaplen = 262144;
    reader_heritage.capture.memory_fd = memory_fd;
    reader_heritage.capture.reader_fd = eventfd(0, EFD_NONBLOCK);
    strcpy(reader_heritage.capture.name, "test");
    for (unsigned b = 0; b < FLOW_BUCKETS; b++)
        reader_heritage.bucket_owner[b] = (uint16_t)(b % WORKERS);
    for (unsigned i = 0; i < WORKERS; i++) {
        worker_heritage[i] = reader_heritage;
        worker_heritage[i].worker_index = i;
    }
    open_events();
    reader_heritage.capture.fd = pipe_fds[0];
    for (unsigned i = 0; i < WORKERS; i++)
        assert_int_equal(
            capture_shared_file.open(&captures[i], &worker_heritage[i], &worker_counters), 0);
    stop = never = 0;
    return 0;
}

static int end(void **state)
{
    (void)state;
    for (unsigned i = 0; i < WORKERS; i++) {
        capture_shared_file.close(captures[i]);
        close(worker_heritage[i].capture.fd);
    }
    close(reader_heritage.capture.memory_fd);
    close(reader_heritage.capture.reader_fd);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    return 0;
}

static void put32(uint32_t v)
{
    assert_int_equal(write(pipe_fds[1], &v, sizeof v), sizeof v);
}

static void file_begin(void)
{
    const uint32_t header[] = {0xa1b2c3d4, 0x00040002, 0, 0, 262144, LINKTYPE_ETHERNET};

    for (unsigned i = 0; i < sizeof header / sizeof header[0]; i++)
        put32(header[i]);
}

static void file_frame(uint32_t second, const uint8_t *data)
{
    put32(second);
    put32(0);
    put32(BYTES);
    put32(BYTES);
    assert_int_equal(write(pipe_fds[1], data, BYTES), BYTES);
}

/* UDP from a host of this number, or ARP. */
static void file_udp(uint32_t second, uint8_t host)
{
    uint8_t f[BYTES] = {
        [12] = 0x08, [14] = 0x45, [17] = BYTES - 14, [22] = 64,         [23] = 17,
        [26] = 192,  [28] = 2,    [29] = host,       [30] = 192,        [32] = 2,
        [33] = 200,  [35] = 99,   [37] = 98,         [39] = BYTES - 34, [42] = 0xff};

    file_frame(second, f);
}

static void file_arp(uint32_t second)
{
    uint8_t f[BYTES] = {[12] = 0x08, [13] = 0x06};

    file_frame(second, f);
}

/* What worker w is given until there is no more; the end, or 0. */
static int collect(unsigned w, uint32_t seconds[FRAMES], unsigned *n, unsigned *hashed)
{
    struct frame frames[CAPTURE_BATCH_MAX];
    int r;

    while ((r = capture_shared_file.recv(captures[w], frames, 3)) > 0) {
        for (int i = 0; i < r; i++) {
            assert_int_equal(frames[i].caplen, BYTES);
            assert_int_equal(frames[i].linktype, LINKTYPE_ETHERNET);
            assert_int_equal(frames[i].data[12], 0x08);
            if (frames[i].hashed)
                assert_int_equal(frames[i].hash % WORKERS, w);
            *hashed += frames[i].hashed;
            seconds[(*n)++] = (uint32_t)(frames[i].ts_ns / 1000000000);
        }
        capture_shared_file.release(captures[w]);
    }
    return r;
}

static void each_frame_goes_to_one_worker(void **state)
{
    uint32_t seconds[WORKERS][FRAMES];
    unsigned n[WORKERS] = {0}, hashed = 0;
    struct reader *r;

    (void)state;
    file_begin();
    for (uint32_t i = 0; i < FRAMES - 1; i++)
        file_udp(i, (uint8_t)i);
    file_arp(FRAMES - 1);
    close(pipe_fds[1]);
    assert_int_equal(reader_open(&r, &reader_heritage, &reader_counters), 0);
    assert_int_equal(reader_loop(r, &never), 0);
    reader_close(r);
    for (unsigned w = 0; w < WORKERS; w++) {
        assert_int_equal(collect(w, seconds[w], &n[w], &hashed), -ENODATA);
        assert_true(n[w] > 1);
        for (unsigned i = 1; i < n[w]; i++)
            assert_true(seconds[w][i] > seconds[w][i - 1]);
        assert_int_equal(seconds[w][n[w] - 1], FRAMES - 1); /* ARP: for all */
        assert_int_equal(capture_shared_file.input_ns(captures[w]),
                         (FRAMES - 1) * UINT64_C(1000000000));
    }
    assert_int_equal(n[0] + n[1], FRAMES + 1);
    assert_int_equal(hashed, FRAMES - 1);
    assert_int_equal(reader_counters.reader_frames, FRAMES);
    assert_int_equal(reader_counters.reader_to_all, 1);
}

static void a_broken_file_gives_what_is_before(void **state)
{
    uint32_t seconds[FRAMES];
    unsigned n = 0, hashed = 0;
    struct reader *r;

    (void)state;
    file_begin();
    file_arp(1);
    put32(2); /* and no more */
    close(pipe_fds[1]);
    assert_int_equal(reader_open(&r, &reader_heritage, &reader_counters), 0);
    assert_int_equal(reader_loop(r, &never), -EBADMSG);
    reader_close(r);
    for (unsigned w = 0; w < WORKERS; w++)
        assert_int_equal(collect(w, seconds, &n, &hashed), -ENODATA);
    assert_int_equal(n, 2);
}

static void without_workers_nothing_is_read(void **state)
{
    struct frame_ring manager;
    struct reader *r;

    (void)state;
    assert_int_equal(
        frame_ring_open(&manager, reader_heritage.capture.memory_fd, WORKERS, FRAME_RING_READER),
        0);
    frame_ring_leave(&manager, 0);
    frame_ring_leave(&manager, 1);
    frame_ring_close(&manager);
    assert_int_equal(reader_open(&r, &reader_heritage, &reader_counters), 0);
    assert_int_equal(reader_loop(r, &never), 0); /* of a pipe that never ends */
    reader_close(r);
}

static void told_to_stop(void **state)
{
    uint32_t seconds[FRAMES];
    unsigned n = 0, hashed = 0;
    struct reader *r;

    (void)state;
    stop = 1;
    assert_int_equal(reader_open(&r, &reader_heritage, &reader_counters), 0);
    assert_int_equal(reader_loop(r, &stop), 0);
    assert_int_equal(collect(0, seconds, &n, &hashed), 0);
    reader_close(r);
    assert_int_equal(collect(0, seconds, &n, &hashed), -ENODATA);
    assert_int_equal(n, 0);
}

#define SHARED(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SHARED(each_frame_goes_to_one_worker),
        SHARED(a_broken_file_gives_what_is_before),
        SHARED(without_workers_nothing_is_read),
        SHARED(told_to_stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

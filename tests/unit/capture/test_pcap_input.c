/* SPDX-License-Identifier: BSD-3-Clause */
/* How capture files are read: in pieces of any size, from a file or a pipe, from any place on, out
 * of gzip. */
#include "tests/unit/capture/file.h"

#include "common/base/linktype.h"
#include "worker/capture/pcap_file.h"
#include "worker/capture/pcapng.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#ifdef HAVE_ZLIB
#include <zlib.h>
#endif

static const struct capture_ops *const ops = &capture_pcap_file;

/* Frames of all sizes up to one that no single read holds, over several windows. */
#define SIZES 400u

static uint32_t size_of(uint32_t i)
{
    return i == SIZES / 2 ? PCAP_FRAME_MAX : i * 37 % 9000;
}

static void file_of_sizes(void)
{
    file_classic_header(0xa1b2c3d4, LINKTYPE_ETHERNET);
    for (uint32_t i = 0; i < SIZES; i++)
        file_classic_frame(i, 0, size_of(i), size_of(i), i);
}

/* Takes what is there; `next` is the number of the next frame. Returns the last recv's result. */
static int take_sizes(uint32_t *next)
{
    int n;

    while ((n = ops->recv(capture, frames, CAPTURE_BATCH_MAX)) > 0) {
        for (int i = 0; i < n; i++, (*next)++)
            file_assert_frame(&frames[i], *next * NS_PER_SEC, size_of(*next), *next & 0xff);
        ops->release(capture);
    }
    return n;
}

/* To the end of a file: a recv that reads on and has no whole frame gives nothing. */
static int take_all_sizes(uint32_t *next)
{
    int n;

    do {
        n = take_sizes(next);
    } while (n == 0);
    return n;
}

/* Through a pipe, so many bytes at first and then at a time: frames are what they are, however they
 * are read. */
static void through_a_pipe(const uint8_t *b, size_t n, size_t first, size_t piece)
{
    uint32_t next = 0;
    int fds[2];

    assert_int_equal(pipe(fds), 0);
    assert_true(fcntl(fds[1], F_SETPIPE_SZ, PCAP_READ_BYTES) >= (int)PCAP_READ_BYTES);
    heritage.capture.fd = fds[0];
    assert_int_equal(ops->open(&capture, &heritage, &counters), 0);
    for (size_t at = 0, bytes = first; at < n; at += bytes, bytes = piece) {
        if (bytes > n - at)
            bytes = n - at;
        assert_int_equal(write(fds[1], b + at, bytes), (ssize_t)bytes);
        assert_int_equal(take_sizes(&next), 0);
        /* Of what one read gave a second recv may be needed. */
        assert_int_equal(take_sizes(&next), 0);
    }
    close(fds[1]);
    assert_int_equal(take_all_sizes(&next), -ENODATA);
    assert_int_equal(next, SIZES);
    assert_int_equal(counters.capture_read_bytes, n);
    file_tear_down(NULL);
}

static void test_pieces_of_any_size(void **state)
{
    static const size_t pieces[] = {997, 4095, 4096, 4097, 65536};

    (void)state;
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        file_set_up(NULL);
        file_of_sizes();
        through_a_pipe(file.b, file.n, pieces[i], pieces[i]);
    }
}

/* The kernel copies fast where source and destination lie alike in their pages. */
static void assert_in_page(const struct frame *f, uint64_t offset)
{
    assert_int_equal((uintptr_t)f->data & 4095, offset & 4095);
}

static void test_a_file_lies_in_pages_as_on_disk(void **state)
{
    uint64_t offset = 24;
    uint32_t next = 0;
    int n;

    (void)state;
    file_of_sizes();
    file_open();
    while ((n = file_receive()) > 0)
        for (int i = 0; i < n; i++, next++) {
            offset += 16;
            assert_in_page(&frames[i], offset);
            offset += frames[i].caplen;
        }
    assert_int_equal(n, -ENODATA);
    assert_int_equal(next, SIZES);
}

/* Places of all frames, as one that reads them one by one is told. */
static void note_places(struct pcap_place places[SIZES])
{
    for (uint32_t i = 0; i < SIZES; i++) {
        int n;

        places[i] = pcap_file_place(capture);
        assert_int_equal(places[i].frames, i);
        do {
            n = ops->recv(capture, frames, 1);
        } while (n == 0);
        assert_int_equal(n, 1);
        ops->release(capture);
    }
}

static void test_going_on_from_any_frame(void **state)
{
    struct pcap_place places[SIZES], end;
    uint64_t offset = 24;
    int n;

    (void)state;
    file_of_sizes();
    file_open();
    note_places(places);
    end = pcap_file_place(capture);
    assert_int_equal(end.offset, file.n);
    assert_int_equal(end.frames, SIZES);
    for (uint32_t i = SIZES; i-- > 0;) {
        pcap_file_go_to(capture, &places[i]);
        assert_int_equal(pcap_file_place(capture).offset, places[i].offset);
        do { /* a frame may take several reads */
            n = ops->recv(capture, frames, 3);
        } while (n == 0);
        assert_true(n > 0);
        for (uint32_t k = 0; k < (uint32_t)n; k++) {
            file_assert_frame(&frames[k], (i + k) * NS_PER_SEC, size_of(i + k), (i + k) & 0xff);
            assert_in_page(&frames[k], places[i + k].offset + 16);
        }
        ops->release(capture);
        assert_int_equal(pcap_file_place(capture).frames, i + (uint32_t)n);
    }
    for (uint32_t i = 0; i < SIZES; i++) {
        assert_int_equal(places[i].offset, offset);
        offset += 16 + size_of(i);
    }
}

/* Another one that has the same file open, each from where the one before left off. */
static void test_going_on_in_turn(void **state)
{
    struct capture *both[2];
    struct pcap_place place;
    uint32_t next = 0;
    int n = 0;

    (void)state;
    file_of_sizes();
    file_open();
    both[0] = capture;
    lseek(heritage.capture.fd, 0, SEEK_SET);
    assert_int_equal(ops->open(&both[1], &heritage, &counters), 0);
    place = pcap_file_place(both[1]);
    for (unsigned turn = 0; n >= 0; turn++) {
        capture = both[turn % 2];
        pcap_file_go_to(capture, &place);
        do {
            n = ops->recv(capture, frames, 3);
        } while (n == 0);
        for (int i = 0; i < n; i++, next++)
            file_assert_frame(&frames[i], next * NS_PER_SEC, size_of(next), next & 0xff);
        ops->release(capture);
        place = pcap_file_place(capture);
    }
    assert_int_equal(n, -ENODATA);
    assert_int_equal(next, SIZES);
    ops->close(both[1]);
    capture = both[0];
}

/* What is behind a place is what a message tells of. */
static void test_a_place_in_a_cut_file(void **state)
{
    struct pcap_place place;

    (void)state;
    file_classic_header(0xa1b2c3d4, LINKTYPE_ETHERNET);
    file_classic_frame(1, 0, 20, 20, 'a');
    file_classic_frame(2, 0, 30, 30, 'b');
    file.n -= 7;
    file_open();
    assert_int_equal(file_receive(), 1);
    place = pcap_file_place(capture);
    assert_int_equal(place.offset, 24 + 36);
    assert_int_equal(place.frames, 1);
    ops->release(capture);
    pcap_file_go_to(capture, &place);
    assert_int_equal(file_receive(), -EBADMSG);
    assert_int_equal(pcap_file_place(capture).offset, place.offset);
}

/* What a pipe has brought is handed on before the rest comes; no read waits. */
static void test_pipe(void **state)
{
    int fds[2];

    (void)state;
    assert_int_equal(pipe(fds), 0);
    heritage.capture.fd = fds[0];
    assert_int_equal(ops->open(&capture, &heritage, &counters), 0);
    assert_int_equal(ops->wait_fd(capture), fds[0]);
    assert_int_equal(ops->recv(capture, frames, CAPTURE_BATCH_MAX), 0);
    file_classic_header(0xa1b2c3d4, LINKTYPE_ETHERNET);
    file_classic_frame(1, 0, 20, 20, 'a');
    file_classic_frame(2, 0, 30, 30, 'b');
    for (size_t i = 0, got = 0; i < file.n; i++) {
        int n;

        assert_int_equal(write(fds[1], file.b + i, 1), 1);
        n = ops->recv(capture, frames, CAPTURE_BATCH_MAX);
        ops->release(capture);
        got += (size_t)n;
        assert_int_equal(got, i + 1 < 24 + 36 ? 0 : i + 1 < file.n ? 1 : 2);
    }
    assert_int_equal(ops->recv(capture, frames, CAPTURE_BATCH_MAX), 0);
    close(fds[1]);
    assert_int_equal(ops->recv(capture, frames, CAPTURE_BATCH_MAX), -ENODATA);
}

#ifdef HAVE_ZLIB
static size_t compress_file(uint8_t *out, size_t capacity, int level)
{
    z_stream z = {0};
    size_t n;

    assert_int_equal(deflateInit2(&z, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = file.b;
    z.avail_in = (uInt)file.n;
    z.next_out = out;
    z.avail_out = (uInt)capacity;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    n = capacity - z.avail_out;
    deflateEnd(&z);
    return n;
}

static void test_gzip_in_pieces_of_any_size(void **state)
{
    static const size_t pieces[] = {1, 7, 4096};
    static uint8_t zipped[1 << 20];

    (void)state;
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        file_set_up(NULL);
        file_of_sizes();
        through_a_pipe(zipped, compress_file(zipped, sizeof zipped, 6), pieces[i], pieces[i]);
    }
}

/* What one read takes at most, behind a first byte that came alone. */
static void test_gzip_after_a_first_byte(void **state)
{
    static uint8_t zipped[4u << 20];

    (void)state;
    file_of_sizes();
    through_a_pipe(zipped, compress_file(zipped, sizeof zipped, 0), 1, PCAP_READ_BYTES);
}

static void test_gzip(void **state)
{
    static uint8_t zipped[1 << 20];
    size_t n;

    (void)state;
    file_classic_header(0xa1b2c3d4, LINKTYPE_ETHERNET);
    file_classic_frame(1, 0, 20, 20, 'a');
    n = compress_file(zipped, sizeof zipped, 6);
    file.n = 0; /* a second member */
    for (uint32_t i = 0; i < 30000; i++)
        file_classic_frame(i, 0, 50, 50, 'b');
    n += compress_file(zipped + n, sizeof zipped - n, 6);

    assert_int_equal(file_open_bytes(zipped, n), 0);
    for (int got = 0, r = 0; got < 30001; got += r)
        assert_true((r = file_receive()) > 0);
    assert_int_equal(file_receive(), -ENODATA);
    assert_int_equal(counters.capture_read_bytes, n);
    file_tear_down(NULL);

    file_set_up(NULL);
    assert_int_equal(file_open_bytes(zipped, n - 4), 0); /* only the trailer is cut */
    for (int got = 0, r = 0; got < 30001; got += r)
        assert_true((r = file_receive()) > 0);
    assert_int_equal(file_receive(), -EBADMSG);
    file_tear_down(NULL);

    file_set_up(NULL);
    memset(zipped + 200, 0xff, 100);
    assert_int_equal(file_open_bytes(zipped, n), 0);
    for (int r = 0; r >= 0;)
        assert_true((r = file_receive()) > 0 || r == -EBADMSG);
}
#else
static void test_gzip_after_a_first_byte(void **state)
{
    (void)state;
    skip();
}

static void test_gzip_in_pieces_of_any_size(void **state)
{
    (void)state;
    skip();
}

static void test_gzip(void **state)
{
    (void)state;
    skip();
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, file_set_up, file_tear_down)
        TEST(test_pipe),
        TEST(test_pieces_of_any_size),
        TEST(test_a_file_lies_in_pages_as_on_disk),
        TEST(test_going_on_from_any_frame),
        TEST(test_going_on_in_turn),
        TEST(test_a_place_in_a_cut_file),
        TEST(test_gzip_in_pieces_of_any_size),
        TEST(test_gzip_after_a_first_byte),
        TEST(test_gzip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

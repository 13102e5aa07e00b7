/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/capture/sources.h"

#include "common/base/linktype.h"
#include "common/base/log.h"
#include "worker/capture/pcap_file.h"
#include "worker/capture/pcapng.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>
#ifdef HAVE_ZLIB
#include <zlib.h>
#endif

/* A capture file in the making. */
static struct {
    uint8_t *b;
    size_t n, capacity;
    bool big;
} file;

static struct heritage heritage;
static struct counters counters;
static const struct capture_ops *const ops = &capture_pcap_file;
static struct capture *capture;
static struct frame frames[CAPTURE_BATCH_MAX];

static void put(const void *p, size_t n)
{
    if (file.n + n > file.capacity) {
        file.capacity = (file.n + n) * 2;
        file.b = realloc(file.b, file.capacity);
    }
    memcpy(file.b + file.n, p, n);
    file.n += n;
}

static void put16(unsigned v)
{
    uint8_t be[2] = {(uint8_t)(v >> 8), (uint8_t)v}, le[2] = {be[1], be[0]};
    put(file.big ? be : le, 2);
}

static void put32(uint32_t v)
{
    put16(file.big ? v >> 16 : v & 0xffff);
    put16(file.big ? v & 0xffff : v >> 16);
}

static void put_bytes(unsigned value, size_t n)
{
    uint8_t byte = (uint8_t)value;

    while (n-- > 0)
        put(&byte, 1);
}

static void classic_header(uint32_t magic, uint32_t linktype)
{
    put32(magic);
    put16(2);
    put16(4);
    put32(0);
    put32(0);
    put32(262144);
    put32(linktype);
}

static void classic_frame(uint32_t seconds, uint32_t fraction, uint32_t caplen, uint32_t wirelen,
                          unsigned fill)
{
    put32(seconds);
    put32(fraction);
    put32(caplen);
    put32(wirelen);
    put_bytes(fill, caplen);
}

static int set_up(void **state)
{
    (void)state;
    file.n = 0;
    file.big = false;
    memset(&counters, 0, sizeof counters);
    memset(&heritage, 0, sizeof heritage);
    heritage.capture.kind = CAPTURE_PCAP_FILE;
    heritage.options.snaplen = 262144;
    snprintf(heritage.capture.name, sizeof heritage.capture.name, "test.pcap");
    heritage.capture.fd = -1;
    log_init("test", LOG_LEVEL_ERROR);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (capture)
        ops->close(capture);
    capture = NULL;
    close(heritage.capture.fd);
    return 0;
}

static int open_bytes(const uint8_t *b, size_t n)
{
    int fd = memfd_create("capture", 0);

    assert_int_equal(write(fd, b, n), (ssize_t)n);
    lseek(fd, 0, SEEK_SET);
    heritage.capture.fd = fd;
    return ops->open(&capture, &heritage, &counters);
}

static void open_file(void)
{
    assert_int_equal(open_bytes(file.b, file.n), 0);
}

/* The next batch that is not empty, or the end. */
static int receive(void)
{
    int n;

    do {
        ops->release(capture);
        memset(frames, 0xff, sizeof frames); /* all members are the source's to fill in */
        n = ops->recv(capture, frames, CAPTURE_BATCH_MAX);
    } while (n == 0);
    return n;
}

static void assert_frame(const struct frame *f, uint64_t ts_ns, uint32_t caplen, unsigned fill)
{
    assert_int_equal(f->ts_ns, ts_ns);
    assert_int_equal(f->caplen, caplen);
    assert_false(f->hashed);
    assert_null(f->processes);
    for (uint32_t i = 0; i < caplen; i++)
        assert_int_equal(f->data[i], fill);
}

static void test_classic(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        set_up(NULL);
        file.big = i & 1;
        classic_header(i & 2 ? 0xa1b23c4d : 0xa1b2c3d4, LINKTYPE_RAW);
        classic_frame(1700000000, 123456, 5, 9, 'a');
        classic_frame(1700000001, 1, 0, 0, 'b');
        open_file();
        assert_int_equal(receive(), 2);
        assert_frame(&frames[0], 1700000000 * NS_PER_SEC + (i & 2 ? 123456 : 123456000), 5, 'a');
        assert_int_equal(frames[0].wirelen, 9);
        assert_int_equal(frames[0].linktype, LINKTYPE_RAW);
        assert_int_equal(receive(), -ENODATA);
        assert_int_equal(receive(), -ENODATA);
        assert_int_equal(counters.capture_read_bytes, file.n);
        assert_int_equal(counters.capture_total_bytes, file.n);
        assert_int_equal(counters.capture_truncated, 1);
        tear_down(NULL);
    }
}

/* Many windows, with frames across their ends. */
static void test_long_file(void **state)
{
    uint32_t next = 0;
    int n;

    (void)state;
    classic_header(0xa1b2c3d4, LINKTYPE_ETHERNET);
    for (uint32_t i = 0; i < 4000; i++)
        classic_frame(i, 0, i % 1500, i % 1500, i);
    open_file();
    while ((n = receive()) > 0)
        for (int i = 0; i < n; i++, next++)
            assert_frame(&frames[i], next * NS_PER_SEC, next % 1500, next & 0xff);
    assert_int_equal(n, -ENODATA);
    assert_int_equal(next, 4000);
}

static void test_cut_file_gives_what_is_whole(void **state)
{
    (void)state;
    for (size_t cut = 1; cut < 16 + 30; cut++) {
        set_up(NULL);
        classic_header(0xa1b2c3d4, LINKTYPE_ETHERNET);
        classic_frame(1, 0, 20, 20, 'a');
        classic_frame(2, 0, 30, 30, 'b');
        file.n -= cut;
        open_file();
        assert_int_equal(receive(), 1);
        assert_frame(&frames[0], NS_PER_SEC, 20, 'a');
        assert_int_equal(receive(), -EBADMSG);
        tear_down(NULL);
    }
}

static void test_corrupt_length(void **state)
{
    (void)state;
    classic_header(0xa1b2c3d4, LINKTYPE_ETHERNET);
    classic_frame(1, 0, 20, 20, 'a');
    put32(2);
    put32(0);
    put32(0x7fffffff);
    put32(0x7fffffff);
    put_bytes(0, 100);
    open_file();
    assert_int_equal(receive(), 1);
    assert_int_equal(receive(), -EBADMSG);
}

static void test_what_is_no_capture(void **state)
{
    static const char text[] = "this is not a capture but some text";

    (void)state;
    assert_int_equal(open_bytes((const uint8_t *)"", 0), -EBADMSG);
    close(heritage.capture.fd);
    assert_int_equal(open_bytes((const uint8_t *)text, 10), -EBADMSG);
    close(heritage.capture.fd);
    assert_int_equal(open_bytes((const uint8_t *)text, sizeof text), -EBADMSG);
    close(heritage.capture.fd);
    classic_header(0xa1b2c3d4, 147);
    assert_int_equal(open_bytes(file.b, file.n), -EPROTONOSUPPORT);
}

static void test_snap_length_and_filter(void **state)
{
    (void)state;
    heritage.options.snaplen = 8;
    snprintf(heritage.options.filter, sizeof heritage.options.filter, "greater 20");
    classic_header(0xa1b2c3d4, LINKTYPE_ETHERNET);
    classic_frame(1, 0, 10, 10, 'a');
    classic_frame(2, 0, 30, 30, 'b');
    open_file();
    assert_int_equal(receive(), 1);
    assert_frame(&frames[0], 2 * NS_PER_SEC, 8, 'b');
    assert_int_equal(frames[0].wirelen, 30);
    assert_int_equal(counters.capture_filtered, 1);
    assert_int_equal(receive(), -ENODATA);
}

static void test_bad_filter(void **state)
{
    (void)state;
    snprintf(heritage.options.filter, sizeof heritage.options.filter, "tpc");
    classic_header(0xa1b2c3d4, LINKTYPE_ETHERNET);
    assert_int_equal(open_bytes(file.b, file.n), -EINVAL);
}

/* pcapng blocks: the body is written between the two calls. */
static size_t block_begin(uint32_t type)
{
    size_t at = file.n;

    put32(type);
    put32(0);
    return at;
}

static void block_end(size_t at)
{
    size_t end;
    uint32_t bytes;

    put_bytes(0, (4 - (file.n - at) % 4) % 4);
    bytes = (uint32_t)(file.n - at) + 4;
    put32(bytes);
    end = file.n;
    file.n = at + 4;
    put32(bytes);
    file.n = end;
}

static void section(bool big)
{
    size_t at;

    file.big = big;
    at = block_begin(0x0a0d0d0a);
    put32(0x1a2b3c4d);
    put16(1);
    put16(0);
    put32(0xffffffff);
    put32(0xffffffff);
    block_end(at);
}

static void interface(unsigned linktype, int resolution, int64_t offset_s)
{
    size_t at = block_begin(1);

    put16(linktype);
    put16(0);
    put32(0);
    if (resolution >= 0) {
        put16(9);
        put16(1);
        put_bytes((unsigned)resolution, 1);
        put_bytes(0, 3);
    }
    if (offset_s != 0) {
        uint32_t lo = (uint32_t)offset_s, hi = (uint32_t)((uint64_t)offset_s >> 32);
        put16(14);
        put16(8);
        put32(file.big ? hi : lo);
        put32(file.big ? lo : hi);
    }
    put16(0);
    put16(0);
    block_end(at);
}

static void enhanced(uint32_t id, uint64_t ticks, uint32_t caplen, unsigned fill)
{
    size_t at = block_begin(6);

    put32(id);
    put32((uint32_t)(ticks >> 32));
    put32((uint32_t)ticks);
    put32(caplen);
    put32(caplen);
    put_bytes(fill, caplen);
    block_end(at);
}

static void unknown_block(size_t bytes)
{
    size_t at = block_begin(0x0bad);

    put_bytes(0x99, bytes);
    block_end(at);
}

static void test_pcapng_sections_and_interfaces(void **state)
{
    size_t at;

    (void)state;
    section(false);
    interface(LINKTYPE_ETHERNET, -1, 0);
    interface(LINKTYPE_LINUX_SLL, 9, 100);
    enhanced(0, 1500000, 3, 'a');
    unknown_block(3 * PCAP_WINDOW_BYTES);
    enhanced(1, 5, 6, 'b');
    section(true);
    interface(LINKTYPE_RAW, 0x80 | 10, -1);
    enhanced(0, 2048 + 512, 7, 'c');
    at = block_begin(3); /* simple packet */
    put32(2);
    put_bytes('d', 2);
    block_end(at);
    at = block_begin(2); /* obsolete packet */
    put16(0);
    put16(0xffff);
    put32(0);
    put32(4096);
    put32(1);
    put32(1);
    put_bytes('e', 1);
    block_end(at);
    open_file();

    assert_int_equal(receive(), 1); /* the unknown block parts the batches */
    assert_frame(&frames[0], 1500 * NS_PER_MS, 3, 'a');
    assert_int_equal(receive(), 4);
    assert_frame(&frames[0], 100 * NS_PER_SEC + 5, 6, 'b');
    assert_int_equal(frames[0].linktype, LINKTYPE_LINUX_SLL);
    assert_frame(&frames[1], 1500 * NS_PER_MS, 7, 'c');
    assert_int_equal(frames[1].linktype, LINKTYPE_RAW);
    assert_frame(&frames[2], 1500 * NS_PER_MS, 2, 'd');
    assert_frame(&frames[3], 3 * NS_PER_SEC, 1, 'e');
    assert_int_equal(receive(), -ENODATA);
}

/* Frames of a type that cannot be decoded do not end a file that has others. */
static void test_pcapng_unknown_linktype_goes_on(void **state)
{
    (void)state;
    section(false);
    interface(147, -1, 0);
    interface(LINKTYPE_ETHERNET, -1, 0);
    enhanced(0, 1, 3, 'a');
    enhanced(1, 2, 3, 'b');
    snprintf(heritage.options.filter, sizeof heritage.options.filter, "less 100");
    open_file();
    assert_int_equal(receive(), 2);
    assert_int_equal(frames[0].linktype, 147);
    assert_frame(&frames[1], 2000, 3, 'b');
}

static void test_pcapng_bogus_times(void **state)
{
    (void)state;
    section(true);
    interface(LINKTYPE_RAW, 0, INT64_MAX);
    interface(LINKTYPE_RAW, 127, 0);
    interface(LINKTYPE_RAW, 6, INT64_MIN);
    for (uint32_t i = 0; i < 3; i++)
        enhanced(i, UINT64_MAX, 1, 'a');
    open_file();
    assert_int_equal(receive(), 3);
    assert_int_equal(frames[0].ts_ns, INT64_MAX);
    assert_int_equal(frames[1].ts_ns, 0);
    assert_int_equal(frames[2].ts_ns, 0);
}

static void test_pcapng_breaks(void **state)
{
    (void)state;
    section(false);
    enhanced(0, 1, 3, 'a'); /* no such interface */
    open_file();
    assert_int_equal(receive(), -EBADMSG);
    tear_down(NULL);

    set_up(NULL);
    section(false);
    interface(LINKTYPE_RAW, -1, 0);
    enhanced(0, 1, 3, 'a');
    unknown_block(100);
    file.n -= 50;
    open_file();
    assert_int_equal(receive(), 1);
    assert_int_equal(receive(), -EBADMSG);
}

/* Frames of all sizes up to one that no single read holds, over several windows. */
#define SIZES 400u

static uint32_t size_of(uint32_t i)
{
    return i == SIZES / 2 ? PCAP_FRAME_MAX : i * 37 % 9000;
}

static void file_of_sizes(void)
{
    classic_header(0xa1b2c3d4, LINKTYPE_ETHERNET);
    for (uint32_t i = 0; i < SIZES; i++)
        classic_frame(i, 0, size_of(i), size_of(i), i);
}

/* Takes what is there; `next` is the number of the next frame. Returns the last recv's result. */
static int take_sizes(uint32_t *next)
{
    int n;

    while ((n = ops->recv(capture, frames, CAPTURE_BATCH_MAX)) > 0) {
        for (int i = 0; i < n; i++, (*next)++)
            assert_frame(&frames[i], *next * NS_PER_SEC, size_of(*next), *next & 0xff);
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

/* Through a pipe, so many bytes at a time: frames are what they are, however they are read. */
static void through_a_pipe(const uint8_t *b, size_t n, size_t piece)
{
    uint32_t next = 0;
    int fds[2];

    assert_int_equal(pipe(fds), 0);
    heritage.capture.fd = fds[0];
    assert_int_equal(ops->open(&capture, &heritage, &counters), 0);
    for (size_t at = 0; at < n; at += piece) {
        if (piece > n - at)
            piece = n - at;
        assert_int_equal(write(fds[1], b + at, piece), (ssize_t)piece);
        assert_int_equal(take_sizes(&next), 0);
        /* Of what one read gave a second recv may be needed. */
        assert_int_equal(take_sizes(&next), 0);
    }
    close(fds[1]);
    assert_int_equal(take_all_sizes(&next), -ENODATA);
    assert_int_equal(next, SIZES);
    assert_int_equal(counters.capture_read_bytes, n);
    tear_down(NULL);
}

static void test_pieces_of_any_size(void **state)
{
    static const size_t pieces[] = {997, 4095, 4096, 4097, 65536};

    (void)state;
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        set_up(NULL);
        file_of_sizes();
        through_a_pipe(file.b, file.n, pieces[i]);
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
    open_file();
    while ((n = receive()) > 0)
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
    open_file();
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
            assert_frame(&frames[k], (i + k) * NS_PER_SEC, size_of(i + k), (i + k) & 0xff);
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
    open_file();
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
            assert_frame(&frames[i], next * NS_PER_SEC, size_of(next), next & 0xff);
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
    classic_header(0xa1b2c3d4, LINKTYPE_ETHERNET);
    classic_frame(1, 0, 20, 20, 'a');
    classic_frame(2, 0, 30, 30, 'b');
    file.n -= 7;
    open_file();
    assert_int_equal(receive(), 1);
    place = pcap_file_place(capture);
    assert_int_equal(place.offset, 24 + 36);
    assert_int_equal(place.frames, 1);
    ops->release(capture);
    pcap_file_go_to(capture, &place);
    assert_int_equal(receive(), -EBADMSG);
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
    classic_header(0xa1b2c3d4, LINKTYPE_ETHERNET);
    classic_frame(1, 0, 20, 20, 'a');
    classic_frame(2, 0, 30, 30, 'b');
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
static size_t compress_file(uint8_t *out, size_t capacity)
{
    z_stream z = {0};
    size_t n;

    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
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
        set_up(NULL);
        file_of_sizes();
        through_a_pipe(zipped, compress_file(zipped, sizeof zipped), pieces[i]);
    }
}

static void test_gzip(void **state)
{
    static uint8_t zipped[1 << 20];
    size_t n;

    (void)state;
    classic_header(0xa1b2c3d4, LINKTYPE_ETHERNET);
    classic_frame(1, 0, 20, 20, 'a');
    n = compress_file(zipped, sizeof zipped);
    file.n = 0; /* a second member */
    for (uint32_t i = 0; i < 30000; i++)
        classic_frame(i, 0, 50, 50, 'b');
    n += compress_file(zipped + n, sizeof zipped - n);

    assert_int_equal(open_bytes(zipped, n), 0);
    for (int got = 0, r = 0; got < 30001; got += r)
        assert_true((r = receive()) > 0);
    assert_int_equal(receive(), -ENODATA);
    assert_int_equal(counters.capture_read_bytes, n);
    tear_down(NULL);

    set_up(NULL);
    assert_int_equal(open_bytes(zipped, n - 4), 0); /* only the trailer is cut */
    for (int got = 0, r = 0; got < 30001; got += r)
        assert_true((r = receive()) > 0);
    assert_int_equal(receive(), -EBADMSG);
    tear_down(NULL);

    set_up(NULL);
    memset(zipped + 200, 0xff, 100);
    assert_int_equal(open_bytes(zipped, n), 0);
    for (int r = 0; r >= 0;)
        assert_true((r = receive()) > 0 || r == -EBADMSG);
}
#else
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
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_classic),
        TEST(test_long_file),
        TEST(test_cut_file_gives_what_is_whole),
        TEST(test_corrupt_length),
        TEST(test_what_is_no_capture),
        TEST(test_snap_length_and_filter),
        TEST(test_bad_filter),
        TEST(test_pcapng_sections_and_interfaces),
        TEST(test_pcapng_unknown_linktype_goes_on),
        TEST(test_pcapng_bogus_times),
        TEST(test_pcapng_breaks),
        TEST(test_pipe),
        TEST(test_pieces_of_any_size),
        TEST(test_a_file_lies_in_pages_as_on_disk),
        TEST(test_going_on_from_any_frame),
        TEST(test_going_on_in_turn),
        TEST(test_a_place_in_a_cut_file),
        TEST(test_gzip_in_pieces_of_any_size),
        TEST(test_gzip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* What capture files say: classic pcap and pcapng, whole and broken. */
#include "tests/unit/capture/file.h"

#include "common/base/linktype.h"
#include "worker/capture/pcapng.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void test_classic(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        file_set_up(NULL);
        file.big = i & 1;
        file_classic_header(i & 2 ? 0xa1b23c4d : 0xa1b2c3d4, LINKTYPE_RAW);
        file_classic_frame(1700000000, 123456, 5, 9, 'a');
        file_classic_frame(1700000001, 1, 0, 0, 'b');
        file_open();
        assert_int_equal(file_receive(), 2);
        file_assert_frame(&frames[0], 1700000000 * NS_PER_SEC + (i & 2 ? 123456 : 123456000), 5,
                          'a');
        assert_int_equal(frames[0].wirelen, 9);
        assert_int_equal(frames[0].linktype, LINKTYPE_RAW);
        assert_int_equal(file_receive(), -ENODATA);
        assert_int_equal(file_receive(), -ENODATA);
        assert_int_equal(counters.capture_read_bytes, file.n);
        assert_int_equal(counters.capture_total_bytes, file.n);
        assert_int_equal(counters.capture_truncated, 1);
        file_tear_down(NULL);
    }
}

/* Many windows, with frames across their ends. */
static void test_long_file(void **state)
{
    uint32_t next = 0;
    int n;

    (void)state;
    file_classic_header(0xa1b2c3d4, LINKTYPE_ETHERNET);
    for (uint32_t i = 0; i < 4000; i++)
        file_classic_frame(i, 0, i % 1500, i % 1500, i);
    file_open();
    while ((n = file_receive()) > 0)
        for (int i = 0; i < n; i++, next++)
            file_assert_frame(&frames[i], next * NS_PER_SEC, next % 1500, next & 0xff);
    assert_int_equal(n, -ENODATA);
    assert_int_equal(next, 4000);
}

static void test_cut_file_gives_what_is_whole(void **state)
{
    (void)state;
    for (size_t cut = 1; cut < 16 + 30; cut++) {
        file_set_up(NULL);
        file_classic_header(0xa1b2c3d4, LINKTYPE_ETHERNET);
        file_classic_frame(1, 0, 20, 20, 'a');
        file_classic_frame(2, 0, 30, 30, 'b');
        file.n -= cut;
        file_open();
        assert_int_equal(file_receive(), 1);
        file_assert_frame(&frames[0], NS_PER_SEC, 20, 'a');
        assert_int_equal(file_receive(), -EBADMSG);
        file_tear_down(NULL);
    }
}

static void test_corrupt_length(void **state)
{
    (void)state;
    file_classic_header(0xa1b2c3d4, LINKTYPE_ETHERNET);
    file_classic_frame(1, 0, 20, 20, 'a');
    file_put32(2);
    file_put32(0);
    file_put32(0x7fffffff);
    file_put32(0x7fffffff);
    file_put_bytes(0, 100);
    file_open();
    assert_int_equal(file_receive(), 1);
    assert_int_equal(file_receive(), -EBADMSG);
}

static void test_what_is_no_capture(void **state)
{
    static const char text[] = "this is not a capture but some text";

    (void)state;
    assert_int_equal(file_open_bytes((const uint8_t *)"", 0), -EBADMSG);
    close(heritage.capture.fd);
    assert_int_equal(file_open_bytes((const uint8_t *)text, 10), -EBADMSG);
    close(heritage.capture.fd);
    assert_int_equal(file_open_bytes((const uint8_t *)text, sizeof text), -EBADMSG);
    close(heritage.capture.fd);
    file_classic_header(0xa1b2c3d4, 147);
    assert_int_equal(file_open_bytes(file.b, file.n), -EPROTONOSUPPORT);
}

static void test_snap_length_and_filter(void **state)
{
    (void)state;
    heritage.options.snaplen = 8;
    snprintf(heritage.options.filter, sizeof heritage.options.filter, "greater 20");
    file_classic_header(0xa1b2c3d4, LINKTYPE_ETHERNET);
    file_classic_frame(1, 0, 10, 10, 'a');
    file_classic_frame(2, 0, 30, 30, 'b');
    file_open();
    assert_int_equal(file_receive(), 1);
    file_assert_frame(&frames[0], 2 * NS_PER_SEC, 8, 'b');
    assert_int_equal(frames[0].wirelen, 30);
    assert_int_equal(counters.capture_filtered, 1);
    assert_int_equal(file_receive(), -ENODATA);
}

static void test_bad_filter(void **state)
{
    (void)state;
    snprintf(heritage.options.filter, sizeof heritage.options.filter, "tpc");
    file_classic_header(0xa1b2c3d4, LINKTYPE_ETHERNET);
    assert_int_equal(file_open_bytes(file.b, file.n), -EINVAL);
}

/* pcapng blocks: the body is written between the two calls. */
static size_t block_begin(uint32_t type)
{
    size_t at = file.n;

    file_put32(type);
    file_put32(0);
    return at;
}

static void block_end(size_t at)
{
    size_t end;
    uint32_t bytes;

    file_put_bytes(0, (4 - (file.n - at) % 4) % 4);
    bytes = (uint32_t)(file.n - at) + 4;
    file_put32(bytes);
    end = file.n;
    file.n = at + 4;
    file_put32(bytes);
    file.n = end;
}

static void section(bool big)
{
    size_t at;

    file.big = big;
    at = block_begin(0x0a0d0d0a);
    file_put32(0x1a2b3c4d);
    file_put16(1);
    file_put16(0);
    file_put32(0xffffffff);
    file_put32(0xffffffff);
    block_end(at);
}

static void interface(unsigned linktype, int resolution, int64_t offset_s)
{
    size_t at = block_begin(1);

    file_put16(linktype);
    file_put16(0);
    file_put32(0);
    if (resolution >= 0) {
        file_put16(9);
        file_put16(1);
        file_put_bytes((unsigned)resolution, 1);
        file_put_bytes(0, 3);
    }
    if (offset_s != 0) {
        uint32_t lo = (uint32_t)offset_s, hi = (uint32_t)((uint64_t)offset_s >> 32);
        file_put16(14);
        file_put16(8);
        file_put32(file.big ? hi : lo);
        file_put32(file.big ? lo : hi);
    }
    file_put16(0);
    file_put16(0);
    block_end(at);
}

static void enhanced(uint32_t id, uint64_t ticks, uint32_t caplen, unsigned fill)
{
    size_t at = block_begin(6);

    file_put32(id);
    file_put32((uint32_t)(ticks >> 32));
    file_put32((uint32_t)ticks);
    file_put32(caplen);
    file_put32(caplen);
    file_put_bytes(fill, caplen);
    block_end(at);
}

static void unknown_block(size_t bytes)
{
    size_t at = block_begin(0x0bad);

    file_put_bytes(0x99, bytes);
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
    file_put32(2);
    file_put_bytes('d', 2);
    block_end(at);
    at = block_begin(2); /* obsolete packet */
    file_put16(0);
    file_put16(0xffff);
    file_put32(0);
    file_put32(4096);
    file_put32(1);
    file_put32(1);
    file_put_bytes('e', 1);
    block_end(at);
    file_open();

    assert_int_equal(file_receive(), 1); /* the unknown block parts the batches */
    file_assert_frame(&frames[0], 1500 * NS_PER_MS, 3, 'a');
    assert_int_equal(file_receive(), 4);
    file_assert_frame(&frames[0], 100 * NS_PER_SEC + 5, 6, 'b');
    assert_int_equal(frames[0].linktype, LINKTYPE_LINUX_SLL);
    file_assert_frame(&frames[1], 1500 * NS_PER_MS, 7, 'c');
    assert_int_equal(frames[1].linktype, LINKTYPE_RAW);
    file_assert_frame(&frames[2], 1500 * NS_PER_MS, 2, 'd');
    file_assert_frame(&frames[3], 3 * NS_PER_SEC, 1, 'e');
    assert_int_equal(file_receive(), -ENODATA);
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
    file_open();
    assert_int_equal(file_receive(), 2);
    assert_int_equal(frames[0].linktype, 147);
    file_assert_frame(&frames[1], 2000, 3, 'b');
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
    file_open();
    assert_int_equal(file_receive(), 3);
    assert_int_equal(frames[0].ts_ns, INT64_MAX);
    assert_int_equal(frames[1].ts_ns, 0);
    assert_int_equal(frames[2].ts_ns, 0);
}

static void test_pcapng_breaks(void **state)
{
    (void)state;
    section(false);
    enhanced(0, 1, 3, 'a'); /* no such interface */
    file_open();
    assert_int_equal(file_receive(), -EBADMSG);
    file_tear_down(NULL);

    file_set_up(NULL);
    section(false);
    interface(LINKTYPE_RAW, -1, 0);
    enhanced(0, 1, 3, 'a');
    unknown_block(100);
    file.n -= 50;
    file_open();
    assert_int_equal(file_receive(), 1);
    assert_int_equal(file_receive(), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, file_set_up, file_tear_down)
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Streams: slow readers, readers that go away, and the capture file. */
#include "tests/unit/logger/sink_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static void add_frame(struct sink_fixture *f, uint64_t ts, unsigned linktype, const char *frame)
{
    struct rec_packet r = {0};

    RECORD_SET(packet, &r, ts, ts);
    RECORD_SET(packet, &r, linktype, linktype);
    RECORD_SET(packet, &r, wire_len, 1500);
    RECORD_SET(packet, &r, frame, str_of(frame));
    sink_fixture_add(f, &r);
}

static void test_pcap(void **state)
{
    static const uint32_t expected[] = {
        0xa1b23c4d, 4 << 16 | 2, 0, 0,    262144,     101, /* of raw IP */
        2,          345678901,   4, 1500, 0x44434241, 3,   0, 4, 1500, 0x48474645,
    };
    struct sink_fixture *f = *state;
    uint32_t got[32];
    struct sink_state *s;
    int fd = memfd_create("output", MFD_CLOEXEC);

    f->heritage.output_fd = fd;
    assert_int_equal(sink_pcap.open(&s, &f->heritage, NULL), 0);
    sink_fixture_begin(f, RECORD_packet, 1);
    add_frame(f, 2345678901, 101, "ABCD");
    add_frame(f, 2345678902, 1, "of another link type");
    add_frame(f, 3000000000, 101, "EFGH");
    assert_int_equal(sink_pcap.write(s, &f->batch), 0);
    assert_int_equal(sink_pcap.flush(s), 0);
    sink_pcap.close(s);
    assert_int_equal(pread(fd, got, sizeof got, 0), sizeof expected);
    assert_memory_equal(got, expected, sizeof expected);
    close(fd);
}

/* A file of no frames has its header all the same; one that a successor goes on with, only one. */
static void test_pcap_has_one_header(void **state)
{
    struct sink_fixture *f = *state;
    struct sink_lengths lengths = {0};
    struct sink_state *s;
    int fd = memfd_create("output", MFD_CLOEXEC);

    f->heritage.output_fd = fd;
    assert_int_equal(sink_pcap.open(&s, &f->heritage, NULL), 0);
    sink_pcap.close(s);
    assert_int_equal(lseek(fd, 0, SEEK_END), 24);

    lengths.stream = 24;
    assert_int_equal(sink_pcap.open(&s, &f->heritage, &lengths), 0);
    sink_fixture_begin(f, RECORD_packet, 1);
    add_frame(f, 1, 1, "ABCD");
    assert_int_equal(sink_pcap.write(s, &f->batch), 0);
    assert_int_equal(sink_pcap.flush(s), 0);
    sink_pcap.close(s);
    assert_int_equal(lseek(fd, 0, SEEK_END), 24 + 16 + 4);
    close(fd);
}

static void test_pcap_forgets_a_bad_batch(void **state)
{
    struct sink_fixture *f = *state;
    struct sink_state *s;
    uint32_t got[8];
    int fd = memfd_create("output", MFD_CLOEXEC);

    f->heritage.output_fd = fd;
    assert_int_equal(sink_pcap.open(&s, &f->heritage, NULL), 0);
    sink_fixture_begin(f, RECORD_packet, 1);
    add_frame(f, 1, 101, "ABCD");
    f->batch.count = 2;
    assert_int_equal(sink_pcap.write(s, &f->batch), -EBADMSG);
    sink_fixture_begin(f, RECORD_packet, 2);
    add_frame(f, 1, 1, "ABCD");
    assert_int_equal(sink_pcap.write(s, &f->batch), 0);
    assert_int_equal(sink_pcap.flush(s), 0);
    sink_pcap.close(s);
    assert_int_equal(pread(fd, got, sizeof got, 0), sizeof got);
    assert_int_equal(got[0], 0xa1b23c4d);
    assert_int_equal(got[5], 1);
    close(fd);
}

static void fill_stream(struct sink_fixture *f, struct sink_state *s)
{
    struct rec_weird r = {0};
    static char name[60000];

    memset(name, 'w', sizeof name);
    RECORD_SET(weird, &r, name, str_make(name, sizeof name));
    sink_fixture_begin(f, RECORD_weird, 1);
    for (int i = 0; i < 3; i++)
        sink_fixture_add(f, &r);
    assert_int_equal(sink_json_stream.write(s, &f->batch), 0);
}

/* More than a pipe holds: flush says so instead of waiting, and goes on where it was. */
static void test_a_slow_reader(void **state)
{
    struct sink_fixture *f = *state;
    struct sink_lengths lengths = {0};
    struct sink_state *s;
    size_t total = 0, lines = 0;
    int fds[2], rc = -EAGAIN;
    char buf[65536];

    assert_int_equal(pipe(fds), 0);
    f->heritage.output_fd = fds[1];
    assert_int_equal(sink_json_stream.open(&s, &f->heritage, NULL), 0);
    fill_stream(f, s);
    assert_int_equal(sink_json_stream.flush(s), -EAGAIN);
    for (int i = 0; i < 100 && rc == -EAGAIN; i++) {
        ssize_t n = read(fds[0], buf, sizeof buf);

        for (ssize_t k = 0; k < n; k++)
            lines += buf[k] == '\n';
        total += (size_t)n;
        rc = sink_json_stream.flush(s);
    }
    assert_int_equal(rc, 0);
    sink_json_stream.lengths(s, &lengths);
    sink_json_stream.close(s);
    close(fds[1]);
    for (ssize_t n; (n = read(fds[0], buf, sizeof buf)) > 0; total += (size_t)n)
        for (ssize_t k = 0; k < n; k++)
            lines += buf[k] == '\n';
    close(fds[0]);
    assert_int_equal(lines, 3);
    assert_int_equal(total, lengths.stream);
}

static void test_a_reader_that_goes_away(void **state)
{
    struct sink_fixture *f = *state;
    struct sink_state *s;
    int fds[2];

    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(fds), 0);
    f->heritage.output_fd = fds[1];
    assert_int_equal(sink_json_stream.open(&s, &f->heritage, NULL), 0);
    fill_stream(f, s);
    assert_int_equal(sink_json_stream.flush(s), -EAGAIN);
    close(fds[0]);
    assert_int_equal(sink_json_stream.flush(s), 0);
    fill_stream(f, s);
    assert_int_equal(sink_json_stream.flush(s), 0);
    sink_json_stream.close(s);
    close(fds[1]);
}

/* A successor cuts off what was not committed, also when the file did not begin with us. */
static void test_goes_on_in_a_file(void **state)
{
    struct sink_fixture *f = *state;
    struct sink_lengths lengths = {0};
    struct rec_weird r = {0};
    struct sink_state *s;
    int fd = memfd_create("output", MFD_CLOEXEC);

    assert_int_equal(write(fd, "before\n", 7), 7);
    f->heritage.output_fd = fd;
    RECORD_SET(weird, &r, name, STR_LIT("x"));
    for (uint64_t i = 1; i <= 3; i++) {
        assert_int_equal(sink_text.open(&s, &f->heritage, i == 1 ? NULL : &lengths), 0);
        sink_fixture_begin(f, RECORD_weird, i);
        sink_fixture_add(f, &r);
        assert_int_equal(sink_text.write(s, &f->batch), 0);
        assert_int_equal(sink_text.flush(s), 0);
        if (i < 3) /* the commit of the last but one is what counts */
            sink_text.lengths(s, &lengths);
        sink_text.close(s);
        assert_int_equal(write(fd, "not committed", 13), 13);
    }
    assert_true(lengths.stream > 7);
    assert_int_equal(pread(fd, f->text, 7, 0), 7);
    assert_memory_equal(f->text, "before\n", 7);
    assert_int_equal(pread(fd, f->text, 7, (off_t)lengths.stream), 7);
    assert_memory_equal(f->text, "00:00:0", 7);
    close(fd);
}

/* One that was killed before it had committed a byte. */
static void test_what_was_never_committed_goes(void **state)
{
    struct sink_fixture *f = *state;
    struct sink_lengths lengths = {0};
    struct sink_state *s;
    int fd = memfd_create("output", MFD_CLOEXEC);

    f->heritage.output_fd = fd;
    assert_int_equal(sink_json_stream.open(&s, &f->heritage, NULL), 0);
    sink_json_stream.lengths(s, &lengths);
    assert_int_equal(lengths.stream, 0);
    sink_json_stream.close(s);
    assert_int_equal(write(fd, "not committed", 13), 13);
    assert_int_equal(sink_json_stream.open(&s, &f->heritage, &lengths), 0);
    sink_json_stream.close(s);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
    assert_int_equal(lseek(fd, 0, SEEK_END), 0);
    close(fd);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, sink_fixture_setup, sink_fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_pcap),
        TEST(test_pcap_has_one_header),
        TEST(test_pcap_forgets_a_bad_batch),
        TEST(test_a_slow_reader),
        TEST(test_a_reader_that_goes_away),
        TEST(test_goes_on_in_a_file),
        TEST(test_what_was_never_committed_goes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

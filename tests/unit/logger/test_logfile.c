/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of log files: what they begin and end with, going on after a crash, full disks. */
#include "common/base/clock.h"
#include "common/base/pack.h"
#include "logger/archive.h"
#include "tests/unit/logger/sink_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void add_loss(struct sink_fixture *f, uint64_t gaps)
{
    struct rec_capture_loss r = {0};

    RECORD_SET(capture_loss, &r, gaps, gaps);
    sink_fixture_begin(f, RECORD_capture_loss, gaps);
    sink_fixture_add(f, &r);
}

static void write_loss(struct sink_fixture *f, struct sink_state *s, uint64_t gaps)
{
    add_loss(f, gaps);
    assert_int_equal(sink_tsv.write(s, &f->batch), 0);
}

static unsigned count(const char *text, const char *what)
{
    unsigned n = 0;

    for (const char *p = strstr(text, what); p; p = strstr(p + 1, what))
        n++;
    return n;
}

static const char capture_loss_log[] = "#separator \\x09\n"
                                       "#set_separator\t,\n"
                                       "#empty_field\t(empty)\n"
                                       "#unset_field\t-\n"
                                       "#path\tcapture_loss\n"
                                       "#open\tDATE\n"
                                       "#fields\tts\tts_delta\tpeer\tgaps\tacks\tpercent_lost\n"
                                       "#types\ttime\tinterval\tstring\tcount\tcount\tdouble\n"
                                       "-\t-\t-\t1\t-\t-\n"
                                       "-\t-\t-\t2\t-\t-\n"
                                       "#close\tDATE\n";

/* Replaces dates as "2026-08-21-10-00-00" by DATE. */
static void mask_dates(char *text)
{
    for (char *p = strstr(text, "\t20"); p; p = strstr(p, "\t20")) {
        assert_int_equal(strspn(p + 1, "0123456789-"), 19);
        memcpy(p + 1, "DATE", 4);
        memmove(p + 5, p + 20, strlen(p + 20) + 1);
    }
}

static void test_a_whole_file(void **state)
{
    struct sink_fixture *f = *state;
    struct sink_state *s;

    assert_int_equal(sink_tsv.open(&s, &f->heritage, NULL), 0);
    write_loss(f, s, 1);
    assert_null(sink_fixture_read(f, "capture_loss.log"));
    assert_int_equal(sink_tsv.flush(s), 0);
    write_loss(f, s, 2);
    assert_int_equal(sink_tsv.flush(s), 0);
    sink_tsv.close(s);
    assert_non_null(sink_fixture_read(f, "capture_loss.log"));
    mask_dates(f->text);
    assert_string_equal(f->text, capture_loss_log);
    assert_null(sink_fixture_read(f, "conn.log"));
}

static void test_a_second_run_replaces(void **state)
{
    struct sink_fixture *f = *state;
    struct sink_state *s;

    for (uint64_t run = 1; run <= 2; run++) {
        assert_int_equal(sink_tsv.open(&s, &f->heritage, NULL), 0);
        write_loss(f, s, run);
        assert_int_equal(sink_tsv.flush(s), 0);
        sink_tsv.close(s);
    }
    sink_fixture_read(f, "capture_loss.log");
    assert_int_equal(count(f->text, "#fields"), 1);
    assert_int_equal(count(f->text, "\t1\t"), 0);
    assert_int_equal(count(f->text, "\t2\t"), 1);
}

/* A record of conn that is unset but for one field, which pack wrote at the place it is given. */
static void add_with(struct sink_fixture *f, unsigned field, const uint8_t *packed, size_t n)
{
    uint8_t *p = f->bytes + f->batch.bytes;

    p = pack_array(p, RECORD_conn_FIELDS);
    for (unsigned i = 0; i < RECORD_conn_FIELDS; i++) {
        if (i != field) {
            p = pack_nil(p);
            continue;
        }
        memcpy(p, packed, n);
        p += n;
    }
    f->batch.bytes = (size_t)(p - f->bytes);
    f->batch.count++;
}

/* With others behind it or not: what a field cannot hold is refused. */
static void test_no_field_holds_what_is_not_of_its_type(void **state)
{
    static const struct {
        unsigned field; /* of conn */
        const char *packed;
        size_t bytes;
    } cases[] = {
        {0, "\xa1x", 2}, /* time */
        {1, "\x07", 1},  /* string */
        {2,
         "\xc4\x05"
         "12345",
         7},                                            /* addr */
        {3, "\xce\x00\x01\x00\x00", 5},                 /* port */
        {6, "\xc3", 1},                                 /* enum */
        {8, "\xcf\x80\x00\x00\x00\x00\x00\x00\x00", 9}, /* interval */
        {9, "\xff", 1},                                 /* count */
        {12, "\x01", 1},                                /* bool */
        {20, "\xa1x", 2},                               /* set */
        {RECORD_conn_FIELDS - 1, "\xc0\xc0", 2},        /* one field more than there are */
    };
    struct sink_fixture *f = *state;
    struct sink_state *s;

    assert_int_equal(sink_tsv.open(&s, &f->heritage, NULL), 0);
    for (unsigned i = 0; i < 2 * sizeof cases / sizeof cases[0]; i++) {
        const uint8_t *packed = (const uint8_t *)cases[i / 2].packed;

        sink_fixture_begin(f, RECORD_conn, 1);
        add_with(f, cases[i / 2].field, packed, cases[i / 2].bytes);
        for (unsigned behind = i % 2 * 20; behind > 0; behind--)
            add_with(f, 1, (const uint8_t *)"\xa1u", 2);
        assert_int_equal(sink_tsv.write(s, &f->batch), -EBADMSG);
    }
    sink_fixture_begin(f, RECORD_conn, 1);
    add_with(f, 3, (const uint8_t *)"\xcd\xff\xff", 3);
    for (unsigned behind = 20; behind > 0; behind--)
        add_with(f, 1, (const uint8_t *)"\xa1u", 2);
    assert_int_equal(sink_tsv.write(s, &f->batch), 0);
    sink_tsv.close(s);
}

static void test_a_bad_batch_leaves_nothing(void **state)
{
    struct sink_fixture *f = *state;
    struct sink_lengths lengths = {0};
    struct sink_state *s;

    assert_int_equal(sink_tsv.open(&s, &f->heritage, NULL), 0);
    add_loss(f, 1);
    f->batch.bytes--;
    assert_int_equal(sink_tsv.write(s, &f->batch), -EBADMSG);
    f->batch.bytes += 2; /* bytes left over */
    f->bytes[f->batch.bytes - 1] = 0xc0;
    assert_int_equal(sink_tsv.write(s, &f->batch), -EBADMSG);
    assert_int_equal(sink_tsv.flush(s), 0);
    sink_tsv.lengths(s, &lengths);
    assert_int_equal(lengths.file[RECORD_capture_loss], 0);
    assert_null(sink_fixture_read(f, "capture_loss.log"));
    write_loss(f, s, 7);
    add_loss(f, 8);
    f->batch.bytes--;
    assert_int_equal(sink_tsv.write(s, &f->batch), -EBADMSG);
    assert_int_equal(sink_tsv.flush(s), 0);
    sink_tsv.close(s);
    sink_fixture_read(f, "capture_loss.log");
    assert_int_equal(count(f->text, "#fields"), 1);
    assert_int_equal(count(f->text, "\t7\t"), 1);
    assert_int_equal(count(f->text, "\t8\t"), 0);
}

/* As after a kill: nothing is closed in order. The descriptor leaks, the memory does not. */
static void abandon(struct sink_fixture *f, struct sink_state *s)
{
    char from[sizeof f->path], to[sizeof f->path];

    snprintf(from, sizeof from, "%s", sink_fixture_path(f, "capture_loss.log"));
    snprintf(to, sizeof to, "%s", sink_fixture_path(f, "kept"));
    assert_int_equal(link(from, to), 0);
    assert_int_equal(unlink(from), 0);
    sink_tsv.close(s); /* appends #close, behind what was committed */
    assert_int_equal(rename(to, from), 0);
}

static void test_goes_on_behind_what_was_committed(void **state)
{
    struct sink_fixture *f = *state;
    struct sink_lengths committed = {0};
    struct sink_state *s;

    assert_int_equal(sink_tsv.open(&s, &f->heritage, NULL), 0);
    write_loss(f, s, 1);
    assert_int_equal(sink_tsv.flush(s), 0);
    sink_tsv.lengths(s, &committed);
    write_loss(f, s, 2);
    assert_int_equal(sink_tsv.flush(s), 0);
    abandon(f, s);

    assert_int_equal(sink_tsv.open(&s, &f->heritage, &committed), 0);
    write_loss(f, s, 2);
    write_loss(f, s, 3);
    assert_int_equal(sink_tsv.flush(s), 0);
    sink_tsv.close(s);
    sink_fixture_read(f, "capture_loss.log");
    assert_int_equal(count(f->text, "#fields"), 1);
    assert_int_equal(count(f->text, "#close"), 1);
    for (unsigned i = 1; i <= 3; i++) {
        char what[16];

        snprintf(what, sizeof what, "\t%u\t", i);
        assert_int_equal(count(f->text, what), 1);
    }
}

static void test_a_file_never_committed_begins_anew(void **state)
{
    struct sink_fixture *f = *state;
    struct sink_lengths committed = {0};
    struct sink_state *s;

    f->heritage.one_shot = false;
    assert_int_equal(mkdir(sink_fixture_path(f, "current"), 0755), 0);
    assert_int_equal(sink_tsv.open(&s, &f->heritage, NULL), 0);
    write_loss(f, s, 1);
    assert_int_equal(sink_tsv.flush(s), 0);
    sink_tsv.close(s);
    assert_int_equal(sink_tsv.open(&s, &f->heritage, &committed), 0);
    assert_null(sink_fixture_read(f, "current/capture_loss.log"));
    write_loss(f, s, 1);
    assert_int_equal(sink_tsv.flush(s), 0);
    sink_tsv.close(s);
    sink_fixture_read(f, "current/capture_loss.log");
    assert_int_equal(count(f->text, "\t1\t"), 1);
}

/* Nor does the logger that follows a killed one take away what an earlier run has left. */
static void test_a_run_keeps_what_it_does_not_write(void **state)
{
    struct sink_fixture *f = *state;
    struct sink_lengths committed = {0};
    struct sink_state *s;

    f->heritage.one_shot = true;
    assert_int_equal(sink_tsv.open(&s, &f->heritage, NULL), 0);
    write_loss(f, s, 1);
    assert_int_equal(sink_tsv.flush(s), 0);
    sink_tsv.close(s);
    assert_int_equal(sink_tsv.open(&s, &f->heritage, &committed), 0);
    sink_tsv.close(s);
    assert_non_null(sink_fixture_read(f, "capture_loss.log"));
}

/* A limit on file sizes stands for the full disk: it, too, lets a part of the bytes through. */
static void test_records_wait_for_a_full_disk(void **state)
{
    struct sink_fixture *f = *state;
    struct rlimit before, tight;
    struct sink_state *s;
    int rc[3];

    assert_int_equal(sink_tsv.open(&s, &f->heritage, NULL), 0);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    tight = before;
    tight.rlim_cur = 100;
    write_loss(f, s, 1);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    rc[0] = sink_tsv.flush(s);
    rc[1] = sink_tsv.flush(s);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    rc[2] = sink_tsv.flush(s);
    sink_tsv.close(s);
    assert_int_equal(rc[0], -EFBIG);
    assert_int_equal(rc[1], -EFBIG);
    assert_int_equal(rc[2], 0);
    sink_fixture_read(f, "capture_loss.log");
    assert_int_equal(count(f->text, "#separator"), 1);
    assert_int_equal(count(f->text, "\t1\t"), 1);
}

/* Never flushed, a buffer takes whole batches until it is full, and then none. */
static void test_a_full_buffer_takes_no_half_batch(void **state)
{
    static const struct sink *const all[] = {&sink_tsv, &sink_json, &sink_text, &sink_json_stream};
    struct sink_fixture *f = *state;
    static char control[90000];
    struct str names[] = {str_make(control, 45000), str_make(control, 45000)};
    struct rec_http r = {0};

    memset(control, 1, sizeof control);
    RECORD_SET(http, &r, uri, str_make(control, 1000));
    RECORD_SET(http, &r, orig_filenames, ((struct str_list){names, 2}));
    sink_fixture_begin(f, RECORD_http, 1);
    sink_fixture_add(f, &r);
    sink_fixture_add(f, &r);
    for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct sink_lengths one = {0}, lengths = {0};
        struct sink_state *s;
        uint64_t taken = 0;

        f->heritage.output_fd = memfd_create("output", MFD_CLOEXEC);
        assert_int_equal(all[i]->open(&s, &f->heritage, NULL), 0);
        assert_int_equal(all[i]->write(s, &f->batch), 0);
        assert_int_equal(all[i]->flush(s), 0);
        all[i]->lengths(s, &one);
        while (all[i]->write(s, &f->batch) == 0)
            assert_true(++taken < 1000000);
        assert_int_equal(all[i]->write(s, &f->batch), -EBADMSG);
        assert_int_equal(all[i]->flush(s), 0);
        all[i]->lengths(s, &lengths);
        all[i]->close(s);
        close(f->heritage.output_fd);
        assert_true(taken > 2);
        if (all[i]->rotate)
            assert_non_null(sink_fixture_read(f, "http.log")); /* its header counts once */
        else
            assert_int_equal(lengths.stream, (taken + 1) * one.stream);
        if (all[i] == &sink_json)
            assert_int_equal(lengths.file[RECORD_http], (taken + 1) * one.file[RECORD_http]);
    }
}

/* A file of its own for each way to lose one: after it, records are where they are looked for. */
static void expect_begun_anew(struct sink_fixture *f, struct sink_state *s, const char *name,
                              uint64_t record)
{
    char what[24];

    write_loss(f, s, record);
    assert_int_equal(sink_tsv.flush(s), 0);
    assert_non_null(sink_fixture_read(f, name));
    assert_int_equal(count(f->text, "#fields"), 1);
    snprintf(what, sizeof what, "\t%u\t", (unsigned)record);
    assert_int_equal(count(f->text, what), 1);
}

static void test_begins_anew_when_a_file_is_taken(void **state)
{
    struct sink_fixture *f = *state;
    struct sink_state *s;
    char moved[256];

    assert_int_equal(sink_tsv.open(&s, &f->heritage, NULL), 0);
    expect_begun_anew(f, s, "capture_loss.log", 1);
    assert_int_equal(unlink(sink_fixture_path(f, "capture_loss.log")), 0);
    expect_begun_anew(f, s, "capture_loss.log", 2);
    assert_int_equal(truncate(sink_fixture_path(f, "capture_loss.log"), 0), 0);
    expect_begun_anew(f, s, "capture_loss.log", 3);
    snprintf(moved, sizeof moved, "%.200s/moved", f->heritage.log_dir);
    assert_int_equal(rename(sink_fixture_path(f, "capture_loss.log"), moved), 0);
    expect_begun_anew(f, s, "capture_loss.log", 4);
    sink_tsv.close(s);
    sink_fixture_read(f, "moved");
    assert_int_equal(count(f->text, "\t3\t"), 1);
}

static void test_makes_its_folders_again(void **state)
{
    struct sink_fixture *f = *state;
    struct heritage h = f->heritage;
    struct sink_state *s;

    h.one_shot = false;
    assert_int_equal(archive_prepare(&h), 0);
    assert_int_equal(sink_tsv.open(&s, &h, NULL), 0);
    expect_begun_anew(f, s, "current/capture_loss.log", 1);
    assert_int_equal(unlink(sink_fixture_path(f, "current/capture_loss.log")), 0);
    assert_int_equal(rmdir(sink_fixture_path(f, "current")), 0);
    assert_int_equal(rmdir(sink_fixture_path(f, ".rotated")), 0);
    assert_int_equal(rmdir(sink_fixture_path(f, "")), 0);
    expect_begun_anew(f, s, "current/capture_loss.log", 2);
    assert_int_equal(sink_tsv.rotate(s, clock_wall_ns()), 0);
    sink_tsv.close(s);
    assert_null(sink_fixture_read(f, "current/capture_loss.log"));
}

static void test_refuses_a_folder_that_is_not_there(void **state)
{
    struct sink_fixture *f = *state;
    struct heritage h = f->heritage;
    struct sink_state *s;

    snprintf(h.log_dir, sizeof h.log_dir, "%.200s/missing", f->heritage.log_dir);
    assert_int_equal(sink_tsv.open(&s, &h, NULL), -ENOENT);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, sink_fixture_setup, sink_fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_whole_file),
        TEST(test_a_second_run_replaces),
        TEST(test_no_field_holds_what_is_not_of_its_type),
        TEST(test_a_bad_batch_leaves_nothing),
        TEST(test_goes_on_behind_what_was_committed),
        TEST(test_a_file_never_committed_begins_anew),
        TEST(test_a_run_keeps_what_it_does_not_write),
        TEST(test_records_wait_for_a_full_disk),
        TEST(test_a_full_buffer_takes_no_half_batch),
        TEST(test_begins_anew_when_a_file_is_taken),
        TEST(test_makes_its_folders_again),
        TEST(test_refuses_a_folder_that_is_not_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

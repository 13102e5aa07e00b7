/* SPDX-License-Identifier: BSD-3-Clause */
#include "logger/archive.h"

#include "common/base/clock.h"
#include "tests/unit/file_put.h"
#include "tests/unit/logger/sink_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#ifdef HAVE_ZLIB
#include <zlib.h>
#define GZ ".gz"
#else
#define GZ ""
#endif

#define TEN_OCLOCK    (UINT64_C(1787306400) * NS_PER_SEC) /* 2026-08-21 10:00:00 UTC */
#define ELEVEN_OCLOCK (TEN_OCLOCK + 3600 * NS_PER_SEC)
#define NAME          "2026-08-21/conn.10:00:00-11:00:00"

/* A folder of this name is replaced by a link as soon as it is made: so might whoever owns the
 * folder above. */
static const char *stolen_name, *stolen_target;

int mkdir(const char *path, mode_t mode)
{
    const char *name = strrchr(path, '/');
    int rc = (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);

    if (rc == 0 && stolen_name && name && strcmp(name + 1, stolen_name) == 0)
        assert_true(rmdir(path) == 0 && symlink(stolen_target, path) == 0);
    return rc;
}

static int setup(void **state)
{
    struct sink_fixture *f;

    if (sink_fixture_setup(state) < 0)
        return -1;
    f = *state;
    f->heritage.one_shot = false;
    return archive_prepare(&f->heritage);
}

static void put_file(struct sink_fixture *f, const char *name, const char *text)
{
    file_put(sink_fixture_path(f, name), text);
}

static bool is_there(struct sink_fixture *f, const char *name)
{
    return access(sink_fixture_path(f, name), F_OK) == 0;
}

/* What an archived file holds, uncompressed. */
static const char *archived(struct sink_fixture *f, const char *name)
{
#ifdef HAVE_ZLIB
    gzFile z = gzopen(sink_fixture_path(f, name), "rb");
    int n;

    if (!z)
        return "(not there)";
    n = gzread(z, f->text, sizeof f->text - 1);
    gzclose(z);
    assert_true(n >= 0);
    f->text[n] = '\0';
    return f->text;
#else
    return sink_fixture_read(f, name);
#endif
}

static void test_rotates_as_its_users_know_it(void **state)
{
    struct sink_fixture *f = *state;

    put_file(f, "current/conn.log", "one\ntwo\n");
    assert_int_equal(archive_enqueue(f->heritage.log_dir, "conn", TEN_OCLOCK, ELEVEN_OCLOCK), 0);
    assert_false(is_there(f, "current/conn.log"));
    archive_run(f->heritage.log_dir);
    assert_string_equal(archived(f, NAME ".log" GZ), "one\ntwo\n");
    assert_false(is_there(f, ".rotated/2026-08-21_conn.10:00:00-11:00:00.log"));
    assert_false(is_there(f, "2026-08-21/.conn.10:00:00-11:00:00.log" GZ ".tmp"));
}

static void test_the_same_hour_twice_keeps_both(void **state)
{
    struct sink_fixture *f = *state;
    const char *dir = f->heritage.log_dir;

    put_file(f, "current/conn.log", "first");
    assert_int_equal(archive_enqueue(dir, "conn", TEN_OCLOCK, ELEVEN_OCLOCK), 0);
    archive_run(dir);
    put_file(f, "current/conn.log", "second"); /* like one that is archived */
    assert_int_equal(archive_enqueue(dir, "conn", TEN_OCLOCK, ELEVEN_OCLOCK), 0);
    put_file(f, "current/conn.log", "third"); /* like one that waits */
    assert_int_equal(archive_enqueue(dir, "conn", TEN_OCLOCK, ELEVEN_OCLOCK), 0);
    archive_run(dir);
    assert_string_equal(archived(f, NAME ".log" GZ), "first");
    assert_string_equal(archived(f, NAME "-2.log" GZ), "second");
    assert_string_equal(archived(f, NAME "-3.log" GZ), "third");
}

/* Killed while compressing, and between the rename and the removal of the source. */
static void test_done_over_after_a_crash(void **state)
{
    struct sink_fixture *f = *state;

    put_file(f, "current/conn.log", "all of it");
    assert_int_equal(archive_enqueue(f->heritage.log_dir, "conn", TEN_OCLOCK, ELEVEN_OCLOCK), 0);
    assert_int_equal(mkdir(sink_fixture_path(f, "2026-08-21"), 0755), 0);
    put_file(f, "2026-08-21/.conn.10:00:00-11:00:00.log" GZ ".tmp", "half");
    put_file(f, NAME ".log" GZ, "done, but the source is still there");
    archive_run(f->heritage.log_dir);
    assert_string_equal(archived(f, NAME ".log" GZ), "all of it");
    assert_false(is_there(f, ".rotated/2026-08-21_conn.10:00:00-11:00:00.log"));
    assert_false(is_there(f, "2026-08-21/.conn.10:00:00-11:00:00.log" GZ ".tmp"));
}

static void test_what_cannot_be_archived_waits(void **state)
{
    struct sink_fixture *f = *state;

    put_file(f, "current/conn.log", "patient");
    assert_int_equal(archive_enqueue(f->heritage.log_dir, "conn", TEN_OCLOCK, ELEVEN_OCLOCK), 0);
    put_file(f, "2026-08-21", "in the way of the folder");
    archive_run(f->heritage.log_dir);
    assert_true(is_there(f, ".rotated/2026-08-21_conn.10:00:00-11:00:00.log"));
    assert_int_equal(remove(sink_fixture_path(f, "2026-08-21")), 0);
    archive_run(f->heritage.log_dir);
    assert_string_equal(archived(f, NAME ".log" GZ), "patient");
}

static void test_takes_leftovers(void **state)
{
    struct sink_fixture *f = *state;

    put_file(f, "current/conn.log", "left");
    put_file(f, "current/no-log.txt", "left alone");
    archive_leftovers(f->heritage.log_dir);
    assert_false(is_there(f, "current/conn.log"));
    assert_true(is_there(f, "current/no-log.txt"));
    assert_int_equal(archive_enqueue(f->heritage.log_dir, "conn", 0, 0), -ENOENT);
}

static char state_of(pid_t pid)
{
    char path[32], text[64] = "", c = '?';
    FILE *f;

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    f = fopen(path, "r");
    assert_non_null(f);
    assert_non_null(fgets(text, sizeof text, f));
    fclose(f);
    assert_int_equal(sscanf(text, "%*d (%*[^)]) %c", &c), 1);
    return c;
}

static void test_one_process_at_a_time(void **state)
{
    static const char waiting[] = ".rotated/2026-08-21_conn.10:00:00-11:00:00.log";
    struct sink_fixture *f = *state;
    int fd = open(sink_fixture_path(f, ".rotated"), O_RDONLY | O_DIRECTORY), status;
    pid_t child;
    char c;

    put_file(f, "current/conn.log", "once");
    assert_int_equal(archive_enqueue(f->heritage.log_dir, "conn", TEN_OCLOCK, ELEVEN_OCLOCK), 0);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    child = fork();
    if (child == 0) {
        close(fd);
        archive_run(f->heritage.log_dir);
        _exit(0);
    }
    while ((c = state_of(child)) != 'S' && c != 'Z')
        sched_yield();
    assert_true(is_there(f, waiting));
    close(fd);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_string_equal(archived(f, NAME ".log" GZ), "once");
}

/* The folder where files wait was removed while we run. */
static void test_makes_its_folder_again(void **state)
{
    struct sink_fixture *f = *state;

    assert_int_equal(rmdir(sink_fixture_path(f, ".rotated")), 0);
    put_file(f, "current/conn.log", "safe");
    assert_int_equal(archive_enqueue(f->heritage.log_dir, "conn", TEN_OCLOCK, ELEVEN_OCLOCK), 0);
    archive_run(f->heritage.log_dir);
    assert_string_equal(archived(f, NAME ".log" GZ), "safe");
}

/* The sink's part: a file that is rotated ends, the next record begins another one. */
static void test_the_sink_begins_a_new_file(void **state)
{
    struct sink_fixture *f = *state;
    struct rec_capture_loss r = {0};
    struct sink_lengths lengths = {0};
    struct sink_state *s;

    assert_int_equal(sink_json.open(&s, &f->heritage, NULL), 0);
    for (uint64_t i = 1; i <= 2; i++) {
        RECORD_SET(capture_loss, &r, gaps, i);
        sink_fixture_begin(f, RECORD_capture_loss, i);
        sink_fixture_add(f, &r);
        assert_int_equal(sink_json.write(s, &f->batch), 0);
        assert_int_equal(sink_json.flush(s), 0);
        assert_string_equal(sink_fixture_read(f, "current/capture_loss.log"),
                            i == 1 ? "{\"gaps\":1}\n" : "{\"gaps\":2}\n");
        assert_int_equal(sink_json.rotate(s, clock_wall_ns()), 0);
        assert_null(sink_fixture_read(f, "current/capture_loss.log"));
        sink_json.lengths(s, &lengths);
        assert_int_equal(lengths.file[RECORD_capture_loss], 0);
    }
    sink_json.close(s);
}

/* The folders are made by root, in one that the logger's user owns. */
static void test_gives_nobody_another_folder(void **state)
{
    struct sink_fixture *f = *state;
    char target[HERITAGE_PATH_MAX + 8];
    struct stat st;

    if (geteuid() != 0)
        skip();
    snprintf(target, sizeof target, "%s/target", f->heritage.log_dir);
    assert_int_equal(mkdir(target, 0755), 0);
    assert_int_equal(rmdir(sink_fixture_path(f, "current")), 0);
    f->heritage.uid = f->heritage.gid = 65534;
    stolen_name = "current";
    stolen_target = target;
    (void)archive_prepare(&f->heritage); /* it may as well succeed */
    stolen_name = NULL;
    assert_int_equal(stat(target, &st), 0);
    assert_int_equal(st.st_uid, 0);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, sink_fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_rotates_as_its_users_know_it),
        TEST(test_the_same_hour_twice_keeps_both),
        TEST(test_done_over_after_a_crash),
        TEST(test_what_cannot_be_archived_waits),
        TEST(test_takes_leftovers),
        TEST(test_one_process_at_a_time),
        TEST(test_makes_its_folder_again),
        TEST(test_the_sink_begins_a_new_file),
        TEST(test_gives_nobody_another_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

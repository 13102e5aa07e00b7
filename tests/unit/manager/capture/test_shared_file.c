/* SPDX-License-Identifier: BSD-3-Clause */
/* Which files workers read in turn, and which descriptors they and a reader are given. */
#include "manager/capture/shared_file.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define WORKERS 2u

static char folder[64], path[80];

static int begin(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/spliff-test-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/file", folder);
    return 0;
}

static int end(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static bool in_turn(const uint8_t *bytes, size_t n)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
    return shared_file_in_turn(path);
}

static const uint8_t classic[30] = {0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, [20] = 1};

static void a_classic_capture(void **state)
{
    uint8_t big_ns[24] = {0xa1, 0xb2, 0x3c, 0x4d, 0, 2, 0, 4, [23] = 113};

    (void)state;
    assert_true(in_turn(classic, sizeof classic));
    assert_true(in_turn(classic, 24)); /* without frames */
    assert_true(in_turn(big_ns, sizeof big_ns));
    big_ns[20] = 0x44; /* with frame check sequences */
    assert_true(in_turn(big_ns, sizeof big_ns));
}

static void a_link_to_one(void **state)
{
    char link_path[96];

    (void)state;
    assert_true(in_turn(classic, sizeof classic));
    snprintf(link_path, sizeof link_path, "%s/link", folder);
    assert_int_equal(symlink("file", link_path), 0);
    assert_true(shared_file_in_turn(link_path));
    unlink(link_path);
}

/* One process finds out what is wrong with it, and says so. */
static void what_is_left_to_a_reader(void **state)
{
    static const uint8_t pcapng[64] = {0x0a, 0x0d, 0x0d, 0x0a, 28, [8] = 0x4d, 0x3c, 0x2b, 0x1a};
    static const uint8_t gzip[64] = {0x1f, 0x8b, 8};
    uint8_t unknown[30];

    (void)state;
    memcpy(unknown, classic, sizeof unknown);
    unknown[20] = 147;
    assert_false(in_turn(pcapng, sizeof pcapng));
    assert_false(in_turn(gzip, sizeof gzip));
    assert_false(in_turn(unknown, sizeof unknown));
    assert_false(in_turn(classic, 23));
    assert_false(in_turn(classic, 0));
}

static void what_is_no_file(void **state)
{
    (void)state;
    assert_false(shared_file_in_turn(path));
    assert_false(shared_file_in_turn(folder));
    assert_false(shared_file_in_turn(""));
    assert_int_equal(mkfifo(path, 0600), 0);
    alarm(5);
    assert_false(shared_file_in_turn(path)); /* nor does it wait for who writes into it */
    alarm(0);
}

static void standard_input_is_no_file_of_that_name(void **state)
{
    int before = open(".", O_DIRECTORY | O_CLOEXEC);

    (void)state;
    assert_int_equal(chdir(folder), 0);
    snprintf(path, sizeof path, "%s/-", folder);
    assert_true(in_turn(classic, sizeof classic));
    assert_true(shared_file_in_turn("./-"));
    assert_false(shared_file_in_turn("-"));
    assert_int_equal(fchdir(before), 0);
    close(before);
}

static bool same_file(int a, int b)
{
    struct stat x, y;

    return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* Descriptors of its own, which do not pass an exec; the file's is not touched. */
static void workers_in_turn_get_the_memory(void **state)
{
    struct heritage_capture c = {HERITAGE_CAPTURE_NO_FDS, .kind = CAPTURE_FILE_IN_TURN};
    struct shared_file s;

    (void)state;
    assert_int_equal(shared_file_open(&s, WORKERS), 0);
    assert_int_equal(shared_file_give(&s, 1, &c), 0);
    assert_true(c.memory_fd != s.memory_fd && same_file(c.memory_fd, s.memory_fd));
    assert_true(fcntl(c.memory_fd, F_GETFD) & FD_CLOEXEC);
    assert_true(c.fd == -1 && c.reader_fd == -1);
    close(c.memory_fd);
    shared_file_close(&s);
}

static void others_get_an_eventfd_too(void **state)
{
    struct heritage_capture worker = {HERITAGE_CAPTURE_NO_FDS, .kind = CAPTURE_SHARED_FILE};
    struct heritage_capture reader = {HERITAGE_CAPTURE_NO_FDS, .kind = CAPTURE_PCAP_FILE};
    struct shared_file s;

    (void)state;
    assert_int_equal(shared_file_open(&s, WORKERS), 0);
    assert_int_equal(shared_file_give(&s, 1, &worker), 0);
    assert_int_equal(shared_file_give(&s, -1, &reader), 0);
    assert_true(worker.memory_fd >= 0 && worker.reader_fd >= 0 && worker.fd >= 0);
    assert_true(reader.memory_fd >= 0 && reader.reader_fd >= 0 && reader.fd == -1);
    close(worker.memory_fd);
    close(worker.reader_fd);
    close(worker.fd);
    close(reader.memory_fd);
    close(reader.reader_fd);
    shared_file_close(&s);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(a_classic_capture),
        IN_FOLDER(a_link_to_one),
        IN_FOLDER(what_is_left_to_a_reader),
        IN_FOLDER(what_is_no_file),
        IN_FOLDER(standard_input_is_no_file_of_that_name),
        cmocka_unit_test(workers_in_turn_get_the_memory),
        cmocka_unit_test(others_get_an_eventfd_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

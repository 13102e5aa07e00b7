/* SPDX-License-Identifier: BSD-3-Clause */
/* The lock of a state folder and the folders of a run, in a folder of their own below /tmp. */
#include "manager/run_dir.h"

#include "tests/unit/file_put.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char base[64], error[INI_ERROR_BYTES];

static int make_base(void **state)
{
    (void)state;
    snprintf(base, sizeof base, "/tmp/spliff-test-XXXXXX");
    return mkdtemp(base) && chmod(base, 0755) == 0 ? 0 : -1;
}

static int remove_base(void **state)
{
    (void)state;
    run_dir_remove(base);
    return 0;
}

static void test_second_lock_is_refused(void **state)
{
    pid_t holder;
    int first = run_dir_lock(base, &holder, error);
    char expected[INI_ERROR_BYTES];

    (void)state;
    assert_true(first >= 0);
    assert_int_equal(run_dir_holder(base), getpid());
    assert_int_equal(run_dir_lock(base, &holder, error), -EBUSY);
    assert_int_equal(holder, getpid());
    snprintf(expected, sizeof expected, "(manager pid %d)", (int)getpid());
    assert_non_null(strstr(error, expected));
    close(first);
    assert_int_equal(run_dir_holder(base), 0);
    first = run_dir_lock(base, &holder, error);
    assert_true(first >= 0);
    close(first);
}

static void test_stale_pid_is_not_believed(void **state)
{
    char path[80];

    (void)state;
    snprintf(path, sizeof path, "%s/lock", base);
    file_put(path, "1\n");
    assert_int_equal(run_dir_holder(base), 0);
}

/* Whoever may open it may lock it. */
static void test_nobody_else_opens_the_lock(void **state)
{
    char path[80];
    struct stat st;
    pid_t holder;
    int fd;

    (void)state;
    snprintf(path, sizeof path, "%s/lock", base);
    file_put(path, "");
    assert_int_equal(chmod(path, 0644), 0); /* as earlier versions made it */
    fd = run_dir_lock(base, &holder, error);
    assert_true(fd >= 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    close(fd);
}

static void test_no_state_folder(void **state)
{
    (void)state;
    assert_int_equal(run_dir_holder("/nonexistent/state"), 0);
}

static void test_private_folder(void **state)
{
    const struct privileged_ids ids = {getuid(), getgid(), false, false};
    char dir[HERITAGE_PATH_MAX], file[HERITAGE_PATH_MAX + 8];
    struct stat st;
    int lock_fd;

    (void)state;
    setenv("TMPDIR", base, 1);
    assert_int_equal(run_dir_temp(&ids, dir, &lock_fd, error), 0);
    assert_memory_equal(dir, base, strlen(base));
    assert_int_equal(stat(dir, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0770);
    snprintf(file, sizeof file, "%s/x", dir);
    file_put(file, "");
    run_dir_remove(dir);
    assert_int_equal(stat(dir, &st), -1);
    close(lock_fd);
}

static void test_cluster_folder_is_emptied(void **state)
{
    const struct privileged_ids ids = {getuid(), getgid(), false, false};
    char dir[HERITAGE_PATH_MAX], again[HERITAGE_PATH_MAX], file[HERITAGE_PATH_MAX + 16];

    (void)state;
    assert_int_equal(run_dir_cluster(base, &ids, dir, error), 0);
    snprintf(file, sizeof file, "%s/bus.in", dir);
    file_put(file, "");
    assert_int_equal(run_dir_cluster(base, &ids, again, error), 0);
    assert_string_equal(dir, again);
    assert_int_equal(access(file, F_OK), -1);
    run_dir_remove(dir);
}

static void test_path_too_long_for_sockets(void **state)
{
    const struct privileged_ids ids = {getuid(), getgid(), false, false};
    char dir[HERITAGE_PATH_MAX], out[HERITAGE_PATH_MAX];

    (void)state;
    snprintf(dir, sizeof dir, "%s/%060d", base, 0);
    assert_int_equal(mkdir(dir, 0755), 0);
    assert_int_equal(run_dir_cluster(dir, &ids, out, error), -ENAMETOOLONG);
    assert_non_null(strstr(error, "too long for sockets"));
    rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_second_lock_is_refused),
        cmocka_unit_test(test_stale_pid_is_not_believed),
        cmocka_unit_test(test_nobody_else_opens_the_lock),
        cmocka_unit_test(test_no_state_folder),
        cmocka_unit_test(test_private_folder),
        cmocka_unit_test(test_cluster_folder_is_emptied),
        cmocka_unit_test(test_path_too_long_for_sockets),
    };

    return cmocka_run_group_tests(tests, make_base, remove_base);
}

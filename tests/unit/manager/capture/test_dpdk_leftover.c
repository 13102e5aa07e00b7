/* SPDX-License-Identifier: BSD-3-Clause */
#include "manager/capture/dpdk_leftover.h"

#include "tests/unit/file_put.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define GONE 999999999L /* no process has this number */

static char run[40], huge[40];

static void make(const char *folder, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static bool there(const char *folder, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void make(const char *folder, const char *fmt, ...)
{
    char path[300];
    va_list ap;
    int n = snprintf(path, sizeof path, "%s/", folder), fd;

    va_start(ap, fmt);
    vsnprintf(path + n, sizeof path - (size_t)n, fmt, ap);
    va_end(ap);
    if (path[strlen(path) - 1] == '/') {
        assert_int_equal(mkdir(path, 0700), 0);
        return;
    }
    fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    close(fd);
}

static bool there(const char *folder, const char *fmt, ...)
{
    char path[300];
    va_list ap;
    int n = snprintf(path, sizeof path, "%s/", folder);

    va_start(ap, fmt);
    vsnprintf(path + n, sizeof path - (size_t)n, fmt, ap);
    va_end(ap);
    return access(path, F_OK) == 0;
}

static int setup(void **state)
{
    (void)state;
    snprintf(run, sizeof run, "/tmp/spliff-run.XXXXXX");
    snprintf(huge, sizeof huge, "/tmp/spliff-huge.XXXXXX");
    return mkdtemp(run) && mkdtemp(huge) ? 0 : -1;
}

static int teardown(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof command, "rm -r %s %s", run, huge);
    return system(command);
}

static void test_what_lives_stays(void **state)
{
    long me = (long)getpid();

    (void)state;
    make(run, "rte/");
    make(run, "spliff-%ld-%ld/", me, me);
    make(run, "spliff-%ld-worker-1/", me);
    make(huge, "rtemap_0");
    make(huge, "spliff-%ld-%ldmap_0", me, me);
    dpdk_leftover_remove(run, huge);
    assert_true(there(run, "rte"));
    assert_true(there(run, "spliff-%ld-%ld", me, me));
    assert_true(there(run, "spliff-%ld-worker-1", me));
    assert_true(there(huge, "rtemap_0"));
    assert_true(there(huge, "spliff-%ld-%ldmap_0", me, me));
}

static void test_what_is_dead_goes(void **state)
{
    (void)state;
    make(run, "spliff-%ld-%ld/", (long)getpid(), GONE);
    make(run, "spliff-%ld-%ld/config", (long)getpid(), GONE);
    make(run, "spliff-%ld-%ld/", GONE, (long)getpid());
    make(run, "spliff-%ld-worker-1/", GONE);
    make(huge, "spliff-%ld-%ldmap_12", (long)getpid(), GONE);
    dpdk_leftover_remove(run, huge);
    assert_false(there(run, "spliff-%ld-%ld", (long)getpid(), GONE));
    assert_true(there(run, "spliff-%ld-%ld", GONE, (long)getpid())); /* an owner that still ends */
    assert_false(there(run, "spliff-%ld-worker-1", GONE));
    assert_false(there(huge, "spliff-%ld-%ldmap_12", (long)getpid(), GONE));
}

/* As that of a process in another container would be. */
static void test_what_is_locked_stays(void **state)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char path[128], c;
    int done[2], ready[2], fd;
    pid_t child;

    (void)state;
    make(run, "spliff-%ld-%ld/", GONE, GONE);
    make(run, "spliff-%ld-%ld/config", GONE, GONE);
    make(huge, "spliff-%ld-%ldmap_0", GONE, GONE);
    snprintf(path, sizeof path, "%s/spliff-%ld-%ld/config", run, GONE, GONE);
    assert_int_equal(pipe(done), 0);
    assert_int_equal(pipe(ready), 0);
    child = fork();
    if (child == 0) {
        close(done[1]);
        fd = open(path, O_RDWR);
        if (fd < 0 || fcntl(fd, F_SETLK, &lock) < 0 || write(ready[1], "", 1) != 1)
            _exit(1);
        _exit(read(done[0], &c, 1) != 0);
    }
    assert_int_equal(read(ready[0], &c, 1), 1);
    dpdk_leftover_remove(run, huge);
    assert_true(there(run, "spliff-%ld-%ld/config", GONE, GONE));
    assert_true(there(huge, "spliff-%ld-%ldmap_0", GONE, GONE));
    close(done[1]);
    waitpid(child, NULL, 0);
    dpdk_leftover_remove(run, huge);
    assert_false(there(run, "spliff-%ld-%ld", GONE, GONE));
    assert_false(there(huge, "spliff-%ld-%ldmap_0", GONE, GONE));
}

static void test_where_huge_pages_are(void **state)
{
    char path[128], out[32];

    (void)state;
    snprintf(path, sizeof path, "%s/mounts", run);
    file_put(path, "proc /proc proc rw 0 0\nhugetlbfs /big hugetlbfs rw,pagesize=1024M 0 0\n");
    assert_false(dpdk_leftover_huge_folder(path, out, sizeof out));
    file_put(path, "hugetlbfs /big hugetlbfs rw,pagesize=1024M 0 0\n"
                   "hugetlbfs /dev/hugepages hugetlbfs rw,pagesize=2M 0 0\n");
    assert_true(dpdk_leftover_huge_folder(path, out, sizeof out));
    assert_string_equal(out, "/dev/hugepages");
    assert_false(dpdk_leftover_huge_folder(path, out, 5));
    assert_false(dpdk_leftover_huge_folder("/nonexistent", out, sizeof out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_lives_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_dead_goes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_locked_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(test_where_huge_pages_are, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

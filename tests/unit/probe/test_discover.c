/* SPDX-License-Identifier: BSD-3-Clause */
/* Children of the test map a file that the test has made. What the kernel tells of it comes in its
 * own time: the tests wait for what they expect, up to a minute. */
#include "worker/probe/discover.h"

#include "common/base/check.h"
#include "common/base/clock.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_NS (60 * NS_PER_SEC)
#define BYTES       8192

/* What was told of the test's file and its children. */
struct told {
    unsigned images, firsts, forks, exits;
    bool readable, can_open;
    pid_t pid;
};

static struct counters counters;
static struct told told;
static char path[64];
static bool leased; /* children make others wait who open the file, for 45 s as shipped */
static struct discover *discover;

static void on_image(void *user, const struct discovered *d)
{
    struct told *t = user;
    char byte;

    if (strncmp(d->path, path, strlen(path)) != 0)
        return;
    t->images++;
    t->pid = d->pid;
    assert_int_equal(d->first, d->fd >= 0);
    if (!d->first)
        return;
    t->firsts++;
    t->readable = pread(d->fd, &byte, 1, 0) == 1;
    t->can_open = access(d->open_path, R_OK) == 0;
}

static void on_fork(void *user, pid_t parent, pid_t pid)
{
    (void)pid;
    if (parent == getpid())
        ((struct told *)user)->forks++;
}

static void on_exit_of(void *user, pid_t pid)
{
    struct told *t = user;

    if (pid == t->pid)
        t->exits++;
}

static void file_make(char fill)
{
    char bytes[BYTES];
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0700);

    memset(bytes, fill, sizeof(bytes));
    CHECK(fd >= 0 && write(fd, bytes, sizeof(bytes)) == BYTES);
    close(fd);
}

/* A child that has the file mapped and waits. */
struct child {
    pid_t pid;
    int hold; /* closing it ends the child */
};

static void child_run(int ready, int hold)
{
    int fd = open(path, O_RDONLY);
    char byte;

    if (mmap(NULL, BYTES, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED ||
        (leased && (signal(SIGIO, SIG_IGN) == SIG_ERR || fcntl(fd, F_SETLEASE, F_WRLCK) < 0)) ||
        write(ready, "", 1) != 1)
        _exit(1);
    _exit(read(hold, &byte, 1) == 0 ? 0 : 1);
}

static struct child child_start(void)
{
    int ready[2], hold[2];
    struct child c;
    char byte;

    CHECK(pipe(ready) == 0 && pipe(hold) == 0);
    c.pid = fork();
    if (c.pid == 0) {
        close(hold[1]);
        child_run(ready[1], hold[0]);
    }
    close(ready[1]);
    close(hold[0]);
    c.hold = hold[1];
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return c;
}

static void child_end(const struct child *c)
{
    int status;

    close(c->hold);
    assert_int_equal(waitpid(c->pid, &status, 0), c->pid);
    assert_int_equal(status, 0);
}

/* Runs until *counter is n. */
static void wait_for(const unsigned *counter, unsigned n)
{
    uint64_t end_ns = clock_mono_ns() + PATIENCE_NS;
    int fds[DISCOVER_FDS_MAX];
    struct pollfd polled[64];
    int count = discover_fds(discover, fds);

    for (int i = 0; i < count && i < 64; i++)
        polled[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    while (*counter < n && clock_mono_ns() < end_ns)
        if (!discover_run(discover, clock_mono_ns()))
            poll(polled, count < 64 ? (nfds_t)count : 64, 100);
    assert_int_equal(*counter, n);
}

static void start(void)
{
    const struct discover_ops ops = {.image = on_image, .fork = on_fork, .exit = on_exit_of};

    assert_int_equal(discover_open(&discover, &ops, &told, &counters), 0);
}

static void scan_all(void)
{
    while (discover_run(discover, clock_mono_ns()))
        continue;
}

static void what_was_mapped_before_is_found_by_scan(void **state)
{
    struct child c = child_start();

    (void)state;
    start();
    wait_for(&told.images, 1);
    assert_int_equal(told.firsts, 1);
    assert_int_equal(told.pid, c.pid);
    assert_true(told.readable);
    assert_true(told.can_open);
    child_end(&c);
    wait_for(&told.exits, 1);
}

static void each_process_is_told_and_each_file_once(void **state)
{
    struct child a, b;

    (void)state;
    start();
    scan_all();
    a = child_start();
    wait_for(&told.images, 1);
    b = child_start();
    wait_for(&told.images, 2);
    assert_int_equal(told.pid, b.pid);
    assert_int_equal(told.firsts, 1);
    child_end(&b); /* which has a copy of what holds the first */
    child_end(&a);
}

static void a_deleted_file_can_be_opened(void **state)
{
    struct child c;

    (void)state;
    c = child_start();
    unlink(path);
    start();
    wait_for(&told.images, 1);
    assert_true(told.readable);
    assert_true(told.can_open);
    child_end(&c);
}

static void other_content_in_the_same_file_is_told_anew(void **state)
{
    struct child c;

    (void)state;
    start();
    scan_all();
    c = child_start();
    wait_for(&told.images, 1);
    child_end(&c);
    file_make('y');
    c = child_start();
    wait_for(&told.images, 2);
    assert_int_equal(told.firsts, 2);
    child_end(&c);
}

/* It is looked at when another process maps it. */
static void nobody_can_make_the_probe_wait(void **state)
{
    struct child owner, c;
    uint64_t begin_ns;

    (void)state;
    leased = true;
    owner = child_start();
    leased = false;
    start();
    begin_ns = clock_mono_ns();
    scan_all();
    assert_true(clock_mono_ns() - begin_ns < 30 * NS_PER_SEC);
    assert_int_equal(told.firsts, 0);
    child_end(&owner);
    c = child_start();
    wait_for(&told.firsts, 1);
    child_end(&c);
}

static void forks_are_told(void **state)
{
    struct child c;

    (void)state;
    start();
    scan_all();
    c = child_start();
    wait_for(&told.forks, 1);
    child_end(&c);
}

static int setup(void **state)
{
    (void)state;
    snprintf(path, sizeof(path), "/tmp/spliff-test-discover-%d", (int)getpid());
    file_make('x');
    told = (struct told){0};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    discover_close(discover);
    unlink(path);
    return 0;
}

/* Only root sees what others map. */
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_mapped_before_is_found_by_scan, setup, teardown),
        cmocka_unit_test_setup_teardown(each_process_is_told_and_each_file_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_deleted_file_can_be_opened, setup, teardown),
        cmocka_unit_test_setup_teardown(other_content_in_the_same_file_is_told_anew, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(nobody_can_make_the_probe_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(forks_are_told, setup, teardown),
    };

    if (geteuid() != 0) {
        print_message("skipped: finding what processes execute needs root\n");
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

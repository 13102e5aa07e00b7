/* SPDX-License-Identifier: BSD-3-Clause */
/* Guarding an interface on which libxdp's own program comes and goes, on the loopback of a network
 * namespace of its own: ours is taken away, another's is not. */
#include "manager/capture/xdp_attach.h"

#include "common/ipc/dpdk_share.h"
#include "manager/ini_file.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define NOBODY 65534

static const struct interface lo = {.name = "lo", .index = 1};
static int program = -1;
static char error[INI_ERROR_BYTES];

static int open_namespace(void **state)
{
    const struct bpf_insn pass[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS},
        {.code = BPF_JMP | BPF_EXIT},
    };

    (void)state;
    if (unshare(CLONE_NEWNET) == 0)
        program = bpf_prog_load(BPF_PROG_TYPE_XDP, "xsk_def_prog", "GPL", pass, 2, NULL);
    if (program < 0)
        printf("this user may not load BPF (%s): nothing is tested\n", strerror(errno));
    return 0;
}

static int skip_without(void **state)
{
    (void)state;
    if (program < 0)
        skip();
    return 0;
}

static int detach(void **state)
{
    (void)state;
    bpf_xdp_detach(1, XDP_FLAGS_SKB_MODE, NULL);
    return 0;
}

static void attach(void)
{
    assert_int_equal(bpf_xdp_attach(1, program, XDP_FLAGS_SKB_MODE, NULL), 0);
}

static bool is_attached(void)
{
    uint32_t id = 0;

    assert_int_equal(bpf_xdp_query_id(1, 0, &id), 0);
    return id != 0;
}

static void test_what_came_while_guarded_goes(void **state)
{
    struct xdp_attached *guard = NULL;

    (void)state;
    assert_int_equal(xdp_guard(&guard, &lo, error), 0);
    attach();
    xdp_detach(guard);
    assert_false(is_attached());
}

static void guard_and_be_killed(void)
{
    struct xdp_attached *guard = NULL;
    pid_t child = fork();
    int status = 0;

    if (child == 0)
        _exit(xdp_guard(&guard, &lo, error) == 0 ? 0 : 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* A note that the interface is guarded is all that a manager leaves which was killed. */
static void test_what_a_killed_manager_left_goes(void **state)
{
    struct xdp_attached *guard = NULL;

    (void)state;
    guard_and_be_killed();
    attach();
    assert_int_equal(xdp_guard(&guard, &lo, error), 0);
    assert_false(is_attached());
    xdp_detach(guard);
}

static void test_what_another_has_attached_stays(void **state)
{
    struct xdp_attached *guard = NULL;

    (void)state;
    attach();
    assert_int_equal(xdp_guard(&guard, &lo, error), 0);
    assert_true(is_attached());
    xdp_detach(guard);
}

static void test_one_at_a_time(void **state)
{
    struct xdp_attached *guard = NULL, *second = NULL;

    (void)state;
    assert_int_equal(xdp_guard(&guard, &lo, error), 0);
    assert_int_equal(xdp_guard(&second, &lo, error), -EBUSY);
    assert_non_null(strstr(error, "another cluster captures from it by XDP"));
    xdp_detach(guard);
}

/* Without rights: takes what names and files for locks it finds, says so, and holds them. */
static void lock_out(int said_fd)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "\0spliff/xdp/1"};
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    struct dirent *e;
    DIR *d;

    if (setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
        _exit(1);
    (void)bind(fd, (struct sockaddr *)&name,
               offsetof(struct sockaddr_un, sun_path) + sizeof "\0spliff/xdp/1" - 1);
    d = opendir(DPDK_SHARE_RUNTIME);
    while (d && (e = readdir(d))) {
        fd = openat(dirfd(d), e->d_name, O_RDONLY);
        (void)flock(fd, LOCK_EX | LOCK_NB);
    }
    (void)!write(said_fd, "", 1);
    pause();
}

static void test_nobody_else_locks_it(void **state)
{
    struct xdp_attached *guard = NULL;
    int said[2], r;
    pid_t child;
    char c;

    (void)state;
    guard_and_be_killed();
    assert_int_equal(pipe(said), 0);
    child = fork();
    if (child == 0)
        lock_out(said[1]);
    assert_int_equal(read(said[0], &c, 1), 1);
    r = xdp_guard(&guard, &lo, error);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_int_equal(r, 0);
    xdp_detach(guard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, skip_without, detach)
        TEST(test_what_came_while_guarded_goes),
        TEST(test_what_a_killed_manager_left_goes),
        TEST(test_what_another_has_attached_stays),
        TEST(test_one_at_a_time),
        TEST(test_nobody_else_locks_it),
    };

    return cmocka_run_group_tests_name("xdp_guard", tests, open_namespace, NULL);
}

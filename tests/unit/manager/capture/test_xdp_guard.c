/* SPDX-License-Identifier: BSD-3-Clause */
/* Guarding an interface on which libxdp's own program comes and goes, on the loopback of a network
 * namespace of its own: ours is taken away, another's is not. */
#include "manager/capture/xdp_attach.h"

#include "manager/ini_file.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

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

/* A note that the interface is guarded is all that a manager leaves which was killed. */
static void test_what_a_killed_manager_left_goes(void **state)
{
    struct xdp_attached *guard = NULL;
    pid_t child = fork();
    int status = 0;

    (void)state;
    if (child == 0)
        _exit(xdp_guard(&guard, &lo, error) == 0 ? 0 : 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, skip_without, detach)
        TEST(test_what_came_while_guarded_goes),
        TEST(test_what_a_killed_manager_left_goes),
        TEST(test_what_another_has_attached_stays),
        TEST(test_one_at_a_time),
    };

    return cmocka_run_group_tests_name("xdp_guard", tests, open_namespace, NULL);
}

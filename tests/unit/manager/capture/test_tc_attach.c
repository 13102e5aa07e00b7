/* SPDX-License-Identifier: BSD-3-Clause */
/* A program of traffic control on the loopback of a network namespace of its own, in both ways: as
 * a link, and as kernels before 6.6 have it. */
#include "manager/capture/tc_attach.h"

#include "manager/ini_file.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct interface lo = {.name = "lo", .index = 1};
static int program = -1;
static char error[INI_ERROR_BYTES];

static int open_namespace(void **state)
{
    const struct bpf_insn pass[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = -1},
        {.code = BPF_JMP | BPF_EXIT},
    };

    (void)state;
    if (unshare(CLONE_NEWNET) == 0)
        program = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "pass", "GPL", pass, 2, NULL);
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

/* Whether one of our filters is there. */
static bool has_filter(enum bpf_tc_attach_point point)
{
    struct bpf_tc_hook hook = {.sz = sizeof hook, .ifindex = 1, .attach_point = point};
    struct bpf_tc_opts opts = {.sz = sizeof opts, .handle = 0x5b1ff, .priority = 1};

    return bpf_tc_query(&hook, &opts) == 0;
}

static bool has_qdisc(void)
{
    struct bpf_tc_hook hook = {.sz = sizeof hook, .ifindex = 1, .attach_point = BPF_TC_INGRESS};
    int r = bpf_tc_hook_create(&hook);

    if (r == 0) {
        hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
        bpf_tc_hook_destroy(&hook);
    }
    return r == -EEXIST;
}

static void a_link_ends_with_its_holder(void **state)
{
    struct tc_attached *in, *out;

    (void)state;
    assert_int_equal(tc_attach(&in, program, &lo, false, TC_AUTO, error), 0);
    assert_int_equal(tc_attach(&out, program, &lo, true, TC_AUTO, error), 0);
    tc_detach(out);
    tc_detach(in);
    assert_false(has_qdisc());
}

static uint32_t id_of(int fd)
{
    struct bpf_prog_info info = {0};
    uint32_t bytes = sizeof info;

    assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &bytes), 0);
    return info.id;
}

/* What another's program decides ends the row. */
static void a_link_is_in_front_of_others(void **state)
{
    const struct bpf_insn decide[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0},
        {.code = BPF_JMP | BPF_EXIT},
    };
    const enum bpf_attach_type ingress = (enum bpf_attach_type)46;
    int other = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "decide", "GPL", decide, 2, NULL);
    int link = bpf_link_create(other, 1, ingress, NULL);
    uint32_t ids[4] = {0}, n = 4;
    struct tc_attached *ours;

    (void)state;
    if (link < 0) {
        close(other);
        skip(); /* before Linux 6.6 */
    }
    assert_int_equal(tc_attach(&ours, program, &lo, false, TC_LINK, error), 0);
    assert_int_equal(bpf_prog_query(1, ingress, 0, NULL, ids, &n), 0);
    assert_int_equal(n, 2);
    assert_int_equal(ids[0], id_of(program));
    assert_int_equal(ids[1], id_of(other));
    tc_detach(ours);
    close(link);
    close(other);
}

static void filters_go_with_their_qdisc(void **state)
{
    struct tc_attached *in, *out;

    (void)state;
    assert_int_equal(tc_attach(&in, program, &lo, false, TC_FILTER, error), 0);
    assert_int_equal(tc_attach(&out, program, &lo, true, TC_FILTER, error), 0);
    assert_true(has_filter(BPF_TC_INGRESS));
    assert_true(has_filter(BPF_TC_EGRESS));
    tc_detach(out);
    assert_true(has_filter(BPF_TC_INGRESS));
    tc_detach(in);
    assert_false(has_qdisc());
}

static void leftovers_are_taken_over(void **state)
{
    struct tc_attached *killed, *next;

    (void)state;
    assert_int_equal(tc_attach(&killed, program, &lo, true, TC_FILTER, error), 0);
    assert_int_equal(tc_attach(&next, program, &lo, true, TC_FILTER, error), 0);
    tc_detach(next);
    assert_false(has_qdisc());
    tc_detach(killed); /* for the memory */
}

static void a_qdisc_of_others_stays(void **state)
{
    struct bpf_tc_hook hook = {.sz = sizeof hook, .ifindex = 1, .attach_point = BPF_TC_INGRESS};
    struct tc_attached *a;

    (void)state;
    assert_int_equal(bpf_tc_hook_create(&hook), 0);
    assert_int_equal(tc_attach(&a, program, &lo, true, TC_FILTER, error), 0);
    tc_detach(a);
    assert_false(has_filter(BPF_TC_EGRESS));
    assert_true(has_qdisc());
    hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
    bpf_tc_hook_destroy(&hook);
}

static void what_is_wrong_is_said(void **state)
{
    struct interface none = {.name = "none0", .index = 99};
    struct tc_attached *a;

    (void)state;
    assert_true(tc_attach(&a, program, &none, true, TC_AUTO, error) < 0);
    assert_non_null(strstr(error, "interface none0: "));
}

#define TEST(f) cmocka_unit_test_setup(f, skip_without)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_link_ends_with_its_holder), TEST(a_link_is_in_front_of_others),
        TEST(filters_go_with_their_qdisc), TEST(leftovers_are_taken_over),
        TEST(a_qdisc_of_others_stays),     TEST(what_is_wrong_is_said),
    };

    return cmocka_run_group_tests(tests, open_namespace, NULL);
}

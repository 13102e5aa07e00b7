/* SPDX-License-Identifier: BSD-3-Clause */
#include "manager/capture/dpdk_sizes.h"

#include "common/ipc/dpdk_frames.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

static struct options o;
static struct dpdk_sizes s;

static int set_up(void **state)
{
    (void)state;
    o = (struct options){.huge_pages = HUGE_PAGES_AUTO};
    return 0;
}

static int choose(uint32_t workers, bool af_xdp, uint64_t huge_bytes, uint64_t bytes)
{
    const struct dpdk_sizes_free f = {huge_bytes, bytes};

    return dpdk_sizes_choose(&s, &o, workers, af_xdp, &f);
}

static void frames_fill_the_queue_and_all_hands(void **state)
{
    (void)state;
    assert_int_equal(dpdk_frames(4096, false), 4096 + 256 + 384);
    assert_int_equal(dpdk_frames(64, true), 64 + 256 + 384 + 8192 + 512);
    assert_int_equal(dpdk_frames_memory_bytes(4096, false), 44 * MIB);
    assert_int_equal(dpdk_frames_memory_bytes(4096, true), 66 * MIB);
    assert_int_equal(dpdk_frames_memory_bytes(1024, false), 38 * MIB);
}

static void there_is_enough(void **state)
{
    (void)state;
    assert_int_equal(choose(2, false, 0, 16 * GIB), 0);
    assert_false(s.huge_pages);
    assert_int_equal(s.descriptors, 4096);
    assert_int_equal(s.memory_bytes, 44 * MIB);
    assert_string_equal(s.why, "16384 MiB are free for 2 workers");
}

static void huge_pages_are_taken_first(void **state)
{
    (void)state;
    assert_int_equal(choose(1, false, 128 * MIB, 16 * GIB), 0);
    assert_true(s.huge_pages);
    assert_int_equal(s.descriptors, 4096);
    assert_string_equal(s.why, "128 MiB are free for 1 worker");
    o.huge_pages = HUGE_PAGES_NEVER;
    assert_int_equal(choose(1, false, 128 * MIB, 16 * GIB), 0);
    assert_false(s.huge_pages);
}

static void scarce_huge_pages_make_short_queues(void **state)
{
    (void)state;
    assert_int_equal(choose(2, false, 80 * MIB, 16 * GIB), 0); /* 40 each */
    assert_true(s.huge_pages);
    assert_int_equal(s.descriptors, 2048);
    assert_int_equal(s.memory_bytes, 40 * MIB);
    assert_int_equal(choose(2, false, 76 * MIB, 16 * GIB), 0);
    assert_true(s.huge_pages);
    assert_int_equal(s.descriptors, 1024);
    assert_int_equal(choose(2, false, 74 * MIB, 16 * GIB), 0);
    assert_false(s.huge_pages);
    assert_int_equal(s.descriptors, 4096);
}

static void workers_share_what_there_is(void **state)
{
    (void)state;
    for (uint32_t workers = 1; workers <= 64; workers++) {
        assert_int_equal(choose(workers, false, 0, 4 * GIB), 0);
        assert_in_range(s.descriptors, 1024, 4096);
        if (s.descriptors > 1024)
            assert_true(s.memory_bytes * workers <= GIB);
    }
    assert_int_equal(s.descriptors, 1024);
}

/* It does not count what does not fit into fewer. */
static void af_xdp_has_all_its_descriptors(void **state)
{
    (void)state;
    assert_int_equal(choose(64, true, 0, GIB), 0);
    assert_int_equal(s.descriptors, 4096);
    assert_int_equal(s.memory_bytes, 66 * MIB);
}

static void a_small_machine_gets_the_least(void **state)
{
    (void)state;
    assert_int_equal(choose(4, false, 0, 0), 0);
    assert_int_equal(s.descriptors, 1024);
    assert_int_equal(s.memory_bytes, 38 * MIB);
}

static void what_is_said_is_kept_to(void **state)
{
    (void)state;
    o.dpdk_descriptors = 16384;
    assert_int_equal(choose(1, false, 0, 0), 0);
    assert_int_equal(s.descriptors, 16384);
    assert_int_equal(s.memory_bytes, 74 * MIB);
    assert_string_equal(s.why, "by dpdk_descriptors");
    o.dpdk_memory = 16 * MIB;
    assert_int_equal(choose(1, false, GIB, GIB), 0);
    assert_int_equal(s.descriptors, 16384);
    assert_int_equal(s.memory_bytes, 16 * MIB);
    assert_string_equal(s.why, "by dpdk_memory and dpdk_descriptors");
    o.dpdk_descriptors = 0;
    assert_int_equal(choose(1, false, GIB, GIB), 0);
    assert_int_equal(s.descriptors, 1024);
    o.dpdk_memory = GIB;
    assert_int_equal(choose(1, false, 2 * GIB, 0), 0);
    assert_true(s.huge_pages);
    assert_int_equal(s.descriptors, 4096);
    assert_int_equal(s.memory_bytes, GIB);
    assert_string_equal(s.why, "by dpdk_memory");
}

static void reserved_pages_must_be_there(void **state)
{
    (void)state;
    o.huge_pages = HUGE_PAGES_RESERVED;
    assert_int_equal(choose(2, false, 74 * MIB, 16 * GIB), -ENOMEM);
    assert_int_equal(s.memory_bytes, 38 * MIB);
    assert_int_equal(choose(2, false, 76 * MIB, 0), 0);
    assert_true(s.huge_pages);
}

/* --- what is free --- */

static char root[32];

static void put(const char *folder, const char *file, const char *text)
{
    char path[256];
    FILE *f;

    snprintf(path, sizeof path, "%s%s/%s", root, folder, file);
    for (char *slash = path + strlen(root); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(path, 0755);
        *slash = '/';
    }
    f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void it_is_looked_up_on_the_node(void **state)
{
    struct dpdk_sizes_free f;
    char command[64];

    (void)state;
    snprintf(root, sizeof root, "/tmp/spliff-sizes.XXXXXX");
    assert_non_null(mkdtemp(root));
    put("/proc", "meminfo", "MemTotal:  9 kB\nMemAvailable:   1024 kB\n");
    put("/sys/kernel/mm/hugepages/hugepages-2048kB", "free_hugepages", "7\n");
    put("/sys/devices/system/node/node1/hugepages/hugepages-2048kB", "free_hugepages", "3\n");
    put("/sys/devices/system/node/node1", "meminfo",
        "Node 1 MemTotal: 99 kB\nNode 1 MemFree:    2048 kB\nNode 1 Inactive(file): 1024 kB\n");
    dpdk_sizes_look(&f, root, -1);
    assert_int_equal(f.huge_bytes, 14 * MIB);
    assert_int_equal(f.bytes, MIB);
    dpdk_sizes_look(&f, root, 1);
    assert_int_equal(f.huge_bytes, 6 * MIB);
    assert_int_equal(f.bytes, 3 * MIB);
    dpdk_sizes_look(&f, root, 2);
    assert_int_equal(f.huge_bytes + f.bytes, 0);
    snprintf(command, sizeof command, "rm -r %s", root);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(frames_fill_the_queue_and_all_hands, set_up),
        cmocka_unit_test_setup(there_is_enough, set_up),
        cmocka_unit_test_setup(huge_pages_are_taken_first, set_up),
        cmocka_unit_test_setup(scarce_huge_pages_make_short_queues, set_up),
        cmocka_unit_test_setup(workers_share_what_there_is, set_up),
        cmocka_unit_test_setup(af_xdp_has_all_its_descriptors, set_up),
        cmocka_unit_test_setup(a_small_machine_gets_the_least, set_up),
        cmocka_unit_test_setup(what_is_said_is_kept_to, set_up),
        cmocka_unit_test_setup(reserved_pages_must_be_there, set_up),
        cmocka_unit_test_setup(it_is_looked_up_on_the_node, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "manager/sizes.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#define GB (UINT64_C(1) << 30)

static struct options options;

static int setup(void **state)
{
    (void)state;
    options_init(&options);
    return 0;
}

static void tables_grow_with_the_memory_to_a_bound(void **state)
{
    (void)state;
    sizes_choose(&options, 1, 2 * GB);
    assert_int_equal(options.flow_table_size, 2 * GB / 16 / 400);
    assert_int_equal(options.reassembly_memory, 2 * GB / 16);
    options_init(&options);
    sizes_choose(&options, 1, 512 * GB);
    assert_int_equal(options.flow_table_size, 1 << 20);
    assert_int_equal(options.reassembly_memory, 256 << 20);
}

static void workers_share_the_memory(void **state)
{
    (void)state;
    sizes_choose(&options, 8, 16 * GB);
    assert_int_equal(options.flow_table_size, 2 * GB / 16 / 400);
}

static void small_machines_still_have_tables(void **state)
{
    (void)state;
    sizes_choose(&options, 4, 64 << 20);
    assert_int_equal(options.flow_table_size, 16384);
    assert_int_equal(options.reassembly_memory, 16 << 20);
}

static void what_was_asked_for_stays(void **state)
{
    char line[256];

    (void)state;
    options.flow_table_size = 10 << 20;
    options.reassembly_memory = 64 << 20;
    sizes_choose(&options, 1, 2 * GB);
    assert_int_equal(options.flow_table_size, 10 << 20);
    assert_int_equal(options.reassembly_memory, 64 << 20);
    sizes_describe(&options, line, sizeof line);
    assert_string_equal(line, "each worker has room for 10485760 flows (4000 MB when full), and 64 "
                              "MB for bytes that wait");
}

static void the_machine_has_memory(void **state)
{
    (void)state;
    assert_true(sizes_memory_bytes() > 16 << 20);
}

static void rings_leave_memory_for_others(void **state)
{
    static struct topology t;
    char error[INI_ERROR_BYTES] = "";

    (void)state;
    t.n = 5;
    for (unsigned i = 0; i < 4; i++)
        t.nodes[i] = (struct topology_node){.kind = TOPOLOGY_WORKER, .mode = MODE_KERNEL};
    t.nodes[4].kind = TOPOLOGY_LOGGER;
    options.ring_size = GB;
    assert_int_equal(sizes_check(&options, &t, 6 * GB, error), 0);
    assert_int_equal(sizes_check(&options, &t, 5 * GB, error), -ENOMEM);
    assert_string_equal(error, "the workers' rings and buffers would take 4096 of 5120 MB of "
                               "memory: smaller af_packet_buffer_size, or fewer workers");
    t.nodes[0].mode = MODE_AF_XDP;
    options.af_xdp_buffer_size = 8 * GB;
    assert_int_equal(sizes_check(&options, &t, 6 * GB, error), -ENOMEM);
    assert_non_null(strstr(error, "smaller af_xdp_buffer_size"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(tables_grow_with_the_memory_to_a_bound, setup),
        cmocka_unit_test_setup(workers_share_the_memory, setup),
        cmocka_unit_test_setup(small_machines_still_have_tables, setup),
        cmocka_unit_test_setup(what_was_asked_for_stays, setup),
        cmocka_unit_test(the_machine_has_memory),
        cmocka_unit_test_setup(rings_leave_memory_for_others, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Orders in memory that two sides have: they come in turn, and nothing in there makes the side that
 * takes them read elsewhere. */
#include "common/ipc/dpdk_orders.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define FLOWS 5u /* no power of two */

static struct dpdk_orders worker, owner;
static void *memory;

static int set_up(void **state)
{
    (void)state;
    memory = calloc(1, dpdk_orders_bytes(FLOWS));
    if (!memory)
        return -1;
    dpdk_orders_init(&worker, memory, FLOWS);
    dpdk_orders_init(&owner, memory, FLOWS);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(memory);
    return 0;
}

static void they_come_in_turn(void **state)
{
    uint32_t number = 99;

    (void)state;
    assert_false(dpdk_orders_take(&owner, &number));
    for (unsigned round = 0; round < 7; round++) { /* round the ring and further */
        for (uint32_t i = 0; i < FLOWS; i++)
            dpdk_orders_give(&worker, (i + round) % FLOWS);
        for (uint32_t i = 0; i < FLOWS; i++) {
            assert_true(dpdk_orders_take(&owner, &number));
            assert_int_equal(number, (i + round) % FLOWS);
            assert_int_equal(owner.order[number].open, 1);
            dpdk_orders_answer(&owner, number);
            assert_int_equal(worker.order[number].open, 0);
        }
        assert_false(dpdk_orders_take(&owner, &number));
    }
}

static void the_memory_is_large_enough(void **state)
{
    uintptr_t end = (uintptr_t)memory + dpdk_orders_bytes(FLOWS);

    (void)state;
    assert_true((uintptr_t)(worker.order + FLOWS) <= end);
    assert_true((uintptr_t)(worker.ring->number + worker.mask + 1) <= (uintptr_t)worker.order);
    assert_int_equal((uintptr_t)worker.order % _Alignof(struct dpdk_order), 0);
}

static void numbers_that_are_none_are_passed_over(void **state)
{
    uint32_t number = 99;

    (void)state;
    dpdk_orders_give(&worker, 0);
    dpdk_orders_give(&worker, 1);
    dpdk_orders_give(&worker, 2);
    worker.ring->number[0] = FLOWS;
    worker.ring->number[1] = UINT32_MAX;
    assert_true(dpdk_orders_take(&owner, &number));
    assert_int_equal(number, 2);
    assert_false(dpdk_orders_take(&owner, &number));
}

static void more_than_there_is_room_for_is_none(void **state)
{
    uint32_t number = 99;

    (void)state;
    worker.ring->given = 1000;
    assert_false(dpdk_orders_take(&owner, &number));
    dpdk_orders_give(&worker, 3);
    assert_true(dpdk_orders_take(&owner, &number));
    assert_int_equal(number, 3);
}

static void a_successor_begins_anew(void **state)
{
    uint32_t number = 99;

    (void)state;
    dpdk_orders_give(&worker, 4);
    assert_true(dpdk_orders_take(&owner, &number));
    dpdk_orders_give(&worker, 1);
    dpdk_orders_reset(&owner);
    assert_false(dpdk_orders_take(&owner, &number));
    assert_int_equal(owner.order[4].open | owner.order[1].open, 0);
    dpdk_orders_init(&worker, memory, FLOWS);
    dpdk_orders_give(&worker, 4);
    assert_true(dpdk_orders_take(&owner, &number));
    assert_int_equal(number, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(they_come_in_turn, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_memory_is_large_enough, set_up, tear_down),
        cmocka_unit_test_setup_teardown(numbers_that_are_none_are_passed_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(more_than_there_is_room_for_is_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_successor_begins_anew, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

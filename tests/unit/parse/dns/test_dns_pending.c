/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/parse/dns/dns_pending.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct bufpool bufs;
static struct dns_pending p;

static int setup(void **state)
{
    (void)state;
    memset(&p, 0, sizeof p);
    return bufpool_init(&bufs, BUFPOOL_MAX_BYTES * 8);
}

static int teardown(void **state)
{
    (void)state;
    dns_pending_free(&p, &bufs);
    assert_int_equal(bufs.used_bytes, 0);
    bufpool_fini(&bufs);
    return 0;
}

static int add(uint16_t id, const char *text)
{
    return dns_pending_add(&p, &bufs, id, id * UINT64_C(1000), (const uint8_t *)text, strlen(text));
}

static void assert_ids(const uint16_t *ids, size_t n)
{
    struct dns_query q;
    size_t i = 0;

    for (bool more = dns_pending_next(&p, &q, true); more; more = dns_pending_next(&p, &q, false)) {
        assert_true(i < n);
        assert_int_equal(q.id, ids[i]);
        assert_int_equal(q.ts_ns, ids[i] * UINT64_C(1000));
        i++;
    }
    assert_int_equal(i, n);
    assert_int_equal(p.count, n);
}

static void keeps_order_and_bytes(void **state)
{
    struct dns_query q;

    (void)state;
    assert_int_equal(add(7, "seven"), 0);
    assert_int_equal(add(8, "eight!"), 0);
    assert_ids((uint16_t[]){7, 8}, 2);
    assert_true(dns_pending_next(&p, &q, true) && dns_pending_next(&p, &q, false));
    assert_int_equal(q.len, 6);
    assert_memory_equal(q.message, "eight!", 6);
}

static void removes_from_any_place(void **state)
{
    struct dns_query q;

    (void)state;
    for (uint16_t id = 1; id <= 4; id++)
        assert_int_equal(add(id, "message"), 0);
    assert_true(dns_pending_next(&p, &q, true) && dns_pending_next(&p, &q, false));
    dns_pending_remove(&p, &bufs, &q);
    assert_ids((uint16_t[]){1, 3, 4}, 3);
    assert_true(dns_pending_next(&p, &q, true));
    dns_pending_remove(&p, &bufs, &q);
    assert_ids((uint16_t[]){3, 4}, 2);
}

static void last_removal_gives_memory_back(void **state)
{
    struct dns_query q;

    (void)state;
    assert_int_equal(add(1, "message"), 0);
    assert_true(bufs.used_bytes > 0);
    assert_true(dns_pending_next(&p, &q, true));
    dns_pending_remove(&p, &bufs, &q);
    assert_int_equal(bufs.used_bytes, 0);
    assert_false(dns_pending_next(&p, &q, true));
}

static void count_is_bounded(void **state)
{
    (void)state;
    for (unsigned i = 0; i < DNS_PENDING_MAX; i++)
        assert_int_equal(add((uint16_t)i, "m"), 0);
    assert_int_equal(add(999, "m"), -ENOBUFS);
    assert_int_equal(p.count, DNS_PENDING_MAX);
}

static void bytes_are_bounded(void **state)
{
    static uint8_t big[4096];
    unsigned n = 0;

    (void)state;
    while (dns_pending_add(&p, &bufs, 1, 1, big, sizeof big) == 0)
        n++;
    assert_int_equal(n, 3);
    assert_true(p.buf.len <= DNS_PENDING_MAX_BYTES);
}

static void memory_that_runs_out_leaves_it_whole(void **state)
{
    void *all[8 * BUFPOOL_MAX_BYTES / 1024];
    size_t capacity, n = 0;

    (void)state;
    assert_int_equal(add(1, "message"), 0);
    while ((all[n] = bufpool_get(&bufs, 64 * 1024, &capacity)))
        n++;
    while (add(2, "message") == 0)
        continue;
    assert_true(p.count >= 1 && p.count < DNS_PENDING_MAX);
    while (n > 0)
        bufpool_put(&bufs, all[--n], 64 * 1024);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keeps_order_and_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(removes_from_any_place, setup, teardown),
        cmocka_unit_test_setup_teardown(last_removal_gives_memory_back, setup, teardown),
        cmocka_unit_test_setup_teardown(count_is_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(bytes_are_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(memory_that_runs_out_leaves_it_whole, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

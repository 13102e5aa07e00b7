/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/flow/uid.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct flow_key example_key(uint16_t sport)
{
    struct ipaddr a, b;
    struct flow_key key;

    ipaddr_set_v4(&a, (const uint8_t[]){192, 0, 2, 1});
    ipaddr_set_v4(&b, (const uint8_t[]){192, 0, 2, 2});
    flow_key_set(&key, &a, sport, &b, 53, 17);
    return key;
}

static void assert_format(uint32_t hi, uint64_t lo, const char *expected)
{
    char out[UID_MAX];
    size_t n = uid_format(out, 'C', hi, lo);

    assert_int_equal(n, strlen(expected));
    assert_memory_equal(out, expected, n);
}

static void digits_come_least_significant_first(void **state)
{
    (void)state;
    assert_format(0, 0, "C00");
    assert_format(1, 61, "C1Z");
    assert_format(62, 62 * 62 + 10, "C01a01");
    assert_format(UINT32_MAX, UINT64_MAX, "C3cfFG4fyha61AhGYl");
}

static void longest_fits(void **state)
{
    char out[UID_MAX];

    (void)state;
    assert_true(uid_format(out, 'C', UINT32_MAX, UINT64_MAX) <= 18);
}

static void same_input_gives_same_uid(void **state)
{
    struct flow_key key = example_key(1024);
    uint32_t hi[2];
    uint64_t lo[2];

    (void)state;
    uid_make(&key, 1000, 7, &hi[0], &lo[0]);
    uid_make(&key, 1000, 7, &hi[1], &lo[1]);
    assert_int_equal(hi[0], hi[1]);
    assert_int_equal(lo[0], lo[1]);
}

/* Each of port, start and seed alone changes about half of the 96 bits, at least a quarter. */
static void every_input_spreads(void **state)
{
    struct flow_key base = example_key(1024);
    uint32_t hi0;
    uint64_t lo0;

    (void)state;
    uid_make(&base, 1000, 7, &hi0, &lo0);
    for (unsigned bit = 0; bit < 8; bit++) {
        struct flow_key port = example_key((uint16_t)(1024 ^ 1u << bit));
        const struct {
            const struct flow_key *key;
            uint64_t start_ns;
            uint32_t seed;
        } v[] = {{&port, 1000, 7}, {&base, 1000 ^ 1u << bit, 7}, {&base, 1000, 7 ^ 1u << bit}};
        for (size_t i = 0; i < 3; i++) {
            uint32_t hi;
            uint64_t lo;
            uid_make(v[i].key, v[i].start_ns, v[i].seed, &hi, &lo);
            assert_in_range(__builtin_popcount(hi ^ hi0) + __builtin_popcountll(lo ^ lo0), 24, 72);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digits_come_least_significant_first),
        cmocka_unit_test(longest_fits),
        cmocka_unit_test(same_input_gives_same_uid),
        cmocka_unit_test(every_input_spreads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

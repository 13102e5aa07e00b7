/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/base/flow_key.h"

#include "tests/unit/addresses.h"

static void both_directions_have_one_key_and_one_hash(void **state)
{
    static const char *const pairs[][2] = {
        {"192.0.2.1", "198.51.100.7"}, {"2001:db8::1", "2001:db8::2"}, {"10.0.0.1", "10.0.0.1"}};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct ipaddr a = address(pairs[i][0]), b = address(pairs[i][1]);
        struct flow_key there, back;
        unsigned from = flow_key_set(&there, &a, 40000, &b, 443, 6);

        assert_int_equal(flow_key_set(&back, &b, 443, &a, 40000, 6), !from);
        assert_true(flow_key_equal(&there, &back));
        assert_int_equal(there.port[from], 40000);
        assert_int_equal(flow_key_hash(&there, 7), flow_key_hash(&back, 7));
        assert_int_not_equal(flow_key_hash(&there, 7), flow_key_hash(&there, 8));
    }
}

static void hash_spreads_ports_over_buckets(void **state)
{
    struct ipaddr a = address("192.0.2.1"), b = address("198.51.100.7");
    unsigned used[FLOW_BUCKETS] = {0}, worst = 0;

    (void)state;
    for (unsigned port = 0; port < 64 * FLOW_BUCKETS; port++) {
        struct flow_key k;
        unsigned bucket;

        flow_key_set(&k, &a, (uint16_t)port, &b, 443, 6);
        bucket = flow_key_hash(&k, 1) % FLOW_BUCKETS;
        if (++used[bucket] > worst)
            worst = used[bucket];
    }
    assert_in_range(worst, 64, 128); /* 64 on average; a Poisson tail stays well below twice that */
}

static void addresses_print_as_people_write_them(void **state)
{
    char out[IPADDR_TEXT_MAX];
    struct ipaddr a = address("192.0.2.104"), b = address("2001:db8:0:0:0:0:0:5");

    (void)state;
    assert_int_equal(ipaddr_format(&a, out), 11);
    assert_memory_equal(out, "192.0.2.104", 11);
    assert_int_equal(ipaddr_format(&b, out), 11);
    assert_memory_equal(out, "2001:db8::5", 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_directions_have_one_key_and_one_hash),
        cmocka_unit_test(hash_spreads_ports_over_buckets),
        cmocka_unit_test(addresses_print_as_people_write_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/probe/route.h"

#include "tests/unit/addresses.h"

#include <netinet/in.h>

/* Captured: eth0 (worker 0), br0 (worker 1), lo (worker 2). */
enum { ETH0, BR0, LO };

static struct heritage heritage;
static struct route route;

static void add(const char *text, uint8_t bits, uint8_t interface)
{
    route.address[route.n++] =
        (struct route_address){.addr = address(text), .bits = bits, .interface = interface};
}

static int setup(void **state)
{
    (void)state;
    heritage.n_workers = 3;
    heritage.probe.n_interfaces = 3;
    for (unsigned i = 0; i < 3; i++)
        for (unsigned b = 0; b < FLOW_BUCKETS; b++)
            heritage.probe.owner[i][b] = (uint16_t)i;
    route = (struct route){.heritage = &heritage, .loopback = LO};
    add("192.0.2.10", 96 + 24, ETH0);
    add("2001:db8::10", 64, ETH0);
    add("172.17.0.1", 96 + 16, BR0);
    add("127.0.0.1", 96 + 8, LO);
    add("::1", 128, LO);
    add("198.51.100.1", 96 + 24, HERITAGE_INTERFACES);
    return 0;
}

static unsigned worker_of(const char *local, uint16_t port, const char *remote)
{
    struct ipaddr l = address(local), r = address(remote);
    struct flow_key key;

    (void)flow_key_set(&key, &l, port, &r, 443, IPPROTO_TCP);
    return route_worker(&route, route_interface(&route, &l, &r), &key);
}

static unsigned worker(const char *local, const char *remote)
{
    return worker_of(local, 50000, remote);
}

static void packets_are_seen_where_the_local_address_is(void **state)
{
    (void)state;
    assert_int_equal(worker("192.0.2.10", "203.0.113.5"), ETH0);
    assert_int_equal(worker("2001:db8::10", "2001:db8:1::1"), ETH0);
    assert_int_equal(worker("172.17.0.1", "172.17.0.5"), BR0);
}

static void what_stays_on_the_host_goes_through_loopback(void **state)
{
    (void)state;
    assert_int_equal(worker("127.0.0.1", "127.0.0.1"), LO);
    assert_int_equal(worker("127.5.6.7", "127.0.0.1"), LO);
    assert_int_equal(worker("::1", "::1"), LO);
    assert_int_equal(worker("192.0.2.10", "192.0.2.10"), LO);
    assert_int_equal(worker("172.17.0.1", "192.0.2.10"), LO);
    route.loopback = HERITAGE_INTERFACES; /* not captured */
    assert_int_equal(worker("172.17.0.1", "192.0.2.10"), BR0);
    assert_int_equal(worker("127.0.0.1", "127.0.0.1"), LO); /* by its address, as any */
}

static void a_container_is_behind_the_bridge_with_its_network(void **state)
{
    (void)state;
    assert_int_equal(worker("172.17.0.5", "203.0.113.5"), BR0);
    assert_int_equal(worker("10.9.8.7", "172.17.0.5"), BR0);
    assert_int_equal(worker("10.9.8.7", "203.0.113.5"), ETH0); /* who knows: the first */
    assert_int_equal(worker("198.51.100.1", "203.0.113.5"), ETH0);
    assert_int_equal(worker("198.51.100.1", "172.17.0.5"), BR0);
}

/* The worker that gets the packets: the same bucket as decode's, from both ends. */
static void the_bucket_is_that_of_the_packets(void **state)
{
    struct ipaddr l = address("192.0.2.10"), r = address("203.0.113.5");
    struct flow_key key;
    uint32_t bucket;

    (void)state;
    heritage.seed = 12345;
    (void)flow_key_set(&key, &r, 443, &l, 50000, IPPROTO_TCP);
    bucket = flow_key_hash(&key, heritage.seed) % FLOW_BUCKETS;
    heritage.probe.owner[ETH0][bucket] = 7;
    assert_int_equal(worker_of("192.0.2.10", 50000, "203.0.113.5"), 7);
    assert_int_equal(worker_of("192.0.2.10", 50001, "203.0.113.5"), 0);
}

/* This machine has a loopback, whatever else. */
static void addresses_are_read_from_the_system(void **state)
{
    const struct ipaddr loopback = address("127.0.0.1");
    unsigned found = 0;

    (void)state;
    memset(&heritage, 0, sizeof heritage);
    heritage.probe.n_interfaces = 2;
    memcpy(heritage.probe.interface[1], "lo", 3);
    route_init(&route, &heritage);
    assert_int_not_equal(route.netns, 0);
    for (unsigned i = 0; i < route.n; i++)
        found += memcmp(&route.address[i].addr, &loopback, sizeof loopback) == 0 &&
                 route.address[i].interface == 1 && route.address[i].bits == 104;
    assert_int_equal(found, 1);
    assert_int_equal(route.loopback, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(packets_are_seen_where_the_local_address_is, setup),
        cmocka_unit_test_setup(what_stays_on_the_host_goes_through_loopback, setup),
        cmocka_unit_test_setup(a_container_is_behind_the_bridge_with_its_network, setup),
        cmocka_unit_test_setup(the_bucket_is_that_of_the_packets, setup),
        cmocka_unit_test_setup(addresses_are_read_from_the_system, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

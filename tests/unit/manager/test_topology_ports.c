/* SPDX-License-Identifier: BSD-3-Clause */
#include "manager/topology_ports.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct topology topology;
static char error[INI_ERROR_BYTES];

static void run_on(unsigned workers, const char *interfaces, enum mode mode)
{
    assert_int_equal(topology_of_run(&topology, workers, interfaces, mode, "", true, error), 0);
}

static void test_none_is_needed(void **state)
{
    (void)state;
    run_on(4, "eth0", MODE_KERNEL);
    assert_int_equal(topology_add_ports(&topology, true), 0);
    assert_int_equal(topology_count(&topology, TOPOLOGY_PORT), 0);
    run_on(1, "0000:03:00.0 net_tap0", MODE_DPDK);
    assert_int_equal(topology_add_ports(&topology, false), 0);
    assert_int_equal(topology_count(&topology, TOPOLOGY_PORT), 0);
    run_on(4, "net_af_xdp0,iface=eth0", MODE_DPDK);
    assert_int_equal(topology_add_ports(&topology, false), 0);
    assert_int_equal(topology_count(&topology, TOPOLOGY_PORT), 0);
}

static void test_one_for_each_device(void **state)
{
    (void)state;
    run_on(2, "0000:03:00.0 0000:03:00.1", MODE_DPDK);
    assert_int_equal(topology_add_ports(&topology, false), 0);
    assert_int_equal(topology.n, 2 + 2 + 4 + 1);
    assert_string_equal(topology.nodes[2].name, "port-1");
    assert_string_equal(topology.nodes[2].interface, "0000:03:00.0");
    assert_int_equal(topology.nodes[2].kind, TOPOLOGY_PORT);
    assert_int_equal(topology.nodes[2].mode, MODE_DPDK);
    assert_string_equal(topology.nodes[3].name, "port-2");
    assert_string_equal(topology.nodes[3].interface, "0000:03:00.1");
    assert_string_equal(topology.nodes[4].name, "worker-1");
    assert_string_equal(topology.nodes[8].name, "probe");
    assert_string_equal(topology_kind_name(TOPOLOGY_PORT), "port");
}

static void test_names_differ(void **state)
{
    (void)state;
    run_on(1, "net_pcap0,rx_pcap=/a", MODE_DPDK);
    strcpy(topology.nodes[1].name, "Port-1");
    assert_int_equal(topology_add_ports(&topology, true), 0);
    assert_string_equal(topology.nodes[2].name, "port-2");
}

static void test_too_many_nodes(void **state)
{
    (void)state;
    run_on(2, "0000:03:00.0", MODE_DPDK);
    topology.n = TOPOLOGY_NODES_MAX;
    assert_int_equal(topology_add_ports(&topology, false), -ENOSPC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_none_is_needed),
        cmocka_unit_test(test_one_for_each_device),
        cmocka_unit_test(test_names_differ),
        cmocka_unit_test(test_too_many_nodes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

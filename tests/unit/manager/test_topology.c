/* SPDX-License-Identifier: BSD-3-Clause */
/* node.cfg: what zeekctl's files mean here, and the line and words of each refusal. */
#include "manager/topology.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct topology topology;
static struct text notes;
static char error[INI_ERROR_BYTES];

static int read_text(const char *text)
{
    text_free(&notes);
    return topology_read_text(text, strlen(text), "node.cfg", &topology, &notes, error);
}

#define MANAGER "[manager]\ntype=manager\nhost=localhost\n"
#define WORKER  "[worker]\ntype=worker\nhost=localhost\ninterface=eth0\n"

static int end(void **state)
{
    (void)state;
    text_free(&notes);
    return 0;
}

static void expect(unsigned i, const char *name, enum topology_kind kind, int pin)
{
    assert_true(i < topology.n);
    assert_string_equal(topology.nodes[i].name, name);
    assert_int_equal(topology.nodes[i].kind, kind);
    assert_int_equal(topology.nodes[i].pin_cpu, pin);
}

static void test_cluster(void **state)
{
    (void)state;
    assert_int_equal(read_text("# a cluster\n" WORKER "interface = af_packet::ignored?\n"),
                     -EINVAL);
    assert_int_equal(read_text("[worker]\ntype = worker\nhost = LOCALHOST\n"
                               "interface=af_packet::eth0\nlb_method=af_packet\nlb_procs=3\n"
                               "pin_cpus=4,6\nenv_vars=TZ=UTC,A=1\n\n" MANAGER
                               "[log]\ntype=logger\nhost=127.0.0.1\n"),
                     0);
    assert_int_equal(topology.n, 5);
    expect(0, "manager", TOPOLOGY_MANAGER, -1);
    expect(1, "log", TOPOLOGY_LOGGER, -1);
    expect(2, "worker-1", TOPOLOGY_WORKER, 4);
    expect(3, "worker-2", TOPOLOGY_WORKER, 6);
    expect(4, "worker-3", TOPOLOGY_WORKER, 4);
    assert_string_equal(topology.nodes[2].interface, "eth0");
    assert_string_equal(topology.nodes[2].env_vars, "TZ=UTC,A=1");
    assert_null(notes.p);
}

static void test_one_worker_keeps_its_name(void **state)
{
    (void)state;
    assert_int_equal(read_text(MANAGER WORKER), 0);
    expect(1, "logger-1", TOPOLOGY_LOGGER, -1);
    expect(2, "worker", TOPOLOGY_WORKER, -1);
    assert_non_null(strstr(notes.p, "no logger is named"));
    assert_int_equal(read_text(MANAGER WORKER "lb_procs=1\n"), 0);
    expect(2, "worker-1", TOPOLOGY_WORKER, -1);
}

static void test_standalone(void **state)
{
    (void)state;
    assert_int_equal(read_text("[zeek]\ntype=standalone\nhost=localhost\ninterface=eth0\n"), 0);
    assert_int_equal(topology.n, 3);
    expect(2, "worker-1", TOPOLOGY_WORKER, -1);
    assert_int_equal(read_text("[zeek]\ntype=standalone\nhost=localhost\ninterface=eth0\n" WORKER),
                     -EINVAL);
    assert_int_equal(read_text(WORKER "[zeek]\ntype=standalone\nhost=localhost\ninterface=eth0\n"),
                     -EINVAL);
}

#define PROBE "[probe]\ntype=probe\nhost=localhost\n"

static void test_probe(void **state)
{
    (void)state;
    assert_int_equal(read_text(PROBE "pin_cpus=5,6\nenv_vars=A=1\n" MANAGER WORKER), 0);
    assert_int_equal(topology.n, 4);
    expect(2, "worker", TOPOLOGY_WORKER, -1);
    expect(3, "probe", TOPOLOGY_PROBE, 5);
    assert_string_equal(topology.nodes[3].env_vars, "A=1");
    /* Beside a standalone node, before it or after it. */
    assert_int_equal(read_text("[z]\ntype=standalone\nhost=localhost\ninterface=eth0\n" PROBE), 0);
    expect(3, "probe", TOPOLOGY_PROBE, -1);
    assert_int_equal(read_text(PROBE "[z]\ntype=standalone\nhost=localhost\ninterface=eth0\n"), 0);
    expect(3, "probe", TOPOLOGY_PROBE, -1);
}

static void test_devices_of_dpdk(void **state)
{
    (void)state;
    assert_int_equal(
        read_text(MANAGER "[w]\ntype=worker\nhost=localhost\npci=03:00.0\nlb_procs=2\nlcores=4-5\n"
                          "[v]\ntype=worker\nhost=localhost\nvdev=net_tap0,iface=x\n"),
        0);
    expect(2, "w-1", TOPOLOGY_WORKER, 4);
    expect(3, "w-2", TOPOLOGY_WORKER, 5);
    assert_string_equal(topology.nodes[2].interface, "0000:03:00.0");
    assert_int_equal(topology.nodes[2].mode, MODE_DPDK);
    assert_string_equal(topology.nodes[4].interface, "net_tap0,iface=x");
    assert_int_equal(topology.nodes[4].mode, MODE_DPDK);
    assert_int_equal(read_text(MANAGER "[w]\ntype=worker\nhost=localhost\ninterface=dpdk::3:0.0\n"),
                     0);
    assert_string_equal(topology.nodes[2].interface, "0000:3:0.0");
}

static void test_run_of_several_devices(void **state)
{
    char many[TOPOLOGY_NAME_MAX + 8];

    (void)state;
    assert_int_equal(
        topology_of_run(&topology, 2, "net_tap0 net_tap1", MODE_DPDK, "0,1,2,3", false, error), 0);
    assert_int_equal(topology_count(&topology, TOPOLOGY_WORKER), 4);
    expect(4, "worker-3", TOPOLOGY_WORKER, 2);
    assert_string_equal(topology.nodes[3].interface, "net_tap0");
    assert_string_equal(topology.nodes[4].interface, "net_tap1");
    memset(many, 'a', sizeof many - 1);
    many[sizeof many - 1] = '\0';
    assert_int_equal(topology_of_run(&topology, 1, many, MODE_DPDK, "", false, error), -EINVAL);
    assert_int_equal(topology_of_run(&topology, 100, "a b", MODE_DPDK, "", false, error), -EINVAL);
}

static void test_accepted_without_effect(void **state)
{
    (void)state;
    assert_int_equal(read_text(MANAGER "[proxy-1]\ntype=proxy\nhost=localhost\n" WORKER
                                       "aux_scripts=x\naf_packet_fanout_id=7\n"),
                     0);
    assert_int_equal(topology_count(&topology, TOPOLOGY_PROXY), 1);
    assert_non_null(strstr(notes.p, "node.cfg:4: proxy-1"));
    assert_non_null(strstr(notes.p, "node.cfg:11: aux_scripts is ignored"));
    assert_non_null(strstr(notes.p, "node.cfg:12: af_packet_fanout_id is ignored"));
}

static void test_refusals(void **state)
{
    static const struct {
        const char *text;
        const char *error;
    } cases[] = {
        {MANAGER "[worker]\ntype=worker\nhost=localhost\n",
         "node.cfg:4: [worker] has no interface"},
        {MANAGER WORKER "lb_proc=2\n", "node.cfg:8: unknown key lb_proc; did you mean lb_procs?"},
        {MANAGER WORKER "lb_procs=many\n",
         "node.cfg:8: lb_procs=many: give a number from 1 to 192"},
        {MANAGER WORKER "lb_procs=0\n", "node.cfg:8: lb_procs=0: give a number from 1 to 192"},
        {MANAGER WORKER "lb_procs=4294967297\n",
         "node.cfg:8: lb_procs=4294967297: give a number from 1 to 192"},
        {MANAGER WORKER "lb_method=pf_ring\nlb_procs=2\n",
         "node.cfg:8: lb_method=pf_ring: give af_packet, xdp, af_xdp or dpdk"},
        {MANAGER "[w]\ntype=worker\nhost=localhost\ninterface=pf_ring::eth0\n",
         "node.cfg:7: interface=pf_ring::eth0: before :: give af_packet, xdp, af_xdp or dpdk"},
        {MANAGER
         "[w]\ntype=worker\nhost=localhost\ninterface=xdp::eth0\nlb_method=af_xdp\nlb_procs=2\n",
         "node.cfg:8: lb_method=af_xdp: interface=xdp::eth0 says another method"},
        {MANAGER WORKER "lb_method=af_packet\n",
         "node.cfg:8: lb_method without lb_procs: give lb_procs=N, the workers"},
        {MANAGER WORKER "pci=03:00.0\n",
         "node.cfg:8: [worker]: give one of interface, pci and vdev"},
        {MANAGER "[w]\ntype=worker\nhost=localhost\npci=eth0\n",
         "node.cfg:7: pci=eth0: give a PCI address such as 0000:03:00.0"},
        {MANAGER "[w]\ntype=worker\nhost=localhost\nvdev=tap0\n",
         "node.cfg:7: vdev=tap0: give a virtual device such as net_af_xdp0,iface=eth1, without "
         "blanks"},
        {MANAGER "[w]\ntype=worker\nhost=localhost\npci=03:00.0\nlb_method=xdp\nlb_procs=1\n",
         "node.cfg:8: lb_method=xdp: a device of pci= or vdev= is read by dpdk"},
        {MANAGER "[w]\ntype=worker\nhost=localhost\npci=03:00.0\nlb_procs=2\nlcores=1\n",
         "node.cfg:9: lcores=1: give a core for each of the 2 workers"},
        {MANAGER WORKER "lcores=1\n",
         "node.cfg:8: lcores is for workers of lb_method=dpdk: give pin_cpus"},
        {MANAGER "[w]\ntype=worker\nhost=localhost\npci=03:00.0\npin_cpus=1\nlcores=1\n",
         "node.cfg:9: lcores: pin_cpus says the same; give one"},
        {MANAGER WORKER "pin_cpus=3-1\n",
         "node.cfg:8: pin_cpus=3-1: give at most 64 core numbers such as 0,2,4"},
        {MANAGER WORKER "env_vars=1A=x\n", "node.cfg:8: env_vars=1A=x: give NAME=VALUE,NAME=VALUE"},
        {MANAGER WORKER "host=localhost\n", "node.cfg:8: host was already set in line 6"},
        {MANAGER WORKER WORKER,
         "node.cfg:8: there is already a node named worker: names must differ"},
        {MANAGER WORKER "[WORKER]\ntype=logger\nhost=localhost\n",
         "node.cfg:8: there is already a node named WORKER: names must differ"},
        {MANAGER "[w]\ntype=worker\nhost=10.0.0.2\ninterface=eth0\n",
         "node.cfg:6: host=10.0.0.2: nodes run on this host only; give localhost"},
        {MANAGER "[w]\ntype=worker\ninterface=eth0\n",
         "node.cfg:4: [w] has no host: give host=localhost"},
        {MANAGER "[w]\nhost=localhost\n", "node.cfg:4: [w] has no type"},
        {MANAGER "[w]\ntype=wroker\nhost=localhost\n",
         "node.cfg:5: type=wroker: give manager, logger, worker, probe, proxy or standalone"},
        {MANAGER WORKER PROBE "[p2]\ntype=probe\nhost=localhost\n",
         "node.cfg:11: [p2]: there is a probe already, and one sees the whole host"},
        {MANAGER WORKER PROBE "lb_procs=2\n", "node.cfg:11: lb_procs is for workers only"},
        {MANAGER WORKER PROBE "pin_cpus=a\n",
         "node.cfg:11: pin_cpus=a: give at most 64 core numbers such as 0,2,4"},
        {WORKER, "node.cfg:1: no [section] with type=manager: give exactly one"},
        {MANAGER, "node.cfg:1: no [section] with type=worker: give at least one"},
        {MANAGER "[empty]\n" WORKER, "node.cfg:4: this section is empty"},
        {MANAGER WORKER "[empty]\n", "node.cfg:8: this section is empty"},
        {"type=worker\n", "node.cfg:1: type stands before the first [section]"},
        {MANAGER "what\n", "node.cfg:4: this line is neither [section] nor key = value"},
        {MANAGER "[a/b]\ntype=logger\n",
         "node.cfg:4: [a/b]: a name has letters, digits, - _ and . only"},
        {"", "node.cfg:1: no [section] with type=manager: give exactly one"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (read_text(cases[i].text) != -EINVAL)
            fail_msg("taken: %s", cases[i].text);
        assert_string_equal(error, cases[i].error);
    }
}

static void test_percent(void **state)
{
    (void)state;
    assert_int_equal(read_text(MANAGER WORKER "env_vars=A=50%%\n"), 0);
    assert_string_equal(topology.nodes[2].env_vars, "A=50%");
    assert_int_equal(read_text(MANAGER WORKER "env_vars=A=50%\n"), -EINVAL);
    assert_int_equal(read_text(MANAGER WORKER "env_vars=A=50%s\n"), -EINVAL);
}

static void test_bounds(void **state)
{
    char line[400];

    (void)state;
    memset(line, 'a', sizeof line);
    line[sizeof line - 1] = '\0';
    assert_int_equal(read_text(line), -EINVAL);
    assert_string_equal(error, "node.cfg:1: this line is too long");
    assert_int_equal(read_text(MANAGER WORKER "lb_procs=192\n"), 0);
    assert_int_equal(topology_count(&topology, TOPOLOGY_WORKER), 192);
    assert_int_equal(read_text(MANAGER WORKER "lb_procs=192\n[w]\ntype=worker\nhost=localhost\n"
                                              "interface=eth1\n"),
                     -EINVAL);
}

static void test_run(void **state)
{
    (void)state;
    assert_int_equal(topology_of_run(&topology, 2, "eth0", MODE_AUTO, "3", false, error), 0);
    expect(0, "manager", TOPOLOGY_MANAGER, -1);
    expect(1, "logger-1", TOPOLOGY_LOGGER, -1);
    expect(3, "worker-2", TOPOLOGY_WORKER, 3);
    assert_int_equal(topology_of_run(&topology, 2, "eth0", MODE_AUTO, "3,x", false, error),
                     -EINVAL);
    assert_int_equal(topology_of_run(&topology, 0, "eth0", MODE_AUTO, "", false, error), -EINVAL);
    assert_int_equal(topology_of_run(&topology, 2, "eth0", MODE_AUTO, "3", true, error), 0);
    assert_int_equal(topology.n, 5);
    expect(4, "probe", TOPOLOGY_PROBE, -1);
}

static void test_a_reader_stands_before_its_workers(void **state)
{
    (void)state;
    assert_int_equal(topology_of_run(&topology, 2, "", MODE_PCAP, "3", false, error), 0);
    assert_int_equal(topology.n, 4);
    assert_int_equal(topology_count(&topology, TOPOLOGY_READER), 0);
    topology_add_reader(&topology);
    assert_int_equal(topology.n, 5);
    expect(0, "manager", TOPOLOGY_MANAGER, -1);
    expect(1, "logger-1", TOPOLOGY_LOGGER, -1);
    expect(2, "reader", TOPOLOGY_READER, -1);
    expect(3, "worker-1", TOPOLOGY_WORKER, 3);
    expect(4, "worker-2", TOPOLOGY_WORKER, 3);
    assert_int_equal(read_text(MANAGER "[r]\ntype=reader\nhost=localhost\n" WORKER), -EINVAL);
    assert_non_null(strstr(error, "type=reader: give"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cluster),
        cmocka_unit_test(test_one_worker_keeps_its_name),
        cmocka_unit_test(test_a_reader_stands_before_its_workers),
        cmocka_unit_test(test_standalone),
        cmocka_unit_test(test_probe),
        cmocka_unit_test(test_devices_of_dpdk),
        cmocka_unit_test(test_run_of_several_devices),
        cmocka_unit_test(test_accepted_without_effect),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_percent),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_run),
    };

    return cmocka_run_group_tests(tests, NULL, end);
}

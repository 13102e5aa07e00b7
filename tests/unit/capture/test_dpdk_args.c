/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/capture/dpdk_args.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct heritage heritage;
static struct dpdk_args args;
static enum dpdk_role role;

/* All arguments, with blanks between them. */
static const char *build(const cpu_set_t *cores)
{
    static char line[DPDK_ARGS_BYTES];
    size_t n = 0;

    dpdk_args_build(&args, &heritage, role, 99, cores);
    for (int i = 0; i < args.argc; i++)
        n += (size_t)snprintf(line + n, sizeof line - n, "%s%s", i > 0 ? " " : "", args.argv[i]);
    assert_null(args.argv[args.argc]);
    return line;
}

static void of_device(const char *device, bool vdev, bool huge_pages)
{
    role = DPDK_ALONE;
    heritage = (struct heritage){.manager_pid = 77, .node = "worker-2"};
    heritage.capture.dpdk = (struct heritage_dpdk){.vdev = vdev,
                                                   .huge_pages = huge_pages,
                                                   .numa_node = -1,
                                                   .memory_bytes = UINT64_C(128) << 20};
    snprintf(heritage.capture.dpdk.device, HERITAGE_DEVICE_MAX, "%s", device);
}

static void test_vdev(void **state)
{
    cpu_set_t cores;

    (void)state;
    CPU_ZERO(&cores);
    CPU_SET(0, &cores);
    CPU_SET(3, &cores);
    of_device("net_af_xdp0,iface=tap0", true, false);
    assert_string_equal(build(&cores),
                        "worker-2 --lcores 0@(0,3) --no-huge --no-shconf -m 128 --file-prefix "
                        "spliff-77-worker-2 --no-telemetry --log-level=error --no-pci --vdev "
                        "net_af_xdp0,iface=tap0");
}

static void test_pci(void **state)
{
    cpu_set_t cores;

    (void)state;
    CPU_ZERO(&cores);
    CPU_SET(1, &cores);
    of_device("0000:03:00.0", false, true);
    assert_string_equal(build(&cores),
                        "worker-2 --lcores 0@(1) --in-memory --no-shconf -m 128 --file-prefix "
                        "spliff-77-worker-2 --no-telemetry --log-level=error -a 0000:03:00.0");
}

static void test_owner_and_guest(void **state)
{
    cpu_set_t cores;

    (void)state;
    CPU_ZERO(&cores);
    CPU_SET(1, &cores);
    of_device("net_pcap0,rx_pcap=/a", true, true);
    role = DPDK_OWNER;
    assert_string_equal(
        build(&cores),
        "worker-2 --lcores 0@(1) --proc-type=primary -m 128 --file-prefix spliff-77-99 "
        "--no-telemetry --log-level=error --no-pci --vdev net_pcap0,rx_pcap=/a");
    role = DPDK_GUEST;
    heritage.capture.dpdk.queue = 2;
    assert_string_equal(build(&cores),
                        "worker-2 --lcores 3@(1) --proc-type=secondary --file-prefix spliff-77-99 "
                        "--no-telemetry --log-level=error --no-pci");
    of_device("0000:03:00.0", false, true);
    role = DPDK_GUEST;
    assert_string_equal(build(&cores),
                        "worker-2 --lcores 1@(1) --proc-type=secondary --file-prefix spliff-77-99 "
                        "--no-telemetry --log-level=error -a 0000:03:00.0");
}

static void test_memory_of_its_node(void **state)
{
    cpu_set_t cores;

    (void)state;
    CPU_ZERO(&cores);
    CPU_SET(1, &cores);
    of_device("0000:03:00.0", false, true);
    heritage.capture.dpdk.numa_node = 2;
    assert_non_null(strstr(build(&cores), " --socket-mem 0,0,128 "));
    heritage.capture.dpdk.numa_node = 0;
    assert_non_null(strstr(build(&cores), " -m 128 "));
    heritage.capture.dpdk.huge_pages = false; /* small pages cannot be asked for by node */
    heritage.capture.dpdk.numa_node = 2;
    assert_non_null(strstr(build(&cores), " -m 128 "));
}

static void test_all_cores_fit(void **state)
{
    cpu_set_t cores;

    (void)state;
    memset(&cores, 0xff, sizeof cores);
    of_device("0000:03:00.0", false, true);
    build(&cores);
    assert_non_null(strstr(args.argv[2], ",1023)"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vdev),
        cmocka_unit_test(test_pci),
        cmocka_unit_test(test_owner_and_guest),
        cmocka_unit_test(test_memory_of_its_node),
        cmocka_unit_test(test_all_cores_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

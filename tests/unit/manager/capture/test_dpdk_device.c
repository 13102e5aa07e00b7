/* SPDX-License-Identifier: BSD-3-Clause */
#include "manager/capture/dpdk_device.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct heritage_dpdk out;
static char why[160];

static int share(const char *device, uint32_t number, uint32_t n_workers)
{
    memset(&out, 0, sizeof out);
    why[0] = '\0';
    return dpdk_device_share(device, number, n_workers, false, &out, why, sizeof why);
}

static void test_pci(void **state)
{
    static const char *const addresses[] = {"0000:03:00.0", "03:00.1", "10000:e1:00.0"};
    static const char *const others[] = {
        "",         "03:00",         "0000:03:00.0x", "0000:03:00.",
        "net_tap0", "0000:003:00.0", ":03:00.0",      "eth0"};

    (void)state;
    for (unsigned i = 0; i < sizeof addresses / sizeof addresses[0]; i++)
        assert_true(dpdk_device_is_pci(addresses[i]));
    for (unsigned i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(dpdk_device_is_pci(others[i]));
}

static int name(const char *given, bool vdev)
{
    static char text[40];
    int r = dpdk_device_name(given, vdev, text, sizeof text, why, sizeof why);

    if (r == 0)
        snprintf(out.device, sizeof out.device, "%s", text);
    return r;
}

static void test_name(void **state)
{
    (void)state;
    assert_int_equal(name("03:00.1", false), 0);
    assert_string_equal(out.device, "0000:03:00.1");
    assert_int_equal(name("0001:03:00.1", false), 0);
    assert_string_equal(out.device, "0001:03:00.1");
    assert_int_equal(name("net_tap0,iface=x", true), 0);
    assert_string_equal(out.device, "net_tap0,iface=x");
    assert_int_equal(name("net_tap0", false), -EINVAL);
    assert_string_equal(why, "give a PCI address such as 0000:03:00.0");
    assert_int_equal(name("03:00.1", true), -EINVAL);
    assert_int_equal(name("net_pcap0,rx_pcap=/a b", true), -EINVAL);
    assert_string_equal(why,
                        "give a virtual device such as net_af_xdp0,iface=eth1, without blanks");
    assert_int_equal(name("net_pcap0,rx_pcap=/a/long/path/to/a/file", true), -EINVAL);
    assert_string_equal(why, "its arguments are too long: give shorter names");
}

static void test_argument(void **state)
{
    char value[8];

    (void)state;
    assert_true(dpdk_device_argument("net_af_xdp0,xiface=no,iface=tap0,a=b", "iface", value, 8));
    assert_string_equal(value, "tap0");
    assert_false(dpdk_device_argument("net_af_xdp0", "iface", value, 8));
    assert_false(dpdk_device_argument("net_af_xdp0,iface", "iface", value, 8));
    assert_true(dpdk_device_argument("net_af_xdp0,iface=1234567", "iface", value, 8));
    assert_false(dpdk_device_argument("net_af_xdp0,iface=12345678", "iface", value, 8));
}

static void test_interface_behind(void **state)
{
    char link[16];

    (void)state;
    assert_true(dpdk_device_link("net_af_xdp0,iface=tap0", link, sizeof link));
    assert_string_equal(link, "tap0");
    assert_false(dpdk_device_link("net_tap0,iface=dtap0", link, sizeof link)); /* its own */
    assert_false(dpdk_device_link("net_pcap0,rx_pcap=/a", link, sizeof link));
    assert_false(dpdk_device_link("0000:03:00.0", link, sizeof link));
    assert_false(dpdk_device_link("net_af_xdp0,iface=a-name-of-sixteen", link, sizeof link));
}

static void test_a_queue_each(void **state)
{
    (void)state;
    assert_int_equal(share("net_af_xdp0,iface=tap0", 1, 2), 0);
    assert_string_equal(out.device,
                        "net_af_xdp0,iface=tap0,start_queue=1,queue_count=1,busy_budget=0");
    assert_int_equal(share("net_af_xdp0,iface=tap0,busy_budget=32", 0, 1), 0);
    assert_string_equal(out.device,
                        "net_af_xdp0,iface=tap0,busy_budget=32,start_queue=0,queue_count=1");
    assert_true(out.vdev);
    assert_int_equal(share("net_af_xdp0,iface=tap0,start_queue=3", 0, 1), -EINVAL);
    assert_string_equal(why, "leave out start_queue and queue_count: each worker gets one queue");
    assert_int_equal(share("net_af_xdp0", 0, 1), -EINVAL);
    assert_string_equal(why, "net_af_xdp needs an interface: add iface=NAME");
}

static void test_a_file_each(void **state)
{
    (void)state;
    assert_int_equal(share("net_pcap0,rx_pcap=/a,rx_pcap=/b", 0, 2), 0);
    assert_string_equal(out.device, "net_pcap0,rx_pcap=/a");
    assert_int_equal(share("net_pcap0,rx_pcap=/a,rx_pcap=/b", 1, 2), 0);
    assert_string_equal(out.device, "net_pcap0,rx_pcap=/b");
    assert_int_equal(share("net_pcap0,rx_pcap=/a", 1, 2), -EINVAL);
    assert_string_equal(why, "give one rx_pcap=FILE for each of the 2 workers");
    assert_int_equal(share("net_pcap0,rx_pcap=/a,rx_pcap=/b", 0, 1), -EINVAL);
    assert_int_equal(share("net_pcap0,iface=eth0", 0, 1), 0);
    assert_string_equal(out.device, "net_pcap0,iface=eth0");
    assert_int_equal(share("net_pcap0,iface=eth0", 0, 2), -EINVAL);
}

static void test_whole(void **state)
{
    (void)state;
    assert_int_equal(share("0000:03:00.0", 0, 1), 0);
    assert_string_equal(out.device, "0000:03:00.0");
    assert_false(out.vdev);
    assert_int_equal(out.queues, 0);
    assert_int_equal(share("eth0", 0, 1), -EINVAL);
}

static void test_by_an_owner(void **state)
{
    (void)state;
    assert_false(dpdk_device_is_owned("0000:03:00.0", 1, false));
    assert_true(dpdk_device_is_owned("0000:03:00.0", 2, false));
    assert_false(dpdk_device_is_owned("net_af_xdp0,iface=x", 2, false));
    assert_true(dpdk_device_is_owned("net_af_xdp0,iface=x", 1, true));
    assert_int_equal(share("0000:03:00.0", 1, 4), 0);
    assert_string_equal(out.device, "0000:03:00.0");
    assert_int_equal(out.queues, 4);
    assert_int_equal(out.queue, 1);
    assert_int_equal(share("0000:03:00.0", 0, DPDK_DEVICE_QUEUES_MAX + 1), -EINVAL);
}

static void test_bound(void **state)
{
    char device[HERITAGE_DEVICE_MAX + 32] = "net_af_xdp0,iface=";

    (void)state;
    memset(device + strlen(device), 'a', HERITAGE_DEVICE_MAX - 20);
    assert_int_equal(share(device, 0, 1), -EINVAL);
    assert_string_equal(why, "its arguments are too long: give shorter names");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pci),
        cmocka_unit_test(test_name),
        cmocka_unit_test(test_argument),
        cmocka_unit_test(test_a_queue_each),
        cmocka_unit_test(test_interface_behind),
        cmocka_unit_test(test_a_file_each),
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_by_an_owner),
        cmocka_unit_test(test_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "manager/numa.h"

#include "tests/unit/file_put.h"

#include <errno.h>
#include <linux/mempolicy.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

static char sysfs[] = "/tmp/test_numa.XXXXXX";

/* sysfs of a machine whose interface's numa_node says that. */
static void machine(const char *interface, const char *numa_node)
{
    char path[256];

    snprintf(path, sizeof path, "mkdir -p %s/class/net/%s/device", sysfs, interface);
    assert_int_equal(system(path), 0);
    snprintf(path, sizeof path, "%s/class/net/%s/device/numa_node", sysfs, interface);
    file_put(path, numa_node);
}

static void reads_the_node_of_a_card(void **state)
{
    (void)state;
    machine("eth0", "1\n");
    machine("eth1", "-1\n");
    machine("eth2", "?\n");
    machine("eth3", "99999\n");
    assert_int_equal(numa_node_of(sysfs, "eth0"), 1);
    assert_int_equal(numa_node_of(sysfs, "eth1"), -1);
    assert_int_equal(numa_node_of(sysfs, "eth2"), -1);
    assert_int_equal(numa_node_of(sysfs, "eth3"), -1);
    assert_int_equal(numa_node_of(sysfs, "veth0"), -1);
}

/* The kernel's word for what this process asks for; first: the lowest nodes asked for. */
static int policy(unsigned long *first)
{
    unsigned long nodes[1024 / 8 / sizeof(long)] = {0};
    int mode = -1;

    assert_int_equal(syscall(SYS_get_mempolicy, &mode, nodes, 1024UL, NULL, 0UL), 0);
    *first = nodes[0];
    return mode;
}

static void prefers_a_node_and_none(void **state)
{
    unsigned long nodes;
    int r = numa_prefer(0);

    (void)state;
    if (r == -ENOSYS || r == -EPERM) {
        print_message("[  SKIPPED ] this kernel, or container, has no memory policies\n");
        skip();
    }
    assert_int_equal(r, 0);
    assert_int_equal(policy(&nodes), MPOL_PREFERRED);
    assert_int_equal(nodes, 1);
    assert_int_equal(numa_prefer(-1), 0);
    assert_int_equal(policy(&nodes), MPOL_DEFAULT);
    assert_int_equal(numa_prefer(1023), -EINVAL);
    assert_int_equal(numa_prefer(1024), -EINVAL);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(sysfs) ? 0 : -1;
}

static int remove_folder(void **state)
{
    char command[64];

    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", sysfs);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_node_of_a_card),
        cmocka_unit_test(prefers_a_node_and_none),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

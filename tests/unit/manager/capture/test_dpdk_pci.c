/* SPDX-License-Identifier: BSD-3-Clause */
#include "manager/capture/dpdk_pci.h"

#include "tests/unit/file_put.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define DEVICES "bus/pci/devices"

static char root[32], why[320];
static int numa;

/* Makes the folders of a path below root. */
static void make_folder(const char *path)
{
    char full[256];

    snprintf(full, sizeof full, "%s/%s", root, path);
    for (char *p = full + strlen(root) + 1; *p; p++) {
        if (*p == '/') {
            *p = '\0';
            mkdir(full, 0755);
            *p = '/';
        }
    }
    assert_true(mkdir(full, 0755) == 0 || errno == EEXIST);
}

static void make_file(const char *path, const char *text)
{
    char full[256];

    snprintf(full, sizeof full, "%s/%s", root, path);
    file_put(full, text);
}

static void bind_to(const char *device, const char *driver)
{
    char target[128], path[256];

    snprintf(target, sizeof target, "../../../bus/pci/drivers/%s", driver);
    snprintf(path, sizeof path, "%s/" DEVICES "/%s/driver", root, device);
    unlink(path);
    assert_int_equal(symlink(target, path), 0);
}

static int check(const char *address)
{
    numa = 77;
    why[0] = '\0';
    return dpdk_pci_check(root, address, &numa, why, sizeof why);
}

static int setup(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/spliff-pci.XXXXXX");
    assert_non_null(mkdtemp(root));
    make_folder(DEVICES "/0000:00:1f.0");
    make_file(DEVICES "/0000:00:1f.0/class", "0x060100\n");
    make_folder(DEVICES "/0000:03:00.0");
    make_file(DEVICES "/0000:03:00.0/class", "0x020000\n");
    make_file(DEVICES "/0000:03:00.0/numa_node", "1\n");
    return 0;
}

static int teardown(void **state)
{
    char command[64];

    (void)state;
    snprintf(command, sizeof command, "rm -r %s", root);
    return system(command);
}

static void test_there_is_none(void **state)
{
    (void)state;
    assert_int_equal(check("0000:04:00.0"), -ENODEV);
    assert_string_equal(why,
                        "there is no such device; network devices on the PCI bus: 0000:03:00.0");
    assert_int_equal(dpdk_pci_check("/nonexistent", "0000:03:00.0", &numa, why, sizeof why),
                     -ENODEV);
    assert_string_equal(why, "there is no such device; network devices on the PCI bus: none");
}

static void test_the_kernel_has_it(void **state)
{
    (void)state;
    bind_to("0000:03:00.0", "ixgbe");
    assert_int_equal(check("0000:03:00.0"), -EBUSY);
    assert_string_equal(why, "the kernel's driver ixgbe has it: modprobe uio_pci_generic; "
                             "dpdk-devbind.py --bind=uio_pci_generic 0000:03:00.0");
    make_folder("kernel/iommu_groups/0");
    assert_int_equal(check("0000:03:00.0"), -EBUSY);
    assert_string_equal(why, "the kernel's driver ixgbe has it: modprobe vfio-pci; "
                             "dpdk-devbind.py --bind=vfio-pci 0000:03:00.0");
}

static void test_nobody_has_it(void **state)
{
    (void)state;
    assert_int_equal(check("0000:00:1f.0"), -EBUSY);
    assert_non_null(strstr(why, "it is bound to no driver: modprobe "));
}

static void test_dpdk_may_have_it(void **state)
{
    static const char *const drivers[] = {"vfio-pci", "uio_pci_generic", "igb_uio", "mlx5_core"};

    (void)state;
    for (unsigned i = 0; i < sizeof drivers / sizeof drivers[0]; i++) {
        bind_to("0000:03:00.0", drivers[i]);
        assert_int_equal(check("0000:03:00.0"), 0);
        assert_int_equal(numa, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_is_none),
        cmocka_unit_test(test_the_kernel_has_it),
        cmocka_unit_test(test_nobody_has_it),
        cmocka_unit_test(test_dpdk_may_have_it),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* DPDK itself says of a device that the kernel has only that there is no port. Which driver has it,
 * and the command that gives it away, are in sysfs.
 *
 * Some drivers of the kernel share the device with DPDK and must stay. With an IOMMU vfio-pci is
 * the driver to bind; without one it needs to be told that nothing will be held back from the
 * device, or uio_pci_generic is taken. */
#include "manager/capture/dpdk_pci.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NETWORK_CLASS 0x02UL /* of PCI devices, in the upper byte of three */

static const char *const dpdk_drivers[] = {"vfio-pci", "uio_pci_generic", "igb_uio"};
static const char *const shared_drivers[] = {"mlx4_core", "mlx5_core", "mana"};

/* The number in a file of the device; fallback if there is none. */
static long read_number(const char *sysfs, const char *address, const char *name, long fallback)
{
    char path[PATH_MAX], line[32];
    FILE *f;

    snprintf(path, sizeof path, "%s/bus/pci/devices/%s/%s", sysfs, address, name);
    f = fopen(path, "re");
    if (!f)
        return fallback;
    if (fgets(line, sizeof line, f))
        fallback = strtol(line, NULL, 0);
    fclose(f);
    return fallback;
}

/* The driver that the device is bound to, "" if none. */
static void read_driver(const char *sysfs, const char *address, char *out, size_t bytes)
{
    char path[PATH_MAX], target[PATH_MAX];
    const char *name;
    ssize_t n;

    snprintf(path, sizeof path, "%s/bus/pci/devices/%s/driver", sysfs, address);
    n = readlink(path, target, sizeof target - 1);
    target[n > 0 ? n : 0] = '\0';
    name = strrchr(target, '/');
    snprintf(out, bytes, "%.60s", name ? name + 1 : target);
}

static bool is_one_of(const char *name, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(name, list[i]) == 0)
            return true;
    return false;
}

/* The network devices that there are, for who mistyped one. */
static void list_devices(const char *sysfs, char *out, size_t bytes)
{
    char path[PATH_MAX];
    struct dirent *e;
    size_t n = 0;
    DIR *d;

    out[0] = '\0';
    snprintf(path, sizeof path, "%s/bus/pci/devices", sysfs);
    d = opendir(path);
    while (d && (e = readdir(d)) && n < bytes) {
        if (e->d_name[0] != '.' &&
            (unsigned long)read_number(sysfs, e->d_name, "class", 0) >> 16 == NETWORK_CLASS)
            n += (size_t)snprintf(out + n, bytes - n, "%s%s", n > 0 ? ", " : "", e->d_name);
    }
    if (d)
        closedir(d);
}

static bool has_iommu(const char *sysfs)
{
    char path[PATH_MAX];
    bool found = false;
    struct dirent *e;
    DIR *d;

    snprintf(path, sizeof path, "%s/kernel/iommu_groups", sysfs);
    d = opendir(path);
    while (d && !found && (e = readdir(d)))
        found = e->d_name[0] != '.';
    if (d)
        closedir(d);
    return found;
}

int dpdk_pci_check(const char *sysfs, const char *address, int *numa_node, char *why,
                   size_t why_bytes)
{
    char path[PATH_MAX], driver[64], others[200];
    const char *bind = has_iommu(sysfs) ? "vfio-pci" : "uio_pci_generic";

    snprintf(path, sizeof path, "%s/bus/pci/devices/%s", sysfs, address);
    if (access(path, F_OK) < 0) {
        list_devices(sysfs, others, sizeof others);
        snprintf(why, why_bytes, "there is no such device; network devices on the PCI bus: %s",
                 others[0] ? others : "none");
        return -ENODEV;
    }
    *numa_node = (int)read_number(sysfs, address, "numa_node", -1);
    read_driver(sysfs, address, driver, sizeof driver);
    if (is_one_of(driver, dpdk_drivers, sizeof dpdk_drivers / sizeof dpdk_drivers[0]) ||
        is_one_of(driver, shared_drivers, sizeof shared_drivers / sizeof shared_drivers[0]))
        return 0;
    if (driver[0])
        snprintf(why, why_bytes,
                 "the kernel's driver %s has it: modprobe %s; dpdk-devbind.py --bind=%s %s", driver,
                 bind, bind, address);
    else
        snprintf(why, why_bytes,
                 "it is bound to no driver: modprobe %s; dpdk-devbind.py --bind=%s %s", bind, bind,
                 address);
    return -EBUSY;
}

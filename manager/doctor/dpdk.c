/* SPDX-License-Identifier: BSD-3-Clause */
/* The device of mode dpdk: one of the PCI bus that the kernel has let go, or a virtual one. What is
 * behind the latter (net_af_xdp) is an interface of the kernel, which the checks of nic.c look at.
 */
#include "manager/doctor/doctor.h"

#include "manager/capture/dpdk_device.h"
#include "manager/capture/dpdk_pci.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

DOCTOR_CHECK(device)
{
    static const char command_after[] = ": modprobe ";
    char why[320], sysfs[PATH_MAX], *command;
    struct heritage_dpdk share;
    int node;

    if (dpdk_device_share(c->interface, 0, c->workers, d->options->dpdk_port_owner, &share, why,
                          sizeof why) < 0) {
        doctor_find(r, DOCTOR_FAIL, why, "DPDK does not take it for a device of %u worker%s",
                    c->workers, c->workers == 1 ? "" : "s");
        return;
    }
    if (!dpdk_device_is_pci(c->interface)) {
        doctor_find(r, DOCTOR_OK, "", "a virtual device");
        return;
    }
    snprintf(sysfs, sizeof sysfs, "%s/sys", d->root);
    if (dpdk_pci_check(sysfs, c->interface, &node, why, sizeof why) == 0) {
        doctor_find(r, DOCTOR_OK, "", "bound to a driver that lets DPDK have it");
        return;
    }
    command = strstr(why, command_after);
    if (command)
        *command = '\0';
    doctor_find(r, DOCTOR_FAIL, command ? command + 2 : "one of them as interface in node.cfg",
                "%s", why);
}

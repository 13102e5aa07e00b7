/* SPDX-License-Identifier: BSD-3-Clause */
/* What `run` captures from: -i, or devices of DPDK by --pci and --vdev. */
#ifndef SPLIFF_MANAGER_CLI_DEVICES_H
#define SPLIFF_MANAGER_CLI_DEVICES_H

#include "common/schema/options.h"
#include "manager/ini_file.h"

#define DEVICES_BYTES (OPTION_STRING_MAX + 3 * OPTION_LIST_MAX)

/* The interfaces of o for topology_of_run into out[DEVICES_BYTES], "" if there are none, and
 * o->mode with them. 0; or -EINVAL with one line in error[INI_ERROR_BYTES] if options contradict
 * each other or the machine: a device named twice or in no way that it could be, cores for other
 * than the workers there are. */
int devices_choose(struct options *o, char *out, char *error);

/* The cores that workers are pinned to: those of --lcores, else of --pin-cores. */
const char *devices_pins(const struct options *o);

#endif

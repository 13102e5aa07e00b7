/* SPDX-License-Identifier: BSD-3-Clause */
#include "manager/probe_check.h"

#include "common/schema/process_filter.h"
#include "manager/ini_file.h"
#include "manager/privileged.h"

#include <errno.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

/* BPF programs and uprobes, and the files and sockets of others' processes. */
static const unsigned needed[] = {CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE};

static bool may_watch_processes(void)
{
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
        if (!privileged_has(needed[i]))
            return false;
    return true;
}

int probe_check_request(const struct options *o, char *error)
{
    uint64_t id;

    if (!may_watch_processes()) {
        snprintf(error, INI_ERROR_BYTES,
                 "cannot take plaintext: no right to watch processes; run as root or with CAP_BPF, "
                 "CAP_PERFMON and CAP_SYS_PTRACE");
        return -EPERM;
    }
    return process_filter_cgroup(o->probe_cgroup, &id, error, INI_ERROR_BYTES);
}

void probe_check_machine(const char *program_dir, struct text *lacks)
{
    char path[PATH_MAX];

    snprintf(path, sizeof path, "%s/spliff-probe", program_dir);
    if (access(path, X_OK) < 0)
        text_printf(
            lacks, "no plaintext: there is no %s; install libbpf, bpftool and clang and build it\n",
            path);
    if (access("/sys/kernel/btf/vmlinux", R_OK) < 0)
        text_puts(lacks, "no plaintext: the kernel has no /sys/kernel/btf/vmlinux; it must be "
                         "built with CONFIG_DEBUG_INFO_BTF\n");
    if (access("/sys/bus/event_source/devices/uprobe", F_OK) < 0)
        text_puts(lacks, "no plaintext: the kernel has no uprobes; it must be built with "
                         "CONFIG_UPROBE_EVENTS\n");
}

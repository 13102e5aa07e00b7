/* SPDX-License-Identifier: BSD-3-Clause */
/* What the kernel must have for a mode, by its version where it does not tell otherwise. */
#include "manager/doctor/doctor.h"

#include "manager/probe_check.h"

#include <stdio.h>
#include <string.h>

/* In the order of versions; without a feature that is not needed, a mode goes on with less. */
static const struct {
    unsigned modes;
    unsigned major, minor;
    bool needed;
    const char *what;
} features[] = {
    {DOCTOR_MODE(MODE_KERNEL), 5, 12, false, "packets spread by our own hash (fanout by eBPF)"},
    {DOCTOR_MODE(MODE_KERNEL), 5, 19, false, "shunting: BPF maps for workers without rights"},
    {DOCTOR_MODE(MODE_XDP) | DOCTOR_MODE(MODE_AF_XDP), 5, 19, true,
     "BPF maps for workers without rights"},
    {DOCTOR_MODE(MODE_XDP), 6, 6, false, "tcx: programs on egress beside those of others"},
    {DOCTOR_MODE(MODE_AF_XDP), 6, 6, false, "AF_XDP frames in several buffers (jumbo frames)"},
};

DOCTOR_CHECK(kernel)
{
    unsigned major = 0, minor = 0, lacks = 0;
    char release[128];

    doctor_read(d, "/proc/sys/kernel/osrelease", release, sizeof release);
    if (sscanf(release, "%u.%u", &major, &minor) != 2) {
        doctor_find(r, DOCTOR_WARN, "uname -r", "the kernel does not tell its version");
        return;
    }
    for (size_t i = 0; i < sizeof features / sizeof features[0]; i++) {
        char mend[64];

        if (!(features[i].modes & DOCTOR_MODE(c->mode)) || major > features[i].major ||
            (major == features[i].major && minor >= features[i].minor))
            continue;
        lacks++;
        snprintf(mend, sizeof mend, "use Linux %u.%u or later", features[i].major,
                 features[i].minor);
        doctor_find(r, features[i].needed ? DOCTOR_FAIL : DOCTOR_WARN, mend, "Linux %.32s lacks %s",
                    release, features[i].what);
    }
    if (c->mode == MODE_AF_XDP && !d->af_xdp)
        doctor_find(r, DOCTOR_FAIL, "use a kernel built with CONFIG_XDP_SOCKETS",
                    "the kernel has no AF_XDP sockets");
    else if (lacks == 0)
        doctor_find(r, DOCTOR_OK, "", "Linux %.64s has all that the mode uses", release);
}

DOCTOR_CHECK(jit)
{
    (void)c;
    if (doctor_read_number(d, "/proc/sys/net/core/bpf_jit_enable", 1) > 0)
        doctor_find(r, DOCTOR_OK, "", "BPF programs are compiled");
    else
        doctor_find(r, DOCTOR_WARN, "sysctl -w net.core.bpf_jit_enable=1",
                    "BPF programs are interpreted, for each packet");
}

/* Only where node.cfg has a probe. */
DOCTOR_CHECK(plaintext)
{
    struct text lacks = {0};

    (void)c;
    if (topology_count(d->topology, TOPOLOGY_PROBE) == 0)
        return;
    if (!d->may_watch)
        text_puts(&lacks, "no right to watch processes: needs CAP_BPF, CAP_PERFMON and "
                          "CAP_SYS_PTRACE\n");
    probe_check_machine(d->program_dir, &lacks);
    for (const char *p = lacks.len ? lacks.p : ""; *p; p += strcspn(p, "\n") + 1)
        doctor_find(r, DOCTOR_FAIL, "spliff-cluster check", "%.*s", (int)strcspn(p, "\n"), p);
    if (lacks.len == 0)
        doctor_find(r, DOCTOR_OK, "", "uprobes and BTF are there");
    text_free(&lacks);
}

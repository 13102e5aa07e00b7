/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory and what is limited of it. */
#include "manager/doctor/doctor.h"

#include "manager/limits.h"
#include "manager/sizes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEGABYTE        (UINT64_C(1) << 20)
#define HUGE_PAGE_BYTES (2 * MEGABYTE)

/* A flow in the table that mode xdp has for an interface. */
#define XDP_FLOW_BYTES 268u

/* All tables and buffers full. */
static uint64_t bytes_when_full(const struct doctor *d)
{
    struct options o = *d->options;
    uint64_t bytes = 0;

    sizes_choose(&o, d->workers, d->memory_bytes);
    for (unsigned i = 0; i < d->n_captures; i++) {
        bytes += d->captures[i].workers * (sizes_capture_bytes(d->options, d->captures[i].mode) +
                                           o.flow_table_size * SIZES_FLOW_BYTES +
                                           o.reassembly_memory + o.fragment_memory + o.spool_size);
        if (d->captures[i].mode == MODE_XDP)
            bytes += o.xdp_flow_table_size * XDP_FLOW_BYTES;
    }
    return bytes;
}

DOCTOR_CHECK(memory)
{
    uint64_t full = bytes_when_full(d), there = d->memory_bytes;

    (void)c;
    if (full > there)
        doctor_find(r, DOCTOR_FAIL,
                    "smaller flow_table_size, reassembly_memory or af_packet_buffer_size in "
                    "spliff.cfg, or fewer workers",
                    "all workers' tables and buffers are %" PRIu64
                    " MB when full, there are %" PRIu64 " MB",
                    full / MEGABYTE, there / MEGABYTE);
    else if (full > there / 4 * 3)
        doctor_find(r, DOCTOR_WARN, "smaller flow_table_size or reassembly_memory in spliff.cfg",
                    "all workers' tables and buffers are %" PRIu64 " of %" PRIu64 " MB when full",
                    full / MEGABYTE, there / MEGABYTE);
    else
        doctor_find(r, DOCTOR_OK, "",
                    "tables and buffers are %" PRIu64 " of %" PRIu64 " MB when full",
                    full / MEGABYTE, there / MEGABYTE);
}

/* What is wanted of reserved huge pages, in bytes. */
static uint64_t huge_bytes(const struct doctor *d)
{
    struct options o = *d->options;
    uint64_t bytes = 0;

    sizes_choose(&o, d->workers, d->memory_bytes);
    for (unsigned i = 0; i < d->n_captures; i++) {
        if (d->captures[i].mode == MODE_AF_XDP || d->captures[i].mode == MODE_DPDK)
            bytes += d->captures[i].workers * sizes_capture_bytes(d->options, d->captures[i].mode);
        if (o.huge_pages == HUGE_PAGES_RESERVED)
            bytes += d->captures[i].workers * o.flow_table_size * SIZES_FLOW_BYTES;
    }
    return bytes;
}

/* A line of meminfo, 0 if there is none. */
static uint64_t meminfo_kib(const struct doctor *d, const char *name)
{
    uint64_t kib = 0;
    char path[512], line[256];
    FILE *f;

    snprintf(path, sizeof path, "%s/proc/meminfo", d->root);
    f = fopen(path, "re");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, name, strlen(name)) == 0)
            kib = strtoull(line + strlen(name), NULL, 10);
    if (f)
        fclose(f);
    return kib;
}

/* The flow table is looked up at random: in small pages that also costs the memory of their table.
 */
static bool check_transparent(const struct doctor *d, struct doctor_report *r)
{
    static const char file[] = "/sys/kernel/mm/transparent_hugepage/enabled";
    char line[128], mend[DOCTOR_TEXT_MAX];

    if (d->options->huge_pages != HUGE_PAGES_AUTO || !doctor_read(d, file, line, sizeof line) ||
        !strstr(line, "[never]"))
        return true;
    snprintf(mend, sizeof mend, "echo madvise > %s", file);
    doctor_find(r, DOCTOR_WARN, mend,
                "the kernel gives none by itself: flow tables lie in small pages");
    return false;
}

/* The command that reserves so many pages of HUGE_PAGE_BYTES; vm.nr_hugepages is of those of the
 * default size. */
static void reserve_command(const struct doctor *d, uint64_t pages, char *out, size_t bytes)
{
    if (meminfo_kib(d, "Hugepagesize:") == HUGE_PAGE_BYTES / 1024)
        snprintf(out, bytes, "sysctl -w vm.nr_hugepages=%" PRIu64, pages);
    else
        snprintf(out, bytes,
                 "echo %" PRIu64 " > /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages",
                 pages);
}

DOCTOR_CHECK(hugepages)
{
    uint64_t bytes = huge_bytes(d), pages = (bytes + HUGE_PAGE_BYTES - 1) / HUGE_PAGE_BYTES;
    uint64_t unused =
        doctor_read_number(d, "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", 0);
    uint64_t all =
        doctor_read_number(d, "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", 0);
    char mend[DOCTOR_TEXT_MAX];

    (void)c;
    reserve_command(d, all + pages - unused, mend, sizeof mend);
    if (unused < pages)
        doctor_find(r, DOCTOR_WARN, mend,
                    "%" PRIu64 " of %" PRIu64 " huge pages are free: the rest lies in small ones",
                    unused, pages);
    if (!check_transparent(d, r) || unused < pages)
        return;
    doctor_find(r, DOCTOR_OK, "", "%" PRIu64 " huge pages wanted, %" PRIu64 " free", pages, unused);
}

/* A worker that waits for its table to come from a disk loses what arrives meanwhile. */
DOCTOR_CHECK(swap)
{
    uint64_t swappiness = doctor_read_number(d, "/proc/sys/vm/swappiness", 60);

    (void)c;
    if (meminfo_kib(d, "SwapTotal:") == 0)
        doctor_find(r, DOCTOR_OK, "", "no swap");
    else if (swappiness <= 10)
        doctor_find(r, DOCTOR_OK, "", "swap, with vm.swappiness %" PRIu64, swappiness);
    else
        doctor_find(r, DOCTOR_WARN, "swapoff -a, or sysctl -w vm.swappiness=1",
                    "tables may be swapped out (vm.swappiness %" PRIu64 ")", swappiness);
}

/* Frames' memory and, before Linux 5.11, BPF maps count against it. */
DOCTOR_CHECK(memlock)
{
    uint64_t need = 0;

    (void)c;
    if (!d->may_capture)
        return;
    for (unsigned i = 0; i < d->n_captures; i++)
        need += d->captures[i].workers * sizes_capture_bytes(d->options, d->captures[i].mode);
    if (d->may_lock || d->memlock_bytes == DOCTOR_UNLIMITED)
        doctor_find(r, DOCTOR_OK, "", "memory may be locked without limit");
    else if (d->memlock_bytes < need)
        doctor_find(r, DOCTOR_FAIL, "ulimit -l unlimited (systemd: LimitMEMLOCK=infinity)",
                    "%" PRIu64 " MB may be locked, %" PRIu64 " MB are needed",
                    d->memlock_bytes / MEGABYTE, need / MEGABYTE);
    else
        doctor_find(r, DOCTOR_OK, "", "%" PRIu64 " MB may be locked", d->memlock_bytes / MEGABYTE);
}

DOCTOR_CHECK(nofile)
{
    bool probe = topology_count(d->topology, TOPOLOGY_PROBE) > 0;
    uint64_t need = limits_files_needed(d->topology);
    char mend[DOCTOR_TEXT_MAX];

    (void)c;
    snprintf(mend, sizeof mend, "ulimit -n %" PRIu64 " (systemd: LimitNOFILE=%" PRIu64 ")", need,
             need);
    if (d->nofile < need)
        doctor_find(r, probe ? DOCTOR_WARN : DOCTOR_FAIL, mend,
                    "%" PRIu64 " files may be open, up to %" PRIu64 " are needed", d->nofile, need);
    else if (d->nofile == DOCTOR_UNLIMITED)
        doctor_find(r, DOCTOR_OK, "", "up to %" PRIu64 " files are needed and may be open", need);
    else
        doctor_find(r, DOCTOR_OK, "", "%" PRIu64 " files may be open, up to %" PRIu64 " are needed",
                    d->nofile, need);
}

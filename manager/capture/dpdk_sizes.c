/* SPDX-License-Identifier: BSD-3-Clause */
/* A queue is as long as its frames have room, up to a bound: longer ones are for who asks for them,
 * because a card goes round through all frames of its queue, and those that do not fit in the cache
 * have to be fetched from memory. Where huge pages are scarce, a shorter queue in them is better
 * than a longer one in small pages: with those, each frame costs a look into the page tables.
 *
 * Of memory of small pages, which everybody else needs as well, all workers of a device together
 * take no more than a part. */
#include "manager/capture/dpdk_sizes.h"

#include "common/ipc/dpdk_frames.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define DESCRIPTORS_MIN 1024u
#define DESCRIPTORS_MAX 4096u
#define SMALL_PARTS     4u
#define HUGE_PAGE_BYTES (UINT64_C(2) << 20)
#define HUGE_FILE       "hugepages/hugepages-2048kB/free_hugepages"

/* The number behind `key` in the first line that has it; key "": the file is a number. 0: none. */
static uint64_t read_number(const char *path, const char *key)
{
    unsigned long long v = 0;
    char line[256];
    FILE *f = fopen(path, "re");

    while (f && fgets(line, sizeof line, f)) {
        const char *at = strstr(line, key);

        if (at && sscanf(at + strlen(key), " %llu", &v) == 1)
            break;
    }
    if (f)
        fclose(f);
    return v;
}

void dpdk_sizes_look(struct dpdk_sizes_free *f, const char *root, int node)
{
    char path[PATH_MAX];

    if (node >= 0)
        snprintf(path, sizeof path, "%s/sys/devices/system/node/node%d/%s", root, node, HUGE_FILE);
    else
        snprintf(path, sizeof path, "%s/sys/kernel/mm/%s", root, HUGE_FILE);
    f->huge_bytes = read_number(path, "") * HUGE_PAGE_BYTES;
    if (node >= 0) {
        snprintf(path, sizeof path, "%s/sys/devices/system/node/node%d/meminfo", root, node);
        f->bytes = (read_number(path, "MemFree:") + read_number(path, "Inactive(file):")) << 10;
    } else {
        snprintf(path, sizeof path, "%s/proc/meminfo", root);
        f->bytes = read_number(path, "MemAvailable:") << 10;
    }
}

/* Driver net_af_xdp counts the frames that found no buffer, and not those that found its ring full:
 * with fewer descriptors than buffers it would lose uncounted. */
static uint32_t descriptors_least(bool af_xdp)
{
    return af_xdp ? DESCRIPTORS_MAX : DESCRIPTORS_MIN;
}

/* As many as there is room for. */
static uint32_t descriptors_in(uint64_t bytes, bool af_xdp)
{
    uint32_t n = DESCRIPTORS_MAX;

    while (n > descriptors_least(af_xdp) && dpdk_frames_memory_bytes(n, af_xdp) > bytes)
        n /= 2;
    return n;
}

static void explain(struct dpdk_sizes *out, const struct options *o, uint32_t workers,
                    uint64_t free)
{
    if (o->dpdk_memory > 0 || o->dpdk_descriptors > 0)
        snprintf(out->why, sizeof out->why, "by %s%s%s", o->dpdk_memory > 0 ? "dpdk_memory" : "",
                 o->dpdk_memory > 0 && o->dpdk_descriptors > 0 ? " and " : "",
                 o->dpdk_descriptors > 0 ? "dpdk_descriptors" : "");
    else
        snprintf(out->why, sizeof out->why, "%llu MiB are free for %u worker%s",
                 (unsigned long long)(free >> 20), (unsigned)workers, workers == 1 ? "" : "s");
}

int dpdk_sizes_choose(struct dpdk_sizes *out, const struct options *o, uint32_t workers,
                      bool af_xdp, const struct dpdk_sizes_free *f)
{
    uint32_t least =
        o->dpdk_descriptors > 0 ? (uint32_t)o->dpdk_descriptors : descriptors_least(af_xdp);
    uint64_t needed = o->dpdk_memory > 0 ? o->dpdk_memory : dpdk_frames_memory_bytes(least, af_xdp);
    uint64_t share = f->huge_bytes / workers;

    *out =
        (struct dpdk_sizes){.descriptors = (uint32_t)o->dpdk_descriptors, .memory_bytes = needed};
    out->huge_pages = o->huge_pages != HUGE_PAGES_NEVER && share >= needed;
    if (!out->huge_pages && o->huge_pages == HUGE_PAGES_RESERVED)
        return -ENOMEM;
    if (!out->huge_pages)
        share = f->bytes / SMALL_PARTS / workers;
    if (out->descriptors == 0)
        out->descriptors = descriptors_in(o->dpdk_memory > 0 ? o->dpdk_memory : share, af_xdp);
    if (o->dpdk_memory == 0)
        out->memory_bytes = dpdk_frames_memory_bytes(out->descriptors, af_xdp);
    explain(out, o, workers, out->huge_pages ? f->huge_bytes : f->bytes);
    return 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* DPDK's power library keeps the file of the frequency open, so that it can be written without
 * rights. What it does at its own end needs them again: so its exit is not called, and the files
 * that it has changed are opened here, beforehand, and set back to what the manager read in them
 * before any worker ran. A worker that is killed leaves that to its successor. */
#include "worker/capture/dpdk_power.h"

#include "common/base/clock.h"
#include "common/base/log.h"

#include <fcntl.h>
#include <limits.h>
#include <rte_config.h>
#include <rte_log.h>
#include <rte_power.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define QUIET_NS (10 * NS_PER_MS) /* without frames, and the core may be slow */

static void open_files(struct dpdk_power *p, const char *root)
{
    static const char *const names[HERITAGE_CPUFREQ_FILES] = HERITAGE_CPUFREQ_NAMES;
    char path[PATH_MAX];

    for (unsigned i = 0; i < HERITAGE_CPUFREQ_FILES; i++) {
        snprintf(path, sizeof path, "%s" HERITAGE_CPUFREQ_DIR "/%s", root, p->core, names[i]);
        p->fds[i] = open(path, O_WRONLY | O_CLOEXEC);
    }
}

static void close_files(struct dpdk_power *p)
{
    for (unsigned i = 0; i < HERITAGE_CPUFREQ_FILES; i++) {
        if (p->fds[i] >= 0)
            close(p->fds[i]);
        p->fds[i] = -1;
    }
}

/* Of what the library knows, the drivers of the kernel; not the host that a guest might ask. */
static int begin_environment(unsigned core)
{
    static const enum power_management_env known[] = {PM_ENV_ACPI_CPUFREQ, PM_ENV_PSTATE_CPUFREQ,
                                                      PM_ENV_CPPC_CPUFREQ};

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (rte_power_check_env_supported(known[i]) == 1)
            return rte_power_set_env(known[i]) == 0 ? rte_power_init(core) : -1;
    return -1;
}

/* The library says a lot of what it tries; what it comes to is ours to say. */
static int begin_library(unsigned core)
{
    int level = rte_log_get_level(RTE_LOGTYPE_POWER), r;

    (void)rte_log_set_level(RTE_LOGTYPE_POWER, RTE_LOG_EMERG);
    r = begin_environment(core);
    if (level >= 0)
        (void)rte_log_set_level(RTE_LOGTYPE_POWER, (uint32_t)level);
    return r;
}

/* Why not, or NULL. */
static const char *obstacle(const struct heritage *h)
{
    if (h->pin_cpu < 0)
        return "the worker has no core of its own: pin_cpus in node.cfg";
    if (h->pin_cpu >= RTE_MAX_LCORE)
        return "DPDK does not know a core of so high a number: pin_cpus in node.cfg";
    if (!h->capture.dpdk.cpufreq.text[HERITAGE_CPUFREQ_GOVERNOR][0])
        return "this machine has no cpufreq driver: a guest, or switched off in the firmware";
    return NULL;
}

void dpdk_power_open(struct dpdk_power *p, const struct heritage *h, const char *root)
{
    const char *why;

    *p = (struct dpdk_power){.threshold = h->options.resume_threshold,
                             .interface = h->capture.name,
                             .before = &h->capture.dpdk.cpufreq,
                             .fds = {-1, -1, -1}};
    if (!h->options.dpdk_power)
        return;
    why = obstacle(h);
    if (!why) {
        p->core = (unsigned)h->pin_cpu;
        open_files(p, root);
        if (begin_library(p->core) == 0) {
            p->on = p->high = true;
            return;
        }
        close_files(p);
        why = "DPDK cannot set it with this driver, or not as this user";
    }
    log_warn("interface %s: dpdk_power: the core keeps its frequency: %s", p->interface, why);
}

/* Whether a bound is taken depends on the other, if both move: so all of it twice. The governor is
 * the last of them. */
static void set_back(const struct dpdk_power *p)
{
    bool done = false;

    for (unsigned i = 0; i < 2 * HERITAGE_CPUFREQ_FILES; i++) {
        const char *text = p->before->text[i % HERITAGE_CPUFREQ_FILES];
        int fd = p->fds[i % HERITAGE_CPUFREQ_FILES];

        done = fd >= 0 && pwrite(fd, text, strlen(text), 0) >= 0;
    }
    if (!done)
        log_warn("interface %s: the governor of core %u could not be set back to %s", p->interface,
                 p->core, p->before->text[HERITAGE_CPUFREQ_GOVERNOR]);
}

void dpdk_power_close(struct dpdk_power *p)
{
    if (p->on)
        set_back(p);
    close_files(p);
    p->on = false;
}

static void change(struct dpdk_power *p, bool high, struct counters *c)
{
    int r = high ? rte_power_freq_max(p->core) : rte_power_freq_min(p->core);

    p->high = high;
    if (r >= 0) {
        c->loop_frequency_switches++;
        return;
    }
    log_warn("interface %s: dpdk_power: the frequency of core %u cannot be set any more",
             p->interface, p->core);
    dpdk_power_close(p);
}

void dpdk_power_follow(struct dpdk_power *p, uint32_t frames, uint64_t now_ns, struct counters *c)
{
    if (!p->on)
        return;
    if (frames > 0)
        p->frames_ns = now_ns;
    if (!p->high && frames > 0 && frames >= p->threshold)
        change(p, true, c);
    else if (p->high && frames == 0 && now_ns - p->frames_ns >= QUIET_NS)
        change(p, false, c);
}

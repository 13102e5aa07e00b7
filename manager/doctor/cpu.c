/* SPDX-License-Identifier: BSD-3-Clause */
/* Cores: which workers have them for themselves, what else runs on them, how fast they are. */
#include "manager/doctor/doctor.h"

#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The node that follows n among those pinned that capture from an interface (NULL: from any). */
static const struct topology_node *next_pinned(const struct doctor *d,
                                               const struct topology_node *n, const char *interface)
{
    const struct topology *t = d->topology;

    for (n = n ? n + 1 : t->nodes; n < t->nodes + t->n; n++)
        if (n->kind == TOPOLOGY_WORKER && n->pin_cpu >= 0 &&
            (!interface || strcmp(n->interface, interface) == 0))
            return n;
    return NULL;
}

static void online_cores(const struct doctor *d, struct doctor_cores *cores)
{
    char list[1024];

    doctor_read(d, "/sys/devices/system/cpu/online", list, sizeof list);
    doctor_cores_read(cores, list);
}

static unsigned count_cores(const struct doctor_cores *cores)
{
    unsigned n = 0;

    for (unsigned i = 0; i < DOCTOR_CORES_MAX; i++)
        n += cores->has[i];
    return n;
}

/* Two workers on the threads of one core, of which each has about half. Returns how many are. */
static unsigned check_siblings(const struct doctor *d, const struct topology_node *first,
                               struct doctor_report *r)
{
    char path[128], list[1024];
    struct doctor_cores siblings;

    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list",
             first->pin_cpu);
    doctor_read(d, path, list, sizeof list);
    doctor_cores_read(&siblings, list);
    for (const struct topology_node *n = first; (n = next_pinned(d, n, NULL));) {
        if (n->pin_cpu == first->pin_cpu || !siblings.has[n->pin_cpu])
            continue;
        doctor_find(r, DOCTOR_WARN,
                    "pin_cpus in node.cfg with one CPU of each core (lscpu -e=CPU,CORE)",
                    "%s and %s are pinned to two threads of one core, %d and %d", first->name,
                    n->name, first->pin_cpu, n->pin_cpu);
        return 1;
    }
    return 0;
}

/* Pins that cannot be, or that two workers share. Returns how many were found. */
static unsigned check_pins(const struct doctor *d, const struct doctor_cores *online,
                           struct doctor_report *r)
{
    const char *taken[DOCTOR_CORES_MAX] = {NULL};
    unsigned bad = 0;

    for (const struct topology_node *n = NULL; (n = next_pinned(d, n, NULL));) {
        unsigned core = (unsigned)n->pin_cpu;

        if (core >= DOCTOR_CORES_MAX || !online->has[core]) {
            doctor_find(r, DOCTOR_FAIL, "another core in pin_cpus of node.cfg",
                        "%s is pinned to core %u, which is not there", n->name, core);
            bad++;
        } else if (taken[core]) {
            doctor_find(r, DOCTOR_WARN, "a core for each worker in pin_cpus of node.cfg",
                        "%s and %s are pinned to core %u", taken[core], n->name, core);
            bad++;
        } else {
            taken[core] = n->name;
        }
    }
    for (const struct topology_node *n = NULL; bad == 0 && (n = next_pinned(d, n, NULL));)
        bad += check_siblings(d, n, r);
    return bad;
}

DOCTOR_CHECK(cores)
{
    struct doctor_cores online;
    unsigned n;

    (void)c;
    online_cores(d, &online);
    n = count_cores(&online);
    if (check_pins(d, &online, r) > 0)
        return;
    if (d->workers > n)
        doctor_find(r, DOCTOR_WARN, "smaller lb_procs in node.cfg",
                    "%u workers share %u cores: each is one core's work", d->workers, n);
    else if (doctor_wants(d, MODE_DPDK) && !next_pinned(d, NULL, NULL))
        doctor_find(r, DOCTOR_WARN, "pin_cpus=LIST in node.cfg",
                    "workers that poll run on any core, and others on theirs");
    else
        doctor_find(r, DOCTOR_OK, "", "%u cores for %u worker%s", n, d->workers,
                    d->workers == 1 ? "" : "s");
}

/* The cores that no worker is pinned to, as a list; "" if there are none. */
static void unpinned_cores(const struct doctor *d, char *list, size_t bytes)
{
    struct doctor_cores cores;
    size_t len = 0;

    online_cores(d, &cores);
    for (const struct topology_node *n = NULL; (n = next_pinned(d, n, NULL));)
        if (n->pin_cpu < DOCTOR_CORES_MAX)
            cores.has[n->pin_cpu] = false;
    list[0] = '\0';
    for (unsigned i = 0; i < DOCTOR_CORES_MAX && len + 8 < bytes; i++)
        if (cores.has[i])
            len += (size_t)snprintf(list + len, bytes - len, "%s%u", len > 0 ? "," : "", i);
}

/* The worker on whose core an interrupt of its interface comes, or may come; NULL: none. */
static const struct topology_node *
interrupted_worker(const struct doctor *d, const struct doctor_capture *c, const char *irq)
{
    char path[64], list[1024];
    struct doctor_cores cores;

    snprintf(path, sizeof path, "/proc/irq/%.16s/effective_affinity_list", irq);
    if (!doctor_read(d, path, list, sizeof list) || list[0] == '\0' || list[0] == '\n') {
        snprintf(path, sizeof path, "/proc/irq/%.16s/smp_affinity_list", irq);
        if (!doctor_read(d, path, list, sizeof list))
            return NULL;
    }
    doctor_cores_read(&cores, list);
    for (const struct topology_node *n = NULL; (n = next_pinned(d, n, c->interface));)
        if (n->pin_cpu < DOCTOR_CORES_MAX && cores.has[n->pin_cpu])
            return n;
    return NULL;
}

/* n interrupts that come on workers' cores, and of the first one the number and the worker. */
static void tell_interrupts(const struct doctor *d, const struct doctor_capture *c, size_t n,
                            const char *irq, const struct topology_node *worker,
                            struct doctor_report *r)
{
    char others[112], mend[DOCTOR_TEXT_MAX], more[64] = "";

    unpinned_cores(d, others, sizeof others);
    if (!others[0])
        snprintf(mend, sizeof mend, "a core without a worker: shorter pin_cpus in node.cfg");
    else if (n == 1)
        snprintf(mend, sizeof mend,
                 "systemctl stop irqbalance; echo %s > /proc/irq/%.16s/smp_affinity_list", others,
                 irq);
    else
        snprintf(
            mend, sizeof mend,
            "systemctl stop irqbalance; for i in $(ls /sys/class/net/%.16s/device/msi_irqs); do "
            "echo %s > /proc/irq/$i/smp_affinity_list; done",
            c->link, others);
    if (n > 1)
        snprintf(more, sizeof more, ", %zu more on workers' cores", n - 1);
    doctor_find(r, DOCTOR_WARN, mend, "interrupt %.16s comes on core %d of %s%s", irq,
                worker->pin_cpu, worker->name, more);
}

/* The kernel's part of receiving runs where the interrupt came. With busy polling there is no such
 * part, and a worker that is not pinned moves out of the way. */
DOCTOR_CHECK(interrupts)
{
    const struct topology_node *worker = NULL;
    const char *first = NULL;
    char pattern[PATH_MAX];
    size_t bad = 0;
    glob_t found;

    if (!c->nic.there || !next_pinned(d, NULL, c->interface) ||
        (c->mode == MODE_AF_XDP && d->options->busy_poll > 0))
        return;
    /* Those of a virtual device belong to the one around it. */
    snprintf(pattern, sizeof pattern, "%s/sys/class/net/%s/device/{.,..}/msi_irqs/*", d->root,
             c->link);
    if (glob(pattern, GLOB_BRACE, NULL, &found) != 0) {
        doctor_find(r, DOCTOR_OK, "", "has no interrupts of its own");
        return;
    }
    for (size_t i = 0; i < found.gl_pathc; i++) {
        const char *irq = strrchr(found.gl_pathv[i], '/') + 1;
        const struct topology_node *n = interrupted_worker(d, c, irq);

        if (n && bad++ == 0) {
            worker = n;
            first = irq;
        }
    }
    if (bad > 0)
        tell_interrupts(d, c, bad, first, worker, r);
    else
        doctor_find(r, DOCTOR_OK, "", "%zu interrupts, none on a worker's core", found.gl_pathc);
    globfree(&found);
}

/* Frames lie in the memory of the node that the interface belongs to. */
DOCTOR_CHECK(numa)
{
    char path[PATH_MAX], list[1024], mend[DOCTOR_TEXT_MAX];
    struct doctor_cores cores;
    uint64_t node;

    if (c->link[0] && !c->nic.there)
        return;
    if (c->link[0])
        snprintf(path, sizeof path, "/sys/class/net/%s/device/numa_node", c->link);
    else
        snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/numa_node", c->interface);
    node = doctor_read_number(d, path, UINT64_MAX);
    snprintf(path, sizeof path, "/sys/devices/system/node/node%u/cpulist", (unsigned)node);
    if (node == UINT64_MAX || !doctor_read(d, path, list, sizeof list)) {
        doctor_find(r, DOCTOR_OK, "", "belongs to no memory node");
        return;
    }
    doctor_cores_read(&cores, list);
    for (const struct topology_node *n = NULL; (n = next_pinned(d, n, c->interface));) {
        if (n->pin_cpu >= DOCTOR_CORES_MAX || cores.has[n->pin_cpu])
            continue;
        snprintf(mend, sizeof mend, "pin_cpus of %.128s in node.cfg", list);
        doctor_find(r, DOCTOR_WARN, mend, "%s is pinned to core %d, the interface is at node %u",
                    n->name, n->pin_cpu, (unsigned)node);
        return;
    }
    doctor_find(r, DOCTOR_OK, "", "at memory node %u, cores %s", (unsigned)node, list);
}

/* For workers that are to be disturbed by nobody; without pins there is nothing to say. */
DOCTOR_CHECK(isolated)
{
    struct doctor_cores isolated;
    char list[1024], mend[DOCTOR_TEXT_MAX];

    (void)c;
    doctor_read(d, "/sys/devices/system/cpu/isolated", list, sizeof list);
    doctor_cores_read(&isolated, list);
    for (const struct topology_node *n = NULL; (n = next_pinned(d, n, NULL));) {
        if ((n->mode != MODE_DPDK && n->mode != MODE_AF_XDP) || n->pin_cpu >= DOCTOR_CORES_MAX ||
            isolated.has[n->pin_cpu])
            continue;
        snprintf(mend, sizeof mend,
                 "kernel parameters isolcpus=%d nohz_full=%d rcu_nocbs=%d (the cores of all "
                 "workers), then reboot",
                 n->pin_cpu, n->pin_cpu, n->pin_cpu);
        doctor_find(r, DOCTOR_WARN, mend, "others may run on core %d of %s", n->pin_cpu, n->name);
        return;
    }
    if (next_pinned(d, NULL, NULL))
        doctor_find(r, DOCTOR_OK, "", "nobody else runs on the workers' cores");
}

DOCTOR_CHECK(governor)
{
    char path[128], word[64];
    unsigned scaled = 0;

    (void)c;
    for (unsigned core = 0; core < DOCTOR_CORES_MAX; core++) {
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%u/cpufreq/scaling_governor", core);
        if (!doctor_read(d, path, word, sizeof word))
            continue;
        scaled++;
        if (strcmp(word, "performance") == 0)
            continue;
        doctor_find(r, DOCTOR_WARN, "cpupower frequency-set -g performance",
                    "core %u is slowed down by governor %s: bursts meet a slow core", core, word);
        return;
    }
    doctor_find(r, DOCTOR_OK, "",
                scaled > 0 ? "governor performance" : "no frequency scaling here");
}

/* Every wake-up and every frame's time stamp reads it; these need a system call or a slow bus. */
DOCTOR_CHECK(clock)
{
    static const char file[] = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    static const char *const slow[] = {"hpet", "acpi_pm", "jiffies", "pit", "refined-jiffies"};
    char word[64], mend[DOCTOR_TEXT_MAX];

    (void)c;
    if (!doctor_read(d, file, word, sizeof word)) {
        doctor_find(r, DOCTOR_OK, "", "the kernel does not name its clock source");
        return;
    }
    for (size_t i = 0; i < sizeof slow / sizeof slow[0]; i++) {
        if (strcmp(word, slow[i]) != 0)
            continue;
        snprintf(mend, sizeof mend, "echo tsc > %s, or look in dmesg why it is not used", file);
        doctor_find(r, DOCTOR_WARN, mend, "reading clock source %s is slow", word);
        return;
    }
    doctor_find(r, DOCTOR_OK, "", "clock source %s", word);
}

DOCTOR_CHECK(time)
{
    (void)c;
    if (d->clock_synced)
        doctor_find(r, DOCTOR_OK, "", "the clock is synchronized");
    else
        doctor_find(r, DOCTOR_WARN, "timedatectl set-ntp true, or start chronyd",
                    "the clock is not synchronized: times in logs differ from other machines'");
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Ports are in no node.cfg: which devices need an owner follows from what they are and how many
 * workers read them. */
#include "manager/topology_ports.h"

#include "manager/capture/dpdk_device.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool name_is_taken(const struct topology *t, const char *name)
{
    for (unsigned i = 0; i < t->n; i++)
        if (strcasecmp(t->nodes[i].name, name) == 0)
            return true;
    return false;
}

/* At this place, before the workers. */
static void insert(struct topology *t, unsigned at, const struct topology_node *worker)
{
    struct topology_node port = {
        .kind = TOPOLOGY_PORT, .mode = MODE_DPDK, .pin_cpu = -1, .line = worker->line};
    unsigned number = 1;

    do
        snprintf(port.name, sizeof port.name, "port-%u", number++);
    while (name_is_taken(t, port.name));
    snprintf(port.host, sizeof port.host, "localhost");
    snprintf(port.interface, sizeof port.interface, "%s", worker->interface);
    memmove(&t->nodes[at + 1], &t->nodes[at], (t->n - at) * sizeof port);
    t->nodes[at] = port;
    t->n++;
}

static unsigned count_of(const struct topology *t, enum topology_kind kind, const char *interface)
{
    unsigned n = 0;

    for (unsigned i = 0; i < t->n; i++)
        n += t->nodes[i].kind == kind && strcmp(t->nodes[i].interface, interface) == 0;
    return n;
}

int topology_add_ports(struct topology *t, bool always)
{
    unsigned at = 0;

    while (at < t->n && t->nodes[at].kind < TOPOLOGY_PORT)
        at++;
    for (unsigned i = at; i < t->n; i++) {
        struct topology_node worker = t->nodes[i];

        if (worker.kind != TOPOLOGY_WORKER || worker.mode != MODE_DPDK ||
            count_of(t, TOPOLOGY_PORT, worker.interface) > 0 ||
            !dpdk_device_is_owned(worker.interface, count_of(t, TOPOLOGY_WORKER, worker.interface),
                                  always))
            continue;
        if (t->n == TOPOLOGY_NODES_MAX)
            return -ENOSPC;
        insert(t, at++, &worker);
        i++;
    }
    return 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* What the kernel tells by system calls, once for all checks. */
#include "manager/doctor/doctor.h"

#include "manager/capture/dpdk_device.h"
#include "manager/capture/host_use.h"
#include "manager/capture/interface.h"
#include "manager/capture/opener.h"
#include "manager/limits.h"
#include "manager/privileged.h"
#include "manager/probe_check.h"
#include "manager/sizes.h"

#include <errno.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <unistd.h>

static void examine_nic(const char *name, struct doctor_nic *nic)
{
    char error[INI_ERROR_BYTES];
    struct interface i;
    int err = interface_find(&i, name, error);

    nic->there = err == 0;
    if (!nic->there)
        return;
    nic->up = i.up;
    nic->mtu_bytes = i.mtu_bytes;
    ethtool_driver(name, nic->driver);
    nic->tells_queues = ethtool_queues_get(name, &nic->queues) == 0;
    nic->tells_rss = ethtool_rss_get(name, &nic->rss) == 0;
    nic->tells_rings = ethtool_rings_get(name, &nic->rings) == 0;
    ethtool_offloads_get(name, &nic->offloads);
    if (!host_use_find(name, nic->host_use, sizeof nic->host_use))
        nic->host_use[0] = '\0';
}

/* The capture that a node takes part in; NULL if there are too many to look at. */
static struct doctor_capture *capture_of(struct doctor *d, const struct topology_node *n)
{
    struct doctor_capture *c;

    for (unsigned i = 0; i < d->n_captures; i++)
        if (strcmp(d->captures[i].interface, n->interface) == 0 && d->captures[i].mode == n->mode)
            return &d->captures[i];
    if (d->n_captures == DOCTOR_CAPTURES_MAX)
        return NULL;
    c = &d->captures[d->n_captures++];
    snprintf(c->interface, sizeof c->interface, "%s", n->interface);
    c->mode = n->mode;
    c->package = opener_find(n->mode) ? NULL : opener_package(n->mode);
    if (c->mode != MODE_DPDK)
        snprintf(c->link, sizeof c->link, "%s", n->interface);
    else if (!dpdk_device_argument(c->interface, "iface", c->link, sizeof c->link))
        c->link[0] = '\0';
    if (c->link[0])
        examine_nic(c->link, &c->nic);
    return c;
}

static uint64_t limit_of(int resource)
{
    struct rlimit l;

    if (getrlimit(resource, &l) < 0 || l.rlim_cur == RLIM_INFINITY)
        return DOCTOR_UNLIMITED;
    return l.rlim_cur;
}

/* Also where we may not have one. */
static bool has_sockets(int family)
{
    int fd = socket(family, SOCK_RAW | SOCK_CLOEXEC, 0);

    if (fd >= 0)
        close(fd);
    return fd >= 0 || errno != EAFNOSUPPORT;
}

void doctor_examine(struct doctor *d)
{
    struct timex clock = {0};
    char error[INI_ERROR_BYTES];

    for (unsigned i = 0; i < d->topology->n; i++) {
        const struct topology_node *n = &d->topology->nodes[i];
        struct doctor_capture *c = n->kind == TOPOLOGY_WORKER ? capture_of(d, n) : NULL;

        if (c)
            c->workers++;
        d->workers += n->kind == TOPOLOGY_WORKER;
    }
    d->memory_bytes = sizes_memory_bytes();
    d->memlock_bytes = limit_of(RLIMIT_MEMLOCK);
    d->nofile = limits_files_possible();
    d->may_capture = privileged_has(CAP_NET_RAW);
    d->may_lock = privileged_has(CAP_IPC_LOCK);
    d->may_watch = probe_check_request(d->options, error) == 0;
    d->af_xdp = has_sockets(AF_XDP);
    d->clock_synced = adjtimex(&clock) >= 0 && !(clock.status & STA_UNSYNC);
    d->user_absent = !getpwnam(d->options->user);
}

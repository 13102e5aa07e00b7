/* SPDX-License-Identifier: BSD-3-Clause */
/* A node is put together once and outlives its processes. Its heritage is written and sealed here,
 * with the numbers that its descriptors will have in the child, so that each process of the node,
 * the first as well as the tenth, begins with exactly the same. Whatever must survive a crash hangs
 * on the node: the capture and its ring, the spool, the counters, the state file of a logger. */
#include "manager/nodes.h"

#include "common/base/check.h"
#include "common/base/log.h"
#include "manager/capture/captures.h"
#include "manager/cpufreq.h"
#include "manager/topology_ports.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A fanout group is known to the kernel by 16 bits in a network namespace. Unless one is configured
 * it is drawn from the upper half, so that two clusters on one interface do not join by accident
 * and share the packets that each of them should have had. */
static uint32_t fanout_base(const struct manager *m)
{
    uint32_t id = (uint32_t)m->plan->options.fanout_id;

    return id ? id : 0x8000 | ((uint32_t)m->epoch & 0x7fff);
}

static void heritage_common(const struct manager *m, struct heritage *h)
{
    const struct manager_plan *p = m->plan;

    h->epoch = m->epoch;
    h->seed = m->seed;
    h->one_shot = p->purpose != MANAGER_CLUSTER;
    h->live = p->purpose != MANAGER_REPLAY;
    h->gid = p->ids.gid;
    h->n_workers = topology_count(&p->topology, TOPOLOGY_WORKER);
    h->plaintext = topology_count(&p->topology, TOPOLOGY_PROBE) > 0;
    h->options = p->options;
    memcpy(h->run_dir, p->run_dir, sizeof h->run_dir);
    for (unsigned i = 0, worker = 0; i < p->topology.n; i++) {
        const struct topology_node *n = &p->topology.nodes[i];

        if (n->kind == TOPOLOGY_LOGGER)
            memcpy(h->loggers[h->n_loggers++], n->name, HERITAGE_NODE_MAX);
        else if (n->kind == TOPOLOGY_WORKER)
            memcpy(h->workers[worker++], n->name, HERITAGE_NODE_MAX);
    }
}

/* Files that the node's user could not make itself, and the one that takes its last words. */
static int node_files(struct manager *m, struct node *n, char *error)
{
    const struct manager_plan *p = m->plan;
    const char *dir = p->purpose == MANAGER_CLUSTER ? p->state_dir : p->run_dir;
    struct heritage *h = n->heritage;
    char path[HERITAGE_PATH_MAX + HERITAGE_NODE_MAX + 16];
    int fd;

    if (n->kind == NODE_LOGGER) {
        snprintf(path, sizeof path, "%s/%s.state", dir, n->def->name);
        if (strlen(path) >= sizeof h->state_path) {
            snprintf(error, INI_ERROR_BYTES, "%s: this path is too long", path);
            return -ENAMETOOLONG;
        }
        memcpy(h->state_path, path, strlen(path) + 1);
        memcpy(h->log_dir, p->log_dir, sizeof h->log_dir);
        if (privileged_own_file(path, h->uid, h->gid, error) < 0)
            return -EIO;
    }
    if (!p->stderr_files)
        return 0;
    snprintf(path, sizeof path, "%s/%s.stderr", dir, n->def->name);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd < 0) {
        snprintf(error, INI_ERROR_BYTES, "cannot make %s: %s", path, strerror(errno));
        return -errno;
    }
    close(fd);
    n->stderr_path = strdup(path);
    return n->stderr_path ? 0 : -ENOMEM;
}

/* By kinds of nodes. */
static const char *const programs[] = {[NODE_WORKER] = "spliff-worker",
                                       [NODE_LOGGER] = "spliff-logger",
                                       [NODE_PROBE] = "spliff-probe",
                                       [NODE_READER] = "spliff-reader",
                                       [NODE_PORT] = "spliff-worker"};

static enum node_kind node_kind_of(enum topology_kind kind)
{
    return kind == TOPOLOGY_WORKER   ? NODE_WORKER
           : kind == TOPOLOGY_LOGGER ? NODE_LOGGER
           : kind == TOPOLOGY_READER ? NODE_READER
           : kind == TOPOLOGY_PORT   ? NODE_PORT
                                     : NODE_PROBE;
}

/* The probe looks into every process: it stays what the manager is. */
static uid_t node_uid(const struct manager_plan *p, enum node_kind kind)
{
    switch (kind) {
    case NODE_WORKER:
    case NODE_READER:
    case NODE_PORT:
        return p->ids.uid;
    case NODE_LOGGER:
        return p->log_uid;
    case NODE_PROBE:
        break;
    }
    return getuid();
}

static int node_program(const struct manager *m, struct node *n)
{
    bool dpdk = n->def->mode == MODE_DPDK;
    char *path = NULL;

    if (asprintf(&path, "%s/%s%s", m->plan->program_dir, programs[n->kind], dpdk ? "-dpdk" : "") <
        0)
        return -ENOMEM;
    n->program = path;
    return 0;
}

static void no_capture(struct heritage_capture *c)
{
    *c = (struct heritage_capture){HERITAGE_CAPTURE_NO_FDS};
}

static int node_init(struct manager *m, struct node *n, const struct topology_node *def,
                     unsigned worker_index)
{
    struct heritage *h = calloc(1, sizeof *h);

    n->def = def;
    n->user = m;
    n->kind = node_kind_of(def->kind);
    n->heritage = h;
    n->heritage_fd = n->counters_fd = n->spool_fd = n->output_fd = -1;
    for (unsigned i = 0; i < HERITAGE_CAPTURE_FDS; i++)
        n->capture_fds[i] = -1;
    if (!h)
        return -ENOMEM;
    heritage_common(m, h);
    h->kind = n->kind;
    no_capture(&h->capture);
    h->pin_cpu = def->pin_cpu;
    h->worker_index = worker_index;
    h->uid = node_uid(m->plan, n->kind);
    memcpy(h->node, def->name, sizeof h->node);
    return node_program(m, n);
}

static void note_frequency(const struct manager *m, struct heritage *h)
{
    if (m->plan->options.dpdk_power && h->capture.kind == CAPTURE_DPDK && h->pin_cpu >= 0)
        cpufreq_read("", (unsigned)h->pin_cpu, &h->capture.dpdk.cpufreq);
}

/* A port's owner has what the first of its workers has. */
static int give_port(struct manager *m, const struct node *port, char *error)
{
    struct heritage_capture *to = &port->heritage->capture;
    unsigned w = 0;

    while (m->nodes[w].kind != NODE_WORKER ||
           strcmp(m->nodes[w].def->interface, port->def->interface) != 0)
        CHECK(++w < m->n_nodes);
    *to = m->nodes[w].heritage->capture;
    for (unsigned k = 0; k < HERITAGE_CAPTURE_FDS; k++)
        *heritage_capture_fd(to, k) = -1;
    to->memory_fd = fcntl(m->nodes[w].heritage->capture.memory_fd, F_DUPFD_CLOEXEC, 3);
    if (to->memory_fd >= 0)
        return 0;
    snprintf(error, INI_ERROR_BYTES, "%s: %s", port->def->name, strerror(errno));
    return -errno;
}

/* What was opened for it: from here on the node owns the descriptors. In the heritage will stand
 * the child's numbers. */
static void take_capture(struct node *n)
{
    for (unsigned k = 0; k < HERITAGE_CAPTURE_FDS; k++)
        n->capture_fds[k] = *heritage_capture_fd(&n->heritage->capture, k);
}

static unsigned heritages_of_workers(const struct manager *m, struct heritage **workers)
{
    unsigned n = 0;

    for (unsigned i = 0; i < m->n_nodes; i++)
        if (m->nodes[i].kind == NODE_WORKER)
            workers[n++] = m->nodes[i].heritage;
    return n;
}

/* The probe tells whose flows are, where mode xdp asks for it. */
static void give_processes(struct manager *m)
{
    for (unsigned i = 0; i < m->n_nodes; i++)
        if (m->nodes[i].kind == NODE_PROBE)
            m->nodes[i].heritage->capture.processes_fd = captures_give_processes(m->captures);
}

static int open_captures(struct manager *m, char *error)
{
    struct heritage *workers[TOPOLOGY_WORKERS_MAX];
    const struct manager_plan *p = m->plan;
    unsigned n = heritages_of_workers(m, workers);
    struct node *reader = NULL;
    int err;

    for (unsigned i = 0; i < m->n_nodes; i++)
        if (m->nodes[i].kind == NODE_READER)
            reader = &m->nodes[i];
    if (p->purpose == MANAGER_REPLAY)
        err = captures_open_replay(p->options.read, m->prefilter, workers, n,
                                   reader ? reader->heritage : NULL, &m->shared, error);
    else
        err = captures_open(&m->captures, &p->topology, &p->options, m->prefilter, m->seed,
                            fanout_base(m), workers, error);
    for (unsigned i = 0; i < m->n_nodes && m->shared.n_workers > 0; i++)
        if (m->nodes[i].kind == NODE_READER || m->nodes[i].kind == NODE_WORKER)
            memcpy(m->nodes[i].worker_fds, m->shared.worker_fds, sizeof m->nodes[i].worker_fds);
    for (unsigned i = 0; i < m->n_nodes && err == 0; i++)
        if (m->nodes[i].kind == NODE_PORT)
            err = give_port(m, &m->nodes[i], error);
    give_processes(m);
    for (unsigned i = 0; i < m->n_nodes; i++) {
        take_capture(&m->nodes[i]);
        note_frequency(m, m->nodes[i].heritage);
    }
    return err;
}

bool nodes_reads(const struct manager *m, const struct node *n, unsigned i)
{
    return (n->kind == NODE_WORKER || n->kind == NODE_PORT) &&
           strcmp(n->def->interface, captures_interface(m->captures, i)) == 0;
}

void nodes_shut(struct manager *m, unsigned i)
{
    for (unsigned k = 0; k < m->n_nodes; k++)
        if (nodes_reads(m, &m->nodes[k], i))
            supervise_close_capture(&m->nodes[k]);
    captures_shut(m->captures, i);
}

/* What captures_reopen has opened goes to the nodes, port owners last. 0 or -errno. */
static int hand_out(struct manager *m, unsigned i)
{
    char error[INI_ERROR_BYTES];
    int err = 0;

    for (unsigned k = 0; k < m->n_nodes && err == 0; k++)
        if (m->nodes[k].kind == NODE_PORT && nodes_reads(m, &m->nodes[k], i))
            err = give_port(m, &m->nodes[k], error);
    for (unsigned k = 0; k < m->n_nodes; k++) {
        struct node *n = &m->nodes[k];

        if (!nodes_reads(m, n, i))
            continue;
        take_capture(n);
        note_frequency(m, n->heritage);
        if (err == 0)
            err = supervise_recapture(n);
    }
    return err;
}

static void tell_gap(struct manager *m, unsigned i, uint64_t gone_ns)
{
    unsigned k = 0;

    while (m->nodes[k].kind != NODE_WORKER || !nodes_reads(m, &m->nodes[k], i))
        CHECK(++k < m->n_nodes);
    settings_add_gap(settings_of(m->nodes[k].counters), gone_ns);
}

int nodes_reopen(struct manager *m, unsigned i)
{
    struct heritage *workers[TOPOLOGY_WORKERS_MAX];
    bool read_on = captures_read_on(m->captures, i);
    uint64_t gone_ns = 0;
    int err, handed;

    heritages_of_workers(m, workers);
    for (unsigned k = 0; k < m->n_nodes && !read_on; k++)
        if (nodes_reads(m, &m->nodes[k], i))
            no_capture(&m->nodes[k].heritage->capture);
    err = captures_reopen(m->captures, i, workers, &gone_ns);
    handed = read_on ? 0 : hand_out(m, i);
    if (err == 0 && handed < 0) {
        log_error("interface %s: %s", captures_interface(m->captures, i), strerror(-handed));
        err = handed;
    }
    if (err == 0)
        tell_gap(m, i, gone_ns);
    else if (!read_on)
        nodes_shut(m, i);
    return err;
}

/* Which row of p is of this interface; a new one if none is yet. -1: there is no room. */
static int probe_interface(struct heritage_probe *p, const char *name)
{
    uint32_t i = 0;

    while (i < p->n_interfaces && strcmp(p->interface[i], name) != 0)
        i++;
    if (i == HERITAGE_INTERFACES)
        return -1;
    if (i == p->n_interfaces)
        snprintf(p->interface[p->n_interfaces++], HERITAGE_INTERFACE_MAX, "%s", name);
    return (int)i;
}

/* Tells the probe which worker has which flows: what the captures have been given. */
static void probe_learn_owners(struct manager *m, struct heritage_probe *p)
{
    for (unsigned i = 0; i < m->n_nodes; i++) {
        const struct heritage *h = m->nodes[i].heritage;
        int row;

        if (h->kind != NODE_WORKER)
            continue;
        row = probe_interface(p, m->nodes[i].def->interface);
        if (row < 0) {
            log_warn("%s: plaintext is joined on the first %d interfaces only", h->node,
                     HERITAGE_INTERFACES);
            continue;
        }
        memcpy(p->owner[row], h->bucket_owner, sizeof h->bucket_owner);
        p->claims[row] = h->claims;
    }
}

/* The logger reads what workers have for it out of their memory. */
static void give_spools(struct manager *m)
{
    for (unsigned i = 0; i < m->n_nodes; i++) {
        struct node *logger = &m->nodes[i];

        for (unsigned k = 0; logger->kind == NODE_LOGGER && k < m->n_nodes; k++)
            if (m->nodes[k].kind == NODE_WORKER)
                logger->worker_fds[m->nodes[k].heritage->worker_index] = m->nodes[k].spool_fd;
    }
}

/* --format writes through the first logger. */
static void give_output(struct manager *m)
{
    struct manager_plan *p = m->plan;

    if (p->output_fd < 0)
        return;
    m->nodes[0].output_fd = p->output_fd;
    m->nodes[0].heritage->output_tty = isatty(p->output_fd);
    p->output_fd = -1;
}

int nodes_open(struct manager *m, void (*on_end)(struct node *n), char *error)
{
    struct topology *t = &m->plan->topology;
    unsigned workers = 0;
    int err = topology_add_ports(t, m->plan->options.dpdk_port_owner);

    snprintf(error, INI_ERROR_BYTES, err < 0 ? "there are too many nodes" : "out of memory");
    if (err < 0)
        return err;
    m->nodes = calloc(t->n, sizeof *m->nodes);
    if (!m->nodes)
        return -ENOMEM;
    for (unsigned i = 0; i < t->n && err == 0; i++) {
        enum topology_kind kind = t->nodes[i].kind;

        if (kind != TOPOLOGY_MANAGER && kind != TOPOLOGY_PROXY) {
            struct node *n = &m->nodes[m->n_nodes++];

            n->on_end = on_end;
            err = node_init(m, n, &t->nodes[i], kind == TOPOLOGY_WORKER ? workers++ : 0);
        }
    }
    if (err == 0) {
        CHECK(m->nodes[0].kind == NODE_LOGGER);
        give_output(m);
        err = open_captures(m, error);
    }
    for (unsigned i = 0; i < m->n_nodes && err == 0; i++)
        if (m->nodes[i].kind == NODE_PROBE)
            probe_learn_owners(m, &m->nodes[i].heritage->probe);
    for (unsigned i = 0; i < m->n_nodes && err == 0; i++) {
        struct node *n = &m->nodes[i];

        err = node_files(m, n, error);
        if (err < 0)
            break;
        err = supervise_init(n, &m->loop, m->plan->options.spool_size);
        if (err < 0)
            snprintf(error, INI_ERROR_BYTES, "cannot make shared memory for %s: %s", n->def->name,
                     strerror(-err));
    }
    if (err == 0)
        give_spools(m);
    return err;
}

void nodes_close(struct manager *m)
{
    for (unsigned i = 0; i < m->n_nodes; i++) {
        struct node *n = &m->nodes[i];

        supervise_fini(n);
        free(n->heritage);
        free(n->program);
        free(n->stderr_path);
    }
    free(m->nodes);
    m->nodes = NULL;
    m->n_nodes = 0;
}

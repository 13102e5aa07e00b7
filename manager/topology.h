/* SPDX-License-Identifier: BSD-3-Clause */
/* The topology: which nodes a cluster has, from node.cfg in zeekctl's syntax.
 *
 *   [worker]                    type        manager, logger, worker, probe, proxy, standalone
 *                                           (required)
 *   type=worker                 host        localhost (required)
 *   host=localhost              interface   of workers, with or without "af_packet::" …
 *   interface=af_packet::eth0   lb_method   af_packet, xdp, af_xdp, dpdk: the capture mode
 *   lb_procs=4                  lb_procs    makes worker-1 … worker-4
 *   pin_cpus=1,2,3,4            pin_cpus    one core a worker, in order, from the start again
 *   env_vars=TZ=UTC             env_vars    NAME=VALUE,… for the node's environment
 *                               pci, vdev   a device of DPDK's in place of interface
 *                               lcores      of dpdk in place of pin_cpus: one for each worker
 *
 * Other keys of zeekctl are taken and named in the notes, unknown ones are errors: a mistyped
 * lb_procs would otherwise run one worker where four were meant. */
#ifndef SPLIFF_MANAGER_TOPOLOGY_H
#define SPLIFF_MANAGER_TOPOLOGY_H

#include "common/ipc/heritage.h"
#include "manager/ini_file.h"
#include "manager/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TOPOLOGY_NODES_MAX   256
#define TOPOLOGY_WORKERS_MAX 192
#define TOPOLOGY_PINS_MAX    64  /* cores in one pin_cpus list */
#define TOPOLOGY_NAME_MAX    192 /* interface with its NUL, checked against the kernel's later */
#define TOPOLOGY_ENV_MAX     200 /* one env_vars list with its NUL */

/* In the order they are started. */
enum topology_kind {
    TOPOLOGY_MANAGER,
    TOPOLOGY_LOGGER,
    TOPOLOGY_READER, /* of a file for several workers; in no node.cfg */
    TOPOLOGY_PORT, /* owner of a device that several workers read; in no file (topology_ports.h) */
    TOPOLOGY_WORKER,
    TOPOLOGY_PROBE, /* at most one: it sees all processes of the host */
    TOPOLOGY_PROXY,
};

struct topology_node {
    char name[HERITAGE_NODE_MAX];
    enum topology_kind kind;
    char host[64];
    char interface[TOPOLOGY_NAME_MAX]; /* workers: without "af_packet::" and the like */
    enum mode mode;                    /* workers: how it is captured */
    char env_vars[TOPOLOGY_ENV_MAX];
    int pin_cpu;   /* -1 = not pinned */
    unsigned line; /* of its section */
};

/* Plain data, about 100 KB: on the heap or static. */
struct topology {
    struct topology_node nodes[TOPOLOGY_NODES_MAX]; /* in the order of their kinds */
    unsigned n;
};

/* "manager", "logger", … */
const char *topology_kind_name(enum topology_kind kind);

/* Reads node.cfg text. Returns 0, or -EINVAL with one line "file:line: …" in
 * error[INI_ERROR_BYTES]. `notes`, if not NULL, takes one line for each thing that was accepted but
 * does nothing. */
int topology_read_text(const char *text, size_t len, const char *file, struct topology *t,
                       struct text *notes, char *error);

/* The same from a file; also -errno of reading it. */
int topology_read(const char *path, struct topology *t, struct text *notes, char *error);

/* The topology of `run`: manager, logger-1, worker-1 … worker-n on one interface ("" when a file is
 * read), or n on each of several with blanks between them;
 * pinned to `pins` (a pin_cpus list or ""), and if asked for, probe. 0 or -EINVAL with a line in
 * error. */
int topology_of_run(struct topology *t, unsigned n_workers, const char *interfaces, enum mode mode,
                    const char *pins, bool probe, char *error);

/* Adds the reader of a file that several workers read, in front of these. */
void topology_add_reader(struct topology *t);

/* How many nodes of a kind there are. */
unsigned topology_count(const struct topology *t, enum topology_kind kind);

#endif

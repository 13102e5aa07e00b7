/* SPDX-License-Identifier: BSD-3-Clause */
/* All that the workers of a cluster read, opened by the manager and held as long as it lives. */
#ifndef SPLIFF_MANAGER_CAPTURE_CAPTURES_H
#define SPLIFF_MANAGER_CAPTURE_CAPTURES_H

#include "common/base/alt_svc_table.h"
#include "manager/capture/opener.h"
#include "manager/topology.h"

struct captures;
struct shared_file;
struct prefilter;

/* Opens the interfaces of the topology, each in its mode: capture and bucket owners of heritages[i]
 * for the i-th worker of t. Errors as struct opener's open; what is open then stays in the
 * heritages, to be closed. */
int captures_open(struct captures **out, const struct topology *t, const struct options *o,
                  const struct prefilter *prefilter, uint32_t seed, uint32_t fanout_base,
                  struct heritage *const *heritages, char *error);

/* The same for a capture file, "-" is standard input: one worker reads it itself, of several each
 * gets its frames through `shared`, which is opened, from `reader`. */
int captures_open_replay(const char *path, const struct prefilter *prefilter,
                         struct heritage *const *heritages, unsigned n, struct heritage *reader,
                         struct shared_file *shared, char *error);

/* As struct opener's, for all interfaces. NULL is none. */
void captures_tick(struct captures *c);
void captures_close(struct captures *c);

/* A descriptor of the map of flows' processes (bpf/processes.h) for the probe: then the heritage's.
 * -1: no interface is in mode xdp, or there is none left. */
int captures_give_processes(const struct captures *c);

/* What is to be told of alternative services: for alt_svc_table_mirror. */
struct alt_svc_mirror captures_mirror(struct captures *c);

#endif

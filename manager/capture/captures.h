/* SPDX-License-Identifier: BSD-3-Clause */
/* All that the workers of a cluster read, opened by the manager and held as long as it lives. */
#ifndef SPLIFF_MANAGER_CAPTURE_CAPTURES_H
#define SPLIFF_MANAGER_CAPTURE_CAPTURES_H

#include "common/base/alt_svc_table.h"
#include "manager/capture/link.h"
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
 * gets its frames through `shared`, which is opened, from `reader`; if that is NULL, they fill
 * it in turn (shared_file_in_turn). */
int captures_open_replay(const char *path, const struct prefilter *prefilter,
                         struct heritage *const *heritages, unsigned n, struct heritage *reader,
                         struct shared_file *shared, char *error);

/* Interfaces that are captured; NULL: none. The i-th of them is read by the nodes whose interface
 * has this name. */
unsigned captures_count(const struct captures *c);
const char *captures_interface(const struct captures *c, unsigned i);

/* The kernel has told that the interface of this number was removed. */
void captures_note_removed(struct captures *c, unsigned index);

/* What has become of the i-th interface since it was looked at last, which is said in the log. */
enum link_news captures_look(struct captures *c, unsigned i);

/* Whether its workers read on when it is back; else they are to end when it is gone. */
bool captures_read_on(const struct captures *c, unsigned i);

/* It is gone and its workers have ended, or it was not opened again: closes it. */
void captures_shut(struct captures *c, unsigned i);

/* It is there again, and was shut if its workers do not read on: opens it as captures_open does.
 * Returns 0 and for how long it was gone; or -errno, said in the log once, and may be asked again.
 */
int captures_reopen(struct captures *c, unsigned i, struct heritage *const *heritages,
                    uint64_t *gone_ns);

/* NULL is none. */
void captures_close(struct captures *c);

/* A descriptor of the map of flows' processes (bpf/processes.h) for the probe: then the heritage's.
 * -1: no interface is in mode xdp, or there is none left. */
int captures_give_processes(const struct captures *c);

/* What is to be told of alternative services: for alt_svc_table_mirror. */
struct alt_svc_mirror captures_mirror(struct captures *c);

#endif

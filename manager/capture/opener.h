/* SPDX-License-Identifier: BSD-3-Clause */
/* How a capture mode opens an interface for its workers: all that needs rights, in the manager. One
 * file a mode and one row in table.c; the worker's side is worker/capture. */
#ifndef SPLIFF_MANAGER_CAPTURE_OPENER_H
#define SPLIFF_MANAGER_CAPTURE_OPENER_H

#include "common/base/alt_svc_key.h"
#include "common/ipc/heritage.h"
#include "common/schema/options.h"
#include "manager/ini_file.h"

#include <stdbool.h>
#include <stdint.h>

struct interface;
struct prefilter;

struct capture_request {
    const char *interface;
    const struct options *options;
    uint32_t n_workers;                /* on this interface */
    uint32_t seed;                     /* of flow_hash */
    uint32_t number;                   /* of the interface among those captured, from 0 */
    uint32_t fanout_group;             /* AF_PACKET: the next free one is taken if fanout_id is 0 */
    const uint16_t *bucket_owner;      /* FLOW_BUCKETS entries: which of the n_workers */
    const struct prefilter *prefilter; /* for programs: prefilter_use(); or NULL */
    bool preempts;                     /* a softirq may come between those of its CPU */
    int *processes_fd; /* mode xdp: the map of bpf/processes.h, the caller's; -1: the first opener
                          makes it; NULL: there is no probe to fill it */
};

/* What an opener keeps of an interface as long as the manager lives: programs, maps. */
struct opened;

struct opener {
    enum mode mode;

    /* Takes away what managers that were killed have left in the kernel, on any interface: once,
     * before the first is opened in whatever mode. May be NULL. */
    void (*sweep)(void);

    /* Opens the interface for its workers: out[0 … n_workers - 1], all zero but for descriptors of
     * -1. Sets hash_decides of them where bucket_owner is what shares out the packets, and not the
     * hardware or the kernel; lists_below where all that comes up was looked for the prefilter's
     * lists by a program, as far as that reads frames. Nothing is received before a worker opens
     * its own (worker/capture).
     *
     * Returns 0 and *o (may be NULL), or with one line in error[INI_ERROR_BYTES] that says what to
     * do: -ENODEV no such interface, -EPERM no right to, -ENOTSUP not on this interface, kernel or
     * build, -EINVAL an option, -ENOMEM, -EBUSY used by others, else -errno of the call named in
     * the line. Descriptors in *out are then closed by the caller, the rest has been undone. Warns
     * on the log when it goes on with less. */
    int (*open)(const struct capture_request *r, struct heritage_capture *const *out,
                struct opened **o, char *error);

    /* The kernel's interface that this one is, if it is not the one of its name: into name[bytes],
     * "" if none is behind it. NULL: it is. */
    void (*link)(const struct opened *o, char *name, size_t bytes);

    /* The interface was removed: takes off what is attached to it. It is back, as *i: attaches
     * anew, 0 or -errno with a line in error, and is asked again later. Meanwhile its workers go
     * on. NULL, both: the workers end when it is gone; when they have, it is closed, and opened for
     * their successors when it is back. */
    void (*gone)(struct opened *o);
    int (*back)(struct opened *o, const struct interface *i, char *error);

    /* Once a second, and when an interface came, went or changed, while it is open. May be NULL. */
    void (*tick)(struct opened *o);
    /* HTTP/3 is known to be at this address and port, or at this port, until expires_ns since 1970;
     * 0: no more. May be NULL. */
    void (*learned_host)(struct opened *o, const struct alt_svc_host_key *key, uint64_t expires_ns);
    void (*learned_port)(struct opened *o, const struct alt_svc_port_key *key, uint64_t expires_ns);
    /* Detaches what is attached; nothing is left in the kernel. May be NULL if *o always is. */
    void (*close)(struct opened *o);
};

/* The row of a mode; NULL if it was not built in: for want of this package. */
const struct opener *opener_find(enum mode mode);
const char *opener_package(enum mode mode);

/* Calls sweep of all that were built in. */
void opener_sweep(void);

extern const struct opener opener_af_packet;
extern const struct opener opener_xdp;
extern const struct opener opener_af_xdp;
extern const struct opener opener_dpdk;

#endif

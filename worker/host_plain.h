/* SPDX-License-Identifier: BSD-3-Clause */
/* The plaintext view at the host of analyzers: joins sessions to flows, gives what they read and
 * wrote to an analyzer as a content inside the flow's TLS, logs sessions, and asks about TLS flows
 * that never showed plaintext. */
#ifndef SPLIFF_WORKER_HOST_PLAIN_H
#define SPLIFF_WORKER_HOST_PLAIN_H

#include "worker/worker.h"

/* Takes what the probe sent and what has become due. Called between packet batches and when idle;
 * packets_ns: all packets up to this wall-clock time have been processed. */
void host_plain_run(struct worker *w, uint64_t packets_ns);

/* A message of the bus about who owns a socket. True: it was one. */
bool host_plain_message(struct worker *w, const struct bus_message *m);

/* A packet with payload of a joined flow (f->joint). */
void host_plain_arrival(struct worker *w, struct flow *f, unsigned end, uint64_t ts_ns);

/* The flow is over; its own analyzer is still open. */
void host_plain_end(struct worker *w, struct flow *f);

/* Fills process, latency and view fields of records that come from plaintext. */
void host_plain_fill(struct worker *w, struct flow *f, enum record_type type, void *rec);

#endif

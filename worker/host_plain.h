/* SPDX-License-Identifier: BSD-3-Clause */
/* The plaintext view at the host of analyzers: joins sessions to flows, gives what they read and
 * wrote to an analyzer as a content inside the flow's TLS, logs sessions, and asks about TLS flows
 * that never showed plaintext. Nothing of it happens in a worker without a probe (w->plain is
 * NULL), nor for a flow whose `joint` is 0. */
#ifndef SPLIFF_WORKER_HOST_PLAIN_H
#define SPLIFF_WORKER_HOST_PLAIN_H

#include "worker/worker.h"

/* 0 or -errno after printing what failed. The bus is open already. */
int host_plain_open(struct worker *w);
void host_plain_close(struct worker *w);

/* Takes what the probe sent and what has become due. Called between packet batches and when idle;
 * packets_ns: all packets up to this wall-clock time have been processed. UINT64_MAX: no more will
 * come, all that is held is due. */
void host_plain_run(struct worker *w, uint64_t packets_ns);

/* Readable (edge-triggered) when host_plain_run may find something. */
int host_plain_fd(const struct worker *w);

/* When what host_plain_run holds back happened, the oldest of it; UINT64_MAX: it holds nothing. */
uint64_t host_plain_oldest_ns(const struct worker *w);

/* A message of the bus about who owns a socket. True: it was one. */
bool host_plain_message(struct worker *w, const struct bus_message *m);

/* A peer has subscribed to a topic at our publishing socket: a probe that has just come is told of
 * all claims. */
void host_claim_asked(struct worker *w, const struct bus_message *m);

/* An analyzer begins to read a flow: from TLS on, its packets may have plaintext. */
void host_plain_watch(struct worker *w, struct flow *f, uint8_t analyzer);

/* The first packet of a flow that only plaintext has told of until now. */
void host_plain_seen(struct worker *w, const struct flow *f);

/* A packet with payload of a joined flow (f->joint). */
void host_plain_arrival(struct worker *w, struct flow *f, unsigned end, uint64_t ts_ns);

/* A packet of a flow, joined or not, with which the kernel told of processes at its ends. */
void host_plain_processes(struct worker *w, struct flow *f, const struct frame_process told[2]);

/* The flow is over; its own analyzer is still open: logs the sessions. What is known of processes
 * stays for the flow's last records, until host_plain_free. */
void host_plain_end(struct worker *w, struct flow *f);
void host_plain_free(struct worker *w, struct flow *f);

/* Fills process, latency and view fields of records that come from plaintext. */
void host_plain_fill(struct worker *w, struct flow *f, enum record_type type, void *rec);

/* Fills in a conn or ssl record of a joined flow which processes are at its ends. */
void host_plain_ends(struct worker *w, const struct flow *f, enum record_type type, void *rec);

/* Whether an analyzer reads the plaintext of a joined flow. */
bool host_plain_is_read(const struct worker *w, const struct flow *f);

/* It is known what the plaintext of a flow is; swapped: its client is not who was taken for it. */
void host_plain_detected(struct worker *w, struct flow *f, bool swapped);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* TLS sessions as user space follows them: turns the kernel's events into items for workers. What
 * comes before the five-tuple is known waits, within a bound. */
#ifndef SPLIFF_PROBE_SESSIONS_H
#define SPLIFF_PROBE_SESSIONS_H

#include "bpf/probe.h"
#include "common/ipc/plaintext.h"
#include "common/schema/counters.h"
#include "worker/probe/claims.h"
#include "worker/probe/process.h"
#include "worker/probe/route.h"

#include <stdint.h>

struct sessions;

/* What sessions need to know of an image. Borrowed for the life of the table. */
struct session_image {
    const char *library, *path, *build_id;
    const char *hook; /* entry or site */
};

struct sessions_ops {
    /* Sends an item to a worker: false if it could not be (the session's next item shows a jump).
     */
    bool (*send)(void *user, unsigned worker, const struct plaintext_item *item);
    const struct session_image *(*image)(void *user, uint16_t index);
};

/* first_number is added to the kernel's numbers of sessions, so that those of two lives of the
 * probe differ. claims may be NULL: no interface needs them. NULL: no memory. */
struct sessions *sessions_new(uint32_t capacity, uint64_t pending_bytes, uint64_t first_number,
                              const struct route *r, struct claims *claims, struct process_table *p,
                              const struct sessions_ops *ops, void *user, struct counters *c);
void sessions_free(struct sessions *s);

/* wall_offset_ns: CLOCK_REALTIME minus CLOCK_MONOTONIC, now. */
void sessions_event(struct sessions *s, const struct probe_event *e, int64_t wall_offset_ns);

/* Flows were claimed: sessions that wait for one of them have their worker. */
void sessions_claimed(struct sessions *s);

/* Called often, after all claims that are there were taken: those that have waited long enough go
 * by our hash. mono_ns: clock_mono_ns(), UINT64_MAX: all of them, it is the end. Returns when it
 * wants to be called again; UINT64_MAX never. */
uint64_t sessions_run(struct sessions *s, uint64_t mono_ns);

/* A worker has come (back): its sessions are told anew before their next item. */
void sessions_forget_worker(struct sessions *s, unsigned worker);

/* A process is gone: its sessions are closed. ts_ns: wall clock. */
void sessions_exit(struct sessions *s, uint32_t pid, uint64_t ts_ns);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Emit: records -> spool -> bus, and acknowledgements back. The last stage; one per worker.
 *
 * Packs each record straight into the spool's open batch, tells the logger of sealed batches in
 * sequence, at most EMIT_WINDOW ahead of what it has acknowledged, and tells it again from the
 * acknowledged one on when a logger appears or asks. */
#ifndef SPLIFF_WORKER_EMIT_H
#define SPLIFF_WORKER_EMIT_H

#include "common/ipc/bus.h"
#include "common/ipc/heritage.h"
#include "common/ipc/spool.h"
#include "common/schema/counters.h"
#include "common/schema/record.h"

#include <stdbool.h>
#include <stdint.h>

#define EMIT_WINDOW 32u /* batches */

struct emit;

/* Attaches the spool of the heritage. Returns 0 or -errno after printing what failed. */
int emit_open(struct emit **e, const struct heritage *h, struct bus *bus, struct counters *c);

/* The bus has one reader, and it is emit: what is not about log batches goes to this function, also
 * what others have subscribed to. */
void emit_on_event(struct emit *e, void (*event)(void *arg, const struct bus_message *m),
                   void *arg);

/* Takes one record; rec is borrowed for the call. Never fails: live, a full spool drops its oldest
 * batch and counts its records; a replay waits here for the logger. */
void emit_record(struct emit *e, enum record_type type, const void *rec);

/* Publishes what is sealed, takes acknowledgements, seals open batches older than
 * log_flush_interval. now_ns: clock_mono_ns(). Called once a packet batch and when idle. */
void emit_run(struct emit *e, uint64_t now_ns);

/* poll(2) has said whether any of bus_fds is ready: if so, the next emit_run takes what is there,
 * if not, it spares the system calls of asking. */
void emit_bus_polled(struct emit *e, bool ready);

/* Waits until the bus has something, at most until until_ns, and takes it; 0: only takes what is
 * there, as it must have been before the bus is waited for. */
void emit_wait(struct emit *e, uint64_t until_ns);

/* When emit_run wants to be called again at the latest, on the clock of now_ns; UINT64_MAX never.
 */
uint64_t emit_deadline_ns(const struct emit *e);

/* The last packet is through: a live worker, too, waits for room in the spool from now on instead
 * of dropping what is oldest there, for timeout_ns at most in all, emit_finish included. */
void emit_end(struct emit *e, uint64_t timeout_ns);

/* Seals everything and tells the logger of it. */
void emit_flush(struct emit *e);

/* The same, and waits until the logger has it, at most timeout_ns.
 * Returns the records that were not acknowledged. */
uint64_t emit_finish(struct emit *e, uint64_t timeout_ns);

void emit_close(struct emit *e);

#endif

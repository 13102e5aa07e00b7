/* SPDX-License-Identifier: BSD-3-Clause */
/* From the bus into the files: takes each batch once and in order, writes it to every sink that is
 * open, and acknowledges it when it is safe. Knows nothing of the event loop. */
#ifndef SPLIFF_LOGGER_RECEIVE_H
#define SPLIFF_LOGGER_RECEIVE_H

#include "common/ipc/bus.h"
#include "common/ipc/heritage.h"
#include "common/schema/counters.h"

#include <stdbool.h>
#include <stdint.h>

struct receive;

/* Opens the state file: before privileges are dropped. h and c are borrowed for the life of it.
 * Returns 0 or -errno after printing what failed. */
int receive_open(struct receive **out, const struct heritage *h, struct counters *c);

/* Opens the sinks and goes on where a predecessor ended: with the rights that the files are to be
 * written with. bus is borrowed. 0 or -errno after printing it. */
int receive_begin(struct receive *r, struct bus *bus);

/* Takes some of what the bus has. Returns 1 if there may be more: call again soon; 0 if there was
 * no more; -EAGAIN if the reader of the output is slow: call again soon; another -errno if a sink
 * cannot be written (it was said): call again in a second. After an error the next call first tries
 * to write what waits. now_ns: clock_mono_ns(). */
int receive_run(struct receive *r, uint64_t now_ns);

/* Sends the present files to the archive and begins new ones. 0, or as receive_run: call again.
 * close_ns: wall clock. */
int receive_rotate(struct receive *r, uint64_t close_ns, uint64_t now_ns);

/* Ends all files. What could not be written and was not acknowledged is dropped: returns -errno
 * then, after printing it. */
int receive_close(struct receive *r);

#endif

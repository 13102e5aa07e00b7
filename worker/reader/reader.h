/* SPDX-License-Identifier: BSD-3-Clause */
/* The reader process: reads a capture file once for all workers. */
#ifndef SPLIFF_WORKER_READER_H
#define SPLIFF_WORKER_READER_H

#include "common/ipc/heritage.h"
#include "common/schema/counters.h"

struct reader;

/* Opens file and ring. 0 and *out; or, after printing what is wrong, -errno as the file's source
 * has it (worker/capture/capture.h). */
int reader_open(struct reader **out, const struct heritage *h, struct counters *counters);

/* Reads until the file ends, no worker is left or *stop is set. 0, or -errno as the source's recv
 * but for -ENODATA. */
int reader_loop(struct reader *r, const volatile int *stop);

/* Tells the workers that nothing more comes. NULL is nothing. */
void reader_close(struct reader *r);

#endif

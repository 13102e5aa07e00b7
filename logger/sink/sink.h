/* SPDX-License-Identifier: BSD-3-Clause */
/* A log sink: one way to write records. The logger has one row of sinks (table.c) and opens those
 * that the options ask for; each gets every record. A file sink writes one file a path; a stream
 * sink (text, json, pcap) writes all to one descriptor.
 *
 * A sink appends to its buffer in write(), which touches no file and so cannot fail for the
 * environment's sake, and hands bytes to the kernel in flush(). Only after every sink's flush() has
 * returned 0 are the lengths() committed to the state file and the batches acknowledged; so after a
 * crash a file is cut back to its committed length, and what was behind it comes again. */
#ifndef SPLIFF_LOGGER_SINK_H
#define SPLIFF_LOGGER_SINK_H

#include "common/ipc/heritage.h"
#include "common/ipc/spool.h"

struct sink_state; /* what a sink keeps */

/* Bytes of each output that are with the kernel. */
struct sink_lengths {
    uint64_t file[RECORD_TYPES];
    uint64_t stream;
};

struct sink {
    const char *name; /* tsv, json, text, … */

    /* Whether the options ask for this sink. */
    bool (*wanted)(const struct heritage *h);
    /* Opens. committed: what a predecessor that died had written safely, to go on from; NULL: this
     * is a fresh start. Returns 0 and *state, or -errno after printing what failed and what to do.
     */
    int (*open)(struct sink_state **state, const struct heritage *h,
                const struct sink_lengths *committed);
    /* Appends every record of the batch. 0; -EBADMSG for a batch that does not parse (then nothing
     * of it is appended). */
    int (*write)(struct sink_state *state, const struct spool_batch *batch);
    /* Gives everything to the kernel. 0; -EAGAIN: the reader is slow, call again soon; or -errno
     * (disk full …), said once: call again later. */
    int (*flush)(struct sink_state *state);
    /* After flush() returned 0: ends the present files and sends them to the archive; new ones
     * begin with the next record. NULL for streams. close_ns: wall clock. 0, or -errno: call again.
     */
    int (*rotate)(struct sink_state *state, uint64_t close_ns);
    /* Sets the lengths of this sink's own outputs, leaves the others. */
    void (*lengths)(const struct sink_state *state, struct sink_lengths *out);
    /* Writes what ends a file (#close), if flush() returned 0 before; frees. */
    void (*close)(struct sink_state *state);
};

extern const struct sink *const sinks[]; /* NULL-terminated, in table.c */

#define SINKS_OPEN_MAX 2 /* a file sink and a stream sink */

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* A log sink: one way to write records. The logger has one row of sinks (table.c) and opens those
 * that the options ask for; each gets every record. A file sink writes one file a path; a stream
 * sink (text, json, pcap) writes all to one descriptor.
 *
 * A sink appends to its buffer in write() and hands bytes to the kernel in flush(); only after
 * flush() has returned 0 is a batch acknowledged. */
#ifndef SPLIFF_LOGGER_SINK_H
#define SPLIFF_LOGGER_SINK_H

#include "common/ipc/message.h"
#include "common/ipc/heritage.h"

struct sink_state; /* what a sink keeps */

struct sink {
    const char *name; /* tsv, json, text, … */

    /* Returns 0 and *state, or -errno after printing what failed and what to do. */
    int (*open)(struct sink_state **state, const struct heritage *h);
    /* Appends every record of the batch. 0; -EBADMSG for a batch that does not parse (then nothing
     * of it is appended). */
    int (*write)(struct sink_state *state, const struct message_batch *batch);
    /* Gives everything to the kernel. 0 or -errno (disk full …): called again later. */
    int (*flush)(struct sink_state *state);
    /* Ends the present files and begins new ones; NULL for streams. open_ns/close_ns: wall clock. */
    int (*rotate)(struct sink_state *state, uint64_t open_ns, uint64_t close_ns);
    /* Flushes, writes what ends a file (#close), frees. */
    void (*close)(struct sink_state *state);
};

extern const struct sink *const sinks[]; /* NULL-terminated, in table.c */

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Log files, one a path: what the tsv and json sinks share. Those two say how a record becomes a
 * line; here are the operations of struct sink that do not depend on it. */
#ifndef SPLIFF_LOGGER_LOGFILE_H
#define SPLIFF_LOGGER_LOGFILE_H

#include "logger/sink/format.h"
#include "logger/sink/sink.h"

/* How a file of lines looks. */
struct logfile_format {
    /* What a file begins and ends with; NULL: nothing. */
    void (*header)(struct outbuf *b, enum record_type type, uint64_t open_ns);
    void (*footer)(struct outbuf *b, uint64_t close_ns);
    /* Appends one line. 0 or -EBADMSG. context is not used. */
    int (*record)(struct outbuf *b, struct cursor *c, enum record_type type, void *context);
};

/* Opens the log folder: <log_dir> itself for one_shot, else <log_dir>/current. Files of a
 * predecessor are cut back to what it had committed, and go on; with committed == NULL a cluster's
 * leftovers go to the archive, and those of a `run` are overwritten. Format is borrowed.
 * -EACCES: not writable; or another -errno; each after printing it. */
int logfile_open(struct sink_state **out, const struct heritage *h,
                 const struct sink_lengths *committed, const struct logfile_format *format);

/* The operations of struct sink. */
bool logfile_wanted(const struct heritage *h, enum log_format format);
int logfile_write(struct sink_state *s, const struct spool_batch *batch);
int logfile_flush(struct sink_state *s);
int logfile_rotate(struct sink_state *s, uint64_t close_ns);
void logfile_lengths(const struct sink_state *s, struct sink_lengths *out);
void logfile_close(struct sink_state *s);

/* In the initializer of a sink: those that do not ask for its format. */
#define LOGFILE_SINK                                                                               \
    .write = logfile_write, .flush = logfile_flush, .rotate = logfile_rotate,                      \
    .lengths = logfile_lengths, .close = logfile_close

#endif

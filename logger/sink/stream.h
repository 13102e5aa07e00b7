/* SPDX-License-Identifier: BSD-3-Clause */
/* A stream: all records to the one descriptor that --format writes to. What the text, json and pcap
 * streams share; the operations of struct sink that do not depend on the form. */
#ifndef SPLIFF_LOGGER_STREAM_H
#define SPLIFF_LOGGER_STREAM_H

#include "logger/sink/format.h"
#include "logger/sink/sink.h"

/* What a form may keep between records. */
struct stream_context {
    bool color;
    bool begun;          /* something was written before, maybe by a predecessor */
    bool linktype_known; /* pcap: a frame was seen */
    uint32_t linktype;   /* pcap: of the first frame */
    uint64_t refused;    /* pcap: frames of other link types */
};

struct stream_format {
    /* Whether records of this type belong into the stream. */
    bool (*takes)(enum record_type type);
    /* Appends one record; context is the struct stream_context. 0 or -EBADMSG. */
    int (*record)(struct outbuf *b, struct cursor *c, enum record_type type, void *context);
    /* What a stream ends with, or NULL. */
    void (*end)(struct outbuf *b, struct stream_context *context);
};

/* Takes over the heritage's output_fd. Format is borrowed. 0 or -errno after printing it. */
int stream_open(struct sink_state **out, const struct heritage *h,
                const struct sink_lengths *committed, const struct stream_format *format);

/* Of every path but the frames, which have no lines, and exchanges, which have many. */
bool stream_takes_logs(enum record_type type);

/* The operations of struct sink. */
bool stream_wanted(const struct heritage *h, enum output format);
int stream_write(struct sink_state *s, const struct spool_batch *batch);
int stream_flush(struct sink_state *s);
void stream_lengths(const struct sink_state *s, struct sink_lengths *out);
void stream_close(struct sink_state *s);

/* In the initializer of a sink: those that do not ask for its form. */
#define STREAM_SINK                                                                                \
    .write = stream_write, .flush = stream_flush, .lengths = stream_lengths, .close = stream_close

#endif

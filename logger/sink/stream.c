/* SPDX-License-Identifier: BSD-3-Clause */
/* Where a stream differs from a file: its reader may be slow, and it may go away.
 *
 * The descriptor is shared with whoever started us, so it is not made non-blocking; instead poll(2)
 * is asked before each piece, and a piece is no longer than what a pipe that polls writable is sure
 * to take. A reader that stays slow gives -EAGAIN, so that the loop can go on hearing signals.
 * When the reader is gone (`| head`), the rest is thrown away: nobody wants it, and that is no
 * error.
 *
 * In a regular file a killed logger's successor cuts off what was not committed, as in log files.
 * From a pipe nothing can be taken back: there, and only there, a kill can show records twice. */
#include "logger/sink/stream.h"

#include "common/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SLOW_READER_MS 50

struct sink_state {
    const struct stream_format *format;
    struct stream_context context;
    struct outbuf out;
    int fd;
    bool regular; /* a file: takes any length, and can be cut */
    bool gone;    /* nobody reads */
    uint64_t bytes;
};

bool stream_wanted(const struct heritage *h, enum output format)
{
    return h->output_fd >= 0 && h->options.format == format;
}

bool stream_takes_logs(enum record_type type)
{
    return type != RECORD_packet && type != RECORD_exchange;
}

/* Finds the place in a file: behind what is committed, or where the descriptor stands. */
static int seek_start(struct sink_state *s, const struct sink_lengths *committed)
{
    struct stat st;
    bool append = (fcntl(s->fd, F_GETFL) & O_APPEND) != 0;
    off_t at;

    if (fstat(s->fd, &st) < 0)
        return -errno;
    s->regular = S_ISREG(st.st_mode);
    if (committed)
        s->bytes = committed->stream;
    s->context.begun = s->bytes > 0;
    if (!s->regular)
        return 0;
    if (committed) { /* also at 0: it was committed before the first byte */
        if (st.st_size > (off_t)s->bytes && ftruncate(s->fd, (off_t)s->bytes) < 0)
            return -errno;
        at = lseek(s->fd, 0, SEEK_END);
    } else {
        at = lseek(s->fd, 0, append ? SEEK_END : SEEK_CUR);
    }
    if (at < 0)
        return -errno;
    s->bytes = (uint64_t)at;
    return 0;
}

int stream_open(struct sink_state **out, const struct heritage *h,
                const struct sink_lengths *committed, const struct stream_format *format)
{
    struct sink_state *s = calloc(1, sizeof *s);
    int rc;

    if (!s)
        return -ENOMEM;
    s->format = format;
    s->fd = h->output_fd;
    s->context.color = h->output_tty && !h->options.no_color;
    rc = outbuf_init(&s->out);
    if (rc == 0)
        rc = seek_start(s, committed);
    if (rc < 0) {
        log_error("cannot write to the output: %s", strerror(-rc));
        outbuf_fini(&s->out);
        free(s);
        return rc;
    }
    *out = s;
    return 0;
}

int stream_write(struct sink_state *s, const struct spool_batch *batch)
{
    struct stream_context before = s->context;
    int rc;

    if (s->gone || !s->format->takes(batch->type))
        return 0;
    rc = format_batch(&s->out, batch, s->format->record, &s->context);
    if (rc < 0)
        s->context = before;
    return rc;
}

/* One piece to a pipe, terminal or socket. Bytes written or -errno. */
static ssize_t write_piece(struct sink_state *s, const char *p, size_t n)
{
    struct pollfd poller = {.fd = s->fd, .events = POLLOUT};
    ssize_t done;

    if (poll(&poller, 1, SLOW_READER_MS) <= 0)
        return -EAGAIN;
    done = write(s->fd, p, n < PIPE_BUF ? n : PIPE_BUF);
    if (done < 0)
        return errno == EINTR ? -EAGAIN : -errno;
    return done;
}

static int write_pieces(struct sink_state *s)
{
    size_t at = 0;
    ssize_t n = 0;

    while (at < s->out.len && (n = write_piece(s, s->out.base + at, s->out.len - at)) >= 0)
        at += (size_t)n;
    memmove(s->out.base, s->out.base + at, s->out.len - at);
    s->out.len -= at;
    s->bytes += at;
    return n < 0 ? (int)n : 0;
}

int stream_flush(struct sink_state *s)
{
    int rc;

    if (s->out.len == 0)
        return 0;
    rc = s->regular ? outbuf_write(&s->out, s->fd, &s->bytes) : write_pieces(s);
    if (rc == -EPIPE || rc == -ECONNRESET) {
        s->gone = true;
        s->out.len = 0;
        return 0;
    }
    return outbuf_report(&s->out, "the output", rc);
}

void stream_lengths(const struct sink_state *s, struct sink_lengths *out)
{
    out->stream = s->bytes;
}

void stream_close(struct sink_state *s)
{
    if (s->format->end && !s->gone && s->out.len == 0)
        s->format->end(&s->out, &s->context);
    (void)stream_flush(s);
    outbuf_fini(&s->out);
    free(s);
}

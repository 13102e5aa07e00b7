/* SPDX-License-Identifier: BSD-3-Clause */
/* The bytes of a capture file, through windows of fixed size: from a file or a pipe, as they are
 * or out of gzip. Private to the pcap_file source.
 *
 * The window holds what was read and not yet consumed; frames point into it. pcap_input_fill asks
 * for the next window, moves the rest there and reads on. With a window of its own, which is
 * always the next one too, it so ends all that was borrowed before. */
#ifndef SPLIFF_WORKER_PCAP_INPUT_H
#define SPLIFF_WORKER_PCAP_INPUT_H

#include "common/base/cursor.h"
#include "common/schema/counters.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PCAP_WINDOW_BYTES (1024u * 1024)
#define PCAP_READ_BYTES                                                                            \
    (256u * 1024) /* at most, in one fill: fits the second-level cache together                    \
                     with what the stages after it touch */

struct pcap_gzip;

/* Whoever wants to keep what was read brings the windows. `next` returns PCAP_WINDOW_BYTES to read
 * on into; NULL if there are none now: then the input has nothing now. What the window before holds
 * must stay until the call after. */
struct pcap_windows {
    uint8_t *(*next)(void *user);
    void *user;
};

struct pcap_input {
    int fd;
    bool regular;      /* a file: read by offset, never waits */
    off_t file_offset; /* of the next read of a regular file */
    struct pcap_windows windows;
    uint8_t *own;           /* the window of an input that was given none */
    uint8_t *window;        /* the present one */
    size_t pos, end;        /* unread part of the window */
    uint64_t window_at;     /* offset of window[0] in the (decompressed) input, modulo 2^64: it may
                               lie in front of it */
    uint64_t skip_bytes;    /* of the input still to come, to be left out */
    struct pcap_gzip *gzip; /* NULL: not compressed */
    struct counters *counters;
};

/* Takes a descriptor (borrowed) and windows, NULL for one of its own. Returns 0 or -ENOMEM. */
int pcap_input_open(struct pcap_input *in, int fd, const struct pcap_windows *windows,
                    struct counters *counters);
void pcap_input_close(struct pcap_input *in);

/* Reads on. Returns 1 if the window has grown, 0 if there is nothing now (a pipe, or no window),
 * -ENODATA at the end, -EBADMSG if compressed data is corrupt, -ENOTSUP if it is compressed and
 * zlib was not built in, -errno of read(2). Nothing is printed. The window must not be full. */
int pcap_input_fill(struct pcap_input *in);

/* A regular file without gzip: goes on at this offset, in the next window. */
void pcap_input_go_to(struct pcap_input *in, uint64_t offset);

/* After -ENODATA: whether the input ends in the middle of something that was to be consumed, or was
 * made shorter while it was read. */
bool pcap_input_is_cut(const struct pcap_input *in);

/* A cursor over what the window holds. */
static inline struct cursor pcap_input_cursor(const struct pcap_input *in)
{
    return cursor_init(in->window + in->pos, in->end - in->pos);
}

/* Consumes n bytes, also more than the window holds. */
static inline void pcap_input_consume(struct pcap_input *in, uint64_t n)
{
    size_t held = in->end - in->pos;
    size_t now = n < held ? (size_t)n : held;

    in->pos += now;
    in->skip_bytes += n - now;
}

/* Offset in the (decompressed) input of the next byte to be consumed. */
static inline uint64_t pcap_input_offset(const struct pcap_input *in)
{
    return in->window_at + in->pos;
}

/* Fields in the byte order of the file. */
static inline uint16_t pcap_input_u16(struct cursor *c, bool big_endian)
{
    return big_endian ? cursor_be16(c) : cursor_le16(c);
}

static inline uint32_t pcap_input_u32(struct cursor *c, bool big_endian)
{
    return big_endian ? cursor_be32(c) : cursor_le32(c);
}

#endif

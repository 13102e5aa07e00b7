/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/capture/pcap_input.h"

#include "common/base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef HAVE_ZLIB
#include <zlib.h>

struct pcap_gzip {
    z_stream z;
    bool inside;                      /* a member has begun and not ended */
    uint8_t raw[1 + PCAP_READ_BYTES]; /* the first byte may come alone from a pipe */
};
#endif

#define PAGE_BYTES ((size_t)4096)

/* The window before the first. */
static uint8_t nothing[1];

static uint8_t *own_window(void *user)
{
    struct pcap_input *in = user;

    return in->own;
}

int pcap_input_open(struct pcap_input *in, int fd, const struct pcap_windows *windows,
                    struct counters *counters)
{
    struct stat st;

    memset(in, 0, sizeof *in);
    in->fd = fd;
    in->window = nothing;
    in->counters = counters;
    if (windows) {
        in->windows = *windows;
    } else {
        in->windows = (struct pcap_windows){own_window, in};
        in->own = aligned_alloc(PAGE_BYTES, PCAP_WINDOW_BYTES);
        if (!in->own)
            return -ENOMEM;
    }
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        in->regular = true;
        in->file_offset = lseek(fd, 0, SEEK_CUR);
        if (in->file_offset < 0)
            in->file_offset = 0;
        counters->capture_total_bytes = (uint64_t)st.st_size;
        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    }
    return 0;
}

void pcap_input_close(struct pcap_input *in)
{
#ifdef HAVE_ZLIB
    if (in->gzip)
        inflateEnd(&in->gzip->z);
#endif
    free(in->gzip);
    free(in->own);
    memset(in, 0, sizeof *in);
}

/* Bytes read, 0 if there are none now, -ENODATA at the end, -errno. A regular file is read by
 * offset: workers may share one open file. A pipe is asked first, so that a read never waits. */
static ssize_t read_raw(struct pcap_input *in, uint8_t *out, size_t bytes)
{
    struct pollfd p = {.fd = in->fd, .events = POLLIN};
    ssize_t n;

    if (!in->regular && poll(&p, 1, 0) <= 0)
        return 0;
    do {
        n = in->regular ? pread(in->fd, out, bytes, in->file_offset) : read(in->fd, out, bytes);
    } while (n < 0 && errno == EINTR && in->regular);
    if (n < 0)
        return errno == EINTR || errno == EAGAIN ? 0 : -errno;
    if (n == 0)
        return -ENODATA;
    in->file_offset += n;
    in->counters->capture_read_bytes += (uint64_t)n;
    return n;
}

#ifdef HAVE_ZLIB
/* What is in the window is compressed: it becomes the first input of zlib. */
static int begin_gzip(struct pcap_input *in)
{
    struct pcap_gzip *gz = calloc(1, sizeof *gz);

    if (!gz)
        return -ENOMEM;
    if (inflateInit2(&gz->z, 15 + 16) != Z_OK) {
        free(gz);
        return -ENOMEM;
    }
    CHECK(in->end - in->pos <= sizeof gz->raw);
    gz->z.next_in = gz->raw;
    gz->z.avail_in = (uInt)(in->end - in->pos);
    memcpy(gz->raw, in->window + in->pos, gz->z.avail_in);
    in->pos = in->end = 0;
    in->window_at = 0;
    in->gzip = gz;
    return 0;
}

static ssize_t read_gzip(struct pcap_input *in, uint8_t *out, size_t bytes)
{
    struct pcap_gzip *gz = in->gzip;

    gz->z.next_out = out;
    gz->z.avail_out = (uInt)bytes;
    while (gz->z.avail_out == bytes) {
        int r;

        if (gz->z.avail_in == 0) {
            ssize_t n = read_raw(in, gz->raw, sizeof gz->raw);
            if (n <= 0)
                return n;
            gz->z.next_in = gz->raw;
            gz->z.avail_in = (uInt)n;
        }
        gz->inside = true;
        r = inflate(&gz->z, Z_NO_FLUSH);
        if (r == Z_STREAM_END) { /* another member may follow */
            gz->inside = false;
            inflateReset(&gz->z);
        } else if (r != Z_OK && gz->z.avail_out == bytes) {
            return r == Z_MEM_ERROR ? -ENOMEM : -EBADMSG;
        }
    }
    return (ssize_t)(bytes - gz->z.avail_out);
}
#else
static int begin_gzip(struct pcap_input *in)
{
    (void)in;
    return -ENOTSUP;
}

static ssize_t read_gzip(struct pcap_input *in, uint8_t *out, size_t bytes)
{
    (void)in, (void)out, (void)bytes;
    return -ENOTSUP;
}
#endif

static ssize_t read_some(struct pcap_input *in)
{
    size_t room = PCAP_WINDOW_BYTES - in->end;
    size_t bytes = room < PCAP_READ_BYTES ? room : PCAP_READ_BYTES;

    CHECK(room > 0);
    return in->gzip ? read_gzip(in, in->window + in->end, bytes)
                    : read_raw(in, in->window + in->end, bytes);
}

/* Two bytes tell a compressed file; they may come one by one from a pipe. */
static int find_gzip(struct pcap_input *in)
{
    const uint8_t *start = in->window + in->pos;
    bool at_start = pcap_input_offset(in) == 0 && !in->gzip;

    if (!at_start || in->end - in->pos < 2 || start[0] != 0x1f || start[1] != 0x8b)
        return 0;
    return begin_gzip(in);
}

/* Forgets what was consumed: the rest moves into the next window, so far to its front that what is
 * read behind it lies in its page as in the file. False if there is none.
 *
 * The kernel copies with "rep movsb", and that is five times slower on some processors (seen with
 * an AMD EPYC 7003) where the destination lies 1 to 31 bytes further in its page than the source.
 */
static bool turn(struct pcap_input *in)
{
    uint8_t *next = in->windows.next(in->windows.user);
    size_t rest = in->end - in->pos, in_page = (size_t)in->file_offset & (PAGE_BYTES - 1);
    size_t end = ((rest + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1)) + in_page;

    if (!next)
        return false;
    memmove(next + end - rest, in->window + in->pos, rest);
    in->window = next;
    in->window_at += in->end - end;
    in->end = end;
    in->pos = end - rest;
    return true;
}

void pcap_input_go_to(struct pcap_input *in, uint64_t offset)
{
    CHECK(in->regular && !in->gzip);
    in->window = nothing;
    in->pos = in->end = 0;
    in->skip_bytes = 0;
    in->window_at = offset;
    in->file_offset = (off_t)offset;
}

int pcap_input_fill(struct pcap_input *in)
{
    int r;

    do {
        ssize_t n;
        uint64_t skip;

        if (!turn(in))
            return 0;
        n = read_some(in);
        if (n <= 0)
            return (int)n;
        in->end += (size_t)n;
        r = find_gzip(in);
        if (r < 0)
            return r;
        skip = in->skip_bytes;
        in->skip_bytes = 0;
        pcap_input_consume(in, skip);
    } while (in->pos == in->end);
    return 1;
}

/* Somebody made it shorter than what was read: where the reading goes on from an offset, nothing
 * else tells. */
static bool has_shrunk(const struct pcap_input *in)
{
    struct stat st;

    return in->regular && fstat(in->fd, &st) == 0 && st.st_size < in->file_offset;
}

bool pcap_input_is_cut(const struct pcap_input *in)
{
#ifdef HAVE_ZLIB
    if (in->gzip && in->gzip->inside)
        return true;
#endif
    return in->skip_bytes > 0 || in->pos < in->end || has_shrunk(in);
}

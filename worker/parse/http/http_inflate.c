/* SPDX-License-Identifier: BSD-3-Clause */
/* zlib is given its memory from the buffer pool, which is bounded and needs no malloc. "deflate"
 * is, by the standard, with the header of zlib, and from some servers without (RFC 9110 section
 * 8.4.1.2 knows of them).
 *
 * The input is the beginning of a stream, so its end and checksum are never reached, and how much
 * comes out is bounded by the caller's buffer: a bomb has no room to go off. */
#include "worker/parse/http/http_inflate.h"

#include <strings.h>

#ifdef HAVE_ZLIB
#include <zlib.h>

#define WINDOW_AUTO (15 + 32) /* of gzip or zlib, as the header says */
#define WINDOW_RAW  (-15)

/* Lies before each buffer, so that it can be given back. */
union allocation {
    size_t capacity;
    max_align_t align;
};

static voidpf allocate(voidpf opaque, uInt items, uInt size)
{
    size_t capacity;
    union allocation *a = bufpool_get(opaque, sizeof *a + (size_t)items * (size_t)size, &capacity);

    if (!a)
        return Z_NULL;
    a->capacity = capacity;
    return a + 1;
}

static void release(voidpf opaque, voidpf address)
{
    union allocation *a = (union allocation *)address - 1;

    bufpool_put(opaque, a, a->capacity);
}

static size_t decode(struct bufpool *bufs, int window, struct str body, uint8_t *out, size_t max)
{
    z_stream z = {.zalloc = allocate,
                  .zfree = release,
                  .opaque = bufs,
                  .next_in = (z_const Bytef *)(uintptr_t)body.p,
                  .avail_in = body.len,
                  .next_out = out,
                  .avail_out = (uInt)max};

    if (inflateInit2(&z, window) != Z_OK)
        return 0;
    /* An error in the middle still leaves what came before it. */
    (void)inflate(&z, Z_SYNC_FLUSH);
    (void)inflateEnd(&z);
    return max - z.avail_out;
}

bool http_inflate_knows(struct str coding)
{
    static const char *const names[] = {"gzip", "x-gzip", "deflate"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strlen(names[i]) == coding.len && strncasecmp(names[i], coding.p, coding.len) == 0)
            return true;
    return false;
}

size_t http_inflate(struct bufpool *bufs, struct str body, uint8_t *out, size_t max)
{
    size_t n = decode(bufs, WINDOW_AUTO, body, out, max);

    return n > 0 ? n : decode(bufs, WINDOW_RAW, body, out, max);
}

#else

bool http_inflate_knows(struct str coding)
{
    (void)coding;
    return false;
}

size_t http_inflate(struct bufpool *bufs, struct str body, uint8_t *out, size_t max)
{
    (void)bufs;
    (void)body;
    (void)out;
    (void)max;
    return 0;
}

#endif

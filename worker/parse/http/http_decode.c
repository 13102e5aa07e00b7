/* SPDX-License-Identifier: BSD-3-Clause */
/* Decoders of Brotli and Zstandard look back over megabytes, more than a buffer of the pool has.
 * One body is decoded at a time, from its beginning to the bound in one call, so one room for all
 * does: it is mapped with the program, and of it only what a decoder writes to is ever touched.
 * Nothing is given back before the end of the call. What asks for more than the room has fails to
 * decode, and what had come out by then is shown.
 *
 * How much comes out is bounded by the caller's buffer: a bomb has no room to go off. */
#include "worker/parse/http/http_decode.h"

#include "worker/parse/http/http_inflate.h"

#include <strings.h>

#if defined HAVE_BROTLI || defined HAVE_ZSTD
#include <stddef.h>

#define ROOM_BYTES (24u << 20) /* for the largest window of Brotli, 16 MiB, and its tables */

static _Alignas(max_align_t) uint8_t room[ROOM_BYTES];
#endif

static bool names(struct str coding, const char *name)
{
    return strlen(name) == coding.len && strncasecmp(name, coding.p, coding.len) == 0;
}

#ifdef HAVE_BROTLI
#include <brotli/decode.h>

static void *room_take(void *opaque, size_t bytes)
{
    size_t *used = opaque, at = *used;

    if (bytes > ROOM_BYTES - at)
        return NULL;
    *used = at + ((bytes + sizeof(max_align_t) - 1) & ~(sizeof(max_align_t) - 1));
    if (*used > ROOM_BYTES)
        *used = ROOM_BYTES;
    return room + at;
}

static void room_keep(void *opaque, void *address)
{
    (void)opaque;
    (void)address;
}

static size_t brotli_decode(struct str body, uint8_t *out, size_t max)
{
    size_t used = 0, in_left = body.len, out_left = max;
    const uint8_t *in = (const uint8_t *)body.p;
    BrotliDecoderState *decoder = BrotliDecoderCreateInstance(room_take, room_keep, &used);

    if (!decoder)
        return 0;
    /* Gives out what there is, also where the input ends in the middle or is wrong. */
    (void)BrotliDecoderDecompressStream(decoder, &in_left, &in, &out_left, &out, NULL);
    BrotliDecoderDestroyInstance(decoder);
    return max - out_left;
}
#endif

#ifdef HAVE_ZSTD
#define ZSTD_STATIC_LINKING_ONLY /* for decoders that lie in the caller's memory */
#include <zstd.h>

#define ZSTD_WINDOW_LOG 23 /* RFC 9659 section 3: 8 MiB is the most for a content coding */
#define ZSTD_BLOCK_NEEDS                                                                           \
    (160u << 10) /* a block comes out whole, or not at all (RFC 8878 section                       \
                    3.1.1.2.4: 128 KiB); with the heads of it and its frame */

static size_t zstd_decode(struct str body, uint8_t *out, size_t max)
{
    ZSTD_DStream *decoder = ZSTD_initStaticDStream(room, ROOM_BYTES);
    ZSTD_inBuffer from = {body.p, body.len, 0};
    ZSTD_outBuffer to = {out, max, 0};
    size_t before;

    if (!decoder ||
        ZSTD_isError(ZSTD_DCtx_setParameter(decoder, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG)))
        return 0;
    /* Each call ends with a frame at the latest; more of them may follow. */
    do {
        before = from.pos + to.pos;
        if (ZSTD_isError(ZSTD_decompressStream(decoder, &to, &from)))
            break;
    } while (to.pos < to.size && from.pos + to.pos > before);
    return to.pos;
}
#endif

size_t http_decode_needs(struct str coding, size_t max)
{
    if (http_inflate_knows(coding))
        return max;
#ifdef HAVE_BROTLI
    if (names(coding, "br"))
        return max;
#endif
#ifdef HAVE_ZSTD
    if (names(coding, "zstd"))
        return ZSTD_BLOCK_NEEDS;
#endif
    (void)names;
    return 0;
}

size_t http_decode(struct bufpool *bufs, struct str coding, struct str body, uint8_t *out,
                   size_t max)
{
    if (body.len == 0 || max == 0)
        return 0;
#ifdef HAVE_BROTLI
    if (names(coding, "br"))
        return brotli_decode(body, out, max);
#endif
#ifdef HAVE_ZSTD
    if (names(coding, "zstd"))
        return zstd_decode(body, out, max);
#endif
    return http_inflate_knows(coding) ? http_inflate(bufs, body, out, max) : 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Is it HTTP/2? A client says so with the preface (RFC 9113 section 3.4), a server begins with
 * SETTINGS, and the middle of a connection shows as frame headers in a row.
 *
 * A frame header has few bits that are not free, and one alone is no proof: two must fit together,
 * with a third one or the end of the bytes behind them, since senders mostly end packets with
 * frames. Which side it is, the first field of a header block tells (http2_frame.c). */
#include "worker/parse/http2/http2.h"
#include "worker/parse/http2/http2_frame.h"

#define HEADS_MIN   3u
#define PARAMS_MAX  16u /* settings that a server may begin with */
#define PARAM_BYTES 6u

/* Values that SETTINGS may have (RFC 9113 section 6.5.2). Identifiers that are not known may be
 * anything, but few have a first byte other than 0 save those that are random on purpose. */
static bool setting_is_plausible(uint16_t id, uint32_t value)
{
    switch (id) {
    case 2: /* ENABLE_PUSH */
    case 8: /* ENABLE_CONNECT_PROTOCOL, RFC 8441 */
    case 9: /* NO_RFC7540_PRIORITIES, RFC 9218 */
        return value <= 1;
    case 4: /* INITIAL_WINDOW_SIZE */
        return value <= INT32_MAX;
    case 5: /* MAX_FRAME_SIZE */
        return value >= 1u << 14 && value < 1u << 24;
    default:
        return id > 0;
    }
}

/* Server: SETTINGS that are no acknowledgement. Empty ones are nine bytes of which seven are zero:
 * too little, so the frame behind them has to fit as well. */
static enum probe_result probe_settings(const uint8_t *data, size_t len)
{
    struct cursor c = cursor_init(data, len);
    const uint8_t *head = cursor_bytes(&c, HTTP2_HEAD_BYTES);
    struct http2_frame f = http2_frame_parse(head);
    struct http2_chain chain;

    if (f.flags != 0 || head[5] != 0 || !http2_frame_is_valid(&f) ||
        f.len > PARAMS_MAX * PARAM_BYTES)
        return PROBE_NO;
    for (uint32_t i = 0; i < f.len / PARAM_BYTES; i++) {
        uint16_t id = cursor_be16(&c);
        uint32_t value = cursor_be32(&c);

        if (!cursor_ok(&c))
            return PROBE_MORE;
        if (!setting_is_plausible(id, value))
            return PROBE_NO;
    }
    chain = http2_frame_chain(data, len);
    if (chain.broken)
        return PROBE_NO;
    return f.len > 0 || chain.heads >= 2 ? PROBE_SERVER : PROBE_MORE;
}

static enum probe_result probe_middle(const uint8_t *data, size_t len)
{
    struct http2_chain chain = http2_frame_chain(data, len);

    if (chain.broken || chain.heads == 0)
        return PROBE_NO;
    if (http2_chain_side(&chain) >= 0)
        return http2_chain_side(&chain) == 0 ? PROBE_CLIENT : PROBE_SERVER;
    if (chain.heads >= HEADS_MIN || (chain.heads == 2 && chain.exact))
        return PROBE_EITHER;
    return chain.exact ? PROBE_MORE : PROBE_NO;
}

enum probe_result http2_probe(const uint8_t *data, size_t len, uint8_t transport)
{
    size_t n = len < HTTP2_PREFACE_BYTES ? len : HTTP2_PREFACE_BYTES;

    (void)transport;
    if (n > 0 && memcmp(data, HTTP2_PREFACE, n) == 0)
        return n == HTTP2_PREFACE_BYTES ? PROBE_CLIENT : PROBE_MORE;
    /* A length of 64 KiB or more is too long for a frame to be known by. */
    if (len == 0 || data[0] != 0)
        return PROBE_NO;
    if (len < HTTP2_HEAD_BYTES)
        return len < 4 || data[3] <= HTTP2_PRIORITY_UPDATE ? PROBE_MORE : PROBE_NO;
    return data[3] == HTTP2_SETTINGS && (data[4] & HTTP2_ACK) == 0 ? probe_settings(data, len)
                                                                   : probe_middle(data, len);
}

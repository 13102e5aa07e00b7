/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames do not tell their length: each kind must be known to find the next one. An Initial may
 * hold six kinds (RFC 9000 section 12.4), so anything else in it is broken. Google's frames are
 * more, and some depend on what only the ends know; reading ends at the first such one, which in a
 * client's first packets comes behind the hello. */
#include "worker/parse/quic/quic_frame.h"

#include "worker/parse/quic/quic_varint.h"

enum {
    PADDING = 0x00,
    PING = 0x01,
    ACK = 0x02,
    ACK_ECN = 0x03,
    CRYPTO = 0x06,
    CONNECTION_CLOSE = 0x1c,
    APPLICATION_CLOSE = 0x1d,
};

/* First bytes of Google's frames. */
enum {
    GOOGLE_PADDING = 0x00,
    GOOGLE_CLOSE = 0x02,
    GOOGLE_PING = 0x07,
    GOOGLE_CRYPTO = 0x08,
    GOOGLE_ACK = 0x40,    /* 01ntllmm */
    GOOGLE_STREAM = 0x80, /* 1fdoooss */
};

static void ack_skip(struct cursor *c, bool ecn)
{
    uint64_t ranges;

    quic_varint(c); /* largest acknowledged */
    quic_varint(c); /* delay */
    ranges = quic_varint(c);
    quic_varint(c);                        /* first range */
    while (ranges-- > 0 && cursor_ok(c)) { /* however many are said, the packet is short */
        quic_varint(c);
        quic_varint(c);
    }
    for (unsigned i = 0; ecn && i < 3; i++)
        quic_varint(c);
}

static void close_skip(struct cursor *c, bool has_frame_type)
{
    quic_varint(c); /* error code */
    if (has_frame_type)
        quic_varint(c);
    cursor_skip(c, quic_varint(c)); /* reason */
}

static void crypto_read(struct cursor *c, struct quic_frame *out)
{
    out->kind = QUIC_FRAME_CRYPTO;
    out->offset = quic_varint(c);
    out->len = quic_varint(c);
    out->data = cursor_bytes(c, out->len);
}

bool quic_frame_next(struct cursor *c, struct quic_frame *out)
{
    while (cursor_left(c) > 0) {
        uint8_t type = cursor_u8(c);

        switch (type) {
        case PADDING:
        case PING:
            break;
        case ACK:
        case ACK_ECN:
            ack_skip(c, type == ACK_ECN);
            break;
        case CRYPTO:
            crypto_read(c, out);
            return cursor_ok(c);
        case CONNECTION_CLOSE:
        case APPLICATION_CLOSE:
            close_skip(c, type == CONNECTION_CLOSE);
            out->kind = QUIC_FRAME_CLOSE;
            return cursor_ok(c);
        default:
            c->error = true;
        }
    }
    return false;
}

static uint64_t google_number(struct cursor *c, unsigned bytes, bool big_endian)
{
    const uint8_t *p = cursor_bytes(c, bytes);
    uint64_t v = 0;

    for (unsigned i = 0; p && i < bytes; i++)
        v = v << 8 | p[big_endian ? i : bytes - 1 - i];
    return v;
}

/* Two bits stand for 1, 2, 4 or 6 bytes. */
static unsigned google_size(unsigned bits)
{
    return (bits & 3) == 3 ? 6 : 1u << (bits & 3);
}

static void google_ack_skip(struct cursor *c, uint8_t type)
{
    unsigned range = google_size(type), ranges, times;

    cursor_skip(c, google_size(type >> 2) + 2u); /* largest, delay */
    ranges = type & 0x20 ? cursor_u8(c) : 0;
    cursor_skip(c, range + ranges * (1u + range));
    times = cursor_u8(c);
    if (times > 0)
        cursor_skip(c, 5 + (times - 1) * 3u);
}

static bool google_stream_read(struct cursor *c, uint8_t type, bool big_endian,
                               struct quic_frame *out)
{
    unsigned offset_bytes = type >> 2 & 7;
    uint64_t id = google_number(c, (type & 3u) + 1, big_endian);

    out->kind = QUIC_FRAME_CRYPTO;
    out->offset = google_number(c, offset_bytes > 0 ? offset_bytes + 1 : 0, big_endian);
    out->len = type & 0x20 ? google_number(c, 2, big_endian) : cursor_left(c);
    out->data = cursor_bytes(c, out->len);
    return id == 1;
}

bool quic_frame_next_google(struct cursor *c, bool big_endian, struct quic_frame *out)
{
    while (cursor_left(c) > 0) {
        uint8_t type = cursor_u8(c);

        if (type & GOOGLE_STREAM) {
            if (google_stream_read(c, type, big_endian, out))
                return cursor_ok(c);
        } else if (type & GOOGLE_ACK) {
            google_ack_skip(c, type);
        } else if (type == GOOGLE_CRYPTO) {
            crypto_read(c, out);
            return cursor_ok(c);
        } else if (type == GOOGLE_CLOSE) {
            out->kind = QUIC_FRAME_CLOSE;
            return true;
        } else if (type != GOOGLE_PADDING && type != GOOGLE_PING) {
            return false;
        }
    }
    return false;
}

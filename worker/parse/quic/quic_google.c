/* SPDX-License-Identifier: BSD-3-Clause */
/* The public header is a byte of flags, a connection id of 8 bytes, in a client's first packets the
 * version as four letters, and the packet number. Before there are keys, a hash of 12 bytes follows
 * in place of encryption, and then frames. Q046 has the long header, and the rest of this. */
#include "worker/parse/quic/quic_google.h"

#define FLAG_VERSION 0x01u
#define FLAG_RESET   0x02u
#define FLAG_ID      0x08u
#define FLAGS_UNUSED 0xc0u
#define ID_BYTES     8u
#define HASH_BYTES   12u
#define VERSION_Q034 0x51303334u /* the last one before it has a byte of flags behind the hash */
#define TAGS_MAX     128u

bool quic_google_read(const uint8_t *data, size_t len, struct quic_packet *p)
{
    static const uint8_t number_bytes[4] = {1, 2, 4, 6};
    struct cursor c = cursor_init(data, len);
    uint8_t flags = cursor_u8(&c);
    const uint8_t *id;

    if ((flags & (FLAG_VERSION | FLAG_ID | FLAG_RESET | FLAGS_UNUSED)) != (FLAG_VERSION | FLAG_ID))
        return false;
    *p = (struct quic_packet){.type = QUIC_INITIAL, .bytes = data, .len = len};
    id = cursor_bytes(&c, ID_BYTES);
    p->version = cursor_be32(&c);
    p->known = quic_version_find(p->version);
    p->number_at = (size_t)(c.p - data);
    cursor_skip(&c, number_bytes[flags >> 4 & 3]);
    if (!id || !cursor_ok(&c) || !p->known || p->known->layout != QUIC_LAYOUT_PUBLIC)
        return false;
    p->dcid.len = ID_BYTES;
    memcpy(p->dcid.bytes, id, ID_BYTES);
    return true;
}

enum probe_result quic_google_probe(const uint8_t *data, size_t len)
{
    struct quic_packet p;

    return quic_google_read(data, len, &p) ? PROBE_CLIENT : PROBE_NO;
}

struct cursor quic_google_frames(const struct quic_packet *p)
{
    static const uint8_t public_bytes[4] = {1, 2, 4, 6};
    struct cursor c = cursor_init(p->bytes, p->len);
    uint8_t first = p->bytes[0];

    cursor_skip(&c, p->number_at);
    if (p->known->layout == QUIC_LAYOUT_PUBLIC)
        cursor_skip(&c, public_bytes[first >> 4 & 3]);
    else
        cursor_skip(&c, (first & 3u) + 1);
    cursor_skip(&c, HASH_BYTES + (p->version < VERSION_Q034 ? 1 : 0));
    return c;
}

bool quic_google_is_hello(const uint8_t *handshake, size_t len)
{
    return len >= 8 && memcmp(handshake, "CHLO", 4) == 0;
}

/* A table of tags, each with the offset where its value ends, then the values; little endian. */
struct str quic_google_server_name(const uint8_t *handshake, size_t len)
{
    struct cursor table = cursor_init(handshake, len), values = table;
    uint32_t tags, from = 0;

    cursor_skip(&table, 4);
    tags = cursor_le16(&table);
    cursor_skip(&table, 2);
    cursor_skip(&values, 8 + (size_t)tags * 8);
    for (uint32_t i = 0; i < tags && i < TAGS_MAX && cursor_ok(&table); i++) {
        const uint8_t *tag = cursor_bytes(&table, 4);
        uint32_t to = cursor_le32(&table);
        const uint8_t *value = to >= from ? cursor_bytes(&values, to - from) : NULL;

        if (!value || !cursor_ok(&table))
            break;
        if (memcmp(tag, "SNI\0", 4) == 0)
            return str_make(value, to - from);
        from = to;
    }
    return STR_LIT("");
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* IEEE 802.11 (section 9.2 and 9.3 of the standard), in front of it what the driver adds: radiotap,
 * Prism or AVS. Only data frames carry packets. Of an aggregate (A-MSDU) the first packet is read:
 * a frame is one packet here. */
#include "common/base/linktype.h"
#include "worker/decode/link.h"

#include <stdbool.h>

#define TYPE_DATA      2
#define SUBTYPE_EMPTY  0x4 /* bit of data subtypes without a body */
#define SUBTYPE_QOS    0x8
#define TO_DS          0x01
#define FROM_DS        0x02
#define PROTECTED      0x40
#define ORDER          0x80
#define QOS_AGGREGATE  0x80
#define AVS_MAGIC      0x80211001u
#define PRISM_BYTES    144u
#define RADIOTAP_FLAGS 0x2 /* the presence bits that come before and at the flags */
#define RADIOTAP_TSFT  0x1
#define RADIOTAP_EXT   0x80000000u
#define RADIOTAP_PAD   0x20 /* in the flags: the header is padded to four bytes */

/* Radiotap is little endian, its fields in the order of their presence bits and aligned
 * (radiotap.org). Only the flags matter: some drivers pad the header behind it. */
static bool radiotap(struct cursor *c)
{
    struct cursor field = *c;
    const uint8_t *head = cursor_bytes(&field, 4);
    uint32_t bytes, present, word;
    uint8_t flags = 0;

    if (!head || head[0] != 0)
        return false;
    bytes = (uint32_t)head[2] | (uint32_t)head[3] << 8;
    word = present = cursor_le32(&field);
    while ((word & RADIOTAP_EXT) && cursor_ok(&field))
        word = cursor_le32(&field);
    if (present & RADIOTAP_FLAGS) {
        if (present & RADIOTAP_TSFT) { /* eight bytes at a multiple of eight */
            cursor_skip(&field, (8 - (size_t)(field.p - head) % 8) % 8);
            cursor_skip(&field, 8);
        }
        flags = cursor_u8(&field);
    }
    cursor_skip(c, bytes);
    return (flags & RADIOTAP_PAD) != 0;
}

/* Prism headers have one size, and a length field in the byte order of the machine; AVS headers
 * under the same link type show their own magic. */
static void prism_or_avs(struct cursor *c)
{
    struct cursor peek = *c;

    if (cursor_be32(&peek) == AVS_MAGIC)
        cursor_skip(c, cursor_be32(&peek));
    else
        cursor_skip(c, PRISM_BYTES);
}

static enum link_result data_frame(struct cursor *c, bool padded, uint16_t *ethertype)
{
    const uint8_t *start = c->p, *control = cursor_bytes(c, 24);
    uint8_t subtype, flags, qos = 0;

    if (!control)
        return LINK_CUT;
    subtype = control[0] >> 4;
    flags = control[1];
    *ethertype = 0;
    if ((control[0] >> 2 & 3) != TYPE_DATA || (subtype & SUBTYPE_EMPTY))
        return LINK_OK;
    if (flags & PROTECTED)
        return LINK_PROTECTED;
    if ((flags & (TO_DS | FROM_DS)) == (TO_DS | FROM_DS))
        cursor_skip(c, 6); /* fourth address */
    if (subtype & SUBTYPE_QOS) {
        qos = cursor_u8(c);
        cursor_skip(c, flags & ORDER ? 5 : 1); /* its second byte, high throughput control */
    }
    if (padded && cursor_ok(c))
        cursor_skip(c, (4 - (size_t)(c->p - start) % 4) % 4);
    if (qos & QOS_AGGREGATE)
        cursor_skip(c, 14); /* addresses and length of the first subframe */
    *ethertype = link_llc(c);
    return cursor_ok(c) ? LINK_OK : LINK_CUT;
}

enum link_result link_wifi(struct cursor *c, uint16_t linktype, uint16_t *ethertype)
{
    bool padded = false;

    if (linktype == LINKTYPE_IEEE802_11_RADIOTAP)
        padded = radiotap(c);
    else if (linktype == LINKTYPE_IEEE802_11_PRISM || linktype == LINKTYPE_IEEE802_11_AVS)
        prism_or_avs(c);
    return cursor_ok(c) ? data_frame(c, padded, ethertype) : LINK_CUT;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/decode/link.h"

#include "common/base/flow_hash.h"
#include "common/base/linktype.h"

#define ETHERTYPE_MIN 0x0600 /* below it is an IEEE 802.3 length */

static bool is_vlan_tag(uint16_t ethertype)
{
    return ethertype == 0x8100 || ethertype == 0x88a8 || ethertype == 0x9100;
}

/* Address families of BSD systems, which gave IPv6 different numbers. */
static uint16_t ethertype_of_family(uint32_t family)
{
    switch (family) {
    case 2:
        return ETHERTYPE_IPV4;
    case 10: /* Linux */
    case 24: /* NetBSD, OpenBSD */
    case 28: /* FreeBSD */
    case 30: /* Darwin */
        return ETHERTYPE_IPV6;
    default:
        return 0;
    }
}

/* The family is in the writer's byte order; families are small, so the order shows. */
static uint16_t null_ethertype(struct cursor *c)
{
    uint32_t family = cursor_be32(c);

    return ethertype_of_family(family > 0xffff ? __builtin_bswap32(family) : family);
}

/* No link header: the version nibble of the IP header tells. */
static uint16_t raw_ethertype(const struct cursor *c)
{
    struct cursor peek = *c;

    switch (cursor_u8(&peek) >> 4) {
    case 4:
        return ETHERTYPE_IPV4;
    case 6:
        return ETHERTYPE_IPV6;
    default:
        return 0;
    }
}

/* LLC with SNAP carries an Ethernet type (RFC 1042); other LLC does not. */
static uint16_t snap_ethertype(struct cursor *c)
{
    uint32_t llc = cursor_be24(c), organisation = cursor_be24(c);
    uint16_t type = cursor_be16(c);

    return llc == 0xaaaa03 && organisation == 0 ? type : 0;
}

static uint16_t skip_vlan_tags(struct cursor *c, uint16_t ethertype, uint16_t *vlan)
{
    for (int i = 0; i < FLOW_VLAN_TAGS && is_vlan_tag(ethertype); i++) {
        uint16_t tci = cursor_be16(c);
        if (*vlan == 0)
            *vlan = tci & 0xfff;
        ethertype = cursor_be16(c);
    }
    return ethertype;
}

enum link_result link_decode(struct cursor *c, uint16_t linktype, uint16_t *ethertype,
                             uint16_t *vlan)
{
    uint16_t type;

    switch (linktype) {
    case LINKTYPE_ETHERNET:
        cursor_skip(c, 12);
        type = cursor_be16(c);
        break;
    case LINKTYPE_FDDI: /* frame control and addresses */
        cursor_skip(c, 13);
        type = snap_ethertype(c);
        break;
    case LINKTYPE_LINUX_SLL:
        cursor_skip(c, 14);
        type = cursor_be16(c);
        break;
    case LINKTYPE_LINUX_SLL2:
        type = cursor_be16(c);
        cursor_skip(c, 18);
        break;
    case LINKTYPE_NULL:
    case LINKTYPE_LOOP:
        type = null_ethertype(c);
        break;
    case LINKTYPE_RAW:
    case LINKTYPE_RAW_BSD:
    case LINKTYPE_RAW_OPENBSD:
    case LINKTYPE_IPV4:
    case LINKTYPE_IPV6:
        type = raw_ethertype(c);
        break;
    default:
        return LINK_UNKNOWN;
    }
    type = skip_vlan_tags(c, type, vlan);
    *ethertype = type >= ETHERTYPE_MIN ? type : 0;
    return cursor_ok(c) ? LINK_OK : LINK_CUT;
}

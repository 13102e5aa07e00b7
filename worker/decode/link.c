/* SPDX-License-Identifier: BSD-3-Clause */
/* Link types differ in where they say what follows; once that is an Ethernet type, link_follow()
 * goes on for all of them. A type that is added here gets its row in common/base/linktype.c. */
#include "worker/decode/link.h"

#include "common/base/linktype.h"

#include <stdbool.h>

#define NFLOG_PAYLOAD     9
#define NFLOG_ITEMS       32 /* more than there are kinds */
#define PKTAP_LINKTYPE_AT 8
#define HDLC_UNICAST      0x0f /* Cisco's addresses */
#define HDLC_MULTICAST    0x8f

/* Address families, which systems gave different numbers for IPv6. */
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

/* HDLC framing of PPP (RFC 1662 section 3), or of Cisco with an Ethernet type. */
static uint16_t hdlc_ethertype(struct cursor *c)
{
    struct cursor peek = *c;
    uint8_t address = cursor_u8(&peek);

    if (address != HDLC_UNICAST && address != HDLC_MULTICAST)
        return link_ppp(c);
    cursor_skip(c, 2);
    return cursor_be16(c);
}

/* Netfilter's log: family, version, resource, then items of length, type and value, one of them the
 * packet. Items are in the byte order of the writer, which the first length shows: no item is as
 * long as 256 of another order. */
static uint16_t nflog_ethertype(struct cursor *c)
{
    uint8_t family = cursor_u8(c);
    struct cursor peek;
    bool big;

    cursor_skip(c, 3);
    peek = *c;
    big = cursor_le16(&peek) > cursor_left(c);
    for (unsigned i = 0; i < NFLOG_ITEMS && cursor_ok(c); i++) {
        uint16_t bytes = big ? cursor_be16(c) : cursor_le16(c);
        uint16_t type = (big ? cursor_be16(c) : cursor_le16(c)) & 0x7fff;

        if (type == NFLOG_PAYLOAD)
            return ethertype_of_family(family);
        if (bytes < 4)
            return 0;
        cursor_skip(c, (size_t)(bytes - 4 + 3) & ~(size_t)3);
    }
    return 0;
}

/* Darwin's header of several interfaces: its length, and the type of the frame behind it, both
 * little endian as all that write it are. */
static enum link_result pktap(struct cursor *c, uint16_t *ethertype, uint16_t *vlan)
{
    struct cursor head = *c;
    uint32_t bytes = cursor_le32(&head), linktype;

    cursor_skip(&head, PKTAP_LINKTYPE_AT - 4);
    linktype = cursor_le32(&head);
    cursor_skip(c, bytes);
    if (!cursor_ok(c) || !cursor_ok(&head) || bytes < PKTAP_LINKTYPE_AT + 4)
        return LINK_CUT;
    if (linktype == LINKTYPE_PKTAP || linktype > UINT16_MAX)
        return LINK_UNKNOWN;
    return link_decode(c, (uint16_t)linktype, ethertype, vlan);
}

/* What a link header of a fixed form says of what follows it; false: it is of another form. */
static bool header_ethertype(struct cursor *c, uint16_t linktype, uint16_t *type)
{
    switch (linktype) {
    case LINKTYPE_ETHERNET:
        *type = ETHERTYPE_TRANSPARENT;
        return true;
    case LINKTYPE_FDDI: /* frame control and addresses */
        cursor_skip(c, 13);
        *type = link_llc(c);
        return true;
    case LINKTYPE_LINUX_SLL:
        cursor_skip(c, 14);
        *type = cursor_be16(c);
        return true;
    case LINKTYPE_LINUX_SLL2:
        *type = cursor_be16(c);
        cursor_skip(c, 18);
        return true;
    case LINKTYPE_NULL:
    case LINKTYPE_LOOP:
        *type = null_ethertype(c);
        return true;
    case LINKTYPE_RAW:
    case LINKTYPE_RAW_BSD:
    case LINKTYPE_RAW_OPENBSD:
    case LINKTYPE_IPV4:
    case LINKTYPE_IPV6:
        *type = raw_ethertype(c);
        return true;
    case LINKTYPE_PPP:
        *type = ETHERTYPE_PPP;
        return true;
    case LINKTYPE_PPP_HDLC:
    case LINKTYPE_C_HDLC:
        *type = hdlc_ethertype(c);
        return true;
    case LINKTYPE_PPP_ETHER:
        *type = ETHERTYPE_PPPOE;
        return true;
    case LINKTYPE_MPLS:
        *type = ETHERTYPE_MPLS;
        return true;
    case LINKTYPE_NFLOG:
        *type = nflog_ethertype(c);
        return true;
    default:
        return false;
    }
}

static bool is_wifi(uint16_t linktype)
{
    return linktype == LINKTYPE_IEEE802_11 || linktype == LINKTYPE_IEEE802_11_PRISM ||
           linktype == LINKTYPE_IEEE802_11_RADIOTAP || linktype == LINKTYPE_IEEE802_11_AVS;
}

enum link_result link_decode(struct cursor *c, uint16_t linktype, uint16_t *ethertype,
                             uint16_t *vlan)
{
    uint16_t type;

    if (!header_ethertype(c, linktype, &type)) {
        enum link_result result;

        if (linktype == LINKTYPE_PKTAP)
            return pktap(c, ethertype, vlan);
        result = is_wifi(linktype) ? link_wifi(c, linktype, &type) : LINK_UNKNOWN;
        if (result != LINK_OK)
            return result;
    }
    type = link_follow(c, type, vlan);
    *ethertype = type >= ETHERTYPE_MIN ? type : 0;
    return cursor_ok(c) ? LINK_OK : LINK_CUT;
}

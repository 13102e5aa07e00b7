/* SPDX-License-Identifier: BSD-3-Clause */
/* Between Ethernet and IP. Providers stack these headers in every order, so they are followed one
 * at a time until IP comes or FLOW_LINK_LAYERS are behind us. */
#include "common/base/flow_hash.h"
#include "worker/decode/link.h"

#define MAC_BYTES 6u

static uint16_t ethernet(struct cursor *c)
{
    uint16_t type;

    cursor_skip(c, 2 * MAC_BYTES);
    type = cursor_be16(c);
    return type >= ETHERTYPE_MIN ? type : link_llc(c);
}

/* What follows the label stack is not told: the first four bits are those of IP, or of a control
 * word in front of an Ethernet frame (RFC 4385 section 3), or the frame begins at once. */
static uint16_t mpls(struct cursor *c)
{
    struct cursor peek;
    uint32_t entry;

    for (unsigned i = 0; i < FLOW_MPLS_LABELS; i++) {
        entry = cursor_be32(c);
        if (entry & 0x100) /* bottom of stack */
            break;
    }
    if (!cursor_ok(c) || !(entry & 0x100))
        return 0;
    peek = *c;
    switch (cursor_u8(&peek) >> 4) {
    case 4:
        return ETHERTYPE_IPV4;
    case 6:
        return ETHERTYPE_IPV6;
    case 0:
        cursor_skip(c, 4);
        return ETHERTYPE_TRANSPARENT;
    default:
        return ETHERTYPE_TRANSPARENT;
    }
}

uint16_t link_ppp(struct cursor *c)
{
    struct cursor peek = *c;
    uint16_t proto;

    if (cursor_be16(&peek) == 0xff03)
        *c = peek;
    proto = cursor_u8(c);
    if (!(proto & 1)) /* the low bit ends the field */
        proto = (uint16_t)(proto << 8 | cursor_u8(c));
    switch (proto) {
    case 0x0021:
        return ETHERTYPE_IPV4;
    case 0x0057:
        return ETHERTYPE_IPV6;
    case 0x0281:
        return ETHERTYPE_MPLS;
    default:
        return 0;
    }
}

uint16_t link_llc(struct cursor *c)
{
    uint32_t llc = cursor_be24(c), organisation;
    uint16_t type;

    if (llc == 0x060603)
        return ETHERTYPE_IPV4;
    if (llc != 0xaaaa03)
        return 0;
    organisation = cursor_be24(c);
    type = cursor_be16(c);
    /* 0000f8: a bridge that translated the frame (IEEE 802.1H) */
    return organisation == 0 || organisation == 0x0000f8 ? type : 0;
}

/* Version, type and code of a session's data are fixed (RFC 2516 section 4). */
static uint16_t pppoe(struct cursor *c)
{
    uint16_t head = cursor_be16(c);

    cursor_skip(c, 4);
    return head == 0x1100 ? link_ppp(c) : 0;
}

static uint16_t vlan_tag(struct cursor *c, uint16_t *vlan)
{
    uint16_t tci = cursor_be16(c), type = cursor_be16(c);

    if (*vlan == 0)
        *vlan = tci & 0xfff;
    return type >= ETHERTYPE_MIN ? type : link_llc(c);
}

uint16_t link_follow(struct cursor *c, uint16_t ethertype, uint16_t *vlan)
{
    for (unsigned i = 0; i < FLOW_LINK_LAYERS; i++) {
        switch (ethertype) {
        case ETHERTYPE_VLAN:
        case ETHERTYPE_QINQ:
        case ETHERTYPE_QINQ_OLD:
            ethertype = vlan_tag(c, vlan);
            break;
        case ETHERTYPE_MPLS:
        case ETHERTYPE_MPLS_UPSTREAM:
            ethertype = mpls(c);
            break;
        case ETHERTYPE_PPPOE:
            ethertype = pppoe(c);
            break;
        case ETHERTYPE_PPP:
            ethertype = link_ppp(c);
            break;
        case ETHERTYPE_PBB: /* the service tag, then the customer's frame */
        case ETHERTYPE_VNTAG:
            cursor_skip(c, 4);
            ethertype = ethertype == ETHERTYPE_PBB ? ETHERTYPE_TRANSPARENT : cursor_be16(c);
            break;
        case ETHERTYPE_TRANSPARENT:
            ethertype = ethernet(c);
            break;
        default:
            return ethertype;
        }
    }
    return ethertype;
}

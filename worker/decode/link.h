/* SPDX-License-Identifier: BSD-3-Clause */
/* Link layer: from the first byte of a frame to the network header. Private to decode. */
#ifndef SPLIFF_WORKER_LINK_H
#define SPLIFF_WORKER_LINK_H

#include "common/base/cursor.h"
#include "common/base/linktype.h"

#include <stdint.h>

enum {
    ETHERTYPE_IPV4 = 0x0800,
    ETHERTYPE_ARP = 0x0806,
    ETHERTYPE_TRANSPARENT = 0x6558, /* an Ethernet frame follows (RFC 1701) */
    ETHERTYPE_VLAN = 0x8100,
    ETHERTYPE_IPV6 = 0x86dd,
    ETHERTYPE_PPP = 0x880b, /* a PPP frame follows (RFC 2637 section 4.1) */
    ETHERTYPE_MPLS = 0x8847,
    ETHERTYPE_MPLS_UPSTREAM = 0x8848,
    ETHERTYPE_PPPOE = 0x8864,
    ETHERTYPE_PBB = 0x88e7,   /* backbone service tag, IEEE 802.1ah */
    ETHERTYPE_VNTAG = 0x8926, /* Cisco's tag of virtual interfaces */
    ETHERTYPE_QINQ = 0x88a8,  /* IEEE 802.1ad */
    ETHERTYPE_QINQ_OLD = 0x9100,
    ETHERTYPE_MIN = 0x0600 /* below it is an IEEE 802.3 length */
};

enum link_result {
    LINK_OK,        /* *ethertype and *vlan are set, the cursor stands behind the link header */
    LINK_CUT,       /* the frame ends inside its link header */
    LINK_UNKNOWN,   /* no decoder for this link type */
    LINK_PROTECTED, /* the content is encrypted */
};

/* Reads the link header of a frame, and all headers between it and IP. *ethertype is 0 for what is
 * not an Ethernet type (LLC, an unknown address family). *vlan keeps its value if the frame has no
 * tag, else it is the id of the outermost one. */
enum link_result link_decode(struct cursor *c, uint16_t linktype, uint16_t *ethertype,
                             uint16_t *vlan);

/* The same for any frame. Ethernet without tags is most of the traffic: its type is read without
 * asking further. */
static inline enum link_result link_read(struct cursor *c, uint16_t linktype, uint16_t *ethertype,
                                         uint16_t *vlan)
{
    if (__builtin_expect(linktype == LINKTYPE_ETHERNET && cursor_left(c) >= 14, 1)) {
        *ethertype = bytes_be16(c->p + 12);
        if (*ethertype == ETHERTYPE_IPV4 || *ethertype == ETHERTYPE_IPV6) {
            cursor_skip(c, 14);
            return LINK_OK;
        }
    }
    return link_decode(c, linktype, ethertype, vlan);
}

/* Steps over what stands between an Ethernet type and IP: tags, label stacks, PPP, a second
 * Ethernet header. Returns the type of what the cursor then stands at: IPv4, IPv6, another one that
 * is not followed, or 0 if there is none. A cut is in the cursor. */
uint16_t link_follow(struct cursor *c, uint16_t ethertype, uint16_t *vlan);

/* The protocol field of PPP, also compressed to one byte, with or without address and control
 * (RFC 1661 section 2, RFC 1662 section 3). Returns the Ethernet type of the same meaning, or 0. */
uint16_t link_ppp(struct cursor *c);

/* LLC with SNAP carries an Ethernet type (RFC 1042); of other LLC only IP itself is known. */
uint16_t link_llc(struct cursor *c);

/* An IEEE 802.11 frame, and one behind a header of the driver. To the type in its LLC header. */
enum link_result link_wifi(struct cursor *c, uint16_t linktype, uint16_t *ethertype);

#endif

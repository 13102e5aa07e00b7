/* SPDX-License-Identifier: BSD-3-Clause */
/* Link layer: from the first byte of a frame to the network header. Private to decode. */
#ifndef SPLIFF_WORKER_LINK_H
#define SPLIFF_WORKER_LINK_H

#include "common/base/cursor.h"

#include <stdint.h>

enum { ETHERTYPE_IPV4 = 0x0800, ETHERTYPE_IPV6 = 0x86dd };

enum link_result {
    LINK_OK,      /* *ethertype and *vlan are set, the cursor stands behind the link header */
    LINK_CUT,     /* the frame ends inside its link header */
    LINK_UNKNOWN, /* no decoder for this link type */
};

/* Reads the link header and VLAN tags of a frame. *ethertype is 0 for what is not an Ethernet type
 * (LLC, an unknown address family). *vlan keeps its value if the frame has no tag, else it is the
 * id of the outermost one. */
enum link_result link_decode(struct cursor *c, uint16_t linktype, uint16_t *ethertype,
                             uint16_t *vlan);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Link types of capture files and interfaces that spliff can decode. Numbers are LINKTYPE_ values
 * as files carry them; libpcap's DLT_ values of the same meaning differ for a few. */
#ifndef SPLIFF_BASE_LINKTYPE_H
#define SPLIFF_BASE_LINKTYPE_H

#include <stddef.h>
#include <stdint.h>

enum {
    LINKTYPE_NULL = 0, /* BSD loopback: address family in the byte order of the writer */
    LINKTYPE_ETHERNET = 1,
    LINKTYPE_PPP = 9,
    LINKTYPE_FDDI = 10,
    LINKTYPE_RAW_BSD = 12, /* raw IP as some systems' DLT_ numbers wrote it */
    LINKTYPE_RAW_OPENBSD = 14,
    LINKTYPE_PPP_HDLC = 50,
    LINKTYPE_PPP_ETHER = 51, /* begins with the PPPoE header */
    LINKTYPE_RAW = 101,      /* IPv4 or IPv6, no link header */
    LINKTYPE_C_HDLC = 104,   /* Cisco's HDLC */
    LINKTYPE_IEEE802_11 = 105,
    LINKTYPE_LOOP = 108, /* OpenBSD loopback: address family in network order */
    LINKTYPE_LINUX_SLL = 113,
    LINKTYPE_IEEE802_11_PRISM = 119,
    LINKTYPE_IEEE802_11_RADIOTAP = 127,
    LINKTYPE_IEEE802_11_AVS = 163,
    LINKTYPE_MPLS = 219,
    LINKTYPE_IPV4 = 228,
    LINKTYPE_IPV6 = 229,
    LINKTYPE_NFLOG = 239,
    LINKTYPE_PKTAP = 258, /* Darwin: several interfaces in one capture */
    LINKTYPE_LINUX_SLL2 = 276,
};

#define LINKTYPES 22u /* that are known */

/* Name for messages, or NULL if frames of this type cannot be decoded. */
const char *linktype_name(uint16_t linktype);

/* libpcap's DLT_ value; the same number for types that are not known here. */
int linktype_to_dlt(uint16_t linktype);

/* "NULL (0), ETHERNET (1), …" of all known types, NUL-terminated, cut at bytes. */
void linktype_list(char *out, size_t bytes);

#endif

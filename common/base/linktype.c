/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/base/linktype.h"

#include <stdio.h>

static const struct linktype_row {
    uint16_t value;
    uint16_t dlt;
    const char *name;
} linktypes[LINKTYPES] = {
    {LINKTYPE_NULL, 0, "NULL"},
    {LINKTYPE_ETHERNET, 1, "ETHERNET"},
    {LINKTYPE_PPP, 9, "PPP"},
    {LINKTYPE_FDDI, 10, "FDDI"},
    {LINKTYPE_RAW_BSD, 12, "RAW"},
    {LINKTYPE_RAW_OPENBSD, 12, "RAW"},
    {LINKTYPE_PPP_HDLC, 50, "PPP_HDLC"},
    {LINKTYPE_PPP_ETHER, 51, "PPP_ETHER"},
    {LINKTYPE_RAW, 12, "RAW"},
    {LINKTYPE_C_HDLC, 104, "C_HDLC"},
    {LINKTYPE_IEEE802_11, 105, "IEEE802_11"},
    {LINKTYPE_LOOP, 108, "LOOP"},
    {LINKTYPE_LINUX_SLL, 113, "LINUX_SLL"},
    {LINKTYPE_IEEE802_11_PRISM, 119, "IEEE802_11_PRISM"},
    {LINKTYPE_IEEE802_11_RADIOTAP, 127, "IEEE802_11_RADIOTAP"},
    {LINKTYPE_IEEE802_11_AVS, 163, "IEEE802_11_AVS"},
    {LINKTYPE_MPLS, 219, "MPLS"},
    {LINKTYPE_IPV4, 228, "IPV4"},
    {LINKTYPE_IPV6, 229, "IPV6"},
    {LINKTYPE_NFLOG, 239, "NFLOG"},
    {LINKTYPE_PKTAP, 258, "PKTAP"},
    {LINKTYPE_LINUX_SLL2, 276, "LINUX_SLL2"},
};
_Static_assert(sizeof linktypes / sizeof linktypes[0] == LINKTYPES, "each is known");

static const struct linktype_row *find(uint16_t linktype)
{
    for (size_t i = 0; i < LINKTYPES; i++)
        if (linktypes[i].value == linktype)
            return &linktypes[i];
    return NULL;
}

const char *linktype_name(uint16_t linktype)
{
    const struct linktype_row *row = find(linktype);

    return row ? row->name : NULL;
}

int linktype_to_dlt(uint16_t linktype)
{
    const struct linktype_row *row = find(linktype);

    return row ? row->dlt : linktype;
}

void linktype_list(char *out, size_t bytes)
{
    size_t n = 0;

    for (size_t i = 0; i < LINKTYPES && n < bytes; i++)
        n += (size_t)snprintf(out + n, bytes - n, "%s%s (%u)", i > 0 ? ", " : "", linktypes[i].name,
                              linktypes[i].value);
}

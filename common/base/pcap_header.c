/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/base/pcap_header.h"

#include "common/base/cursor.h"

#define MAGIC_US 0xa1b2c3d4u
#define MAGIC_NS 0xa1b23c4du

#define LINKTYPE_AT 20

bool pcap_header_read(struct pcap_header *out, const uint8_t bytes[PCAP_HEADER_BYTES])
{
    uint32_t be = bytes_be32(bytes), le = bytes_le32(bytes);

    out->big_endian = be == MAGIC_US || be == MAGIC_NS;
    out->nanoseconds = be == MAGIC_NS || le == MAGIC_NS;
    /* The upper half tells the length of a frame check sequence, which decode cuts as padding. */
    out->linktype = (uint16_t)(out->big_endian ? bytes_be32(bytes + LINKTYPE_AT)
                                               : bytes_le32(bytes + LINKTYPE_AT));
    return out->big_endian || le == MAGIC_US || le == MAGIC_NS;
}

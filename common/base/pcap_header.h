/* SPDX-License-Identifier: BSD-3-Clause */
/* The header of a classic capture file, in either byte order, with microseconds or nanoseconds:
 * draft-ietf-opsawg-pcap, section 4. */
#ifndef SPLIFF_BASE_PCAP_HEADER_H
#define SPLIFF_BASE_PCAP_HEADER_H

#include <stdbool.h>
#include <stdint.h>

#define PCAP_HEADER_BYTES 24u

struct pcap_header {
    bool big_endian;
    bool nanoseconds;
    uint16_t linktype; /* LINKTYPE_ value */
};

/* False: no such file begins so; *out is undefined. */
bool pcap_header_read(struct pcap_header *out, const uint8_t bytes[PCAP_HEADER_BYTES]);

#endif

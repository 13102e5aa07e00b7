/* SPDX-License-Identifier: BSD-3-Clause */
/* The Internet checksum (RFC 1071). Private to decode. */
#ifndef SPLIFF_WORKER_CHECKSUM_H
#define SPLIFF_WORKER_CHECKSUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether an IPv4 header, with its checksum field, sums up. */
bool checksum_header_ok(const uint8_t *header, size_t bytes);

/* Whether a TCP or UDP segment sums up with its pseudo header (RFC 9293 section 3.1, RFC 8200
 * section 8.1). src and dst have addr_bytes (4 or 16) each. */
bool checksum_segment_ok(const uint8_t *src, const uint8_t *dst, size_t addr_bytes, uint8_t proto,
                         const uint8_t *segment, size_t bytes);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Sums are taken over native 32-bit words: the one's complement sum does not depend on byte order
 * (RFC 1071 section 2), so a right one folds to 0xffff whichever way it was read. */
#include "worker/decode/checksum.h"

#include <string.h>

static uint64_t sum_bytes(const uint8_t *p, size_t bytes, uint64_t sum)
{
    uint32_t word;

    for (; bytes >= sizeof word; p += sizeof word, bytes -= sizeof word) {
        memcpy(&word, p, sizeof word);
        sum += word;
    }
    if (bytes > 0) {
        word = 0;
        memcpy(&word, p, bytes);
        sum += word;
    }
    return sum;
}

static bool sums_up(uint64_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum == 0xffff;
}

bool checksum_header_ok(const uint8_t *header, size_t bytes)
{
    return sums_up(sum_bytes(header, bytes, 0));
}

bool checksum_segment_ok(const uint8_t *src, const uint8_t *dst, size_t addr_bytes, uint8_t proto,
                         const uint8_t *segment, size_t bytes)
{
    uint8_t tail[8] = {(uint8_t)(bytes >> 24),
                       (uint8_t)(bytes >> 16),
                       (uint8_t)(bytes >> 8),
                       (uint8_t)bytes,
                       0,
                       0,
                       0,
                       proto};
    uint64_t sum = sum_bytes(src, addr_bytes, 0);

    sum = sum_bytes(dst, addr_bytes, sum);
    sum = sum_bytes(tail, sizeof tail, sum);
    return sums_up(sum_bytes(segment, bytes, sum));
}

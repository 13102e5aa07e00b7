/* SPDX-License-Identifier: BSD-3-Clause */
/* The hash by which a network card chooses a frame's queue (RSS): which fields and which key. Pure;
 * without DPDK's headers but for the names of the fields. */
#ifndef SPLIFF_WORKER_CAPTURE_DPDK_RSS_H
#define SPLIFF_WORKER_CAPTURE_DPDK_RSS_H

#include <stdint.h>

#define DPDK_RSS_KEY_MAX 64u
#define DPDK_RSS_KEY_MIN 40u /* for the addresses and ports of IPv6, and four bytes */

/* Of the fields that a card offers (RTE_ETH_RSS_…): addresses, and where it can ports. 0: it has
 * none that would be of use. */
uint64_t dpdk_rss_fields(uint64_t offered);

/* The symmetric key for a card whose key has `wanted` bytes; 0: it does not say. Returns how long
 * it is. */
uint8_t dpdk_rss_key(uint8_t wanted, uint8_t key[DPDK_RSS_KEY_MAX]);

#endif

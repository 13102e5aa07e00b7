/* SPDX-License-Identifier: BSD-3-Clause */
/* Flow ids as Zeek writes them: a letter and 96 bits in base 62, "CHhAvVGS1DHFjwGM9". */
#ifndef SPLIFF_WORKER_FLOW_UID_H
#define SPLIFF_WORKER_FLOW_UID_H

#include "common/base/flow_key.h"

#include <stddef.h>
#include <stdint.h>

#define UID_MAX 20 /* bytes of a buffer for any uid; the longest is 18 */

/* The 96 bits of a flow: a hash of its five-tuple, its start and the seed. So a replay with the
 * same seed gives the same ids, and two flows with one five-tuple differ by their start. */
void uid_make(const struct flow_key *key, uint64_t start_ns, uint32_t seed, uint32_t *hi,
              uint64_t *lo);

/* prefix ('C' for flows) and the digits of hi and of lo, 0-9a-zA-Z, least significant first, not
 * padded and without NUL. Returns the length. */
size_t uid_format(char out[UID_MAX], char prefix, uint32_t hi, uint64_t lo);

#endif

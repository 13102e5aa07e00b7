/* SPDX-License-Identifier: BSD-3-Clause */
/* Community ID, version 1, seed 0: the id of a five-tuple that different tools agree on
 * (github.com/corelight/community-id-spec). */
#ifndef SPLIFF_WORKER_FLOW_COMMUNITY_ID_H
#define SPLIFF_WORKER_FLOW_COMMUNITY_ID_H

#include "common/base/flow_key.h"

#include <stddef.h>

#define COMMUNITY_ID_MAX 32 /* bytes of a buffer; the id has 30 */

/* "1:" and the base64 of the SHA-1 of the five-tuple, without NUL, into out. orig is the index in
 * key of the originator: only ICMP messages that have no counterpart (unreachable, redirect …) need
 * it, for their ids are not the same in both directions, and the key alone does not tell which port
 * is the type and which the code.
 * Returns the length. */
size_t community_id_format(const struct flow_key *key, unsigned orig, char out[COMMUNITY_ID_MAX]);

#endif

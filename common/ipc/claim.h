/* SPDX-License-Identifier: BSD-3-Clause */
/* Claims: which flows a worker has, told to the probe where our hash does not say it (heritage.h).
 *
 *   event/claim/<worker>/   worker -> probe   [1, addr, port, addr, port, addr, port, …]
 *
 * Four values a flow of TCP, its ends in the order of their key. Loss is harmless: plaintext of a
 * flow that nobody claims goes where the hash says. The decoder takes hostile bytes, allocates
 * nothing and bounds everything. */
#ifndef SPLIFF_IPC_CLAIM_H
#define SPLIFF_IPC_CLAIM_H

#include "common/base/flow_key.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLAIM_TOPIC     "event/claim/"
#define CLAIM_FLOWS_MAX 512u   /* of one message */
#define CLAIM_BYTES     28672u /* enough for them */

/* A message that is being gathered. Zeroed is empty. */
struct claim_message {
    uint8_t body[CLAIM_BYTES];
    size_t len;
    uint32_t n; /* flows */
};

/* Adds a flow of TCP. False: it is full, take it first. */
bool claim_add(struct claim_message *m, const struct flow_key *key);

/* The whole body, borrowed until the next add; NULL when there is nothing to send. Empties m. */
const uint8_t *claim_take(struct claim_message *m, size_t *len);

/* Calls take for each flow of a body. 0, or -EBADMSG: what came before the error was given. */
int claim_read(const uint8_t *body, size_t len, void (*take)(void *arg, const struct flow_key *key),
               void *arg);

#endif

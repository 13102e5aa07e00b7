/* SPDX-License-Identifier: BSD-3-Clause */
/* The bodies of bus messages, MessagePack. Decoders take hostile bytes: they bound everything and
 * allocate nothing.
 *
 * batch  map { "v":1, "node":str, "epoch":uint, "seq":uint, "floor":uint, "path":str,
 *              "fields":[str…], "records":[[…]…] }   floor: nothing up to it will come (again)
 *              for who taps the bus; nothing of ours reads it
 * sealed map { "v":1, "node":str, "epoch":uint, "fields":uint, "floor":uint, "seq":uint,
 *              "batches":[type, count, slot, bytes, …] }
 *              fields: record_schemas_sum(); seq: of the first batch, the others follow; the
 *              records lie in that slot of the node's spool
 * ack    map { "node":str, "epoch":uint, "seq":uint, "resend":bool }
 *              seq: safely in the files; resend: publish again what comes after it
 *
 * Keys come in this order, "records" last, so that the records are the rest of the body. */
#ifndef SPLIFF_IPC_MESSAGE_H
#define SPLIFF_IPC_MESSAGE_H

#include "common/base/str.h"
#include "common/ipc/spool.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MESSAGE_SEALED_BATCHES 32u /* in one message */

struct message_sealed {
    struct str node;
    uint64_t epoch;
    uint64_t floor;
    uint32_t n;
    struct spool_batch batches[MESSAGE_SEALED_BATCHES]; /* one seq after the other; no records */
};

struct message_ack {
    struct str node;
    uint64_t epoch;
    uint64_t seq;
    bool resend;
};

/* Head of a batch message into out[capacity]; the records follow it byte for byte. Returns its
 * length, 0 if capacity is below 512 + 32 a field. */
size_t message_batch_head(uint8_t *out, size_t capacity, const char *node, uint64_t epoch,
                          uint64_t floor, const struct spool_batch *b);

#define MESSAGE_SEALED_BYTES 1536u /* enough for any */

/* fields: record_schemas_sum(), of which each side makes one for good. Returns the length, 0 if
 * capacity < MESSAGE_SEALED_BYTES. There is a batch at least. */
size_t message_sealed_encode(uint8_t *out, size_t capacity, uint64_t fields,
                             const struct message_sealed *m);

/* 0; -EBADMSG if it is no such message; -EPROTO: of another version (n is 0 then), or with other
 * fields than ours (all is set, but types may be none of ours). The node is borrowed from body. */
int message_sealed_decode(const uint8_t *body, size_t len, uint64_t fields,
                          struct message_sealed *out);

#define MESSAGE_ACK_BYTES 128u /* enough for any */

/* Returns the length, 0 if capacity < MESSAGE_ACK_BYTES. */
size_t message_ack_encode(uint8_t *out, size_t capacity, const struct message_ack *a);
int message_ack_decode(const uint8_t *body, size_t len, struct message_ack *out); /* 0, -EBADMSG */

#endif

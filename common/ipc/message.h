/* SPDX-License-Identifier: BSD-3-Clause */
/* The bodies of bus messages, MessagePack. Decoders take hostile bytes: they bound everything and
 * never allocate more than the message is long.
 *
 * batch  map { "v":1, "node":str, "epoch":uint, "seq":uint, "floor":uint, "path":str,
 *              "fields":[str…], "records":[[…]…] }   floor: nothing up to it will come (again)
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

struct message_batch {
    struct str node;
    uint64_t epoch;
    uint64_t seq;
    uint64_t floor;
    enum record_type type;
    uint32_t count;
    const uint8_t *records; /* count MessagePack arrays */
    size_t bytes;
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

/* 0; -EBADMSG if it is not a batch; -ENOENT unknown path; -EPROTO other version or other fields.
 * Borrows from body. Does not walk the records: record_reader.h does, with bounds. */
int message_batch_decode(const uint8_t *body, size_t len, struct message_batch *out);

#define MESSAGE_ACK_BYTES 128u /* enough for any */

/* Returns the length, 0 if capacity < MESSAGE_ACK_BYTES. */
size_t message_ack_encode(uint8_t *out, size_t capacity, const struct message_ack *a);
int message_ack_decode(const uint8_t *body, size_t len, struct message_ack *out); /* 0, -EBADMSG */

#endif

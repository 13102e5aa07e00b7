/* SPDX-License-Identifier: BSD-3-Clause */
/* The spool: a worker's batches of records in shared memory, until the logger has them in its
 * files.
 *
 * The manager makes the memory, so a killed worker's successor finds in it every record that was
 * packed, also those of batches that were still open. The memory is cut into slots of
 * SPOOL_SLOT_BYTES; a slot holds one batch and passes FREE -> OPEN -> SEALED -> FREE. Records are
 * packed straight into the open slot of their type, then committed by one store of {bytes, count};
 * sealing gives the batch the next sequence number. Free slots are reused last in, first out, so a
 * spool that drains well stays in cache.
 *
 * One writer (the worker). After a crash spool_attach() seals what was open and goes on counting.
 * One reader (the logger), which copies sealed batches out with spool_read() and believes nothing
 * that it finds: the writer reads hostile bytes. */
#ifndef SPLIFF_IPC_SPOOL_H
#define SPLIFF_IPC_SPOOL_H

#include "common/schema/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPOOL_SLOT_BYTES (256u * 1024)
#define SPOOL_SEAL_BYTES (152u * 1024) /* a batch of this size is sealed */

struct spool; /* worker-private handle; the shared layout is in spool.c */

/* One sealed batch, borrowed until it is acknowledged or evicted. */
struct spool_batch {
    enum record_type type;
    uint32_t slot; /* where it lies, for spool_read */
    uint64_t seq;  /* from 1, no holes within an epoch */
    uint32_t count;
    const uint8_t *records; /* count MessagePack arrays, one after the other */
    size_t bytes;
};

/* Takes over mem[bytes] (zeroed at the first start; a predecessor's after a crash).
 * Returns the handle (heap) or NULL with errno: EINVAL too small or not a spool, ENOMEM. */
struct spool *spool_attach(void *mem, size_t bytes);
void spool_detach(struct spool *s);

/* Packs one record into the open batch of its type; seals the batch when it is full.
 * Returns 0, or -ENOBUFS when no slot is free (nothing packed: evict or wait, then call again). */
int spool_put(struct spool *s, enum record_type type, const void *rec, uint64_t *cut_fields);

/* Seals every open batch that is not empty. */
void spool_seal_all(struct spool *s);

/* The sealed batch with the lowest seq > after. False if there is none. */
bool spool_next(const struct spool *s, uint64_t after, struct spool_batch *out);

/* The logger has everything up to seq: frees those slots. A seq from the future is ignored. */
void spool_ack(struct spool *s, uint64_t seq);

/* Drops the oldest sealed batch (seals the open ones first if there is none). Returns the records
 * lost, 0 if the spool is empty. A dropped seq leaves a hole that is announced to the logger by
 * spool_floor. */
uint32_t spool_evict(struct spool *s);

/* Highest seq that is gone from the spool (acknowledged or evicted): nothing up to it comes again.
 */
uint64_t spool_floor(const struct spool *s);

/* The reader: copies the records of *b, of which it was told all but `records`, from a spool of
 * spool_bytes into out[SPOOL_SLOT_BYTES], and sets b->records to it. The spool's size is sealed, so
 * that its writer cannot fault who reads. 0; -ESTALE: the batch was evicted; -EBADMSG: no spool has
 * it where *b says. */
int spool_read(const void *mem, size_t spool_bytes, struct spool_batch *b, uint8_t *out);

uint64_t spool_acked(const struct spool *s);
uint64_t spool_last_seq(const struct spool *s); /* of the newest sealed batch, 0 if none yet */
uint32_t spool_batches(const struct spool *s);  /* sealed, not acknowledged */
uint32_t spool_open_records(const struct spool *s);

#endif

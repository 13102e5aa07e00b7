/* SPDX-License-Identifier: BSD-3-Clause */
/* Workers that share a source's flows find the same scan, each by itself, and none knows of the
 * others. Here their notices come together: what one of them has raised is not written again for
 * another while it is suppressed. What a worker raises again itself was not suppressed, or it was
 * started anew.
 *
 * The same are notices of one note with the same source and target; those with neither are about
 * the node that raised them, and those of processes are not looked at. */
#ifndef SPLIFF_LOGGER_NOTICE_FILTER_H
#define SPLIFF_LOGGER_NOTICE_FILTER_H

#include "common/base/str.h"
#include "common/ipc/spool.h"

#include <stdint.h>

/* The last so many are remembered: one that another worker repeats later is written twice. */
#define NOTICE_FILTER_MAX 1024u

struct notice_filter; /* heap handle, one per logger */

/* NULL if there is no memory. */
struct notice_filter *notice_filter_new(void);
void notice_filter_free(struct notice_filter *f); /* NULL: does nothing */

/* Takes repeated notices out of a batch of RECORD_notice that `node` sent. records[b->bytes] are
 * the batch's, moved together and b set accordingly. A batch that does not parse, which sinks
 * refuse as a whole, is left alone and not remembered. Returns how many were taken out. */
uint32_t notice_filter_batch(struct notice_filter *f, struct str node, struct spool_batch *b,
                             uint8_t *records);

#endif

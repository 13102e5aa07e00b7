/* SPDX-License-Identifier: BSD-3-Clause */
/* The second input of a worker: items that the probe sends for its flows. They come over another
 * way than the packets and usually sooner, so they are held, in memory of a bound, until the
 * packets have come as far in time: then the flow is there, and what it says of arrivals is
 * complete. */
#ifndef SPLIFF_WORKER_PLAINTEXT_H
#define SPLIFF_WORKER_PLAINTEXT_H

#include "common/ipc/heritage.h"
#include "common/ipc/plaintext.h"
#include "common/schema/counters.h"

#include <stdbool.h>
#include <stdint.h>

struct plaintext_input;

/* 0 or -errno after printing what failed. */
int plaintext_input_open(struct plaintext_input **out, const struct heritage *h,
                         struct counters *c);
void plaintext_input_close(struct plaintext_input *p);

/* Readable (edge-triggered) when plaintext_input_receive may find something. */
int plaintext_input_fd(const struct plaintext_input *p);

/* Takes what has come off the socket. A message beyond the bound is dropped and counted: its
 * sessions show a jump. */
void plaintext_input_receive(struct plaintext_input *p);

/* The oldest held item, if it happened before until_ns (wall clock). Borrowed until the next call.
 */
bool plaintext_input_next(struct plaintext_input *p, uint64_t until_ns,
                          struct plaintext_item *item);

/* When the oldest held item happened; UINT64_MAX if none is held. */
uint64_t plaintext_input_oldest_ns(struct plaintext_input *p);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames on their way to a capture file (--format pcap). Without --category every frame goes at
 * once; with it, the frames before a flow's category is known are held, within bounds, and then
 * sent or dropped. Of a datagram put together from fragments only the last frame is the flow's. */
#ifndef SPLIFF_WORKER_FRAMES_H
#define SPLIFF_WORKER_FRAMES_H

#include "common/base/pool.h"
#include "worker/capture/capture.h"
#include "worker/emit/emit.h"
#include "worker/flow/flow.h"

#include <stdbool.h>

#define FRAMES_HELD_MAX 32u /* a flow */

enum frames_mode { FRAMES_OFF, FRAMES_ALL, FRAMES_BY_CATEGORY };

struct frames {
    enum frames_mode mode;
    struct emit *emit;
    struct bufpool *bufs;
    struct pool held; /* struct held_frame */
};

/* held_max bounds the frames held for all flows. 0 or -ENOMEM. */
int frames_init(struct frames *x, enum frames_mode mode, struct emit *emit, struct bufpool *bufs,
                uint32_t held_max);
void frames_fini(struct frames *x);

/* What becomes of a flow's frames. */
enum frames_fate { FRAMES_HOLD, FRAMES_SEND, FRAMES_DROP };

/* Any frame, before it is known what it is: goes at once unless categories decide. */
void frames_put_any(struct frames *x, const struct frame *frame);

/* A frame of a flow, when categories decide. */
void frames_put(struct frames *x, struct flow *f, const struct frame *frame);

/* The flow's category is known now (or the flow is over): sends or drops what was held. */
void frames_decided(struct frames *x, struct flow *f, bool wanted);

#endif

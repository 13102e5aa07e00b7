/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/emit/frames.h"

#include <string.h>

struct held_frame {
    struct frame frame; /* data is in the bufpool */
    size_t capacity;
    uint32_t next; /* the one before it */
};

int frames_init(struct frames *x, enum frames_mode mode, struct emit *emit, struct bufpool *bufs,
                uint32_t held_max)
{
    memset(x, 0, sizeof *x);
    x->mode = mode;
    x->emit = emit;
    x->bufs = bufs;
    return mode == FRAMES_BY_CATEGORY ? pool_init(&x->held, sizeof(struct held_frame), held_max)
                                      : 0;
}

void frames_fini(struct frames *x)
{
    pool_fini(&x->held);
}

static void frames_emit(struct frames *x, const struct frame *frame)
{
    struct rec_packet r = {0};

    RECORD_SET(packet, &r, ts, frame->ts_ns);
    RECORD_SET(packet, &r, linktype, frame->linktype);
    RECORD_SET(packet, &r, wire_len, frame->wirelen);
    RECORD_SET(packet, &r, frame, str_make(frame->data, frame->caplen));
    emit_record(x->emit, RECORD_packet, &r);
}

static void frames_hold(struct frames *x, struct flow *f, const struct frame *frame)
{
    uint32_t i;
    struct held_frame *held;
    uint8_t *copy;

    if (f->frames_held >= FRAMES_HELD_MAX || (i = pool_get(&x->held)) == POOL_NONE)
        return;
    held = pool_at(&x->held, i);
    copy = bufpool_get(x->bufs, frame->caplen, &held->capacity);
    if (!copy) {
        pool_put(&x->held, i);
        return;
    }
    memcpy(copy, frame->data, frame->caplen);
    held->frame = *frame;
    held->frame.data = copy;
    held->next = f->frames_head;
    f->frames_head = i;
    f->frames_held++;
}

void frames_put_any(struct frames *x, const struct frame *frame)
{
    if (x->mode == FRAMES_ALL)
        frames_emit(x, frame);
}

void frames_put(struct frames *x, struct flow *f, const struct frame *frame)
{
    if (x->mode != FRAMES_BY_CATEGORY)
        return;
    if (f->frames_fate == FRAMES_SEND)
        frames_emit(x, frame);
    else if (f->frames_fate == FRAMES_HOLD)
        frames_hold(x, f, frame);
}

void frames_decided(struct frames *x, struct flow *f, bool wanted)
{
    uint32_t list[FRAMES_HELD_MAX], n = 0;

    if (x->mode != FRAMES_BY_CATEGORY)
        return;
    f->frames_fate = wanted ? FRAMES_SEND : FRAMES_DROP;
    for (uint32_t i = f->frames_head; i != POOL_NONE; n++) {
        list[n] = i;
        i = ((struct held_frame *)pool_at(&x->held, i))->next;
    }
    while (n > 0) {
        struct held_frame *held = pool_at(&x->held, list[--n]);

        if (wanted)
            frames_emit(x, &held->frame);
        bufpool_put(x->bufs, (void *)(uintptr_t)held->frame.data, held->capacity);
        pool_put(&x->held, list[n]);
    }
    f->frames_head = POOL_NONE;
    f->frames_held = 0;
}

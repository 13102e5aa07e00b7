/* SPDX-License-Identifier: BSD-3-Clause */
/* A worker on the bench: all of its stages but capture and emit, with small pools. Frames come from
 * the test, records are kept as text. The test or fuzz target brings analyzers[]. */
#ifndef SPLIFF_TESTS_RIG_H
#define SPLIFF_TESTS_RIG_H

#include "common/ipc/plaintext.h"
#include "worker/worker.h"

#define RIG_TEXT_BYTES (64u * 1024)

struct rig {
    struct worker w;
    struct heritage heritage; /* its options may be changed before rig_open */
    struct counters counters;
    struct capture_ops capture;   /* as well */
    enum memory_pages flow_pages; /* as well: of the flow table, small ones at first */

    const struct frame *frames; /* what the capture has still to give */
    uint32_t n_frames;

    const struct plaintext_item *items; /* what the probe has still to send */
    uint32_t n_items;

    /* The last message to the bus. */
    char published_topic[64];
    uint8_t published[65536];
    size_t published_len;

    /* A line a record: its path, and name=value of the fields that rig.c lists. */
    char text[RIG_TEXT_BYTES];
    size_t text_len;
    uint64_t records[RECORD_TYPES];

    /* The last ones; what their texts point to is gone. */
    struct rec_http http;
    struct rec_tls_plain tls_plain;
    struct rec_conn conn;
    struct rec_stats stats;
};

/* Defaults, small sizes: a test changes r->heritage.options, then opens. */
void rig_init(struct rig *r);
void rig_open(struct rig *r);

/* Runs the frames through the pipeline. */
void rig_run(struct rig *r, const struct frame *frames, uint32_t n);

/* Gives items of plaintext to the worker, without waiting for their packets. */
void rig_run_items(struct rig *r, const struct plaintext_item *items, uint32_t n);

/* One frame of Ethernet. */
void rig_run_ethernet(struct rig *r, const uint8_t *data, size_t len, uint64_t ts_ns);

/* Ends every flow, and checks that nothing is left in any pool. */
void rig_finish(struct rig *r);
void rig_close(struct rig *r);

/* Both, of the rig that was begun last, as cmocka wants it. */
int rig_tear_down(void **state);

/* What was emitted since the last call, as text; valid until more is. */
const char *rig_text(struct rig *r);

#endif

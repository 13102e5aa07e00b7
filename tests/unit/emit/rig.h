/* SPDX-License-Identifier: BSD-3-Clause */
/* A worker's emit and a logger that can be told to misbehave, over a real bus in one process. Time
 * is the clock plus what a test adds to it. */
#ifndef SPLIFF_TESTS_EMIT_RIG_H
#define SPLIFF_TESTS_EMIT_RIG_H

#include "common/base/clock.h"
#include "common/ipc/broker.h"
#include "worker/emit/emit.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define RIG_DEADLINE_NS (20 * NS_PER_SEC)
#define RIG_IDS         8192u
#define RIG_SLOTS       6u /* of the spool */
#define RIG_SLOTS_MANY  40u

extern struct heritage worker_heritage;
extern struct broker *broker;
extern struct bus *worker_bus, *logger_bus;
extern struct emit *emit;
extern struct counters counters;
extern uint64_t added_ns;

/* The logger: what it wrote, and how it is to behave. */
struct written {
    uint64_t seq;          /* written up to here; outlives the process, as its state file does */
    uint8_t seen[RIG_IDS]; /* how often each record was written */
    uint32_t records;
    uint32_t duplicates; /* batches that came again */
    bool mute;           /* rig_acknowledge nothing */
    uint64_t lose_seq;   /* behave once as if this batch had not come */
    bool bad;
};

extern struct written written;
extern _Atomic uint32_t written_records; /* of `written`, for another thread */

/* Around each test. */
int rig_set_up(void **state);
int rig_set_up_many_slots(void **state);
int rig_tear_down(void **state);

void rig_logger_stop(void);
void rig_logger_start(void);
void rig_logger_run(void);
void rig_acknowledge(bool resend);

/* Records with this number. Two big ones fill a batch. */
void rig_emit_small(uint64_t id);
void rig_emit_big(uint64_t id);

uint64_t rig_now_ns(void);
void rig_let_records_get_old(void);

/* Runs all sides until done() or the deadline, which fails the test. */
void rig_pump(bool (*done)(void), const char *what);
bool rig_spool_is_empty(void);
bool rig_something_was_written(void);
bool rig_something_came_twice(void);

/* Records first … last were written once each, and no others. */
void rig_assert_written(uint64_t first, uint64_t last);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Counters of one process: a page of shared memory that the process writes (it alone, plain stores)
 * and the manager reads at any time, also when the process hangs. Derived from counters.def. At the
 * end of the page is what goes the other way: settings.h. */
#ifndef SPLIFF_SCHEMA_COUNTERS_H
#define SPLIFF_SCHEMA_COUNTERS_H

#include <stddef.h>
#include <stdint.h>

enum counter_kind { COUNTER_TOTAL, COUNTER_LEVEL, COUNTER_LOSS };
enum counter_process {
    COUNTER_WORKER = 1,
    COUNTER_LOGGER = 2,
    COUNTER_MANAGER = 4,
    COUNTER_PROBE = 8,
    COUNTER_READER = 16,
    COUNTER_INPUT = COUNTER_WORKER | COUNTER_READER,
};

struct counters {
#define COUNTER(member, process, kind, name, doc) uint64_t member;
#include "common/schema/counters.def"
#undef COUNTER
};

#define COUNTERS_PAGE_BYTES 4096u

struct counter_schema {
    const char *name;
    enum counter_process process;
    enum counter_kind kind;
    uint16_t offset; /* in struct counters */
    const char *doc;
};

extern const struct counter_schema counter_schemas[];
extern const size_t counter_schemas_n;

static inline uint64_t counter_read(const struct counters *c, const struct counter_schema *s)
{
    return *(const volatile uint64_t *)((const char *)c + s->offset);
}

#endif

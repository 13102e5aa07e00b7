/* SPDX-License-Identifier: BSD-3-Clause */
/* What may be changed in a worker while it runs, without asking it: the last bytes of its counters'
 * page, which the manager writes (it alone) and the worker reads before each batch. The page is the
 * node's and not the process's, so a worker that was restarted finds what was last set. */
#ifndef SPLIFF_SCHEMA_SETTINGS_H
#define SPLIFF_SCHEMA_SETTINGS_H

#include "common/schema/counters.h"
#include "common/schema/options.h"

#include <stdbool.h>
#include <stdint.h>

#define SETTINGS_BYTES 64u /* a cache line that no counter is in */
_Static_assert(sizeof(struct counters) <= COUNTERS_PAGE_BYTES - SETTINGS_BYTES,
               "counters and settings fit their page");

struct settings {
    uint32_t rx_mode; /* enum rx_mode */
    uint32_t gaps;    /* times that the interface was gone and came back, */
    uint64_t gap_ns;  /* and for how long in all */
    uint32_t deaths;  /* times that a process died and what it captured from went with it, */
    uint64_t died_ns; /* and when the last did, on the monotonic clock */
};
_Static_assert(sizeof(struct settings) <= SETTINGS_BYTES, "settings fit their place");

/* counters: at the beginning of their page. */
static inline struct settings *settings_of(struct counters *counters)
{
    void *p = (char *)counters + COUNTERS_PAGE_BYTES - SETTINGS_BYTES;

    return p;
}

static inline enum rx_mode settings_rx_mode(const struct settings *s)
{
    return (enum rx_mode)__atomic_load_n(&s->rx_mode, __ATOMIC_RELAXED);
}

static inline void settings_set_rx_mode(struct settings *s, enum rx_mode mode)
{
    __atomic_store_n(&s->rx_mode, (uint32_t)mode, __ATOMIC_RELAXED);
}

/* The interface is back after this time. Told to one worker of it, so that sums are right. */
static inline void settings_add_gap(struct settings *s, uint64_t ns)
{
    __atomic_store_n(&s->gap_ns, s->gap_ns + ns, __ATOMIC_RELAXED);
    __atomic_store_n(&s->gaps, s->gaps + 1, __ATOMIC_RELEASE);
}

static inline uint32_t settings_gaps(const struct settings *s)
{
    return __atomic_load_n(&s->gaps, __ATOMIC_ACQUIRE);
}

/* Of at least as many gaps. */
static inline uint64_t settings_gap_ns(const struct settings *s)
{
    return __atomic_load_n(&s->gap_ns, __ATOMIC_RELAXED);
}

/* The node's process has died, and what it captured from went with it, at mono_ns. `told`: the
 * deaths that successors have told (counters.capture_deaths). One that nobody lived to tell stands
 * for this one, too. */
static inline void settings_add_death(struct settings *s, uint64_t told, uint64_t mono_ns)
{
    if (s->deaths != told)
        return;
    __atomic_store_n(&s->died_ns, mono_ns, __ATOMIC_RELAXED);
    __atomic_store_n(&s->deaths, s->deaths + 1, __ATOMIC_RELEASE);
}

/* Whether there is one more than were told: since when nothing was captured. */
static inline bool settings_death(const struct settings *s, uint64_t told, uint64_t *died_ns)
{
    if (__atomic_load_n(&s->deaths, __ATOMIC_ACQUIRE) == told)
        return false;
    *died_ns = __atomic_load_n(&s->died_ns, __ATOMIC_RELAXED);
    return true;
}

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* What made-up analyzers are told, as one line of text that a test compares. */
#ifndef SPLIFF_TESTS_TRACE_H
#define SPLIFF_TESTS_TRACE_H

#include "tests/unit/worker/rig.h"
#include "worker/host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char trace[4096];
static size_t trace_len;

static inline void note(const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    trace_len += (size_t)vsnprintf(trace + trace_len, sizeof trace - trace_len, format, ap);
    va_end(ap);
}

/* Fails unless this was noted since the last call. */
static inline void expect(const char *text)
{
    trace[trace_len] = '\0';
    trace_len = 0;
    assert_string_equal(trace, text);
}

/* For the analyzers' tables. */
static inline void trace_gap(struct analyzer_ctx *ctx, void *state, unsigned side, uint64_t len)
{
    (void)ctx;
    (void)state;
    note("%u<%llu> ", side, (unsigned long long)len);
}

static inline void trace_end(struct analyzer_ctx *ctx, void *state, unsigned side)
{
    (void)ctx;
    (void)state;
    note("%u$ ", side);
}

/* Bytes from an end of a flow; they are gone when the call has returned, as a frame's are. */
static inline void trace_say(struct rig *r, struct flow *f, unsigned end, const char *text)
{
    static char bytes[256];

    strcpy(bytes, text);
    host_data(&r->w, f, end, 2 * NS_PER_SEC, (uint8_t *)bytes, strlen(bytes));
    memset(bytes, 'X', sizeof bytes);
}

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Conversations through the HTTP/1 analyzer, for its tests: one flow at a time, in `talk`. */
#ifndef SPLIFF_TESTS_HTTP1_TALK_H
#define SPLIFF_TESTS_HTTP1_TALK_H

#include "tests/unit/parse/fake_host.h"

#define C(text)                                                                                    \
    {                                                                                              \
        0, text, sizeof(text) - 1                                                                  \
    }
#define S(text)                                                                                    \
    {                                                                                              \
        1, text, sizeof(text) - 1                                                                  \
    }
#define N(a) (sizeof(a) / sizeof((a)[0]))

extern struct fake_host talk;

void talk_begin(void);
void talk_say(unsigned side, const char *text);
void talk_feed(const struct fake_chunk *chunks, size_t n);

/* Runs the chunks over every split, then whole, and leaves the records of that in talk. */
void talk_run(const struct fake_chunk *chunks, size_t n);

/* Fails unless there are so many http records; frees all. */
void talk_finish(unsigned records);

/* Fails, naming the caller's line, unless a field or the count of a weird is as expected. */
void talk_expect(unsigned nth, const char *field, const char *value, int line);
void talk_expect_weird(enum weird w, unsigned n, int line);

#define expect(nth, field, value) talk_expect(nth, field, value, __LINE__)
#define expect_weird(w, n)        talk_expect_weird(w, n, __LINE__)

#endif

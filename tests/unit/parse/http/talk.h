/* SPDX-License-Identifier: BSD-3-Clause */
/* What tests expect of a conversation in any version of HTTP: one flow at a time, in `talk`. */
#ifndef SPLIFF_TESTS_HTTP_TALK_H
#define SPLIFF_TESTS_HTTP_TALK_H

#include "tests/unit/parse/fake_host.h"

extern struct fake_host talk;

/* Fails unless there are so many http records; frees all. */
void talk_finish(unsigned records);

/* Fails, naming the caller's line, unless a field or the count of a weird is as expected. */
void talk_expect(unsigned nth, const char *field, const char *value, int line);
void talk_expect_weird(enum weird w, unsigned n, int line);

#define expect(nth, field, value) talk_expect(nth, field, value, __LINE__)
#define expect_weird(w, n)        talk_expect_weird(w, n, __LINE__)

#endif

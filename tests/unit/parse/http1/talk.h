/* SPDX-License-Identifier: BSD-3-Clause */
/* Conversations through the HTTP/1 analyzer, for its tests: one flow at a time, in `talk`. */
#ifndef SPLIFF_TESTS_HTTP1_TALK_H
#define SPLIFF_TESTS_HTTP1_TALK_H

#include "tests/unit/parse/chunks.h"
#include "tests/unit/parse/http/talk.h"

void talk_begin(void);
void talk_say(unsigned side, const char *text);
void talk_feed(const struct fake_chunk *chunks, size_t n);

/* Runs the chunks over every split, then whole, and leaves the records of that in talk. */
void talk_run(const struct fake_chunk *chunks, size_t n);

#endif

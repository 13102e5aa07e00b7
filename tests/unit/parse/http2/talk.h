/* SPDX-License-Identifier: BSD-3-Clause */
/* Conversations through the HTTP/2 analyzer, for its tests: one flow at a time, in `talk`.
 *
 * Chunks are gathered first, so that a test can run them over every split:
 *
 *     say(0, PREFACE); settings(0);
 *     block(0, HTTP2_HEADERS, 1, END_ALL, "82 86 84"); data(0, 1, END, "body");
 *     talk_run(); expect(0, "method", "GET"); talk_finish(1); */
#ifndef SPLIFF_TESTS_HTTP2_TALK_H
#define SPLIFF_TESTS_HTTP2_TALK_H

#include "tests/unit/parse/http/talk.h"
#include "worker/parse/http2/http2_frame.h"

#define END_ALL (HTTP2_END_STREAM | HTTP2_END_HEADERS)

/* Fields as literals that leave the table alone (RFC 7541 section 6.2.2), and a request of them. */
#define GET(path)                                                                                  \
    ":method", "GET", ":scheme", "http", ":path", path, ":authority", "a.example", NULL
#define OK ":status", "200", NULL

void talk_begin(void);        /* of a connection, from the preface on */
void talk_begin_client(void); /* what the server says first is the test's */
void talk_midstream(void);    /* its beginning was not seen; sends nothing yet */

/* Bytes of a side, added to its last chunk while the side does not change. */
void say(unsigned side, const void *bytes, size_t len);
void frame(unsigned side, uint8_t type, uint8_t flags, uint32_t stream, const void *payload,
           size_t len);
void settings(unsigned side);
void data(unsigned side, uint32_t stream, uint8_t flags, const char *text);

/* A frame whose payload is given in hexadecimal, with blanks. */
void hex(unsigned side, uint8_t type, uint8_t flags, uint32_t stream, const char *bytes);

/* HEADERS of name, value, …, NULL. */
void headers(unsigned side, uint32_t stream, uint8_t flags, ...);

/* The same fields as bytes of a block into out[capacity]; their number is returned. */
size_t fields(uint8_t *out, size_t capacity, ...);

/* Feeds what was said, whole; talk_run: over every split before that, and ends the flow. */
void talk_feed(void);
void talk_run(void);
void talk_gap(unsigned side, uint64_t len);
void talk_close(void);

/* Fails, naming the caller's line, unless the text is among the notes of the host: facts told,
 * Alt-Svc. */
void talk_expect_note(const char *text, int line);

#define expect_note(text) talk_expect_note(text, __LINE__)

#endif

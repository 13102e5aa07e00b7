/* SPDX-License-Identifier: BSD-3-Clause */
/* The dialects of protocols that talk in lines, one row each: how the sides are known, how the
 * client asks for TLS and how the server agrees. Pure. */
#ifndef SPLIFF_PARSE_STARTTLS_DIALECT_H
#define SPLIFF_PARSE_STARTTLS_DIALECT_H

#include "common/base/str.h"
#include "worker/analyzer.h"

#include <stdbool.h>
#include <stdint.h>

#define STARTTLS_WORDS_MAX 8u
#define STARTTLS_DIALECTS  7u
#define STARTTLS_ALL       ((1u << STARTTLS_DIALECTS) - 1)
#define STARTTLS_TAG_MAX   16u /* bytes of an IMAP tag */

struct starttls_dialect {
    const char *service; /* as Zeek names it, where it does */
    char line_end;       /* last byte of a line, or of an element */
    bool tagged; /* lines of the client, and answers to them, begin with a word of its own */
    const char *greetings[STARTTLS_WORDS_MAX]; /* how the server's first line may begin */
    const char *hints[STARTTLS_WORDS_MAX];     /* and what must stand in it; none: anything */
    const char *known[STARTTLS_WORDS_MAX]; /* how lines begin that only such a client sends first */
    const char *words[STARTTLS_WORDS_MAX]; /* how other lines of the client begin */
    const char *asks[STARTTLS_WORDS_MAX];  /* how the one begins that asks for TLS */
    const char *agrees;                    /* how the server's answer begins */
    const char *refuses[STARTTLS_WORDS_MAX];
};

extern const struct starttls_dialect starttls_dialects[STARTTLS_DIALECTS];

/* Whether text begins with one of the words, whatever the case. */
bool starttls_begins(struct str text, const char *const words[STARTTLS_WORDS_MAX]);

/* Dialects, bit n for row n, of which line can be the server's greeting, or a line of the client
 * (the tag of those that have one is passed over). */
unsigned starttls_greeting(struct str line);
unsigned starttls_client_line(struct str line);

/* The line without its tag; *tag is that. Empty if there is none. */
struct str starttls_untag(struct str line, struct str *tag);

/* What the first bytes of a side say, for analyzer.h's probe. */
enum probe_result starttls_text_probe(const uint8_t *data, size_t len);

#endif

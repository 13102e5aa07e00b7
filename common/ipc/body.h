/* SPDX-License-Identifier: BSD-3-Clause */
/* What bodies of bus messages have in common: maps of a few keys that come in one fixed order.
 * Writing, the caller has made sure of room (common/base/pack.h). Reading, each call takes the next
 * thing, and one that is not as expected sets the cursor's sticky error, asked for once at the end.
 * Private to common/ipc. */
#ifndef SPLIFF_IPC_BODY_H
#define SPLIFF_IPC_BODY_H

#include "common/base/cursor.h"
#include "common/base/flow_key.h"
#include "common/base/pack.h"
#include "common/base/str.h"

#include <stdbool.h>
#include <stdint.h>

/* A NUL-terminated text; a key and its value. Each returns where the next byte goes. */
uint8_t *body_put_text(uint8_t *p, const char *s);
uint8_t *body_put_text_pair(uint8_t *p, const char *key, const char *value);
uint8_t *body_put_uint_pair(uint8_t *p, const char *key, uint64_t value);
uint8_t *body_put_bool_pair(uint8_t *p, const char *key, bool value);

/* The ends of a key, address and port each, in its own order. Its protocol is told apart. */
#define BODY_KEY_VALUES 4u
#define BODY_KEY_BYTES  (2 * (2 + 16 + PACK_SCALAR_BYTES)) /* at most */
uint8_t *body_put_key(uint8_t *p, const struct flow_key *key);

/* The head of a map of that many pairs. */
void body_map(struct cursor *c, unsigned keys);

/* Value of that key, or with NULL the next value of an array. 0, false or empty after an error; a
 * text longer than max_bytes is one. Texts are borrowed from the body. */
struct str body_text(struct cursor *c, const char *key, size_t max_bytes);
uint64_t body_uint(struct cursor *c, const char *key, uint64_t max);
bool body_bool(struct cursor *c, const char *key);

/* The next ends of a key. Another order than the key's own is an error: it would be another key. */
void body_key(struct cursor *c, uint8_t proto, struct flow_key *out);

/* Head of an array: how many values follow. */
uint32_t body_array(struct cursor *c, const char *key);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Bodies of a transaction: counted, looked at until they tell what they are (http_entity.h), and
 * kept for those who asked to see them (http_exchange.h). */
#ifndef SPLIFF_PARSE_HTTP_BODY_H
#define SPLIFF_PARSE_HTTP_BODY_H

#include "worker/parse/http/http_filename.h"
#include "worker/parse/http/http_transaction.h"

/* Bytes of a side's body, without transfer coding. whole: they are all there is. t may be NULL. */
void http_body_data(struct http_transaction *t, struct bufpool *bufs, unsigned side,
                    const uint8_t *data, size_t len, bool whole);
/* Bytes that were sent and are missing: counted, too. t may be NULL. */
void http_body_gap(struct http_transaction *t, struct bufpool *bufs, unsigned side, uint64_t len);

/* Bytes that went by and need not be seen: counted. t may be NULL. */
void http_body_skip(struct http_transaction *t, unsigned side, uint64_t len);

/* Whether no more of a side's body need be seen. t may be NULL. */
bool http_body_is_settled(const struct http_transaction *t, unsigned side);

/* Content-Encoding of a side, borrowed as http_field_text does. */
struct str http_body_coding(const struct http_transaction *t, unsigned side);

/* What the lists of a record point to. */
struct http_body_parts {
    struct http_parts parts[2];
    char filename[2][HTTP_FILENAME_MAX];
};

/* No more of either body: what is known of them. Borrows from t. */
void http_body_end(struct http_transaction *t, struct bufpool *bufs, struct http_body_parts *out);

#endif

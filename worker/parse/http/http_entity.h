/* SPDX-License-Identifier: BSD-3-Clause */
/* What the body of a message is: its type by content, or those of its parts, and file names. */
#ifndef SPLIFF_PARSE_HTTP_ENTITY_H
#define SPLIFF_PARSE_HTTP_ENTITY_H

#include "worker/parse/http/http_multipart.h"

/* Zeroed: no byte of the body was seen. */
struct http_entity {
    struct membuf sample; /* first bytes, as long as they do not tell the type */
    struct http_multipart *multipart;
    const char *mime; /* static; NULL: not known */
    bool begun;       /* the body has bytes */
    bool settled;     /* no more of it need be seen */
};

/* What headers say of the body; texts may be empty. */
struct http_entity_headers {
    struct str content_type;
    struct str content_encoding;
    struct str content_disposition;
};

/* Bytes of the body, without transfer coding, cut anywhere. whole: these are all there are.
 * Does nothing, fast, once settled. */
void http_entity_data(struct http_entity *e, struct bufpool *bufs,
                      const struct http_entity_headers *h, const uint8_t *data, size_t len,
                      bool whole);
/* Bytes are missing in it. */
void http_entity_gap(struct http_entity *e, struct bufpool *bufs,
                     const struct http_entity_headers *h);
/* No more of it: what is known so far decides. */
void http_entity_end(struct http_entity *e, struct bufpool *bufs,
                     const struct http_entity_headers *h);
void http_entity_free(struct http_entity *e, struct bufpool *bufs);

/* The lists of a record, borrowed until the next call; filename[HTTP_FILENAME_MAX] is room for a
 * decoded name. */
void http_entity_parts(const struct http_entity *e, const struct http_entity_headers *h,
                       struct http_parts *out, char *filename);

#endif

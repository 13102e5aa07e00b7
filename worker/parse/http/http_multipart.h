/* SPDX-License-Identifier: BSD-3-Clause */
/* Bodies of several parts (RFC 2046 section 5.1): which types and file names they have. */
#ifndef SPLIFF_PARSE_HTTP_MULTIPART_H
#define SPLIFF_PARSE_HTTP_MULTIPART_H

#include "worker/analyzer.h"

#define HTTP_PARTS_MAX 15u /* of a body that are told of; Zeek's bound, too */

struct http_multipart; /* in the bufpool */

/* What is known of the parts, borrowed until the next call. */
struct http_parts {
    struct str mime[HTTP_PARTS_MAX];
    struct str filename[HTTP_PARTS_MAX];
    uint32_t n_mime;
    uint32_t n_filename;
};

/* A body with that Content-Type begins. NULL if it is not multipart, has no boundary, or the pool
 * refuses. */
struct http_multipart *http_multipart_new(struct bufpool *bufs, struct str content_type);
void http_multipart_free(struct http_multipart *m, struct bufpool *bufs);

/* Bytes of the body, cut anywhere; bytes that are missing in it. */
void http_multipart_data(struct http_multipart *m, struct bufpool *bufs, const uint8_t *data,
                         size_t len);
void http_multipart_gap(struct http_multipart *m);

/* No more of it: the part that is not complete counts as it is. */
void http_multipart_end(struct http_multipart *m, struct bufpool *bufs);

void http_multipart_parts(const struct http_multipart *m, struct http_parts *out);

#endif

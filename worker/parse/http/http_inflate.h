/* SPDX-License-Identifier: BSD-3-Clause */
/* The first bytes of a compressed body, in clear. The one home of zlib among the parsers. */
#ifndef SPLIFF_PARSE_HTTP_INFLATE_H
#define SPLIFF_PARSE_HTTP_INFLATE_H

#include "common/base/pool.h"
#include "common/base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Is it a content coding (RFC 9110 section 8.4.1) that http_inflate knows? */
bool http_inflate_knows(struct str coding);

/* Decodes the beginning of a gzip or deflate body into out[max]; returns how many bytes came out,
 * 0 also if it is not what it is said to be, or bufs has no room for the decoder (given back before
 * it returns). */
size_t http_inflate(struct bufpool *bufs, struct str body, uint8_t *out, size_t max);

#endif

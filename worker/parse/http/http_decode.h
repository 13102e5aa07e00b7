/* SPDX-License-Identifier: BSD-3-Clause */
/* The first bytes of a body in clear, for people who asked to see bodies: gzip and deflate by
 * http_inflate, Brotli (RFC 7932) and Zstandard (RFC 8878) by their libraries, where the build has
 * these. */
#ifndef SPLIFF_PARSE_HTTP_DECODE_H
#define SPLIFF_PARSE_HTTP_DECODE_H

#include "common/base/pool.h"
#include "common/base/str.h"

/* Bytes of a body in this content coding that have to be there so that max bytes come out of it,
 * or more where coding has made it shorter. 0: a coding that this build does not know. */
size_t http_decode_needs(struct str coding, size_t max);

/* Decodes the beginning of a body into out[max]; returns how many bytes came out, 0 also if it is
 * not what it is said to be, the coding is not known, or there is no memory for the decoder. */
size_t http_decode(struct bufpool *bufs, struct str coding, struct str body, uint8_t *out,
                   size_t max);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Parameters of header values, and the file names among them. Pure. */
#ifndef SPLIFF_PARSE_HTTP_FILENAME_H
#define SPLIFF_PARSE_HTTP_FILENAME_H

#include "common/base/cursor.h"
#include "common/base/str.h"

#define HTTP_FILENAME_MAX 256u /* bytes of a name that are kept */

/* The file name in a value of Content-Disposition (RFC 6266), decoded, in out[HTTP_FILENAME_MAX].
 * Returns its length, 0 if there is none. */
size_t http_filename_read(struct str value, char *out);

/* Position behind "<parameter>=" in a header value with parameters (RFC 9110 section 5.6.6); false
 * if it has no such parameter. http_parameter_take then takes the value there, without its quotes,
 * up to max bytes, into out, and returns its length. */
bool http_parameter_find(struct str value, const char *parameter, struct cursor *at);
size_t http_parameter_take(struct cursor *at, char *out, size_t max);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Type of content by its first bytes. Pure. */
#ifndef SPLIFF_PARSE_HTTP_MIME_H
#define SPLIFF_PARSE_HTTP_MIME_H

#include "common/base/str.h"

#define HTTP_MIME_BYTES 1024u /* no type needs more than these first bytes */

/* Media type of content that begins so: a static text, with the names that Zeek uses; NULL if
 * nothing is known to begin so. */
const char *http_mime_type(struct str head);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* What is secret in headers, URIs and bodies, and is not to reach a record. With the option
 * log_secrets nothing is. Pure. */
#ifndef SPLIFF_PARSE_HTTP_REDACT_H
#define SPLIFF_PARSE_HTTP_REDACT_H

#include "common/base/str.h"
#include "common/schema/options.h"

#define HTTP_REDACTED STR_LIT("(redacted)")

/* Does a list of names, as options have them ("via, x-request-id"), hold this one? In any case. */
bool http_redact_listed(const char *list, struct str name);

/* Is the value of a header of this name secret: credentials, cookies, or as redact_headers says? */
bool http_redact_header(const struct options *o, struct str name);

/* What a text is, and so where in it secrets may stand. */
enum http_redact_form {
    HTTP_REDACT_URI,       /* or any text with URIs in it: user information (RFC 3986 section 3.2.1)
                              and parameters that redact_parameters names, of path and query */
    HTTP_REDACT_AUTHORITY, /* the same, but an authority without a scheme may stand first: Host */
    HTTP_REDACT_FORM,      /* parameters, from the beginning on */
    HTTP_REDACT_JSON,      /* members that redact_parameters names */
    HTTP_REDACT_MULTIPART, /* parts of multipart/form-data that it names (RFC 7578) */
};

/* Writes the text without its secrets into out[max], cut at max, and returns the length of that; 0
 * if there is no secret in it, and nothing was written. Doing it twice changes nothing more. */
size_t http_redact_text(const struct options *o, enum http_redact_form form, struct str text,
                        char *out, size_t max);

#endif

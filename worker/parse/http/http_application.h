/* SPDX-License-Identifier: BSD-3-Clause */
/* What HTTP is used for: the `application` of http.log. Pure. */
#ifndef SPLIFF_PARSE_HTTP_APPLICATION_H
#define SPLIFF_PARSE_HTTP_APPLICATION_H

#include "common/base/str.h"

/* What is known of an exchange; texts may be empty. */
struct http_application_clues {
    struct str method;
    struct str uri; /* target or :path */
    struct str request_type;
    struct str response_type;
};

/* "grpc", "grpc_web", "sse", "graphql", "doh", or NULL: just HTTP. Static. */
const char *http_application_name(const struct http_application_clues *x);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* The value of Alt-Svc, header field or frame (RFC 7838 section 3). Pure. */
#ifndef SPLIFF_WORKER_ALT_SVC_VALUE_H
#define SPLIFF_WORKER_ALT_SVC_VALUE_H

#include "common/base/alt_svc_table.h"

#define ALT_SVC_VALUE_DEFAULT_AGE_S 86400u /* "ma": 24 hours by default, section 3.1 */

struct alt_svc_value {
    bool clear; /* says so; then n is 0 */
    bool bad;   /* something in it was not as it should be, or too much, and is left out */
    unsigned n;
    struct alt_svc_service services[ALT_SVC_SERVICES_MAX]; /* texts in room[] */
    size_t room_used;
    char room[ALT_SVC_SERVICES_MAX * (ALT_SVC_PROTOCOL_MAX + ALT_SVC_HOST_MAX)];
};

/* Reads all of it. An item that is wrong spoils only itself. Hosts come out in lower case, without
 * brackets and without a dot at the end. */
void alt_svc_value_parse(struct str value, struct alt_svc_value *out);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* What a TLS or DTLS analyzer has said of a flow, to compare it with another telling of that flow.
 */
#ifndef SPLIFF_FUZZ_SSL_SUMMARY_H
#define SPLIFF_FUZZ_SSL_SUMMARY_H

#include "common/base/check.h"
#include "tests/unit/parse/fake_host.h"

#include <stdio.h>

#define SSL_SUMMARY_BYTES 16384u

/* Of the one ssl record that there may be. Certificates are logged in the first run only, so they
 * are left out. */
static inline void ssl_summary_make(const struct fake_host *h, char out[SSL_SUMMARY_BYTES])
{
    static const char *const fields[] = {
        "version",    "cipher",      "curve",       "server_name",    "resumed",
        "last_alert", "established", "ssl_history", "cert_chain_fps", "ja3",
        "ja3s",       "ja4",         "ech",         "hello_retry",    "ticket"};
    size_t used = 0;

    CHECK(fake_host_count(h, RECORD_ssl) <= 1);
    for (unsigned i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        int n = snprintf(out + used, SSL_SUMMARY_BYTES - used, "%s=%s\n", fields[i],
                         fake_host_field(h, RECORD_ssl, 0, fields[i]));
        CHECK(n > 0 && (size_t)n < SSL_SUMMARY_BYTES - used);
        used += (size_t)n;
    }
}

/* A bug unless both tellings are the same; manner: how the second was told. */
static inline void ssl_summary_compare(const char *first, const char *second, const char *manner)
{
    if (strcmp(first, second) == 0)
        return;
    fprintf(stderr, "first:\n%s%s:\n%s", first, manner, second);
    CHECK(!"the manner of telling changes nothing");
}

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes, cut anywhere, from either side, with gaps: the TLS analyzers, over TCP and inside
 * QUIC, must take them, give every buffer back, emit at most one ssl record, and say the same when
 * the bytes come one by one.
 *
 * The input is a script: a byte of command, and for data a length (two bytes) and that many bytes.
 * Command: bit 0 the side, bits 1-2 what: data (twice as often), gap, end of the side. Bit 7 of the
 * first command: inside QUIC. */
#include "tests/unit/parse/fake_host.h"

#include "common/base/check.h"
#include "common/base/cursor.h"
#include "worker/parse/tls/tls.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct fake_host h;

static void feed(unsigned side, const uint8_t *data, size_t len, bool one_by_one)
{
    for (size_t i = 0; one_by_one && i < len; i++)
        fake_host_data(&h, side, data + i, 1);
    if (!one_by_one && len > 0)
        fake_host_data(&h, side, data, len);
}

static void run_script(struct cursor c, bool one_by_one)
{
    if (cursor_left(&c) > 0 && c.p[0] & 0x80)
        fake_host_open(&h, &analyzer_tls_quic, ANALYZER_UDP);
    else
        fake_host_open(&h, &analyzer_tls, ANALYZER_TCP);
    while (cursor_left(&c) > 0) {
        uint8_t command = cursor_u8(&c);
        size_t n = cursor_be16(&c);

        if ((command >> 1 & 3) == 2) {
            fake_host_gap(&h, command & 1, n + 1);
        } else if ((command >> 1 & 3) == 3) {
            fake_host_end(&h, command & 1);
        } else {
            n = n < cursor_left(&c) ? n : cursor_left(&c);
            feed(command & 1, cursor_bytes(&c, n), n, one_by_one);
        }
    }
    fake_host_close(&h);
    CHECK(fake_host_count(&h, RECORD_ssl) <= 1);
}

/* Certificates are logged in the first run only, so the ssl record is what can be compared. */
static void summarize(char *out, size_t capacity)
{
    static const char *const fields[] = {
        "version",    "cipher",      "curve",       "server_name",    "resumed",
        "last_alert", "established", "ssl_history", "cert_chain_fps", "ja3",
        "ja3s",       "ja4",         "ech",         "hello_retry",    "ticket"};
    size_t used = 0;

    for (unsigned i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        int n = snprintf(out + used, capacity - used, "%s=%s\n", fields[i],
                         fake_host_field(&h, RECORD_ssl, 0, fields[i]));
        CHECK(n > 0 && (size_t)n < capacity - used);
        used += (size_t)n;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static char whole[16384], bytes[16384];
    struct cursor c = cursor_init(data, len);

    analyzer_tls.probe(data, len, ANALYZER_TCP);
    run_script(c, false);
    summarize(whole, sizeof whole);
    fake_host_fini(&h);
    run_script(c, true);
    summarize(bytes, sizeof bytes);
    fake_host_fini(&h);
    if (strcmp(whole, bytes) != 0) {
        fprintf(stderr, "whole:\n%sone by one:\n%s", whole, bytes);
        CHECK(!"cutting the stream changes nothing");
    }
    return 0;
}

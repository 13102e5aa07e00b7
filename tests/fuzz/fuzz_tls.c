/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes, cut anywhere, from either side, with gaps: the TLS analyzers, over TCP and inside
 * QUIC, must take them, give every buffer back, emit at most one ssl record, and say the same when
 * the bytes come one by one.
 *
 * The input is a script (see script.h). Bit 7 of the first command: inside QUIC. */
#include "tests/fuzz/script.h"
#include "tests/fuzz/ssl_summary.h"
#include "worker/parse/tls/tls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void run(struct cursor c, bool one_by_one, char summary[SSL_SUMMARY_BYTES])
{
    static struct fake_host h;

    if (cursor_left(&c) > 0 && c.p[0] & 0x80)
        fake_host_open(&h, &analyzer_tls_quic, ANALYZER_UDP);
    else
        fake_host_open(&h, &analyzer_tls, ANALYZER_TCP);
    script_play(&h, c, one_by_one);
    ssl_summary_make(&h, summary);
    fake_host_fini(&h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static char whole[SSL_SUMMARY_BYTES], bytes[SSL_SUMMARY_BYTES];
    struct cursor c = cursor_init(data, len);

    analyzer_tls.probe(data, len, ANALYZER_TCP);
    run(c, false, whole);
    run(c, true, bytes);
    ssl_summary_compare(whole, bytes, "one by one");
    return 0;
}

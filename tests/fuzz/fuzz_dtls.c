/* SPDX-License-Identifier: BSD-3-Clause */
/* Any datagrams from either side: the DTLS analyzer must take them, give every buffer back, emit at
 * most one ssl record, and learn the same when every datagram comes twice.
 *
 * The input is a script: a byte whose bit 0 is the side, a length (two bytes), that many bytes. */
#include "tests/unit/parse/fake_host.h"

#include "common/base/check.h"
#include "common/base/cursor.h"
#include "worker/parse/tls/tls.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct fake_host h;

static void run_script(struct cursor c, unsigned times)
{
    fake_host_open(&h, &analyzer_dtls, ANALYZER_UDP);
    while (cursor_left(&c) > 0) {
        uint8_t side = cursor_u8(&c) & 1;
        size_t n = cursor_be16(&c);
        const uint8_t *datagram;

        n = n < cursor_left(&c) ? n : cursor_left(&c);
        datagram = cursor_bytes(&c, n);
        for (unsigned i = 0; i < times && n > 0; i++)
            fake_host_data(&h, side, datagram, n);
    }
    fake_host_close(&h);
    CHECK(fake_host_count(&h, RECORD_ssl) <= 1);
}

/* Alerts and heartbeats that come twice are two letters: the history is not compared. */
static void summarize(char *out, size_t capacity)
{
    static const char *const fields[] = {"version",     "cipher",         "curve", "server_name",
                                         "established", "cert_chain_fps", "ja3",   "ja3s",
                                         "ja4",         "hello_retry",    "ticket"};
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
    static char once[16384], twice[16384];
    struct cursor c = cursor_init(data, len);

    analyzer_dtls.probe(data, len, ANALYZER_UDP);
    run_script(c, 1);
    summarize(once, sizeof once);
    fake_host_fini(&h);
    run_script(c, 2);
    summarize(twice, sizeof twice);
    fake_host_fini(&h);
    if (strcmp(once, twice) != 0) {
        fprintf(stderr, "once:\n%stwice:\n%s", once, twice);
        CHECK(!"a datagram that comes twice changes nothing");
    }
    return 0;
}

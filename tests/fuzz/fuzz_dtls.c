/* SPDX-License-Identifier: BSD-3-Clause */
/* Any datagrams from either side, also each twice: the DTLS analyzer must take them, give every
 * buffer back, emit at most one ssl record, and learn the same whatever other protocols' datagrams
 * (STUN, RTP) come between them.
 *
 * The input is a script: a byte whose bit 0 is the side, a length (two bytes), that many bytes. */
#include "tests/unit/parse/fake_host.h"

#include "common/base/check.h"
#include "common/base/cursor.h"
#include "worker/parse/tls/tls.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct fake_host h;

enum manner { ONCE, TWICE, WITH_MEDIA };

static void feed(unsigned side, const uint8_t *datagram, size_t n, enum manner manner)
{
    static const uint8_t rtp[24] = {0x80, 0x60};

    fake_host_data(&h, side, datagram, n);
    if (manner == TWICE)
        fake_host_data(&h, side, datagram, n);
    if (manner == WITH_MEDIA)
        fake_host_data(&h, !side, rtp, sizeof rtp);
}

static void run_script(struct cursor c, enum manner manner)
{
    fake_host_open(&h, &analyzer_dtls, ANALYZER_UDP);
    while (cursor_left(&c) > 0) {
        uint8_t side = cursor_u8(&c) & 1;
        size_t n = cursor_be16(&c);
        const uint8_t *datagram;

        n = n < cursor_left(&c) ? n : cursor_left(&c);
        datagram = cursor_bytes(&c, n);
        if (n > 0)
            feed(side, datagram, n, manner);
    }
    fake_host_close(&h);
    CHECK(fake_host_count(&h, RECORD_ssl) <= 1);
}

/* Certificates are logged in the first run only, so the ssl record is what can be compared. */
static void summarize(char *out, size_t capacity)
{
    static const char *const fields[] = {
        "version", "cipher", "curve",       "server_name", "established", "cert_chain_fps", "ja3",
        "ja3s",    "ja4",    "hello_retry", "ticket",      "ssl_history", "last_alert"};
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
    static char alone[16384], with_media[16384];
    struct cursor c = cursor_init(data, len);

    analyzer_dtls.probe(data, len, ANALYZER_UDP);
    run_script(c, TWICE);
    fake_host_fini(&h);
    run_script(c, ONCE);
    summarize(alone, sizeof alone);
    fake_host_fini(&h);
    run_script(c, WITH_MEDIA);
    summarize(with_media, sizeof with_media);
    fake_host_fini(&h);
    if (strcmp(alone, with_media) != 0) {
        fprintf(stderr, "alone:\n%swith media:\n%s", alone, with_media);
        CHECK(!"datagrams of others change nothing");
    }
    return 0;
}

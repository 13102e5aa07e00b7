/* SPDX-License-Identifier: BSD-3-Clause */
/* Any datagrams from either side, also each twice: the DTLS analyzer must take them, give every
 * buffer back, emit at most one ssl record, and learn the same whatever other protocols' datagrams
 * (STUN, RTP) come between them.
 *
 * The input is a script: a byte whose bit 0 is the side, a length (two bytes), that many bytes. */
#include "common/base/cursor.h"
#include "tests/fuzz/ssl_summary.h"
#include "worker/parse/tls/tls.h"

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

static void run_script(struct cursor c, enum manner manner, char summary[SSL_SUMMARY_BYTES])
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
    ssl_summary_make(&h, summary);
    fake_host_fini(&h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static char twice[SSL_SUMMARY_BYTES], alone[SSL_SUMMARY_BYTES], with_media[SSL_SUMMARY_BYTES];
    struct cursor c = cursor_init(data, len);

    analyzer_dtls.probe(data, len, ANALYZER_UDP);
    run_script(c, TWICE, twice);
    run_script(c, ONCE, alone);
    run_script(c, WITH_MEDIA, with_media);
    ssl_summary_compare(alone, with_media, "with datagrams of other protocols");
    return 0;
}

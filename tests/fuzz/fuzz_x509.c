/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as a certificate. The first byte is the length of the server name that follows it. */
#include "tests/unit/parse/fake_host.h"

#include "common/base/check.h"
#include "common/base/cursor.h"
#include "worker/parse/tls/tls_fingerprint.h"
#include "worker/parse/tls/x509_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const struct analyzer no_analyzer = {.name = "none"};
    static struct fake_host h;
    static uint64_t now_ns = FAKE_HOST_TS_NS;
    struct cursor c = cursor_init(data, len), name = cursor_sub(&c, cursor_u8(&c));
    uint8_t sha256[TLS_SHA256_BYTES];
    struct x509_context seen = {.sha256 = sha256, .host_cert = true};

    if (!cursor_ok(&c) || cursor_left(&c) == 0)
        return 0;
    seen.server_name = str_make(name.p, cursor_left(&name));
    tls_sha256(c.p, cursor_left(&c), sha256);
    fake_host_open(&h, &no_analyzer, ANALYZER_TCP);
    h.ctx.ts_ns = now_ns += 1000000000; /* so that there always is budget to parse it */
    x509_log_certificate(&h.ctx, c.p, cursor_left(&c), &seen);
    CHECK(fake_host_count(&h, RECORD_x509) <= 1);
    fake_host_close(&h);
    fake_host_fini(&h);
    return 0;
}

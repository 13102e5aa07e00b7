/* SPDX-License-Identifier: BSD-3-Clause */
/* The first two bytes choose the coding and the bound; the rest is the beginning of a body. What
 * comes out is then redacted as a form and as JSON, which must stay within their bounds, too. */
#include "worker/parse/http/http_decode.h"
#include "worker/parse/http/http_redact.h"

#include "common/base/check.h"

#define OUT_MAX 32768u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void redact(struct str text)
{
    static const struct options options = {.redact_parameters = "password,pwd,a"};
    static char out[OUT_MAX];

    for (int form = HTTP_REDACT_URI; form <= HTTP_REDACT_MULTIPART; form++) {
        size_t n = http_redact_text(&options, (enum http_redact_form)form, text, out, OUT_MAX);

        CHECK(n <= OUT_MAX);
        CHECK(n == 0 || memmem(out, n, "(redacted", 9) || n == OUT_MAX);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const codings[] = {"gzip", "deflate", "br", "zstd", "identity"};
    static struct bufpool bufs;
    static uint8_t out[OUT_MAX];
    const char *coding;
    size_t max, n;

    if (!bufs.base)
        CHECK(bufpool_init(&bufs, 1 << 20) == 0);
    if (size < 2)
        return 0;
    coding = codings[data[0] % (sizeof codings / sizeof codings[0])];
    max = data[1] < 128 ? data[1] : OUT_MAX;
    n = http_decode(&bufs, str_of(coding), str_make(data + 2, size - 2), out, max);
    CHECK(n <= max && bufs.used_bytes == 0);
    redact(str_make(out, n));
    redact(str_make(data + 2, size - 2));
    return 0;
}

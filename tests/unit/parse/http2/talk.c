/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/parse/http2/talk.h"

#include "common/base/check.h"
#include "worker/parse/http2/http2.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define CHUNKS_MAX 256
#define BYTES_MAX  (1u << 20)

static struct fake_chunk chunks[CHUNKS_MAX];
static unsigned n_chunks;
static uint8_t bytes[BYTES_MAX];
static size_t n_bytes;

static void forget(void)
{
    n_chunks = 0;
    n_bytes = 0;
}

void talk_begin_client(void)
{
    forget();
    fake_host_open(&talk, &analyzer_http2, ANALYZER_TCP);
    say(0, HTTP2_PREFACE, HTTP2_PREFACE_BYTES);
    settings(0);
}

void talk_begin(void)
{
    talk_begin_client();
    settings(1);
}

void talk_midstream(void)
{
    forget();
    fake_host_open(&talk, &analyzer_http2, ANALYZER_TCP);
    /* Anew, with what is different. */
    talk.ctx.midstream = true;
    memset(talk.state, 0, analyzer_http2.state_bytes);
    analyzer_http2.open(&talk.ctx, talk.state);
}

void say(unsigned side, const void *p, size_t len)
{
    CHECK(n_bytes + len <= BYTES_MAX && n_chunks < CHUNKS_MAX);
    if (n_chunks == 0 || chunks[n_chunks - 1].side != side)
        chunks[n_chunks++] = (struct fake_chunk){side, bytes + n_bytes, 0};
    if (len > 0)
        memcpy(bytes + n_bytes, p, len);
    n_bytes += len;
    chunks[n_chunks - 1].len += len;
}

void frame(unsigned side, uint8_t type, uint8_t flags, uint32_t stream, const void *payload,
           size_t len)
{
    uint8_t head[HTTP2_HEAD_BYTES] = {(uint8_t)(len >> 16),
                                      (uint8_t)(len >> 8),
                                      (uint8_t)len,
                                      type,
                                      flags,
                                      (uint8_t)(stream >> 24),
                                      (uint8_t)(stream >> 16),
                                      (uint8_t)(stream >> 8),
                                      (uint8_t)stream};

    say(side, head, sizeof head);
    say(side, payload, len);
}

void settings(unsigned side)
{
    frame(side, HTTP2_SETTINGS, 0, 0, "\0\3\0\0\0\x64", 6);
}

void data(unsigned side, uint32_t stream, uint8_t flags, const char *text)
{
    frame(side, HTTP2_DATA, flags, stream, text, strlen(text));
}

void hex(unsigned side, uint8_t type, uint8_t flags, uint32_t stream, const char *text)
{
    static uint8_t payload[4096];
    size_t n = 0;
    char *end;

    for (; *text != '\0'; text = end) {
        payload[n++] = (uint8_t)strtoul(text, &end, 16);
        while (*end == ' ')
            end++;
    }
    frame(side, type, flags, stream, payload, n);
}

static size_t string_put(uint8_t *out, const char *s)
{
    size_t len = strlen(s);

    CHECK(len < 127);
    out[0] = (uint8_t)len;
    memcpy(out + 1, s, len);
    return len + 1;
}

static size_t fields_put(uint8_t *out, size_t capacity, va_list args)
{
    size_t n = 0;

    for (const char *name = va_arg(args, const char *); name; name = va_arg(args, const char *)) {
        const char *value = va_arg(args, const char *);

        CHECK(n + strlen(name) + strlen(value) + 3 <= capacity);
        out[n++] = 0;
        n += string_put(out + n, name);
        n += string_put(out + n, value);
    }
    return n;
}

size_t fields(uint8_t *out, size_t capacity, ...)
{
    va_list args;
    size_t n;

    va_start(args, capacity);
    n = fields_put(out, capacity, args);
    va_end(args);
    return n;
}

void headers(unsigned side, uint32_t stream, uint8_t flags, ...)
{
    static uint8_t block[4096];
    va_list args;
    size_t n;

    va_start(args, flags);
    n = fields_put(block, sizeof block, args);
    va_end(args);
    frame(side, HTTP2_HEADERS, flags, stream, block, n);
}

void talk_feed(void)
{
    for (unsigned i = 0; i < n_chunks; i++)
        fake_host_data(&talk, chunks[i].side, chunks[i].data, chunks[i].len);
    forget();
}

void talk_run(void)
{
    fake_host_check_splits(&analyzer_http2, ANALYZER_TCP, chunks, n_chunks);
    talk_feed();
    fake_host_close(&talk);
}

void talk_gap(unsigned side, uint64_t len)
{
    talk_feed();
    fake_host_gap(&talk, side, len);
}

void talk_close(void)
{
    talk_feed();
    fake_host_close(&talk);
}

void talk_expect_note(const char *text, int line)
{
    if (!strstr(talk.notes, text))
        fail_msg("line %d: \"%s\" is not among the notes:\n%s", line, text, talk.notes);
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/parse/http1/talk.h"

#include "worker/parse/http1/http1.h"

void talk_begin(void)
{
    fake_host_open(&talk, &analyzer_http1, ANALYZER_TCP);
}

void talk_say(unsigned side, const char *text)
{
    fake_host_data(&talk, side, text, strlen(text));
}

void talk_feed(const struct fake_chunk *chunks, size_t n)
{
    for (size_t i = 0; i < n; i++)
        fake_host_data(&talk, chunks[i].side, chunks[i].data, chunks[i].len);
}

void talk_run(const struct fake_chunk *chunks, size_t n)
{
    fake_host_check_splits(&analyzer_http1, ANALYZER_TCP, chunks, (unsigned)n);
    talk_begin();
    talk_feed(chunks, n);
    fake_host_close(&talk);
}

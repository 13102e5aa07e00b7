/* SPDX-License-Identifier: BSD-3-Clause */
/* Conversations of literals, for struct fake_chunk: C from the client, S from the server. */
#ifndef SPLIFF_TESTS_CHUNKS_H
#define SPLIFF_TESTS_CHUNKS_H

#include "tests/unit/parse/fake_host.h"

#define C(text)                                                                                    \
    {                                                                                              \
        0, text, sizeof(text) - 1                                                                  \
    }
#define S(text)                                                                                    \
    {                                                                                              \
        1, text, sizeof(text) - 1                                                                  \
    }
#define N(a) (sizeof(a) / sizeof((a)[0]))

/* One flow over TCP of these chunks, from its opening to its close. */
#define CHUNKS_RUN(host, analyzer, ...)                                                            \
    do {                                                                                           \
        static const struct fake_chunk chunks[] = {__VA_ARGS__};                                   \
        fake_host_run(host, analyzer, ANALYZER_TCP, chunks, N(chunks));                            \
    } while (0)

#endif

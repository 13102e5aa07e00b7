/* SPDX-License-Identifier: BSD-3-Clause */
/* A made-up protocol, the only one there is, for tests of what is around analyzers. The test says
 * what it takes for its own and what it makes of data, gaps and ends. */
#ifndef SPLIFF_TESTS_ANY_H
#define SPLIFF_TESTS_ANY_H

#include "worker/analyzer.h"

static enum probe_result any_probe(const uint8_t *data, size_t len, uint8_t transport);
static void any_data(struct analyzer_ctx *ctx, void *state, unsigned side, const uint8_t *data,
                     size_t len);
static void any_gap(struct analyzer_ctx *ctx, void *state, unsigned side, uint64_t len);
static void any_end(struct analyzer_ctx *ctx, void *state, unsigned side);

static void any_open_or_close(struct analyzer_ctx *ctx, void *state)
{
    (void)ctx;
    (void)state;
}

static const struct analyzer any = {
    .name = "any",
    .transports = ANALYZER_TCP | ANALYZER_UDP,
    .state_bytes = 8,
    .state_max = 32,
    .probe = any_probe,
    .open = any_open_or_close,
    .data = any_data,
    .gap = any_gap,
    .end = any_end,
    .close = any_open_or_close,
};
const struct analyzer *const analyzers[] = {&any, NULL};

#endif

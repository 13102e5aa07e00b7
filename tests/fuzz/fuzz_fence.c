/* SPDX-License-Identifier: BSD-3-Clause */
/* The input is an event from another worker, to a worker that waits for signs. What it publishes
 * is read by the other one; and a fence may only come down by what the input says. */
#include "common/base/check.h"
#include "common/ipc/heritage.h"
#include "worker/learn/learn_private.h"

static struct heritage here = {.n_workers = 3, .worker_index = 0};
static struct heritage there = {.n_workers = 3, .worker_index = 1};
static struct counters counters;
static struct learn other = {.h = &there, .bus = (struct bus *)(void *)&there, .c = &counters};

void learn_publish(struct learn *l, const char *part, const void *body, size_t len)
{
    (void)part;
    if (l != &other)
        CHECK(fence_event(&other, body, len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct learn l = {.h = &here, .bus = (struct bus *)(void *)&here, .c = &counters};

    CHECK(fence_open(&l) == 0 && fence_open(&other) == 0);
    learn_fence_raise(&l);
    CHECK(learn_fence_stands(&l));
    (void)fence_event(&l, data, size);
    CHECK(learn_fence_stands(&l)); /* of two, one event can bring a single sign */
    fence_close(&l);
    fence_close(&other);
    return 0;
}

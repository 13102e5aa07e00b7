/* SPDX-License-Identifier: BSD-3-Clause */
/* The input is an event from another worker; then, three bytes a step, answers and look-ups of a
 * small table, some of whose names flows hold. What is found must be a name that was told. */
#include "common/base/check.h"
#include "common/base/clock.h"
#include "common/ipc/heritage.h"
#include "worker/learn/learn_private.h"
#include "worker/learn/names.h"

#include <stdio.h>

#define HELD 8u

static struct heritage heritage;
static struct counters counters;

void learn_publish(struct learn *l, const char *part, const void *body, size_t len)
{
    struct learn other = {.h = &heritage, .c = &counters};

    (void)l;
    (void)part;
    CHECK(names_open(&other) == 0);
    CHECK(names_event(&other, body, len));
    names_close(&other);
}

static struct ipaddr address(unsigned n)
{
    struct ipaddr a = {{[15] = (uint8_t)n}};

    return a;
}

static void step(struct learn *l, const uint8_t b[3], uint32_t held[HELD], uint64_t now_ns)
{
    struct ipaddr client = address(b[0] & 3), addr = address(b[1] & 31);
    uint32_t *slot = &held[b[2] % HELD];
    char name[16];

    if (b[0] & 0x80) {
        learn_name_release(l, *slot);
        *slot = learn_name_find(l, &client, &addr, now_ns);
        CHECK((*slot == 0) == (learn_name_text(l, *slot).len == 0));
        return;
    }
    snprintf(name, sizeof name, "n%u.example", b[2] & 31u);
    learn_name_add(l, &client, &addr, str_of(name), (uint32_t)b[2] << 8, now_ns);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct learn l = {.h = &heritage, .bus = (struct bus *)(void *)&heritage, .c = &counters};
    uint32_t held[HELD] = {0};
    uint64_t now_ns = 1;

    heritage.n_workers = 2;
    heritage.options.names_table_size = 8;
    CHECK(names_open(&l) == 0);
    (void)names_event(&l, data, size);
    for (size_t i = 0; i + 3 <= size; i += 3) {
        now_ns += (uint64_t)(data[i] & 0x7c) * 10 * NS_PER_SEC;
        step(&l, data + i, held, now_ns);
        if ((data[i + 1] & 0xe0) == 0xe0)
            names_run(&l, now_ns, now_ns);
    }
    for (unsigned i = 0; i < HELD; i++)
        learn_name_release(&l, held[i]);
    names_close(&l);
    return 0;
}

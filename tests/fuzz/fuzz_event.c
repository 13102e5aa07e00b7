/* SPDX-License-Identifier: BSD-3-Clause */
/* Hostile events: what decodes lies inside the input and can be said again. */
#include "common/base/check.h"
#include "common/ipc/event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct alt_svc_table *table;
static struct event_senders senders;

static void check_advert(const struct alt_svc_advert *a)
{
    static uint8_t body[EVENT_ALT_SVC_BYTES];
    struct alt_svc_advert again;
    uint64_t seq;

    CHECK(event_alt_svc_decode(body, event_alt_svc_encode(body, 5, a), &seq, &again) == 0);
    CHECK(seq == 5 && again.n == a->n && again.learned_ns == a->learned_ns &&
          str_equal(again.origin, a->origin));
    (void)alt_svc_table_set(table, a, NULL, NULL);
    alt_svc_table_expire(table, a->learned_ns, 2);
}

static void take(void *arg, const struct alt_svc_advert *a)
{
    (void)arg;
    check_advert(a);
}

static void fuzz_table(const uint8_t *data, size_t size)
{
    struct cursor c = cursor_init(data, size);
    bool last = false;

    while (!last && event_table_decode(&c, &last, take, NULL) == 0)
        continue;
}

/* What the table holds in the end goes over whole. */
static void check_table(void)
{
    static uint8_t body[EVENT_TABLE_BYTES];
    uint32_t position = 0;
    bool last = false, said = false;

    while (!last) {
        struct cursor c = cursor_init(body, event_table_encode(body, table, &position, &last));

        CHECK(event_table_decode(&c, &said, take, NULL) == 0 && said == last);
        if (position != 0 && !last)
            break; /* taking moved the origins under the position */
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct alt_svc_advert a;
    uint64_t seq;

    CHECK(alt_svc_table_new(&table, 24) == 0);
    if (event_alt_svc_decode(data, size, &seq, &a) == 0) {
        check_advert(&a);
        (void)event_senders_note(&senders, a.node, seq);
    }
    (void)event_hello_decode(data, size);
    fuzz_table(data, size);
    check_table();
    alt_svc_table_free(table);
    return 0;
}

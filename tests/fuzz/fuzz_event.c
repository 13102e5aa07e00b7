/* SPDX-License-Identifier: BSD-3-Clause */
/* Hostile events: what decodes lies inside the input and can be said again. */
#include "common/base/check.h"
#include "common/ipc/claim.h"
#include "common/ipc/event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ADVERT_EMPTY_BYTES 24u /* array head, 18 of the server, five values of one */

static struct alt_svc_table *table;
static struct event_senders senders;

static void check_advert(const struct alt_svc_advert *a)
{
    static uint8_t body[EVENT_ALT_SVC_BYTES];
    struct alt_svc_advert again;
    struct cursor c = cursor_init(body, event_alt_svc_encode(body, 5, a));
    uint64_t seq;

    CHECK(event_alt_svc_decode(&c, &seq, &again) == 0 && cursor_left(&c) == 0);
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

static void fuzz_alt_svc(const uint8_t *data, size_t size)
{
    struct cursor c = cursor_init(data, size);
    struct alt_svc_advert a;
    uint64_t seq;

    while (cursor_left(&c) > 0 && event_alt_svc_decode(&c, &seq, &a) == 0) {
        check_advert(&a);
        (void)event_senders_note(&senders, a.node, seq);
    }
}

static void take_claim(void *arg, const struct flow_key *key)
{
    CHECK(claim_add(arg, key));
}

static void fuzz_claim(const uint8_t *data, size_t size)
{
    static struct claim_message said, again;
    const uint8_t *body;
    size_t len;

    said.n = again.n = 0;
    (void)claim_read(data, size, take_claim, &said);
    body = claim_take(&said, &len);
    CHECK(!body || claim_read(body, len, take_claim, &again) == 0);
}

/* Keys are longer than chance will find, so the input is also tried behind a true head, in place of
 * an empty advert or array of adverts. */
static void fuzz_behind_heads(const uint8_t *data, size_t size)
{
    static uint8_t body[EVENT_TABLE_BYTES + 4096];
    static const struct alt_svc_advert empty;
    uint32_t position = 0;
    size_t n;
    bool last;

    if (size < 1 || size > 4096)
        return;
    n = event_table_encode(body, table, &position, &last);
    body[n - 1] = data[0]; /* how many */
    memcpy(body + n, data + 1, size - 1);
    fuzz_table(body, n + size - 1);
    n = event_alt_svc_encode(body, 1, &empty) - ADVERT_EMPTY_BYTES;
    memcpy(body + n, data, size);
    fuzz_alt_svc(body, n + size);
    body[0] = (uint8_t)(0x91 + 4 * (data[0] % 4)); /* up to three claims, of this version */
    body[1] = 1;
    memcpy(body + 2, data + 1, size - 1);
    fuzz_claim(body, 1 + size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CHECK(alt_svc_table_new(&table, 24) == 0);
    fuzz_behind_heads(data, size);
    fuzz_alt_svc(data, size);
    fuzz_claim(data, size);
    (void)event_hello_decode(data, size);
    fuzz_table(data, size);
    check_table();
    alt_svc_table_free(table);
    return 0;
}

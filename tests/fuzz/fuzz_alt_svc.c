/* SPDX-License-Identifier: BSD-3-Clause */
/* Hostile Alt-Svc values into a small table: what is read stays within its bounds and survives
 * being an event, and the table keeps what it was told last. */
#include "common/base/check.h"
#include "common/ipc/event.h"
#include "worker/learn/alt_svc_value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct alt_svc_table *table;

static void check_event(const struct alt_svc_advert *a)
{
    static uint8_t body[EVENT_ALT_SVC_BYTES];
    struct alt_svc_advert b;
    struct cursor c = cursor_init(body, event_alt_svc_encode(body, 1, a));
    uint64_t seq;

    CHECK(event_alt_svc_decode(&c, &seq, &b) == 0 && cursor_left(&c) == 0);
    CHECK(b.n == a->n && str_equal(a->origin, b.origin));
    for (unsigned i = 0; i < a->n; i++)
        CHECK(str_equal(a->services[i].protocol, b.services[i].protocol) &&
              str_equal(a->services[i].host, b.services[i].host) &&
              a->services[i].port == b.services[i].port);
}

/* Every HTTP/3 service that was just said is found, unless there was no room for it. */
static void check_found(const struct alt_svc_advert *a)
{
    for (unsigned i = 0; i < a->n && a->n <= 8; i++) {
        const struct alt_svc_service *s = &a->services[i];

        if (alt_svc_is_h3(s->protocol) && s->max_age_s > 0)
            CHECK(alt_svc_table_find(table, &a->server, s->port, STR_LIT(""), a->learned_ns));
    }
}

/* Of each value: its length, the origin (4 bits) and how much later it is (4 bits), its bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct alt_svc_value v;
    struct cursor c = cursor_init(data, size);
    uint64_t now_ns = NS_PER_SEC;

    CHECK(alt_svc_table_new(&table, 20) == 0);
    while (cursor_left(&c) > 0) {
        uint16_t len = cursor_be16(&c);
        uint8_t who = cursor_u8(&c);
        struct alt_svc_advert a = {.node = STR_LIT("n"), .uid = STR_LIT("C")};
        size_t n = len < cursor_left(&c) ? len : cursor_left(&c);

        alt_svc_value_parse(str_make(cursor_bytes(&c, n), n), &v);
        CHECK(v.n <= ALT_SVC_SERVICES_MAX && (!v.clear || v.n == 0));
        now_ns += (who & 15) * 20 * NS_PER_SEC;
        a.server.b[15] = who >> 4;
        a.origin = who & 16 ? STR_LIT("www.example.org:443") : STR_LIT("[2001:db8::1]:80");
        a.learned_ns = now_ns;
        a.n = v.n;
        for (unsigned i = 0; i < v.n; i++) {
            a.services[i] = v.services[i];
            CHECK(v.services[i].port > 0 && v.services[i].protocol.len > 0);
        }
        check_event(&a);
        (void)alt_svc_table_set(table, &a, NULL, NULL);
        CHECK(alt_svc_table_used(table) <= 20);
        check_found(&a);
        alt_svc_table_expire(table, now_ns, 3);
    }
    alt_svc_table_free(table);
    return 0;
}

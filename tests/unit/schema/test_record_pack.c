/* SPDX-License-Identifier: BSD-3-Clause */
/* Packing is tested through the reader: what goes in comes out, and nothing is ever larger than
 * promised. */
#include "common/base/cursor.h"
#include "common/base/pack.h"
#include "common/ipc/record_reader.h"
#include "common/schema/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static uint8_t out[RECORD_BYTES_MAX + 1];

/* Field n of the packed record; fails the test if it cannot be read. */
static struct value field_of(size_t bytes, unsigned n)
{
    struct cursor c = cursor_init(out, bytes);
    struct value v = {VALUE_NIL, {0}};
    uint32_t fields;

    assert_int_equal(record_reader_begin(&c, &fields), 0);
    assert_true(n < fields);
    for (unsigned i = 0; i <= n; i++) {
        assert_int_equal(record_reader_value(&c, &v), 0);
        for (uint32_t skip = v.kind == VALUE_ARRAY && i < n ? v.n : 0; skip > 0; skip--) {
            struct value element;
            assert_int_equal(record_reader_value(&c, &element), 0);
        }
    }
    return v;
}

static void assert_reads(size_t bytes, enum record_type type)
{
    struct cursor c = cursor_init(out, bytes);

    assert_true(bytes > 0);
    assert_int_equal(record_reader_check(&c, type), 0);
    assert_int_equal(cursor_left(&c), 0);
}

static void numbers_keep_their_value(void **state)
{
    static const uint64_t counts[] = {0,       1,           0x7f,      0x80,
                                      0xff,    0x100,       0xffff,    UINT32_MAX,
                                      0x10000, 0x100000000, INT64_MAX, UINT64_MAX};
    static const int64_t intervals[] = {0, 1, -1, -32, -33, -129, INT32_MIN, INT64_MIN, INT64_MAX};

    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct rec_conn r = {.present = 0};
        size_t n;

        RECORD_SET(conn, &r, orig_bytes, counts[i]);
        n = record_pack(RECORD_conn, &r, out, sizeof out, NULL);
        assert_reads(n, RECORD_conn);
        assert_int_equal(field_of(n, RECORD_conn_orig_bytes).kind, VALUE_UINT);
        assert_true(field_of(n, RECORD_conn_orig_bytes).u == counts[i]);
    }
    for (size_t i = 0; i < sizeof intervals / sizeof intervals[0]; i++) {
        struct rec_conn r = {.present = 0};
        struct value v;
        size_t n;

        RECORD_SET(conn, &r, duration, intervals[i]);
        n = record_pack(RECORD_conn, &r, out, sizeof out, NULL);
        assert_reads(n, RECORD_conn);
        v = field_of(n, RECORD_conn_duration);
        assert_int_equal(v.kind, intervals[i] < 0 ? VALUE_INT : VALUE_UINT);
        assert_true(v.i == intervals[i]);
    }
}

static void strings_of_every_head_form_survive(void **state)
{
    static const uint32_t lengths[] = {0,  1,  3,  4,   7,   8,     15,   16,
                                       31, 32, 33, 255, 256, 65535, 65536};
    static char text[70000];

    (void)state;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)(i * 7 + i / 256);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct rec_http r = {.present = 0};
        struct value v;
        size_t n;

        RECORD_SET(http, &r, uri, str_make(text, lengths[i]));
        n = record_pack(RECORD_http, &r, out, sizeof out, NULL);
        assert_reads(n, RECORD_http);
        v = field_of(n, RECORD_http_uri);
        assert_int_equal(v.kind, VALUE_BYTES);
        assert_true(str_equal(v.bytes, r.uri));
    }
}

static void addresses_take_their_own_length(void **state)
{
    struct rec_conn r = {.present = 0};
    struct ipaddr a4, a6 = {{0x20, 0x01, [15] = 1}};
    struct value v;
    size_t n;

    (void)state;
    ipaddr_set_v4(&a4, (const uint8_t[]){192, 0, 2, 1});
    RECORD_SET(conn, &r, orig_h, a4);
    RECORD_SET(conn, &r, resp_h, a6);
    n = record_pack(RECORD_conn, &r, out, sizeof out, NULL);
    v = field_of(n, RECORD_conn_orig_h);
    assert_int_equal(v.bytes.len, 4);
    assert_memory_equal(v.bytes.p, "\xc0\x00\x02\x01", 4);
    v = field_of(n, RECORD_conn_resp_h);
    assert_int_equal(v.bytes.len, 16);
    assert_memory_equal(v.bytes.p, a6.b, 16);
}

static void unset_fields_are_nil(void **state)
{
    struct rec_dns r;
    size_t n;

    (void)state;
    memset(&r, 0xa5, sizeof r); /* only `present` counts */
    r.present = 0;
    RECORD_SET(dns, &r, rcode, 3);
    n = record_pack(RECORD_dns, &r, out, sizeof out, NULL);
    assert_reads(n, RECORD_dns);
    for (unsigned i = 0; i < RECORD_dns_FIELDS; i++)
        assert_int_equal(field_of(n, i).kind, i == RECORD_dns_rcode ? VALUE_UINT : VALUE_NIL);
}

/* Every field of every record set to something, so that no type is forgotten by packer or reader.
 */
static void every_field_of_every_record_passes_the_reader(void **state)
{
    static const struct str strs[] = {{"a", 1}, {"", 0}};
    static const int64_t intervals[] = {1, -1};
    static const struct ipaddr addrs[] = {{{1}}, {{2}}};
    static _Alignas(16) uint8_t rec[8192];

    (void)state;
    for (unsigned t = 0; t < RECORD_TYPES; t++) {
        const struct record_schema *s = &record_schemas[t];
        uint64_t present = UINT64_MAX;

        memset(rec, 0, sizeof rec);
        memcpy(rec, &present, sizeof present);
        for (unsigned i = 0; i < s->n_fields; i++) {
            void *member = rec + s->fields[i].offset;

            assert_true(s->fields[i].offset + sizeof(struct str_list) <= sizeof rec);
            if (s->fields[i].type == FIELD_VECTOR_INTERVAL)
                *(struct interval_list *)member = (struct interval_list){intervals, 2};
            else if (s->fields[i].type == FIELD_VECTOR_ADDR)
                *(struct addr_list *)member = (struct addr_list){addrs, 2};
            else if (s->fields[i].type >= FIELD_SET_STRING)
                *(struct str_list *)member = (struct str_list){strs, 2};
            else if (s->fields[i].type == FIELD_STRING || s->fields[i].type == FIELD_ENUM)
                *(struct str *)member = strs[0];
        }
        assert_reads(record_pack((enum record_type)t, rec, out, sizeof out, NULL),
                     (enum record_type)t);
    }
}

static void overlong_strings_are_cut_and_counted(void **state)
{
    static char big[RECORD_BYTES_MAX];
    struct rec_http r = {.present = 0};
    uint64_t cut = 0;
    size_t n;

    (void)state;
    memset(big, 'x', sizeof big);
    RECORD_SET(http, &r, uri, str_make(big, sizeof big));
    RECORD_SET(http, &r, user_agent, STR_LIT("agent"));
    RECORD_SET(http, &r, ttfb, INT64_MIN);
    n = record_pack(RECORD_http, &r, out, RECORD_BYTES_MAX, &cut);
    assert_reads(n, RECORD_http);
    assert_true(n <= RECORD_BYTES_MAX);
    assert_int_equal(cut, 2); /* uri to what is there, user_agent to nothing */
    assert_true(field_of(n, RECORD_http_uri).bytes.len > RECORD_BYTES_MAX - 1200);
    assert_int_equal(field_of(n, RECORD_http_user_agent).bytes.len, 0);
    assert_true(field_of(n, RECORD_http_ttfb).i == INT64_MIN);

    /* More room changes nothing: the bound is the record's, not the buffer's. */
    assert_int_equal(record_pack(RECORD_http, &r, out, sizeof out, &cut), n);
    assert_int_equal(cut, 4);
}

static void overlong_lists_are_shortened(void **state)
{
    static struct str items[70000];
    static int64_t ttls[70000];
    struct rec_dns r = {.present = 0};
    uint64_t cut = 0;
    size_t n;

    (void)state;
    for (size_t i = 0; i < 70000; i++) {
        items[i] = STR_LIT("192.0.2.1");
        ttls[i] = -(int64_t)i;
    }
    RECORD_SET(dns, &r, answers, ((struct str_list){items, 70000}));
    RECORD_SET(dns, &r, ttls, ((struct interval_list){ttls, 70000}));
    n = record_pack(RECORD_dns, &r, out, RECORD_BYTES_MAX, &cut);
    assert_reads(n, RECORD_dns);
    assert_true(n <= RECORD_BYTES_MAX);
    assert_int_equal(cut, 2);
    assert_in_range(field_of(n, RECORD_dns_answers).n, 9000, 12000);

    /* A short list whose items do not fit keeps its one-byte head. */
    static char big[RECORD_BYTES_MAX / 2];
    struct str two[] = {{big, sizeof big}, {big, sizeof big}};
    r.present = 0;
    RECORD_SET(dns, &r, answers, ((struct str_list){two, 2}));
    n = record_pack(RECORD_dns, &r, out, RECORD_BYTES_MAX, &cut);
    assert_reads(n, RECORD_dns);
    assert_int_equal(field_of(n, RECORD_dns_answers).n, 1);
    assert_int_equal(cut, 3);
}

/* In a buffer of exactly the capacity, so that a byte too many is seen by the sanitizer. */
static void small_capacity_is_refused_not_overrun(void **state)
{
    struct rec_weird r = {.present = 0};
    uint64_t cut = 0;
    size_t need;

    (void)state;
    RECORD_SET(weird, &r, name, STR_LIT("a_name_of_some_length_to_be_packed_into_it"));
    RECORD_SET(weird, &r, addl, STR_LIT("and something more about it"));
    need = record_pack(RECORD_weird, &r, out, sizeof out, &cut);
    for (size_t capacity = 0; capacity < need + 18 * RECORD_weird_FIELDS + 8; capacity++) {
        uint8_t *exact = malloc(capacity + 1);
        size_t n = record_pack(RECORD_weird, &r, exact, capacity, &cut);

        assert_true(n == 0 || (n == need && n <= capacity));
        if (n > 0)
            assert_memory_equal(exact, out, n);
        free(exact);
        if (capacity >= need + 18 * RECORD_weird_FIELDS + 3)
            assert_int_equal(n, need);
    }
    assert_int_equal(cut, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_keep_their_value),
        cmocka_unit_test(strings_of_every_head_form_survive),
        cmocka_unit_test(addresses_take_their_own_length),
        cmocka_unit_test(unset_fields_are_nil),
        cmocka_unit_test(every_field_of_every_record_passes_the_reader),
        cmocka_unit_test(overlong_strings_are_cut_and_counted),
        cmocka_unit_test(overlong_lists_are_shortened),
        cmocka_unit_test(small_capacity_is_refused_not_overrun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

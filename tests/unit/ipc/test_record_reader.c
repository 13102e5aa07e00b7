/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/ipc/record_reader.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int read_one(const char *bytes, size_t n, struct value *v)
{
    struct cursor c = cursor_init(bytes, n);

    return record_reader_value(&c, v);
}
#define READ(literal, v) read_one((literal), sizeof(literal) - 1, (v))

static void reads_every_form(void **state)
{
    struct value v;

    (void)state;
    assert_int_equal(READ("\xc0", &v), 0);
    assert_int_equal(v.kind, VALUE_NIL);
    assert_int_equal(READ("\xc3", &v), 0);
    assert_true(v.kind == VALUE_BOOL && v.b);
    assert_int_equal(READ("\x7f", &v), 0);
    assert_true(v.kind == VALUE_UINT && v.u == 127);
    assert_int_equal(READ("\xcf\xff\xff\xff\xff\xff\xff\xff\xff", &v), 0);
    assert_true(v.kind == VALUE_UINT && v.u == UINT64_MAX);
    assert_int_equal(READ("\xff", &v), 0);
    assert_true(v.kind == VALUE_INT && v.i == -1);
    assert_int_equal(READ("\xd1\x80\x00", &v), 0);
    assert_true(v.kind == VALUE_INT && v.i == INT16_MIN);
    assert_int_equal(READ("\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00", &v), 0);
    assert_true(v.kind == VALUE_DOUBLE && v.d == 1.5);
    assert_int_equal(READ("\xa2hi", &v), 0);
    assert_true(v.kind == VALUE_BYTES && str_equal(v.bytes, STR_LIT("hi")));
    assert_int_equal(READ("\xc4\x02hi", &v), 0);
    assert_true(v.kind == VALUE_BYTES && str_equal(v.bytes, STR_LIT("hi")));
    assert_int_equal(READ("\xdc\x00\x02\x01\x02", &v), 0);
    assert_true(v.kind == VALUE_ARRAY && v.n == 2);
}

static void positive_numbers_are_unsigned_in_any_form(void **state)
{
    struct value v;

    (void)state;
    assert_int_equal(READ("\xd0\x05", &v), 0);
    assert_true(v.kind == VALUE_UINT && v.u == 5);
    assert_int_equal(READ("\xd3\x7f\xff\xff\xff\xff\xff\xff\xff", &v), 0);
    assert_true(v.kind == VALUE_UINT && v.u == INT64_MAX);
}

static void refuses_what_records_never_hold(void **state)
{
    static const char tags[] = "\x80\x8f\xc1\xc7\xc8\xc9\xca\xd4\xd8\xde\xdf";
    struct value v;

    (void)state;
    for (const char *t = tags; *t; t++) {
        char bytes[20] = {*t};
        assert_int_equal(read_one(bytes, sizeof bytes, &v), -EBADMSG);
    }
}

static void refuses_lengths_beyond_the_input(void **state)
{
    struct value v;

    (void)state;
    assert_int_equal(READ("", &v), -EBADMSG);
    assert_int_equal(READ("\xa3hi", &v), -EBADMSG);
    assert_int_equal(READ("\xdb\xff\xff\xff\xffhi", &v), -EBADMSG);
    assert_int_equal(READ("\xc6\xff\xff\xff\xffhi", &v), -EBADMSG);
    assert_int_equal(READ("\xdd\xff\xff\xff\xff\x01", &v), -EBADMSG);
    assert_int_equal(READ("\x92\x01", &v), -EBADMSG);
    assert_int_equal(READ("\xcf\x01\x02", &v), -EBADMSG);
}

/* Whatever the first bytes are, and wherever the input ends. */
static void reads_the_same_at_its_best(void **state)
{
    uint8_t bytes[RECORD_READER_AHEAD_BYTES + 3];

    (void)state;
    for (unsigned i = 0; i < 2 * 65536; i++) {
        unsigned first = i / 2;
        size_t n = i % 2 ? sizeof bytes : 1 + first % 47;
        struct cursor fast = cursor_init(bytes, n), slow = fast;
        struct value a, b;
        int rc;

        memset(bytes, 0xa5, sizeof bytes);
        bytes[0] = (uint8_t)(first >> 8);
        bytes[1] = (uint8_t)first;
        rc = record_reader_any(&slow, &a);
        assert_int_equal(record_reader_value(&fast, &b), rc);
        if (rc < 0)
            continue;
        assert_true(fast.p == slow.p && a.kind == b.kind);
        if (a.kind == VALUE_BYTES)
            assert_true(a.bytes.p == b.bytes.p && a.bytes.len == b.bytes.len);
        else if (a.kind == VALUE_BOOL)
            assert_int_equal(a.b, b.b);
        else if (a.kind == VALUE_UINT || a.kind == VALUE_INT)
            assert_true(a.u == b.u);
    }
}

static void counts_nils_in_a_row(void **state)
{
    uint8_t bytes[RECORD_READER_AHEAD_BYTES];

    (void)state;
    for (unsigned n = 0; n < 12; n++) {
        struct cursor c = cursor_init(bytes, sizeof bytes);
        unsigned found = n < 8 ? n : 8;

        memset(bytes, 0xc1, sizeof bytes);
        memset(bytes, 0xc0, n);
        bytes[n + 1] = 0xc0;
        assert_true(record_reader_ahead(&c));
        assert_int_equal(record_reader_nils(&c), found);
        assert_int_equal(cursor_left(&c), sizeof bytes - found);
    }
}

static void fits_knows_bounds_of_types(void **state)
{
    struct value v = {.kind = VALUE_UINT, .u = 65536};

    (void)state;
    assert_false(record_reader_fits(FIELD_PORT, &v));
    assert_true(record_reader_fits(FIELD_COUNT, &v));
    v.u = (uint64_t)INT64_MAX + 1;
    assert_false(record_reader_fits(FIELD_INTERVAL, &v));
    assert_true(record_reader_fits(FIELD_TIME, &v));
    v = (struct value){.kind = VALUE_INT, .i = -1};
    assert_true(record_reader_fits(FIELD_INTERVAL, &v));
    assert_false(record_reader_fits(FIELD_COUNT, &v));
    v = (struct value){.kind = VALUE_BYTES, .bytes = {"12345", 5}};
    assert_false(record_reader_fits(FIELD_ADDR, &v));
    assert_true(record_reader_fits(FIELD_STRING, &v));
    v.kind = VALUE_NIL;
    for (unsigned t = FIELD_TIME; t <= FIELD_VECTOR_ADDR; t++)
        assert_true(record_reader_fits((enum field_type)t, &v));
}

/* A packed record, cut at each length and with each byte changed, is refused or read: never read
 * beyond. */
static void check_stays_inside_a_damaged_record(void **state)
{
    static const struct str answers[] = {{"a.example", 9}, {"b.example", 9}};
    static const int64_t ttls[] = {1, -5};
    struct rec_dns r = {.present = 0};
    uint8_t packed[2048];
    size_t len;

    (void)state;
    RECORD_SET(dns, &r, query, STR_LIT("example.org"));
    RECORD_SET(dns, &r, answers, ((struct str_list){answers, 2}));
    RECORD_SET(dns, &r, ttls, ((struct interval_list){ttls, 2}));
    len = record_pack(RECORD_dns, &r, packed, sizeof packed, NULL);
    assert_in_range(len, 1, sizeof packed);
    for (size_t n = 0; n < len; n++) {
        uint8_t *exact = malloc(n + 1);
        struct cursor c = cursor_init(exact, n);

        memcpy(exact, packed, n);
        assert_int_equal(record_reader_check(&c, RECORD_dns), -EBADMSG);
        free(exact);
    }
    for (size_t at = 0; at < len; at++) {
        uint8_t *exact = malloc(len);

        for (unsigned value = 0; value < 256; value++) {
            struct cursor c = cursor_init(exact, len);

            memcpy(exact, packed, len);
            exact[at] = (uint8_t)value;
            (void)record_reader_check(&c, RECORD_dns);
            assert_true(c.p <= c.end);
        }
        free(exact);
    }
}

static void check_refuses_nil_in_lists_and_other_records(void **state)
{
    struct rec_weird weird = {.present = 0};
    uint8_t packed[2048];
    struct cursor c;
    size_t len;

    (void)state;
    len = record_pack(RECORD_weird, &weird, packed, sizeof packed, NULL);
    c = cursor_init(packed, len);
    assert_int_equal(record_reader_check(&c, RECORD_dns), -EBADMSG);

    memset(packed, 0xc0, sizeof packed);
    packed[0] = 0xdc; /* a dns record of nils, but for one list of a nil */
    packed[1] = 0;
    packed[2] = RECORD_dns_FIELDS;
    c = cursor_init(packed, 3 + RECORD_dns_FIELDS);
    assert_int_equal(record_reader_check(&c, RECORD_dns), 0);
    packed[3 + RECORD_dns_answers] = 0x91;
    c = cursor_init(packed, 4 + RECORD_dns_FIELDS);
    assert_int_equal(record_reader_check(&c, RECORD_dns), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_form),
        cmocka_unit_test(positive_numbers_are_unsigned_in_any_form),
        cmocka_unit_test(refuses_what_records_never_hold),
        cmocka_unit_test(refuses_lengths_beyond_the_input),
        cmocka_unit_test(reads_the_same_at_its_best),
        cmocka_unit_test(counts_nils_in_a_row),
        cmocka_unit_test(fits_knows_bounds_of_types),
        cmocka_unit_test(check_stays_inside_a_damaged_record),
        cmocka_unit_test(check_refuses_nil_in_lists_and_other_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

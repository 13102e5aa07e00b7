/* SPDX-License-Identifier: BSD-3-Clause */
/* Whoever taps the bus reads our batches with a MessagePack library of its own choice. Here it is
 * msgpack-c, which knows nothing of our writers, and reads a batch of every record type with every
 * field set. */
#include "common/ipc/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <msgpack.h>
#include <stdlib.h>

static const struct str words[] = {{"one", 3}, {"two\n\"\xff", 6}, {"", 0}};
static const int64_t times[] = {-5, 0, INT64_C(7000000000)};
static struct ipaddr addrs[2];

/* Sets a field, whatever its type, to something that can be told again. */
static void field_fill(void *record, const struct field_schema *f)
{
    void *at = (char *)record + f->offset;

    switch (f->type) {
    case FIELD_TIME:
    case FIELD_COUNT:
        *(uint64_t *)at = UINT64_C(1700000000123456789);
        break;
    case FIELD_INTERVAL:
        *(int64_t *)at = -1500;
        break;
    case FIELD_BOOL:
        *(bool *)at = true;
        break;
    case FIELD_STRING:
    case FIELD_ENUM:
        *(struct str *)at = words[1];
        break;
    case FIELD_ADDR:
        *(struct ipaddr *)at = addrs[0];
        break;
    case FIELD_PORT:
        *(uint16_t *)at = 65535;
        break;
    case FIELD_DOUBLE:
        *(double *)at = 2.5;
        break;
    case FIELD_SET_STRING:
    case FIELD_SET_ENUM:
    case FIELD_VECTOR_STRING:
        *(struct str_list *)at = (struct str_list){words, 3};
        break;
    case FIELD_VECTOR_INTERVAL:
        *(struct interval_list *)at = (struct interval_list){times, 3};
        break;
    case FIELD_VECTOR_ADDR:
        *(struct addr_list *)at = (struct addr_list){addrs, 2};
        break;
    }
}

static void assert_bytes(const msgpack_object *o, struct str want)
{
    assert_int_equal(o->type, MSGPACK_OBJECT_STR);
    assert_int_equal(o->via.str.size, want.len);
    assert_memory_equal(o->via.str.ptr, want.p, want.len);
}

static void assert_array(const msgpack_object *o, uint32_t n)
{
    assert_int_equal(o->type, MSGPACK_OBJECT_ARRAY);
    assert_int_equal(o->via.array.size, n);
}

static void assert_field(const msgpack_object *o, enum field_type type)
{
    switch (type) {
    case FIELD_TIME:
    case FIELD_COUNT:
        assert_int_equal(o->type, MSGPACK_OBJECT_POSITIVE_INTEGER);
        assert_true(o->via.u64 == UINT64_C(1700000000123456789));
        break;
    case FIELD_INTERVAL:
        assert_int_equal(o->type, MSGPACK_OBJECT_NEGATIVE_INTEGER);
        assert_true(o->via.i64 == -1500);
        break;
    case FIELD_BOOL:
        assert_int_equal(o->type, MSGPACK_OBJECT_BOOLEAN);
        assert_true(o->via.boolean);
        break;
    case FIELD_STRING:
    case FIELD_ENUM:
        assert_bytes(o, words[1]);
        break;
    case FIELD_ADDR:
        assert_int_equal(o->type, MSGPACK_OBJECT_BIN);
        assert_int_equal(o->via.bin.size, 4);
        break;
    case FIELD_PORT:
        assert_true(o->type == MSGPACK_OBJECT_POSITIVE_INTEGER && o->via.u64 == 65535);
        break;
    case FIELD_DOUBLE:
        assert_true(o->type == MSGPACK_OBJECT_FLOAT64 && o->via.f64 == 2.5);
        break;
    case FIELD_SET_STRING:
    case FIELD_SET_ENUM:
    case FIELD_VECTOR_STRING:
        assert_array(o, 3);
        assert_bytes(&o->via.array.ptr[1], words[1]);
        assert_bytes(&o->via.array.ptr[2], words[2]);
        break;
    case FIELD_VECTOR_INTERVAL:
        assert_array(o, 3);
        assert_true(o->via.array.ptr[0].via.i64 == -5);
        assert_true(o->via.array.ptr[2].via.u64 == 7000000000);
        break;
    case FIELD_VECTOR_ADDR:
        assert_array(o, 2);
        assert_int_equal(o->via.array.ptr[1].via.bin.size, 16);
        break;
    }
}

/* The value of a key of a map; the test fails if there is none. */
static const msgpack_object *map_get(const msgpack_object *map, const char *key)
{
    assert_int_equal(map->type, MSGPACK_OBJECT_MAP);
    for (uint32_t i = 0; i < map->via.map.size; i++) {
        const msgpack_object_kv *kv = &map->via.map.ptr[i];
        if (kv->key.via.str.size == strlen(key) &&
            memcmp(kv->key.via.str.ptr, key, strlen(key)) == 0)
            return &kv->val;
    }
    fail_msg("the batch has no '%s'", key);
    return NULL;
}

/* One record with all fields set, as a batch; returns its length. */
static size_t batch_make(enum record_type type, uint8_t *out, size_t capacity)
{
    const struct record_schema *s = &record_schemas[type];
    uint64_t record[256] = {0}, packed[1024];
    struct spool_batch b = {.type = type, .seq = 7, .count = 1, .records = (uint8_t *)packed};
    size_t head;

    for (unsigned i = 0; i < s->n_fields; i++) {
        field_fill(record, &s->fields[i]);
        record[0] |= UINT64_C(1) << i;
    }
    b.bytes = record_pack(type, record, (uint8_t *)packed, sizeof packed, NULL);
    assert_true(b.bytes > 0);
    head = message_batch_head(out, capacity, "worker-1", 9, 5, &b);
    assert_true(head > 0 && head + b.bytes <= capacity);
    memcpy(out + head, packed, b.bytes);
    return head + b.bytes;
}

static void batch_read(enum record_type type)
{
    const struct record_schema *s = &record_schemas[type];
    const msgpack_object *fields, *records;
    uint8_t body[16384];
    size_t len = batch_make(type, body, sizeof body), used = 0;
    msgpack_unpacked u;

    msgpack_unpacked_init(&u);
    assert_int_equal(msgpack_unpack_next(&u, (const char *)body, len, &used),
                     MSGPACK_UNPACK_SUCCESS);
    assert_int_equal(used, len);
    assert_bytes(map_get(&u.data, "node"), str_of("worker-1"));
    assert_bytes(map_get(&u.data, "path"), str_of(s->path));
    assert_true(map_get(&u.data, "seq")->via.u64 == 7);
    fields = map_get(&u.data, "fields");
    records = map_get(&u.data, "records");
    assert_array(fields, s->n_fields);
    assert_array(records, 1);
    assert_array(&records->via.array.ptr[0], s->n_fields);
    for (unsigned i = 0; i < s->n_fields; i++) {
        assert_bytes(&fields->via.array.ptr[i], str_of(s->fields[i].name));
        assert_field(&records->via.array.ptr[0].via.array.ptr[i], s->fields[i].type);
    }
    msgpack_unpacked_destroy(&u);
}

static void every_record_type_is_read(void **state)
{
    static const uint8_t v4[4] = {192, 0, 2, 1};

    (void)state;
    ipaddr_set_v4(&addrs[0], v4);
    memset(&addrs[1], 0x20, sizeof addrs[1]);
    for (unsigned t = 0; t < RECORD_TYPES; t++)
        batch_read((enum record_type)t);
}

static void an_acknowledgement_is_read(void **state)
{
    struct message_ack ack = {STR_LIT("worker-1"), 9, UINT64_MAX, true};
    uint8_t body[256];
    size_t used = 0, len = message_ack_encode(body, sizeof body, &ack);
    msgpack_unpacked u;

    (void)state;
    msgpack_unpacked_init(&u);
    assert_int_equal(msgpack_unpack_next(&u, (const char *)body, len, &used),
                     MSGPACK_UNPACK_SUCCESS);
    assert_bytes(map_get(&u.data, "node"), ack.node);
    assert_true(map_get(&u.data, "seq")->via.u64 == UINT64_MAX);
    assert_true(map_get(&u.data, "resend")->via.boolean);
    msgpack_unpacked_destroy(&u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_record_type_is_read),
        cmocka_unit_test(an_acknowledgement_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

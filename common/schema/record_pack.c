/* SPDX-License-Identifier: BSD-3-Clause */
/* Records into MessagePack: the one place where a struct becomes bytes.
 *
 * It runs once a record in the packet path, so it asks about room as seldom as it can:
 * FIELD_RESERVE bytes a field are set aside at the start, enough for any number, address, nil or
 * head of a string or list. Only the bytes of strings and the elements of lists compete for what is
 * left, and only they are checked. What does not fit is cut, so every record stays within
 * RECORD_BYTES_MAX. */
#include "common/base/pack.h"
#include "common/schema/record.h"

#define FIELD_RESERVE  18u /* of all that needs no check the largest: an IPv6 address */
#define HEAD_BYTES     3u  /* array of at most 64 fields */
#define LIST_ITEMS_MAX 0xffffu
#define STR_HEAD_BYTES 5u

_Static_assert(FIELD_RESERVE >= PACK_SCALAR_BYTES, "numbers need no check");
_Static_assert(HEAD_BYTES + 64 * FIELD_RESERVE + 64 * 1024 < RECORD_BYTES_MAX,
               "the longest frame fits into a record");

/* Where strings and list elements must end, and how many fields had to be cut. */
struct room {
    const uint8_t *end;
    uint64_t cut;
};

static inline size_t room_left(const struct room *room, const uint8_t *p)
{
    return p < room->end ? (size_t)(room->end - p) : 0;
}

static inline uint8_t *pack_string(uint8_t *p, struct room *room, struct str s)
{
    size_t n = s.len;

    if (__builtin_expect(n > room_left(room, p), 0)) {
        n = room_left(room, p);
        room->cut++;
    }
    return pack_str(p, s.p, n);
}

static inline uint8_t *pack_addr(uint8_t *p, const struct ipaddr *a)
{
    if (ipaddr_is_v4(a))
        return pack_bin8(p, a->b + 12, 4);
    return pack_bin8(p, a->b, 16);
}

/* The count of a list is known when its last element has found room, so its head is written twice:
 * first for all, to take its place, then for those that fit, in the form that takes the same place.
 */
static uint8_t *pack_list_end(uint8_t *head, uint8_t *p, struct room *room, uint32_t wanted,
                              uint32_t packed)
{
    if (packed < wanted) {
        room->cut++;
        if (wanted < 16)
            pack_array(head, packed);
        else
            pack_head16(head, 0xdc, packed);
    }
    return p;
}

/* Lists past 16 bits are cut, so that the head's form does not depend on what finds room. */
static uint8_t *pack_list_head(uint8_t *p, uint32_t n)
{
    return pack_array(p, n < LIST_ITEMS_MAX ? n : LIST_ITEMS_MAX);
}

static uint8_t *pack_strings(uint8_t *p, struct room *room, const struct str_list *l)
{
    uint8_t *head = p;
    uint32_t i;

    p = pack_list_head(p, l->n);
    for (i = 0; i < l->n && i < LIST_ITEMS_MAX; i++) {
        if (STR_HEAD_BYTES + (size_t)l->items[i].len > room_left(room, p))
            break;
        p = pack_str(p, l->items[i].p, l->items[i].len);
    }
    return pack_list_end(head, p, room, l->n, i);
}

static uint8_t *pack_intervals(uint8_t *p, struct room *room, const struct interval_list *l)
{
    uint8_t *head = p;
    uint32_t i;

    p = pack_list_head(p, l->n);
    for (i = 0; i < l->n && i < LIST_ITEMS_MAX && room_left(room, p) >= PACK_SCALAR_BYTES; i++)
        p = pack_int(p, l->items[i]);
    return pack_list_end(head, p, room, l->n, i);
}

static uint8_t *pack_addrs(uint8_t *p, struct room *room, const struct addr_list *l)
{
    uint8_t *head = p;
    uint32_t i;

    p = pack_list_head(p, l->n);
    for (i = 0; i < l->n && i < LIST_ITEMS_MAX && room_left(room, p) >= FIELD_RESERVE; i++)
        p = pack_addr(p, &l->items[i]);
    return pack_list_end(head, p, room, l->n, i);
}

/* member points at a FIELD_CTYPE_<type>. */
static inline uint8_t *pack_field(uint8_t *p, struct room *room, enum field_type type,
                                  const void *member)
{
    switch (type) {
    case FIELD_TIME:
    case FIELD_COUNT:
        return pack_uint(p, *(const uint64_t *)member);
    case FIELD_INTERVAL:
        return pack_int(p, *(const int64_t *)member);
    case FIELD_BOOL:
        return pack_bool(p, *(const bool *)member);
    case FIELD_STRING:
    case FIELD_ENUM:
        return pack_string(p, room, *(const struct str *)member);
    case FIELD_ADDR:
        return pack_addr(p, member);
    case FIELD_PORT:
        return pack_uint(p, *(const uint16_t *)member);
    case FIELD_DOUBLE:
        return pack_double(p, *(const double *)member);
    case FIELD_SET_STRING:
    case FIELD_SET_ENUM:
    case FIELD_VECTOR_STRING:
        return pack_strings(p, room, member);
    case FIELD_VECTOR_INTERVAL:
        return pack_intervals(p, room, member);
    case FIELD_VECTOR_ADDR:
        return pack_addrs(p, room, member);
    }
    __builtin_unreachable();
}

/* One pass over the schema. `present` is shifted along instead of indexed, and unset fields cost
 * one store; a branch for each type is predicted well, because records of one type come in runs. */
size_t record_pack(enum record_type type, const void *rec, uint8_t *out, size_t capacity,
                   uint64_t *cut_fields)
{
    const struct record_schema *schema = &record_schemas[type];
    const uint8_t *base = rec;
    size_t limit = capacity < RECORD_BYTES_MAX ? capacity : RECORD_BYTES_MAX;
    size_t reserve = HEAD_BYTES + (size_t)schema->n_fields * FIELD_RESERVE;
    struct room room;
    uint64_t present;
    uint8_t *p = out;

    if (limit < reserve)
        return 0;
    room = (struct room){out + limit - reserve, 0};
    memcpy(&present, base, sizeof present);

    p = pack_array(p, schema->n_fields);
    for (const struct field_schema *f = schema->fields, *end = f + schema->n_fields; f < end; f++) {
        if (present & 1)
            p = pack_field(p, &room, f->type, base + f->offset);
        else
            p = pack_nil(p);
        present >>= 1;
    }

    /* Cut for the buffer's sake, not the record's: the caller finds a larger one. */
    if (__builtin_expect(room.cut > 0, 0)) {
        if (capacity < RECORD_BYTES_MAX)
            return 0;
        if (cut_fields)
            *cut_fields += room.cut;
    }
    return (size_t)(p - out);
}

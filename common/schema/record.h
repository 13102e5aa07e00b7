/* SPDX-License-Identifier: BSD-3-Clause */
/* Records: what a log line is made of, derived from records.def.
 *
 * A parser fills a struct rec_<name>, sets each field with RECORD_SET, and emits it; strings and
 * lists are borrowed until the emit call returns. On the wire a record is a MessagePack array with
 * one element a field, in table order, nil where unset:
 *   TIME uint (ns since 1970) · INTERVAL int (ns) · COUNT, PORT uint · BOOL bool · DOUBLE float64
 *   STRING, ENUM str (bytes as seen, not always UTF-8) · ADDR bin of 4 or 16 · SET_, VECTOR_ array
 */
#ifndef SPLIFF_SCHEMA_RECORD_H
#define SPLIFF_SCHEMA_RECORD_H

#include "common/base/ipaddr.h"
#include "common/base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum field_type {
    FIELD_TIME,
    FIELD_INTERVAL,
    FIELD_COUNT,
    FIELD_BOOL,
    FIELD_STRING,
    FIELD_ENUM,
    FIELD_ADDR,
    FIELD_PORT,
    FIELD_DOUBLE,
    FIELD_SET_STRING,
    FIELD_SET_ENUM,
    FIELD_VECTOR_STRING,
    FIELD_VECTOR_INTERVAL,
    FIELD_VECTOR_ADDR,
};

struct str_list {
    const struct str *items;
    uint32_t n;
};

struct interval_list {
    const int64_t *items; /* ns */
    uint32_t n;
};

struct addr_list {
    const struct ipaddr *items;
    uint32_t n;
};

#define FIELD_CTYPE_TIME            uint64_t
#define FIELD_CTYPE_INTERVAL        int64_t
#define FIELD_CTYPE_COUNT           uint64_t
#define FIELD_CTYPE_BOOL            bool
#define FIELD_CTYPE_STRING          struct str
#define FIELD_CTYPE_ENUM            struct str
#define FIELD_CTYPE_ADDR            struct ipaddr
#define FIELD_CTYPE_PORT            uint16_t
#define FIELD_CTYPE_DOUBLE          double
#define FIELD_CTYPE_SET_STRING      struct str_list
#define FIELD_CTYPE_SET_ENUM        struct str_list
#define FIELD_CTYPE_VECTOR_STRING   struct str_list
#define FIELD_CTYPE_VECTOR_INTERVAL struct interval_list
#define FIELD_CTYPE_VECTOR_ADDR     struct addr_list

/* enum record_type: RECORD_conn, RECORD_http, … */
enum record_type {
#define RECORD(name, path, id, doc)         RECORD_##name,
#define FIELD(rec, member, name, type, doc) /* per record below */
#define END(name)
#include "common/schema/records.def"
#undef RECORD
#undef FIELD
#undef END
    RECORD_TYPES
};

/* enum record_conn_field: RECORD_conn_ts, … : bit numbers in `present` and places on the wire */
#define RECORD(name, path, id, doc)                                                                \
    enum record_##name##_field                                                                     \
    {
#define FIELD(rec, member, name, type, doc) RECORD_##rec##_##member,
#define END(name)                                                                                  \
    RECORD_##name##_FIELDS                                                                         \
    }                                                                                              \
    ;
#include "common/schema/records.def"
#undef RECORD
#undef FIELD
#undef END

/* struct rec_conn { uint64_t present; uint64_t ts; … } */
#define RECORD(name, path, id, doc)                                                                \
    struct rec_##name {                                                                            \
        uint64_t present; /* bit n: field n is set */
#define FIELD(rec, member, name, type, doc) FIELD_CTYPE_##type member;
#define END(name)                                                                                  \
    }                                                                                              \
    ;
#include "common/schema/records.def"
#undef RECORD
#undef FIELD
#undef END

/* Sets one field; only `present` of a fresh record needs to be zeroed. */
#define RECORD_SET(rec, r, member, value)                                                          \
    ((r)->member = (value), (r)->present |= UINT64_C(1) << RECORD_##rec##_##member)
#define RECORD_HAS(rec, r, member) (((r)->present >> RECORD_##rec##_##member & 1) != 0)

struct field_schema {
    const char *name;
    enum field_type type;
    uint16_t offset; /* in struct rec_<name> */
    const char *doc;
};

struct record_schema {
    const char *path; /* log name: "conn" */
    const struct field_schema *fields;
    uint16_t n_fields;
    bool has_flow_id; /* starts with ts, uid, id.* */
    const char *doc;
};

extern const struct record_schema record_schemas[RECORD_TYPES];

/* Zeek's name of a type: "time", "set[string]", … */
const char *field_type_name(enum field_type type);

/* Of all logs, their fields and types: another sum is another build's. */
uint64_t record_schemas_sum(void);

#define RECORD_BYTES_MAX (96u * 1024) /* packed; longer strings are cut, lists shortened */

/* Packs *rec (a struct rec_<type>) as MessagePack into out[capacity]. Returns the bytes written, or
 * 0 if it does not fit with 18 bytes a field to spare. Never fails when capacity >=
 * RECORD_BYTES_MAX: what would pass it is cut, and *cut_fields (if not NULL) grows by one for each
 * field cut. */
size_t record_pack(enum record_type type, const void *rec, uint8_t *out, size_t capacity,
                   uint64_t *cut_fields);

#endif

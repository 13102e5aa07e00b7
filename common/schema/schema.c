/* SPDX-License-Identifier: BSD-3-Clause */
/* The tables that derive from records.def, counters.def, weirds.def and notices.def. */
#include "common/schema/counters.h"
#include "common/schema/notice.h"
#include "common/schema/record.h"

#define RECORD(name, path, id, doc) static const struct field_schema fields_##name[] = {
#define FIELD(rec, member, name, type, doc)                                                        \
    {name, FIELD_##type, offsetof(struct rec_##rec, member), doc},
#define END(name)                                                                                  \
    }                                                                                              \
    ;                                                                                              \
    _Static_assert(RECORD_##name##_FIELDS <= 64, "`present` has 64 bits");
#include "common/schema/records.def"
#undef RECORD
#undef FIELD
#undef END

#define RECORD_ID_FLOW true
#define RECORD_ID_NONE false

const struct record_schema record_schemas[RECORD_TYPES] = {
#define RECORD(name, path, id, doc)                                                                \
    [RECORD_##name] = {path, fields_##name, RECORD_##name##_FIELDS, RECORD_ID_##id, doc},
#define FIELD(rec, member, name, type, doc)
#define END(name)
#include "common/schema/records.def"
#undef RECORD
#undef FIELD
#undef END
};

const char *field_type_name(enum field_type type)
{
    static const char *const names[] = {
        [FIELD_TIME] = "time",
        [FIELD_INTERVAL] = "interval",
        [FIELD_COUNT] = "count",
        [FIELD_BOOL] = "bool",
        [FIELD_STRING] = "string",
        [FIELD_ENUM] = "enum",
        [FIELD_ADDR] = "addr",
        [FIELD_PORT] = "port",
        [FIELD_DOUBLE] = "double",
        [FIELD_SET_STRING] = "set[string]",
        [FIELD_SET_ENUM] = "set[enum]",
        [FIELD_VECTOR_STRING] = "vector[string]",
        [FIELD_VECTOR_INTERVAL] = "vector[interval]",
        [FIELD_VECTOR_ADDR] = "vector[addr]",
    };
    return names[type];
}

/* FNV-1a, the zero byte at the end included. */
static uint64_t sum_text(uint64_t sum, const char *s)
{
    do
        sum = (sum ^ (uint8_t)*s) * UINT64_C(0x100000001b3);
    while (*s++);
    return sum;
}

uint64_t record_schemas_sum(void)
{
    uint64_t sum = UINT64_C(0xcbf29ce484222325);

    for (unsigned t = 0; t < RECORD_TYPES; t++) {
        sum = sum_text(sum, record_schemas[t].path);
        for (unsigned i = 0; i < record_schemas[t].n_fields; i++) {
            sum = sum_text(sum, record_schemas[t].fields[i].name);
            sum = sum_text(sum, field_type_name(record_schemas[t].fields[i].type));
        }
    }
    return sum;
}

const struct counter_schema counter_schemas[] = {
#define COUNTER(member, process, kind, name, doc)                                                  \
    {name, COUNTER_##process, COUNTER_##kind, offsetof(struct counters, member), doc},
#include "common/schema/counters.def"
#undef COUNTER
};
const size_t counter_schemas_n = sizeof counter_schemas / sizeof counter_schemas[0];

const struct weird_schema weird_schemas[WEIRDS] = {
#define WEIRD(id, name, doc) [WEIRD_##id] = {name, doc},
#include "common/schema/weirds.def"
#undef WEIRD
};

const struct notice_schema notice_schemas[NOTICES] = {
#define NOTICE(id, name, doc) [NOTICE_##id] = {name, doc},
#define NOTICE_OF(weird, id)
#include "common/schema/notices.def"
#undef NOTICE
#undef NOTICE_OF
};

enum notice notice_of_weird(enum weird w)
{
    switch (w) {
#define NOTICE(id, name, doc)
#define NOTICE_OF(weird, id)                                                                       \
    case WEIRD_##weird:                                                                            \
        return NOTICE_##id;
#include "common/schema/notices.def"
#undef NOTICE
#undef NOTICE_OF
    default:
        return NOTICES;
    }
}

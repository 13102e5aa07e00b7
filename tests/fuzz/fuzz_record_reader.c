/* SPDX-License-Identifier: BSD-3-Clause */
/* Hostile records: what record_reader_check() passes can be walked without another error, and the
 * walk ends where the check did. First byte: the record's type. */
#include "common/base/check.h"
#include "common/ipc/record_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(struct cursor *c, enum record_type type)
{
    const struct record_schema *schema = &record_schemas[type];
    struct value v;
    uint32_t n;

    CHECK(record_reader_begin(c, &n) == 0 && n == schema->n_fields);
    for (uint32_t i = 0; i < n; i++) {
        CHECK(record_reader_value(c, &v) == 0);
        CHECK(record_reader_fits(schema->fields[i].type, &v));
        for (uint32_t left = v.kind == VALUE_ARRAY ? v.n : 0; left > 0; left--) {
            struct value element;
            CHECK(record_reader_value(c, &element) == 0 && element.kind != VALUE_ARRAY);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cursor checked, walked;
    enum record_type type;

    if (size == 0)
        return 0;
    type = (enum record_type)(data[0] % RECORD_TYPES);
    checked = walked = cursor_init(data + 1, size - 1);
    while (cursor_left(&checked) > 0 && record_reader_check(&checked, type) == 0) {
        walk(&walked, type);
        CHECK(walked.p == checked.p);
    }
    CHECK(checked.p <= checked.end);
    return 0;
}

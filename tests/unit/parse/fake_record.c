/* SPDX-License-Identifier: BSD-3-Clause */
/* What a field borrows is copied with it, so that a copy outlives the analyzer's buffers, and a
 * read of what an analyzer did not keep is the address sanitizer's to see. */
#include "tests/unit/parse/fake_record.h"

#include "common/base/check.h"

#include <inttypes.h>
#include <stdlib.h>

void *fake_record_copy_bytes(const void *p, size_t n)
{
    void *copy = malloc(n > 0 ? n : 1);

    CHECK(copy);
    if (n > 0)
        memcpy(copy, p, n);
    return copy;
}

static struct str copy_str(struct str s)
{
    return (struct str){fake_record_copy_bytes(s.p, s.len), s.len};
}

/* Replaces what a field borrows by a copy of its own; what holds no pointer is copied already. */
static void field_copy(enum field_type type, void *field)
{
    struct str_list *strings = field;
    struct str *items;

    switch (type) {
    case FIELD_STRING:
    case FIELD_ENUM:
        *(struct str *)field = copy_str(*(struct str *)field);
        break;
    case FIELD_SET_STRING:
    case FIELD_SET_ENUM:
    case FIELD_VECTOR_STRING:
        items = fake_record_copy_bytes(strings->items, strings->n * sizeof *items);
        for (uint32_t i = 0; i < strings->n; i++)
            items[i] = copy_str(items[i]);
        strings->items = items;
        break;
    case FIELD_VECTOR_INTERVAL: {
        struct interval_list *l = field;
        l->items = fake_record_copy_bytes(l->items, l->n * sizeof *l->items);
        break;
    }
    case FIELD_VECTOR_ADDR: {
        struct addr_list *l = field;
        l->items = fake_record_copy_bytes(l->items, l->n * sizeof *l->items);
        break;
    }
    default:
        break;
    }
}

static void free_const(const void *p)
{
    free((void *)(uintptr_t)p);
}

static void field_free(enum field_type type, const void *field)
{
    const struct str_list *strings = field;

    switch (type) {
    case FIELD_STRING:
    case FIELD_ENUM:
        free_const(((const struct str *)field)->p);
        break;
    case FIELD_SET_STRING:
    case FIELD_SET_ENUM:
    case FIELD_VECTOR_STRING:
        for (uint32_t i = 0; i < strings->n; i++)
            free_const(strings->items[i].p);
        free_const(strings->items);
        break;
    case FIELD_VECTOR_INTERVAL:
        free_const(((const struct interval_list *)field)->items);
        break;
    case FIELD_VECTOR_ADDR:
        free_const(((const struct addr_list *)field)->items);
        break;
    default:
        break;
    }
}

static bool field_present(const void *rec, unsigned i)
{
    uint64_t present;

    memcpy(&present, rec, sizeof present);
    return (present >> i & 1) != 0;
}

/* The end of the last field: `present` and the members before it are the whole struct. */
static size_t record_bytes(enum record_type type)
{
    switch (type) {
#define RECORD(name, path, id, doc)                                                                \
    case RECORD_##name:                                                                            \
        return sizeof(struct rec_##name);
#define FIELD(rec, member, name, type, doc)
#define END(name)
#include "common/schema/records.def"
#undef RECORD
#undef FIELD
#undef END
    default:
        CHECK(!"record type");
        return 0;
    }
}

struct fake_record fake_record_copy(enum record_type type, const void *rec)
{
    const struct record_schema *s = &record_schemas[type];
    uint8_t *copy;

    CHECK(field_present(rec, 0)); /* ts */
    copy = fake_record_copy_bytes(rec, record_bytes(type));
    for (unsigned i = 0; i < s->n_fields; i++)
        if (field_present(rec, i))
            field_copy(s->fields[i].type, copy + s->fields[i].offset);
    return (struct fake_record){type, copy};
}

void fake_record_free(const struct fake_record *r)
{
    const struct record_schema *s = &record_schemas[r->type];
    const uint8_t *rec = r->rec;

    for (unsigned i = 0; i < s->n_fields; i++)
        if (field_present(rec, i))
            field_free(s->fields[i].type, rec + s->fields[i].offset);
    free(r->rec);
}

static void print_str(FILE *out, struct str s)
{
    for (uint32_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];
        fprintf(out, c >= 0x20 && c < 0x7f ? "%c" : "\\x%02x", c);
    }
}

static void print_list(FILE *out, enum field_type type, const void *list)
{
    uint32_t n = ((const struct str_list *)list)->n; /* at the same place in all lists */

    if (n == 0)
        fputs("(empty)", out);
    for (uint32_t i = 0; i < n; i++) {
        char addr[IPADDR_TEXT_MAX];

        if (i > 0)
            fputc(',', out);
        if (type == FIELD_VECTOR_INTERVAL)
            fprintf(out, "%" PRId64, ((const struct interval_list *)list)->items[i]);
        else if (type == FIELD_VECTOR_ADDR)
            print_str(out, str_make(addr, ipaddr_format(&((const struct addr_list *)list)->items[i],
                                                        addr)));
        else
            print_str(out, ((const struct str_list *)list)->items[i]);
    }
}

static void print_field(FILE *out, enum field_type type, const void *p)
{
    char addr[IPADDR_TEXT_MAX];

    switch (type) {
    case FIELD_TIME:
    case FIELD_COUNT:
        fprintf(out, "%" PRIu64, *(const uint64_t *)p);
        break;
    case FIELD_INTERVAL:
        fprintf(out, "%" PRId64, *(const int64_t *)p);
        break;
    case FIELD_BOOL:
        fputc(*(const bool *)p ? 'T' : 'F', out);
        break;
    case FIELD_PORT:
        fprintf(out, "%u", *(const uint16_t *)p);
        break;
    case FIELD_DOUBLE:
        fprintf(out, "%g", *(const double *)p);
        break;
    case FIELD_STRING:
    case FIELD_ENUM:
        print_str(out, *(const struct str *)p);
        break;
    case FIELD_ADDR:
        print_str(out, str_make(addr, ipaddr_format(p, addr)));
        break;
    default:
        print_list(out, type, p);
        break;
    }
}

const char *fake_record_field(const struct fake_record *r, const char *field)
{
    static char *texts[4];
    static unsigned turn;
    const struct record_schema *s = &record_schemas[r->type];
    const uint8_t *rec = r->rec;
    size_t size;
    FILE *out;
    unsigned i = 0;

    while (i < s->n_fields && strcmp(s->fields[i].name, field) != 0)
        i++;
    if (i == s->n_fields)
        return "(no field)";
    if (!field_present(rec, i))
        return "-";
    turn = (turn + 1) % 4;
    free(texts[turn]);
    out = open_memstream(&texts[turn], &size);
    CHECK(out);
    print_field(out, s->fields[i].type, rec + s->fields[i].offset);
    fclose(out);
    return texts[turn];
}

void fake_record_print(FILE *out, const struct fake_record *r)
{
    const struct record_schema *s = &record_schemas[r->type];
    const uint8_t *rec = r->rec;

    fprintf(out, "%s:", s->path);
    for (unsigned i = 0; i < s->n_fields; i++) {
        if (!field_present(rec, i))
            continue;
        fprintf(out, " %s=", s->fields[i].name);
        print_field(out, s->fields[i].type, rec + s->fields[i].offset);
    }
    fputc('\n', out);
}

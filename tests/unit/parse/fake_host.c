/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/parse/fake_host.h"

#include "common/base/check.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define BUFS_BYTES (4u * 1024 * 1024)

static void *copy_bytes(const void *p, size_t n)
{
    void *copy = malloc(n > 0 ? n : 1);

    CHECK(copy);
    if (n > 0)
        memcpy(copy, p, n);
    return copy;
}

static struct str copy_str(struct str s)
{
    return (struct str){copy_bytes(s.p, s.len), s.len};
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
        items = copy_bytes(strings->items, strings->n * sizeof *items);
        for (uint32_t i = 0; i < strings->n; i++)
            items[i] = copy_str(items[i]);
        strings->items = items;
        break;
    case FIELD_VECTOR_INTERVAL: {
        struct interval_list *l = field;
        l->items = copy_bytes(l->items, l->n * sizeof *l->items);
        break;
    }
    case FIELD_VECTOR_ADDR: {
        struct addr_list *l = field;
        l->items = copy_bytes(l->items, l->n * sizeof *l->items);
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

static struct fake_host *host_of(struct analyzer_ctx *ctx)
{
    return (struct fake_host *)ctx;
}

static void on_record(struct analyzer_ctx *ctx, enum record_type type, void *rec)
{
    struct fake_host *h = host_of(ctx);
    const struct record_schema *s = &record_schemas[type];
    uint8_t *copy;

    CHECK(field_present(rec, 0)); /* ts */
    if (h->n_records++ >= FAKE_HOST_RECORDS)
        return;
    copy = copy_bytes(rec, record_bytes(type));
    for (unsigned i = 0; i < s->n_fields; i++)
        if (field_present(rec, i))
            field_copy(s->fields[i].type, copy + s->fields[i].offset);
    h->records[h->n_records - 1] = (struct fake_record){type, copy};
}

static void on_weird(struct analyzer_ctx *ctx, enum weird w, const char *addl)
{
    (void)addl;
    CHECK(w < WEIRDS);
    host_of(ctx)->weirds[w]++;
}

static void on_service(struct analyzer_ctx *ctx, const char *name)
{
    struct fake_host *h = host_of(ctx);

    for (unsigned i = 0; i < h->n_services; i++)
        if (strcmp(h->services[i], name) == 0)
            return;
    CHECK(h->n_services < FAKE_HOST_SERVICES);
    h->services[h->n_services++] = name;
}

static void on_category(struct analyzer_ctx *ctx, enum category category)
{
    host_of(ctx)->category = category_schemas[category].name;
}

static void on_hand_over(struct analyzer_ctx *ctx, const char *analyzer, unsigned side,
                         const uint8_t *rest, size_t len)
{
    struct fake_host *h = host_of(ctx);

    CHECK(!h->handed_over && side < 2);
    h->handed_over = true;
    h->successor = analyzer;
    h->rest_side = side;
    h->rest = copy_bytes(rest, len);
    h->rest_len = len;
}

static void on_done(struct analyzer_ctx *ctx)
{
    host_of(ctx)->done = true;
}

static void bytes_append(uint8_t **to, size_t *to_len, const void *data, size_t len)
{
    *to = realloc(*to, *to_len + len + 1);
    CHECK(*to);
    if (len > 0)
        memcpy(*to + *to_len, data, len);
    *to_len += len;
}

static void on_leave(struct analyzer_ctx *ctx, unsigned side, const uint8_t *data, size_t len)
{
    struct fake_host *h = host_of(ctx);

    CHECK(side < 2);
    bytes_append(&h->left[side], &h->left_len[side], data, len);
}

static void note(struct fake_host *h, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(h->notes + h->notes_len, sizeof h->notes - h->notes_len, format, args);
    va_end(args);
    if (n > 0 && (size_t)n < sizeof h->notes - h->notes_len)
        h->notes_len += (size_t)n;
}

static void on_tell(struct analyzer_ctx *ctx, int whom, enum analyzer_fact fact, struct str text)
{
    struct fake_host *h = host_of(ctx);

    CHECK(fact < FACTS && whom >= -1 && whom <= (int)h->n_children);
    CHECK(whom <= 0 || !h->children[whom - 1].closed);
    free(h->facts[fact]);
    h->facts[fact] = strndup(text.p, text.len);
    note(h, "fact %d to %d: %.*s\n", (int)fact, whom, (int)text.len, text.p);
}

static int on_child_open(struct analyzer_ctx *ctx, const char *analyzer)
{
    struct fake_host *h = host_of(ctx);

    if (h->refuse_children || h->n_children == FAKE_HOST_CHILDREN)
        return 0;
    h->children[h->n_children++] = (struct fake_child){.name = analyzer};
    return (int)h->n_children;
}

static struct fake_child *child_of(struct analyzer_ctx *ctx, int child)
{
    struct fake_host *h = host_of(ctx);

    CHECK(child >= 0 && child <= (int)h->n_children);
    if (child == 0)
        return NULL;
    CHECK(!h->children[child - 1].closed);
    return &h->children[child - 1];
}

static void on_child_data(struct analyzer_ctx *ctx, int child, unsigned side, const uint8_t *data,
                          size_t len)
{
    struct fake_child *c = child_of(ctx, child);

    CHECK(side < 2);
    if (c)
        bytes_append(&c->data[side], &c->len[side], data, len);
}

static void on_child_gap(struct analyzer_ctx *ctx, int child, unsigned side, uint64_t len)
{
    struct fake_child *c = child_of(ctx, child);

    CHECK(side < 2);
    if (c)
        c->gap[side] += len;
}

static void on_child_end(struct analyzer_ctx *ctx, int child, unsigned side)
{
    struct fake_child *c = child_of(ctx, child);

    CHECK(side < 2);
    if (c)
        c->ended[side] = true;
}

static void on_child_close(struct analyzer_ctx *ctx, int child)
{
    struct fake_child *c = child_of(ctx, child);

    if (c)
        c->closed = true;
}

static void on_alt_svc(struct analyzer_ctx *ctx, struct str origin, struct str value)
{
    note(host_of(ctx), "alt_svc of %.*s: %.*s\n", (int)origin.len, origin.p, (int)value.len,
         value.p);
}

static void on_resolved(struct analyzer_ctx *ctx, const struct ipaddr *addr, struct str name,
                        uint32_t ttl_s)
{
    char text[IPADDR_TEXT_MAX];

    note(host_of(ctx), "resolved %.*s to %.*s for %u s\n", (int)name.len, name.p,
         (int)ipaddr_format(addr, text), text, ttl_s);
}

static void on_connection_id(struct analyzer_ctx *ctx, unsigned side, const uint8_t *cid,
                             size_t len)
{
    CHECK(side < 2 && len >= 1 && len <= 20);
    note(host_of(ctx), "connection id to %u: ", side);
    for (size_t i = 0; i < len; i++)
        note(host_of(ctx), "%02x", cid[i]);
    note(host_of(ctx), "\n");
}

static const struct analyzer_host callbacks = {
    .record = on_record,
    .weird = on_weird,
    .service = on_service,
    .category = on_category,
    .hand_over = on_hand_over,
    .done = on_done,
    .leave = on_leave,
    .tell = on_tell,
    .child_open = on_child_open,
    .child_data = on_child_data,
    .child_gap = on_child_gap,
    .child_end = on_child_end,
    .child_close = on_child_close,
    .alt_svc = on_alt_svc,
    .resolved = on_resolved,
    .connection_id = on_connection_id,
};

void fake_host_open(struct fake_host *h, const struct analyzer *a, uint8_t transport)
{
    memset(h, 0, sizeof *h);
    CHECK(bufpool_init(&h->bufs, BUFS_BYTES) == 0);
    h->ctx = (struct analyzer_ctx){
        .host = &callbacks, .bufs = &h->bufs, .ts_ns = FAKE_HOST_TS_NS, .transport = transport};
    h->analyzer = a;
    h->state = calloc(1, a->state_bytes > 0 ? a->state_bytes : 1);
    CHECK(h->state);
    if (a->open)
        a->open(&h->ctx, h->state);
}

/* Bytes go to the analyzer in a heap block of their own, so that the address sanitizer sees a read
 * past the end. */
void fake_host_data(struct fake_host *h, unsigned side, const void *data, size_t len)
{
    uint8_t *copy;

    if (h->done || h->handed_over)
        return;
    copy = copy_bytes(data, len);
    h->analyzer->data(&h->ctx, h->state, side, copy, len);
    free(copy);
}

void fake_host_gap(struct fake_host *h, unsigned side, uint64_t len)
{
    if (!h->done && !h->handed_over && h->analyzer->gap)
        h->analyzer->gap(&h->ctx, h->state, side, len);
}

void fake_host_end(struct fake_host *h, unsigned side)
{
    if (!h->done && !h->handed_over && h->analyzer->end)
        h->analyzer->end(&h->ctx, h->state, side);
}

void fake_host_close(struct fake_host *h)
{
    if (h->analyzer->close)
        h->analyzer->close(&h->ctx, h->state);
    CHECK(h->bufs.used_bytes == 0);
    for (unsigned i = 0; i < h->n_children; i++)
        CHECK(h->children[i].closed);
}

void fake_host_tell(struct fake_host *h, enum analyzer_fact fact, const char *text)
{
    CHECK(h->analyzer->told);
    h->analyzer->told(&h->ctx, h->state, fact, str_of(text));
}

void fake_host_fini(struct fake_host *h)
{
    unsigned n = h->n_records < FAKE_HOST_RECORDS ? h->n_records : FAKE_HOST_RECORDS;

    for (unsigned r = 0; r < n; r++) {
        const struct record_schema *s = &record_schemas[h->records[r].type];
        const uint8_t *rec = h->records[r].rec;

        for (unsigned i = 0; i < s->n_fields; i++)
            if (field_present(rec, i))
                field_free(s->fields[i].type, rec + s->fields[i].offset);
        free(h->records[r].rec);
    }
    for (unsigned i = 0; i < FACTS; i++)
        free(h->facts[i]);
    for (unsigned i = 0; i < h->n_children; i++) {
        free(h->children[i].data[0]);
        free(h->children[i].data[1]);
    }
    free(h->left[0]);
    free(h->left[1]);
    free(h->rest);
    free(h->state);
    bufpool_fini(&h->bufs);
    memset(h, 0, sizeof *h);
}

const void *fake_host_record(const struct fake_host *h, enum record_type type, unsigned nth)
{
    for (unsigned r = 0; r < h->n_records && r < FAKE_HOST_RECORDS; r++)
        if (h->records[r].type == type && nth-- == 0)
            return h->records[r].rec;
    return NULL;
}

unsigned fake_host_count(const struct fake_host *h, enum record_type type)
{
    unsigned n = 0;

    while (fake_host_record(h, type, n))
        n++;
    return n;
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

const char *fake_host_field(const struct fake_host *h, enum record_type type, unsigned nth,
                            const char *field)
{
    static char *texts[4];
    static unsigned turn;
    const struct record_schema *s = &record_schemas[type];
    const uint8_t *rec = fake_host_record(h, type, nth);
    size_t size;
    FILE *out;
    unsigned i = 0;

    if (!rec)
        return "(no record)";
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

char *fake_host_dump(const struct fake_host *h)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    CHECK(out);
    for (unsigned r = 0; r < h->n_records && r < FAKE_HOST_RECORDS; r++) {
        const struct record_schema *s = &record_schemas[h->records[r].type];
        const uint8_t *rec = h->records[r].rec;

        fprintf(out, "%s:", s->path);
        for (unsigned i = 0; i < s->n_fields; i++) {
            if (!field_present(rec, i))
                continue;
            fprintf(out, " %s=", s->fields[i].name);
            print_field(out, s->fields[i].type, rec + s->fields[i].offset);
        }
        fputc('\n', out);
    }
    for (unsigned w = 0; w < WEIRDS; w++)
        if (h->weirds[w] > 0)
            fprintf(out, "weird: %s x %u\n", weird_schemas[w].name, h->weirds[w]);
    for (unsigned i = 0; i < h->n_services; i++)
        fprintf(out, "service: %s\n", h->services[i]);
    if (h->category)
        fprintf(out, "category: %s\n", h->category);
    fwrite(h->notes, 1, h->notes_len, out);
    for (unsigned i = 0; i < h->n_children; i++) {
        const struct fake_child *c = &h->children[i];

        for (unsigned side = 0; side < 2; side++) {
            uint32_t sum = 0;

            for (size_t b = 0; b < c->len[side]; b++)
                sum = sum * 31 + c->data[side][b];
            fprintf(out, "child %u %s: side %u: %zu bytes (%08x), gap %" PRIu64 "%s\n", i + 1,
                    c->name, side, c->len[side], sum, c->gap[side], c->ended[side] ? ", end" : "");
        }
    }
    if (h->handed_over)
        fprintf(out, "handed over to %s\n", h->successor ? h->successor : "(detect)");
    fclose(out);
    return text;
}

enum { CUT_NONE = -1, CUT_EVERYWHERE = -2 };

/* One run; chunk `which` is cut at `at`. What a hand-over leaves unread depends on the cut, so the
 * dump does not show it. */
static char *run_cut(const struct analyzer *a, uint8_t transport, const struct fake_chunk *chunks,
                     unsigned n_chunks, int which, size_t at)
{
    static struct fake_host h;
    char *dump;

    fake_host_open(&h, a, transport);
    for (unsigned c = 0; c < n_chunks; c++) {
        const uint8_t *p = chunks[c].data;

        if (which == CUT_EVERYWHERE) {
            for (size_t i = 0; i < chunks[c].len; i++)
                fake_host_data(&h, chunks[c].side, p + i, 1);
        } else if (which == (int)c) {
            fake_host_data(&h, chunks[c].side, p, at);
            fake_host_data(&h, chunks[c].side, p + at, chunks[c].len - at);
        } else {
            fake_host_data(&h, chunks[c].side, p, chunks[c].len);
        }
    }
    fake_host_close(&h);
    dump = fake_host_dump(&h);
    fake_host_fini(&h);
    return dump;
}

void fake_host_check_splits(const struct analyzer *a, uint8_t transport,
                            const struct fake_chunk *chunks, unsigned n_chunks)
{
    char *whole = run_cut(a, transport, chunks, n_chunks, CUT_NONE, 0);
    char *cut;

    for (unsigned c = 0; c < n_chunks; c++) {
        for (size_t at = 1; at < chunks[c].len; at++) {
            cut = run_cut(a, transport, chunks, n_chunks, (int)c, at);
            if (strcmp(cut, whole) != 0)
                fail_msg("chunk %u cut at byte %zu: saw\n%sinstead of\n%s", c, at, cut, whole);
            free(cut);
        }
    }
    cut = run_cut(a, transport, chunks, n_chunks, CUT_EVERYWHERE, 0);
    if (strcmp(cut, whole) != 0)
        fail_msg("byte by byte: saw\n%sinstead of\n%s", cut, whole);
    free(cut);
    free(whole);
}

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

struct options fake_host_options;

static struct fake_host *host_of(struct analyzer_ctx *ctx)
{
    return (struct fake_host *)ctx;
}

static void on_record(struct analyzer_ctx *ctx, enum record_type type, void *rec)
{
    struct fake_host *h = host_of(ctx);
    struct fake_record copy = fake_record_copy(type, rec);

    if (h->n_records++ < FAKE_HOST_RECORDS)
        h->records[h->n_records - 1] = copy;
    else
        fake_record_free(&copy);
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
    h->rest = fake_record_copy_bytes(rest, len);
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

static void on_spare(struct analyzer_ctx *ctx, unsigned side, uint64_t len)
{
    host_of(ctx)->spared[side] = len;
}

static uint64_t on_wire_time(struct analyzer_ctx *ctx, unsigned side, uint64_t ts_ns)
{
    CHECK(side < 2);
    return host_of(ctx)->wire_lead_ns[side] > 0 ? ts_ns - host_of(ctx)->wire_lead_ns[side] : 0;
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
    .spare = on_spare,
    .wire_time = on_wire_time,
};

void fake_host_open(struct fake_host *h, const struct analyzer *a, uint8_t transport)
{
    memset(h, 0, sizeof *h);
    CHECK(bufpool_init(&h->bufs, BUFS_BYTES) == 0);
    h->ctx = (struct analyzer_ctx){
        .host = &callbacks,
        .options = &fake_host_options,
        .bufs = &h->bufs,
        .ts_ns = FAKE_HOST_TS_NS,
        .transport = transport,
    };
    h->analyzer = a;
    h->state = calloc(1, a->state_bytes > 0 ? a->state_bytes : 1);
    CHECK(h->state);
    if (a->open)
        a->open(&h->ctx, h->state);
}

void fake_host_data(struct fake_host *h, unsigned side, const void *data, size_t len)
{
    uint8_t *copy;

    if (h->done || h->handed_over)
        return;
    copy = fake_record_copy_bytes(data, len);
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

    for (unsigned r = 0; r < n; r++)
        fake_record_free(&h->records[r]);
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

static const struct fake_record *find_record(const struct fake_host *h, enum record_type type,
                                             unsigned nth)
{
    for (unsigned r = 0; r < h->n_records && r < FAKE_HOST_RECORDS; r++)
        if (h->records[r].type == type && nth-- == 0)
            return &h->records[r];
    return NULL;
}

const void *fake_host_record(const struct fake_host *h, enum record_type type, unsigned nth)
{
    const struct fake_record *r = find_record(h, type, nth);

    return r ? r->rec : NULL;
}

unsigned fake_host_count(const struct fake_host *h, enum record_type type)
{
    unsigned n = 0;

    while (fake_host_record(h, type, n))
        n++;
    return n;
}

const char *fake_host_field(const struct fake_host *h, enum record_type type, unsigned nth,
                            const char *field)
{
    const struct fake_record *r = find_record(h, type, nth);

    return r ? fake_record_field(r, field) : "(no record)";
}

char *fake_host_dump(const struct fake_host *h)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    CHECK(out);
    for (unsigned r = 0; r < h->n_records && r < FAKE_HOST_RECORDS; r++)
        fake_record_print(out, &h->records[r]);
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

void fake_host_run(struct fake_host *h, const struct analyzer *a, uint8_t transport,
                   const struct fake_chunk *chunks, size_t n_chunks)
{
    fake_host_open(h, a, transport);
    for (size_t i = 0; i < n_chunks; i++) {
        h->ctx.ts_ns++;
        fake_host_data(h, chunks[i].side, chunks[i].data, chunks[i].len);
    }
    fake_host_close(h);
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

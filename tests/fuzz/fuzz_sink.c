/* SPDX-License-Identifier: BSD-3-Clause */
/* A batch of hostile bytes through every sink. The first byte chooses the log and whether the rest
 * is taken as records as it stands, or as a recipe for records that are mostly right, so that
 * strings and numbers come as far as the lines. What a sink takes must make lines: one a record,
 * without a control byte. All sinks of lines must agree on what a record is. Notices that a second
 * worker repeats are taken out of a batch before: what is left is as good as it was. */
#include "common/base/check.h"
#include "common/base/pack.h"
#include "common/ipc/record_reader.h"
#include "logger/notice_filter.h"
#include "tests/unit/logger/sink_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define OUTPUT_MAX (4 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sink_fixture *fixture;
static char *output;

static void remove_folder(void)
{
    void *f = fixture;

    sink_fixture_teardown(&f);
    free(output);
}

static void init(void)
{
    void *f;

    if (fixture)
        return;
    CHECK(sink_fixture_setup(&f) == 0);
    fixture = f;
    output = malloc(OUTPUT_MAX);
    CHECK(output);
    atexit(remove_folder);
}

/* Up to 63 bytes of the recipe. */
static struct str take_bytes(struct cursor *c)
{
    size_t n = cursor_u8(c) & 63;

    if (n > cursor_left(c))
        n = cursor_left(c);
    return str_make(cursor_bytes(c, n), n);
}

static uint8_t *add_scalar(uint8_t *p, struct cursor *c, enum field_type type)
{
    struct str s;
    double d;
    uint64_t u;

    switch (type) {
    case FIELD_TIME:
    case FIELD_COUNT:
        return pack_uint(p, cursor_be64(c));
    case FIELD_PORT:
        return pack_uint(p, cursor_be16(c));
    case FIELD_INTERVAL:
        return pack_int(p, (int64_t)cursor_be64(c));
    case FIELD_BOOL:
        return pack_bool(p, cursor_u8(c) & 1);
    case FIELD_DOUBLE:
        u = cursor_be64(c);
        memcpy(&d, &u, sizeof d);
        return pack_double(p, d);
    case FIELD_ADDR:
        u = cursor_be64(c);
        return pack_bin8(p, (const uint8_t *)&u, 4);
    default:
        s = take_bytes(c);
        return pack_str(p, s.p, s.len);
    }
}

static uint8_t *add_field(uint8_t *p, struct cursor *c, enum field_type type)
{
    uint8_t how = cursor_u8(c);

    if (how < 64)
        return pack_nil(p);
    if (how == 255) {
        *p++ = cursor_u8(c); /* something wrong */
        return p;
    }
    if (type < FIELD_SET_STRING)
        return add_scalar(p, c, type);
    p = pack_array(p, how & 3);
    for (unsigned i = 0; i < (how & 3); i++)
        p = add_scalar(p, c, record_reader_element_type(type));
    return p;
}

static void add_records(struct spool_batch *b, struct cursor *c)
{
    const struct record_schema *schema = &record_schemas[b->type];
    uint8_t *p = fixture->bytes;

    for (b->count = 0; b->count < 4 && cursor_left(c) > 0; b->count++) {
        p = pack_array(p, schema->n_fields);
        for (unsigned i = 0; i < schema->n_fields; i++)
            p = add_field(p, c, schema->fields[i].type);
    }
    b->bytes = (size_t)(p - fixture->bytes);
}

static bool is_log(enum record_type type)
{
    return type != RECORD_packet && type != RECORD_exchange;
}

/* Returns the number of lines. */
static uint32_t check_text(const char *text, size_t n, bool tabs)
{
    uint32_t lines = 0;

    for (size_t i = 0; i < n; i++) {
        uint8_t c = (uint8_t)text[i];

        if (c == '\n')
            lines++;
        else
            CHECK((c >= 0x20 && c != 0x7f) || (tabs && c == '\t'));
    }
    return lines;
}

/* Runs the batch through a stream. Returns what write() said. */
static int try_stream(const struct sink *sink, const struct spool_batch *b)
{
    struct heritage *h = &fixture->heritage;
    struct sink_state *s;
    ssize_t n;
    int rc;

    h->output_fd = memfd_create("output", MFD_CLOEXEC);
    CHECK(h->output_fd >= 0 && sink->open(&s, h, NULL) == 0);
    rc = sink->write(s, b);
    CHECK(rc == 0 || rc == -EBADMSG);
    CHECK(sink->flush(s) == 0);
    n = pread(h->output_fd, output, OUTPUT_MAX, 0);
    CHECK(n >= 0);
    if (sink == &sink_text && b->type == RECORD_exchange)
        CHECK(check_text(output, (size_t)n, false) >= (rc == 0 ? 3 * b->count : 0));
    else if (sink != &sink_pcap)
        CHECK(check_text(output, (size_t)n, false) == (rc == 0 && is_log(b->type) ? b->count : 0));
    sink->close(s);
    close(h->output_fd);
    return rc;
}

static int try_file(const struct sink *sink, const struct spool_batch *b, uint32_t more_lines)
{
    struct sink_state *s;
    char name[64];
    const char *text;
    int rc;

    CHECK(sink->open(&s, &fixture->heritage, NULL) == 0);
    rc = sink->write(s, b);
    CHECK(rc == 0 || rc == -EBADMSG);
    CHECK(sink->flush(s) == 0);
    sink->close(s);
    snprintf(name, sizeof name, "%s.log", record_schemas[b->type].path);
    text = sink_fixture_read(fixture, name);
    CHECK(!text == (rc < 0 || b->count == 0 || !is_log(b->type)));
    if (!text)
        return rc;
    if (strlen(text) < sizeof fixture->text - 1)
        CHECK(check_text(text, strlen(text), true) == b->count + more_lines);
    snprintf(output, OUTPUT_MAX, "%s/%s", fixture->heritage.log_dir, name);
    unlink(output);
    return rc;
}

/* rc: what sinks say of the batch. */
static void try_filter(struct spool_batch *b, int rc)
{
    static const struct str nodes[] = {{"worker-1", 8}, {"worker-2", 8}};
    struct notice_filter *f = notice_filter_new();

    CHECK(f);
    for (unsigned i = 0; i < 2; i++) {
        struct spool_batch before = *b;
        uint32_t repeated = notice_filter_batch(f, nodes[i], b, fixture->bytes);

        CHECK(b->count + repeated == before.count && b->bytes <= before.bytes);
        CHECK(try_stream(&sink_json_stream, b) == rc);
    }
    notice_filter_free(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cursor c = cursor_init(data, size);
    struct spool_batch *b;
    uint8_t first;
    int rc;

    init();
    if (size < 2 || size > 4096)
        return 0;
    first = cursor_u8(&c);
    b = &fixture->batch;
    sink_fixture_begin(fixture, (enum record_type)(first / 2 % RECORD_TYPES), 1);
    fixture->heritage.options.headers = b->type == RECORD_exchange;
    if (first & 1) {
        add_records(b, &c);
    } else {
        b->count = cursor_u8(&c) & 7;
        b->bytes = cursor_left(&c);
        memcpy(fixture->bytes, c.p, b->bytes);
    }
    rc = try_stream(&sink_json_stream, b);
    CHECK(try_stream(&sink_text, b) == rc || b->type == RECORD_exchange); /* which no other takes */
    CHECK(try_file(&sink_tsv, b, 9) == rc);
    CHECK(try_file(&sink_json, b, 0) == rc);
    (void)try_stream(&sink_pcap, b);
    if (b->type == RECORD_notice)
        try_filter(b, rc);
    return 0;
}

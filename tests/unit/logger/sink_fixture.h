/* SPDX-License-Identifier: BSD-3-Clause */
/* What tests of sinks share: a folder of their own, batches made of records, and files as text. */
#ifndef SPLIFF_TESTS_SINK_FIXTURE_H
#define SPLIFF_TESTS_SINK_FIXTURE_H

#include "common/ipc/heritage.h"
#include "common/ipc/spool.h"
#include "logger/sink/table.h"

#define SINK_FIXTURE_BYTES (256 * 1024)
#define SINK_FIXTURE_TEXT  (64 * 1024)

struct sink_fixture {
    struct heritage heritage; /* a one_shot TSV logger into the folder; a test may change it */
    uint8_t bytes[SINK_FIXTURE_BYTES];
    struct spool_batch batch; /* of bytes */
    char text[SINK_FIXTURE_TEXT];
    char path[HERITAGE_PATH_MAX + 128];
};

/* A new one in *state (cmocka setup), and its end with the folder (teardown). */
int sink_fixture_setup(void **state);
int sink_fixture_teardown(void **state);

/* Empties the batch; then adds a record to it. */
void sink_fixture_begin(struct sink_fixture *f, enum record_type type, uint64_t seq);
void sink_fixture_add(struct sink_fixture *f, const void *rec);

/* The path of a file below the folder, until the next call. */
const char *sink_fixture_path(struct sink_fixture *f, const char *name);

/* The content of a file below the folder, NUL-terminated; NULL if there is none. */
const char *sink_fixture_read(struct sink_fixture *f, const char *name);

/* One record through a sink as a stream or file: its line, without the newline. To a file it goes
 * several times, and each line is the same. */
const char *sink_fixture_line(struct sink_fixture *f, const struct sink *sink,
                              enum record_type type, const void *rec);

/* A flow's first six fields, IPv4. */
#define SINK_FIXTURE_FLOW(rec, r)                                                                  \
    do {                                                                                           \
        RECORD_SET(rec, r, ts, UINT64_C(1700000000123456789));                                     \
        RECORD_SET(rec, r, uid, STR_LIT("CHhAvVGS1DHFjwGM9"));                                     \
        RECORD_SET(rec, r, orig_h, sink_fixture_v4(192, 0, 2, 1));                                 \
        RECORD_SET(rec, r, orig_p, 49152);                                                         \
        RECORD_SET(rec, r, resp_h, sink_fixture_v4(198, 51, 100, 7));                              \
        RECORD_SET(rec, r, resp_p, 80);                                                            \
    } while (0)

static inline struct ipaddr sink_fixture_v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
    struct ipaddr ip;

    ipaddr_set_v4(&ip, (const uint8_t[]){a, b, c, d});
    return ip;
}

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* A host for analyzers under test: what the pipeline offers, kept instead of sent.
 *
 * It drives one analyzer over one flow as the pipeline would (no data after done or hand_over,
 * close at the end), deep-copies every record, and shows fields as text, so that a test reads
 *
 *     fake_host_open(&h, &analyzer_x, ANALYZER_TCP);
 *     fake_host_data(&h, 0, bytes, len);
 *     fake_host_close(&h);
 *     assert_string_equal(fake_host_field(&h, RECORD_x, 0, "method"), "GET");
 *     fake_host_fini(&h);
 *
 * Fuzz targets use it too. */
#ifndef SPLIFF_TESTS_FAKE_HOST_H
#define SPLIFF_TESTS_FAKE_HOST_H

#include "tests/unit/parse/fake_record.h"
#include "worker/analyzer.h"

#define FAKE_HOST_RECORDS  1024
#define FAKE_HOST_SERVICES 8
#define FAKE_HOST_TS_NS    UINT64_C(1700000000000000000)

#define FAKE_HOST_CHILDREN 64

/* A child is not run: what it was given is kept. Its handle is its place + 1. */
struct fake_child {
    const char *name;
    uint8_t *data[2]; /* by side, all calls one behind the other */
    size_t len[2];
    uint64_t gap[2];
    bool ended[2];
    bool closed;
};

/* The options that analyzers are given: zeroed at the start of a program, a test may change them at
 * any time and puts them back. */
extern struct options fake_host_options;

struct fake_host {
    struct analyzer_ctx ctx; /* a test may change its fields between calls */
    struct bufpool bufs;
    const struct analyzer *analyzer;
    void *state;
    struct fake_record records[FAKE_HOST_RECORDS];
    unsigned n_records; /* those past FAKE_HOST_RECORDS are counted but not kept */
    unsigned weirds[WEIRDS];
    const char *services[FAKE_HOST_SERVICES];
    unsigned n_services;
    const char *category;
    bool done;
    bool handed_over;
    const char *successor; /* of hand_over; NULL: detect anew */
    unsigned rest_side;
    uint8_t *rest; /* a copy */
    size_t rest_len;
    uint8_t *left[2]; /* by analyzer_leave, copies */
    size_t left_len[2];
    struct fake_child children[FAKE_HOST_CHILDREN];
    unsigned n_children;
    uint64_t spared[2];       /* by side: what was spared last; it is given all the same */
    bool refuse_children;     /* as when there is no room */
    uint64_t wire_lead_ns[2]; /* by side: packets came so long before; 0: that is not known */
    char *facts[FACTS];       /* last text told of each fact, to whomever; NULL: none */
    char notes[8192];         /* a line each: facts told, Alt-Svc, resolved names, connection ids */
    size_t notes_len;
};

/* Zeroes *h and opens the analyzer on a new flow at time FAKE_HOST_TS_NS. bufs has 4 MiB. */
void fake_host_open(struct fake_host *h, const struct analyzer *a, uint8_t transport);

/* As the pipeline: ignored once the analyzer is done or has handed over. */
void fake_host_data(struct fake_host *h, unsigned side, const void *data, size_t len);
void fake_host_gap(struct fake_host *h, unsigned side, uint64_t len);
void fake_host_end(struct fake_host *h, unsigned side);

/* close(), and a CHECK that every buffer was given back. Records stay until fake_host_fini. */
void fake_host_close(struct fake_host *h);
void fake_host_fini(struct fake_host *h);

/* The analyzer is told a fact, as by its parent, its predecessor or a child. */
void fake_host_tell(struct fake_host *h, enum analyzer_fact fact, const char *text);

/* Records of a type, and the nth of them (NULL if there are fewer). */
unsigned fake_host_count(const struct fake_host *h, enum record_type type);
const void *fake_host_record(const struct fake_host *h, enum record_type type, unsigned nth);

/* A field of it as fake_record_field gives it, or "(no record)". */
const char *fake_host_field(const struct fake_host *h, enum record_type type, unsigned nth,
                            const char *field);

/* All that was seen, as text: for failure messages and to compare runs. free() it. */
char *fake_host_dump(const struct fake_host *h);

struct fake_chunk {
    unsigned side;
    const void *data;
    size_t len;
};

/* Opens the analyzer, gives it the chunks whole, each a nanosecond after the one before, and closes
 * it. */
void fake_host_run(struct fake_host *h, const struct analyzer *a, uint8_t transport,
                   const struct fake_chunk *chunks, size_t n_chunks);

/* Runs the analyzer over the chunks whole, then once for every place where a chunk can be cut in
 * two, then byte by byte, and fails the test, naming the cut, unless all runs see the same. */
void fake_host_check_splits(const struct analyzer *a, uint8_t transport,
                            const struct fake_chunk *chunks, unsigned n_chunks);

#endif

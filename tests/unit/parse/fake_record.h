/* SPDX-License-Identifier: BSD-3-Clause */
/* Records that a test keeps: deep copies, and their fields as text. */
#ifndef SPLIFF_TESTS_FAKE_RECORD_H
#define SPLIFF_TESTS_FAKE_RECORD_H

#include "worker/analyzer.h"

#include <stdio.h>

struct fake_record {
    enum record_type type;
    void *rec; /* a struct rec_<type>; it and all it points to belong to the record */
};

/* Of a struct rec_<type>, whose time must be set. fake_record_free gives the memory back. */
struct fake_record fake_record_copy(enum record_type type, const void *rec);
void fake_record_free(const struct fake_record *r);

/* A field by its log name, as text: "-" if unset, lists joined by commas, "(empty)" for an empty
 * one, times and intervals in ns, "(no field)". Valid until the fourth next call. */
const char *fake_record_field(const struct fake_record *r, const char *field);

/* A line: the log, and every field that is set. */
void fake_record_print(FILE *out, const struct fake_record *r);

/* A heap block of just these bytes, so that the address sanitizer sees a read past their end. The
 * caller frees it. */
void *fake_record_copy_bytes(const void *p, size_t n);

#endif

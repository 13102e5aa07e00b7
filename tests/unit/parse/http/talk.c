/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/parse/http/talk.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct fake_host talk;

void talk_finish(unsigned records)
{
    if (fake_host_count(&talk, RECORD_http) != records) {
        char *seen = fake_host_dump(&talk);
        fail_msg("%u records, expected %u:\n%s", fake_host_count(&talk, RECORD_http), records,
                 seen);
    }
    fake_host_fini(&talk);
}

void talk_expect(unsigned nth, const char *field, const char *value, int line)
{
    const char *found = fake_host_field(&talk, RECORD_http, nth, field);

    if (strcmp(found, value) != 0)
        fail_msg("line %d: record %u, %s is \"%s\", expected \"%s\"", line, nth, field, found,
                 value);
}

void talk_expect_weird(enum weird w, unsigned n, int line)
{
    if (talk.weirds[w] != n)
        fail_msg("line %d: weird %s %u times, expected %u", line, weird_schemas[w].name,
                 talk.weirds[w], n);
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/learn/workers.h"

#include "common/base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct worker_of_test a, b;
struct workers_published published;
static const struct workers_part *tested;

void learn_publish(struct learn *l, const char *part, const void *body, size_t len)
{
    if (tested->publisher)
        assert_ptr_equal(l, tested->publisher);
    assert_string_equal(part, tested->name);
    assert_true(len <= tested->event_bytes_max);
    memcpy(published.body, body, len);
    published.from = l;
    published.len = len;
    published.n++;
}

static int worker_open(struct worker_of_test *w, const char *node)
{
    memset(w, 0, sizeof *w);
    strcpy(w->h.node, node);
    w->h.n_workers = 2;
    w->h.options = tested->options;
    w->l = (struct learn){.h = &w->h, .bus = (struct bus *)(void *)w, .c = &w->c};
    return tested->open(&w->l);
}

int workers_open(const struct workers_part *part)
{
    CHECK(part->event_bytes_max <= sizeof published.body);
    tested = part;
    memset(&published, 0, sizeof published);
    return worker_open(&a, "worker-1") < 0 || worker_open(&b, "worker-2") < 0;
}

void workers_close(void)
{
    tested->close(&a.l);
    tested->close(&b.l);
}

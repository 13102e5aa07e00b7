/* SPDX-License-Identifier: BSD-3-Clause */
/* A set, not a count: the bus tells of each subscription to a prefix, but only of the end of the
 * last one. */
#include "worker/emit/taps.h"

#include <string.h>

#define LOG_PREFIX "log/"

/* A subscription is to all topics that begin with it; so a shorter one may be about ours, too. */
static bool is_about_logs(const char *prefix, size_t len)
{
    size_t n = sizeof LOG_PREFIX - 1;

    return len < TAPS_TOPIC_BYTES && memcmp(prefix, LOG_PREFIX, len < n ? len : n) == 0;
}

static uint32_t tap_find(const struct taps *t, const char *prefix, size_t len)
{
    uint32_t i = 0;

    while (i < t->n && (t->tap[i].len != len || memcmp(t->tap[i].prefix, prefix, len) != 0))
        i++;
    return i;
}

void taps_note(struct taps *t, const struct bus_message *m)
{
    uint32_t i;

    if (m->kind == BUS_MESSAGE || !is_about_logs(m->topic, m->topic_len))
        return;
    i = tap_find(t, m->topic, m->topic_len);
    if (m->kind == BUS_UNSUBSCRIBED) {
        if (i < t->n)
            t->tap[i] = t->tap[--t->n];
    } else if (i == TAPS_MAX) {
        t->many = true;
    } else if (i == t->n) {
        t->tap[i].len = (uint8_t)m->topic_len;
        memcpy(t->tap[i].prefix, m->topic, m->topic_len);
        t->n++;
    }
}

bool taps_want(const struct taps *t, const char *topic)
{
    size_t len = strlen(topic);

    for (uint32_t i = 0; i < t->n; i++)
        if (t->tap[i].len <= len && memcmp(t->tap[i].prefix, topic, t->tap[i].len) == 0)
            return true;
    return t->many;
}

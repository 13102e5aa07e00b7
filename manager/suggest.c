/* SPDX-License-Identifier: BSD-3-Clause */
#include "manager/suggest.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define SUGGEST_MAX 40 /* longer than any of our names; bounds the row below */

static int suggest_fold(char c)
{
    return c == '_' ? '-' : tolower((unsigned char)c);
}

/* Levenshtein distance, one row at a time. */
static unsigned edit_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    unsigned row[SUGGEST_MAX + 1];

    for (unsigned j = 0; j <= b_len; j++)
        row[j] = j;
    for (unsigned i = 1; i <= a_len; i++) {
        unsigned diagonal = row[0];

        row[0] = i;
        for (unsigned j = 1; j <= b_len; j++) {
            unsigned change = diagonal + (suggest_fold(a[i - 1]) != suggest_fold(b[j - 1]));
            unsigned one_more = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;

            diagonal = row[j];
            row[j] = change < one_more ? change : one_more;
        }
    }
    return row[b_len];
}

void suggest_offer(struct suggest *s, const char *typed, const char *candidate)
{
    size_t n = strlen(typed), m = strlen(candidate);
    unsigned d;

    if (n > SUGGEST_MAX || m > SUGGEST_MAX)
        return;
    d = edit_distance(typed, n, candidate, m);
    if (d > (n > m ? n : m) / 3)
        return;
    if (!s->name || d < s->distance) {
        s->name = candidate;
        s->distance = d;
    }
}

const char *suggest_text(const struct suggest *s, char *out, unsigned bytes)
{
    out[0] = '\0';
    if (s->name)
        snprintf(out, bytes, "; did you mean %s?", s->name);
    return out;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* "Did you mean": the nearest of a set of names to a mistyped one. */
#ifndef SPLIFF_MANAGER_SUGGEST_H
#define SPLIFF_MANAGER_SUGGEST_H

/* Zeroed, then shown every candidate; afterwards `name` is the nearest that is near enough to be
 * meant (a third of the letters wrong at most), borrowed from the caller, or NULL. */
struct suggest {
    const char *name;
    unsigned distance;
};

/* Case and the difference of - and _ do not count. Names over 40 bytes are never near. */
void suggest_offer(struct suggest *s, const char *typed, const char *candidate);

/* "; did you mean X?" into out, or "" when nothing is near. Returns out. */
const char *suggest_text(const struct suggest *s, char *out, unsigned bytes);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Categories of flows, derived from categories.def. */
#ifndef SPLIFF_SCHEMA_CATEGORY_H
#define SPLIFF_SCHEMA_CATEGORY_H

#include <stddef.h>
#include <stdint.h>

enum category {
#define CATEGORY(name, doc) CATEGORY_##name,
#include "common/schema/categories.def"
#undef CATEGORY
    CATEGORIES
};

_Static_assert(CATEGORIES <= 32, "a set of them is a 32-bit mask");

struct category_schema {
    const char *name;
    const char *doc;
};

extern const struct category_schema category_schemas[CATEGORIES];

/* "web_tls,dns" as a mask of 1 << category; an empty list is all of them. Returns 0, or -EINVAL
 * with the item that names none, and the names there are, in error[error_bytes]. */
int category_list_parse(const char *list, uint32_t *mask, char *error, size_t error_bytes);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/schema/category.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const struct category_schema category_schemas[CATEGORIES] = {
#define CATEGORY(name, doc) [CATEGORY_##name] = {#name, doc},
#include "common/schema/categories.def"
#undef CATEGORY
};

static enum category category_find(const char *name, size_t len)
{
    unsigned c = 0;

    while (c < CATEGORIES && !(strlen(category_schemas[c].name) == len &&
                               memcmp(category_schemas[c].name, name, len) == 0))
        c++;
    return (enum category)c;
}

static void say_unknown(const char *name, size_t len, char *error, size_t error_bytes)
{
    size_t n = (size_t)snprintf(error, error_bytes, "there is no category '%.*s'; there are:",
                                (int)(len < 64 ? len : 64), name);

    for (unsigned c = 0; c < CATEGORIES && n < error_bytes; c++)
        n += (size_t)snprintf(error + n, error_bytes - n, " %s", category_schemas[c].name);
}

int category_list_parse(const char *list, uint32_t *mask, char *error, size_t error_bytes)
{
    uint32_t found = 0;

    for (list += strspn(list, ", "); *list; list += strspn(list, ", ")) {
        size_t len = strcspn(list, ", ");
        enum category c = category_find(list, len);

        if (c == CATEGORIES) {
            say_unknown(list, len, error, error_bytes);
            return -EINVAL;
        }
        found |= UINT32_C(1) << c;
        list += len;
    }
    *mask = found ? found : UINT32_MAX;
    return 0;
}

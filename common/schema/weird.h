/* SPDX-License-Identifier: BSD-3-Clause */
/* Oddities of traffic, derived from weirds.def: each is a counter's worth of news and one line in
 * weird.log, rate-limited per flow and name. */
#ifndef SPLIFF_SCHEMA_WEIRD_H
#define SPLIFF_SCHEMA_WEIRD_H

enum weird {
#define WEIRD(id, name, doc) WEIRD_##id,
#include "common/schema/weirds.def"
#undef WEIRD
    WEIRDS
};

struct weird_schema {
    const char *name;
    const char *doc;
};

extern const struct weird_schema weird_schemas[WEIRDS];

#endif

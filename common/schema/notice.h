/* SPDX-License-Identifier: BSD-3-Clause */
/* What notice.log tells of, derived from notices.def. */
#ifndef SPLIFF_SCHEMA_NOTICE_H
#define SPLIFF_SCHEMA_NOTICE_H

#include "common/schema/weird.h"

enum notice {
#define NOTICE(id, name, doc) NOTICE_##id,
#define NOTICE_OF(weird, id)
#include "common/schema/notices.def"
#undef NOTICE
#undef NOTICE_OF
    NOTICES
};

struct notice_schema {
    const char *name;
    const char *doc;
};

extern const struct notice_schema notice_schemas[NOTICES];

/* The notice that an oddity raises; NOTICES for most. */
enum notice notice_of_weird(enum weird w);

#endif

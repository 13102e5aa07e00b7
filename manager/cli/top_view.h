/* SPDX-License-Identifier: BSD-3-Clause */
/* What `top` shows of two samples: zeekctl's columns, then what happened between the samples. */
#ifndef SPLIFF_MANAGER_CLI_TOP_VIEW_H
#define SPLIFF_MANAGER_CLI_TOP_VIEW_H

#include "manager/cli/top_sample.h"
#include "manager/text.h"

/* A header and a line a node. */
void top_view_table(const struct top_sample *before, const struct top_sample *now,
                    struct text *out);

/* {"interval":seconds,"nodes":[{…}]} and a newline; null is what nobody can tell. */
void top_view_json(const struct top_sample *before, const struct top_sample *now, struct text *out);

#endif

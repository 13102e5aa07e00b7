/* SPDX-License-Identifier: BSD-3-Clause */
/* The manager's table of alternative services as text. */
#ifndef SPLIFF_MANAGER_LEARNED_PRINT_H
#define SPLIFF_MANAGER_LEARNED_PRINT_H

#include "common/base/alt_svc_table.h"
#include "manager/text.h"

/* A row a service after a header, or {"alt_svc":[{…}]} and a newline. What has expired at now_ns is
 * left out. t may be NULL: nothing is known. Bytes that a terminal could take amiss are escaped. */
void learned_print_table(const struct alt_svc_table *t, uint64_t now_ns, bool json,
                         struct text *out);

#endif

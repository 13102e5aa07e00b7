/* SPDX-License-Identifier: BSD-3-Clause */
/* `print WHAT` shows what the manager knows. Which things there are is its word alone: an unknown
 * one, or none, is answered with the list. */
#include "common/base/log.h"
#include "manager/cli/cli.h"
#include "manager/cli/setup.h"
#include "manager/control.h"

#include <stdio.h>
#include <string.h>

int cli_print(const struct cli_args *a)
{
    const char *what = a->word ? a->word : "";
    char request[CONTROL_REQUEST_MAX];

    if (what[strspn(what, "abcdefghijklmnopqrstuvwxyz0123456789_")] != '\0' ||
        snprintf(request, sizeof request - 1, "print %s%s", what, a->json ? " json" : "") >=
            (int)sizeof request - 1) {
        log_error("print: there is no '%s' to print", what);
        return CLI_USAGE;
    }
    return setup_request(a, request);
}

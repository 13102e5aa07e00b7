/* SPDX-License-Identifier: BSD-3-Clause */
/* `print WHAT` shows what the manager knows. Which things there are is its word alone: an unknown
 * one, or none, is answered with the list. */
#include "common/base/log.h"
#include "manager/cli/cli.h"
#include "manager/cli/setup.h"
#include "manager/control.h"
#include "manager/run_dir.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int cli_print(const struct cli_args *a)
{
    const char *what = a->word ? a->word : "";
    char request[CONTROL_REQUEST_MAX];
    struct manager_plan *plan;
    pid_t holder;
    int status;

    if (what[strspn(what, "abcdefghijklmnopqrstuvwxyz0123456789_")] != '\0' ||
        snprintf(request, sizeof request - 1, "print %s%s", what, a->json ? " json" : "") >=
            (int)sizeof request - 1) {
        log_error("print: there is no '%s' to print", what);
        return CLI_USAGE;
    }
    plan = setup_plan_new(MANAGER_CLUSTER);
    status = setup_state(a, plan);
    if (status != CLI_OK)
        goto out;
    holder = run_dir_holder(plan->state_dir);
    status = holder > 0 ? control_request(plan->state_dir, request) : (int)holder;
    if (holder == 0 || status == -ENOENT || status == -ECONNREFUSED) {
        log_error("no cluster runs on %s", plan->state_dir);
        status = CLI_FAILED;
    } else if (status < 0) {
        status = setup_unreachable(plan, status);
    }
out:
    free(plan);
    return status;
}

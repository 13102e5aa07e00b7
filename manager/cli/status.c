/* SPDX-License-Identifier: BSD-3-Clause */
/* `status` prints what the manager answers; it reads node.cfg only when there is no manager, so a
 * file that was broken meanwhile does not hide a running cluster. */
#include "manager/status.h"

#include "manager/cli/cli.h"
#include "manager/cli/setup.h"
#include "manager/control.h"
#include "manager/run_dir.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* No manager answers: the nodes are those of node.cfg, and none runs. */
static int status_stopped(const struct cli_args *a, struct manager_plan *plan)
{
    struct text out = {0};
    int status = setup_topology(a, plan, NULL);

    if (status != CLI_OK)
        return status;
    if (a->json)
        status_json_stopped(&plan->topology, &out);
    else
        status_table_stopped(&plan->topology, &out);
    fputs(out.p, stdout);
    text_free(&out);
    return CLI_FAILED;
}

int cli_status(const struct cli_args *a)
{
    struct manager_plan *plan = setup_plan_new(MANAGER_CLUSTER);
    int status = setup_place(a, plan);
    pid_t holder;

    if (status != CLI_OK)
        goto out;
    holder = run_dir_holder(plan->state_dir);
    status = holder > 0 ? control_request(plan->state_dir, a->json ? "status json" : "status")
                        : (int)holder;
    if (holder == 0 || status == -ENOENT || status == -ECONNREFUSED) {
        status = status_stopped(a, plan);
    } else if (status < 0) {
        status = setup_unreachable(plan, holder, status);
    }
out:
    free(plan);
    return status;
}

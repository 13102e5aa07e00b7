/* SPDX-License-Identifier: BSD-3-Clause */
/* `doctor`: with -i, of what `run` with the same options would capture; else of the cluster of
 * node.cfg. */
#include "manager/doctor/doctor.h"

#include "common/base/check.h"
#include "common/base/log.h"
#include "manager/cli/cli.h"
#include "manager/cli/devices.h"
#include "manager/cli/setup.h"

#include <stdio.h>
#include <stdlib.h>

static int find_topology(const struct cli_args *a, struct manager_plan *plan)
{
    struct options *o = &plan->options;
    char error[INI_ERROR_BYTES], interfaces[DEVICES_BYTES];
    bool fits = devices_choose(o, interfaces, error) == 0;

    if (fits && !interfaces[0])
        return setup_topology(a, plan, NULL);
    if (!fits || topology_of_run(&plan->topology, (unsigned)o->workers, interfaces, o->mode,
                                 devices_pins(o), o->plaintext, error) < 0) {
        log_error("%s", error);
        return CLI_USAGE;
    }
    plan->state_dir[0] = '\0';
    return CLI_OK;
}

int cli_doctor(const struct cli_args *a)
{
    struct manager_plan *plan = setup_plan_new(MANAGER_CLUSTER);
    struct doctor *d = calloc(1, sizeof *d);
    struct doctor_report *report = calloc(1, sizeof *report);
    char error[INI_ERROR_BYTES];
    struct text out = {0};
    int status;

    CHECK(d && report);
    status = setup_state(a, plan);
    if (status == CLI_OK)
        status = find_topology(a, plan);
    if (status == CLI_OK && setup_program_dir(plan->program_dir, error) < 0)
        status = cli_fail(-1, error);
    if (status != CLI_OK)
        goto out;
    d->root = "";
    d->options = &plan->options;
    d->topology = &plan->topology;
    d->program_dir = plan->program_dir;
    d->state_dir = plan->state_dir;
    /* `run` writes no logs unless asked to. */
    d->log_dir = plan->state_dir[0] || plan->options.log_dir[0] ? plan->log_dir : "";
    doctor_examine(d);
    doctor_run(d, report);
    (a->json ? doctor_print_json : doctor_print)(report, &out);
    fputs(out.p ? out.p : "", stdout);
    status = doctor_is_ok(report) ? CLI_OK : CLI_FAILED;
out:
    text_free(&out);
    free(report);
    free(d);
    free(plan);
    return status;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* `stop` asks the manager and then waits for its lock to fall, so that a start right after it does
 * not find the old one still there. It is no error that nothing runs: the wish is fulfilled. */
#include "common/base/clock.h"
#include "common/base/log.h"
#include "manager/cli/cli.h"
#include "manager/cli/setup.h"
#include "manager/control.h"
#include "manager/run_dir.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STOP_POLL_NS (20 * NS_PER_MS)
#define STOP_POLLS   250 /* 5 s */

static void stop_pause(void)
{
    static const struct timespec t = {.tv_nsec = STOP_POLL_NS};

    nanosleep(&t, NULL);
}

/* A manager that has its lock but no socket is just starting or ending. */
static int request_stop(const char *state_dir)
{
    int status = control_request(state_dir, "stop");

    for (int i = 0; i < STOP_POLLS && (status == -ENOENT || status == -ECONNREFUSED); i++) {
        if (run_dir_holder(state_dir) == 0)
            return CLI_OK;
        stop_pause();
        status = control_request(state_dir, "stop");
    }
    return status;
}

int cli_stop(const struct cli_args *a)
{
    struct manager_plan *plan = setup_plan_new(MANAGER_CLUSTER);
    int status = setup_state(a, plan);
    pid_t holder = 0;

    if (status != CLI_OK)
        goto out;
    holder = run_dir_holder(plan->state_dir);
    if (holder == 0) {
        printf("no cluster runs on %s\n", plan->state_dir);
        goto out;
    }
    status = holder < 0 ? (int)holder : request_stop(plan->state_dir);
    if (status < 0) {
        log_error("cannot reach the manager (pid %d) on %s: %s%s", holder > 0 ? (int)holder : 0,
                  plan->state_dir, strerror(-status),
                  status == -EACCES ? "; be root, as the manager is" : "");
        status = status == -EACCES ? CLI_NO_PERMISSION : CLI_FAILED;
        goto out;
    }
    /* So that a start that follows finds the lock free. */
    for (int i = 0; i < STOP_POLLS && run_dir_holder(plan->state_dir) == holder; i++)
        stop_pause();
    printf("manager stopped\n");
out:
    free(plan);
    return status;
}

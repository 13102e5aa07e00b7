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

/* So that a start that follows finds the lock free. */
static bool is_released(const char *state_dir, pid_t holder)
{
    for (int i = 0; i < STOP_POLLS; i++) {
        if (run_dir_holder(state_dir) != holder)
            return true;
        stop_pause();
    }
    return false;
}

int cli_stop(const struct cli_args *a)
{
    struct manager_plan *plan = setup_plan_new(MANAGER_CLUSTER);
    int status = setup_place(a, plan);
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
        status = setup_unreachable(plan, holder, status);
    } else if (!is_released(plan->state_dir, holder)) {
        log_error("the manager (pid %d) has not ended, though its nodes have: if it never does, "
                  "kill -9 %d",
                  (int)holder, (int)holder);
        status = CLI_FAILED;
    } else {
        printf("manager stopped\n");
    }
out:
    free(plan);
    return status;
}

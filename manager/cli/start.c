/* SPDX-License-Identifier: BSD-3-Clause */
/* `start`: what can be refused is refused here, at the terminal; then the process becomes the
 * manager (--foreground) or leaves one behind in the background and waits until it says, over a
 * pipe, that all nodes run or that one does not. The lock is taken before and goes along: it
 * belongs to the open file, which the fork shares. */
#include "common/base/log.h"
#include "manager/cli/cli.h"
#include "manager/cli/setup.h"
#include "manager/control.h"
#include "manager/run_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Everything but the nodes. Returns the lock's descriptor, or -errno with a line in error. */
static int prepare(struct manager_plan *plan, char *error)
{
    pid_t holder;
    int lock_fd, err;

    if ((err = setup_check_filter(&plan->options, error)) < 0 ||
        (err = setup_program_dir(plan->program_dir, error)) < 0 ||
        (err = privileged_ids_find(&plan->options, &plan->ids, error)) < 0)
        return err;
    lock_fd = run_dir_lock(plan->state_dir, &holder, error);
    if (lock_fd < 0)
        return lock_fd;
    if (plan->ids.user_absent)
        log_warn("there is no user %s: workers run as nobody (useradd -r %s makes it)",
                 plan->options.user, plan->options.user);
    err = run_dir_cluster(plan->state_dir, &plan->ids, plan->run_dir, error);
    if (err == 0)
        err = privileged_log_dir(plan->log_dir, &plan->ids, &plan->log_uid, error);
    if (err < 0) {
        close(lock_fd);
        return err;
    }
    return lock_fd;
}

/* The manager's whole life. In the background an error goes to who waits for the start. */
static int manage(struct manager_plan *plan, int lock_fd)
{
    char error[INI_ERROR_BYTES];
    struct manager *m;
    int err, status;

    run_dir_lock_mine(lock_fd);
    err = manager_open(&m, plan, error);
    if (err < 0) {
        status = cli_fail(err, error);
        if (plan->report_fd >= 0)
            dprintf(plan->report_fd, CONTROL_ERROR "%s\nexit %d\n", error, status);
        return status;
    }
    status = manager_loop(m);
    manager_close(m);
    run_dir_remove(plan->run_dir);
    return status;
}

/* Lets go of the terminal: null for stdin and stdout, <state_dir>/manager.stderr for stderr. */
static void detach(const struct manager_plan *plan)
{
    char path[HERITAGE_PATH_MAX + 16];
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC), err_fd;

    snprintf(path, sizeof path, "%s/manager.stderr", plan->state_dir);
    err_fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (null_fd >= 0) {
        dup2(null_fd, STDIN_FILENO);
        dup2(null_fd, STDOUT_FILENO);
        dup2(err_fd >= 0 ? err_fd : null_fd, STDERR_FILENO);
    }
    if (chdir("/") < 0)
        log_warn("cannot go to /: %s", strerror(errno));
    umask(027);
    log_init("manager", LOG_LEVEL_INFO);
}

/* Forks twice, so that the manager is nobody's child and can never get a terminal. Returns the
 * status that the manager reported. */
static int start_background(struct manager_plan *plan, int lock_fd)
{
    int fds[2], status;
    pid_t pid;

    if (pipe2(fds, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
        log_error("cannot start the manager: %s", strerror(errno));
        return CLI_FAILED;
    }
    if (pid > 0) {
        close(fds[1]);
        close(lock_fd);
        waitpid(pid, NULL, 0);
        status = control_copy_lines(fds[0]);
        if (status >= 0)
            return status;
        log_error("the manager died while starting; see %s/manager.stderr", plan->state_dir);
        return CLI_FAILED;
    }
    setsid();
    if (fork() != 0)
        _exit(0);
    close(fds[0]);
    plan->report_fd = fds[1];
    plan->stderr_files = true;
    detach(plan);
    _exit(manage(plan, lock_fd));
}

int cli_start(const struct cli_args *a)
{
    struct manager_plan *plan = setup_plan_new(MANAGER_CLUSTER);
    char error[INI_ERROR_BYTES];
    int lock_fd, status = setup_state(a, plan);

    if (status == CLI_OK)
        status = setup_topology(a, plan, NULL);
    if (status == CLI_OK && topology_count(&plan->topology, TOPOLOGY_PROBE) > 0)
        status = setup_probe(&plan->options, false);
    if (status != CLI_OK)
        goto out;
    lock_fd = prepare(plan, error);
    if (lock_fd < 0) {
        status = cli_fail(lock_fd, error);
        goto out;
    }
    status = a->foreground ? manage(plan, lock_fd) : start_background(plan, lock_fd);
    /* Held up to here by this process, in the background by the manager. */
    if (a->foreground)
        close(lock_fd);
out:
    free(plan);
    return status;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* What commands do before the manager runs: find programs and files, read the configuration. */
#ifndef SPLIFF_MANAGER_CLI_SETUP_H
#define SPLIFF_MANAGER_CLI_SETUP_H

#include "manager/cli/cli.h"
#include "manager/manager.h"

/* The folder of spliff-worker and spliff-logger: that of this program, else ../libexec/spliff.
 * 0 or -ENOENT with a line in error[INI_ERROR_BYTES]. */
int setup_program_dir(char out[HERITAGE_PATH_MAX], char *error);

/* Where `name` (spliff.cfg, node.cfg) is looked for when it was not given: <prefix>/etc/spliff, or
 * etc/ of the source tree that this program was built in. */
void setup_default_path(const char *name, char out[HERITAGE_PATH_MAX]);

/* Defaults, --config (or, if `fallback`, the default spliff.cfg where it exists), then the command
 * line. CLI_OK, or another status after printing. */
int setup_options(const struct cli_args *a, bool fallback, struct options *o);

/* Options of a cluster into plan, with state_dir and log_dir made absolute. CLI_OK, or another
 * status after printing. */
int setup_state(const struct cli_args *a, struct manager_plan *plan);

/* Only state_dir (and log_dir, if that follows from it) into plan: for commands about the cluster
 * that runs. Of what a start would refuse in spliff.cfg they warn. CLI_OK, or another status after
 * printing. */
int setup_place(const struct cli_args *a, struct manager_plan *plan);

/* The topology of node.cfg into plan. What was accepted without effect goes to `notes`, if not
 * NULL. CLI_OK, or another status after printing. */
int setup_topology(const struct cli_args *a, struct manager_plan *plan, struct text *notes);

/* Whether the expression of -f can be compiled. 0, or -EINVAL with a line in
 * error[INI_ERROR_BYTES]. */
int setup_check_filter(const struct options *o, char *error);

/* Whether plaintext can be taken here. What the machine lacks is an error if it is `needed`, else a
 * warning. CLI_OK, or another status after printing. */
int setup_probe(const struct options *o, bool needed);

/* path, made absolute from the current folder. 0, -ENAMETOOLONG, or -errno of getcwd. */
int setup_absolute(const char *path, char out[HERITAGE_PATH_MAX]);

/* Says why the manager could not be asked: err is the -errno of control_request, holder who has the
 * lock (run_dir_holder). Returns the status that it stands for. */
int setup_unreachable(const struct manager_plan *plan, pid_t holder, int err);

/* Asks the manager of the cluster that a names, and prints its answer (control.h). Returns the
 * status of it, or CLI_FAILED or CLI_NO_PERMISSION after printing why there is none. */
int setup_request(const struct cli_args *a, const char *request);

/* The same of the manager on plan->state_dir, with the lines into answer (NULL: printed). */
int setup_ask(const struct manager_plan *plan, const char *request, struct text *answer);

/* An empty plan with defaults. On the heap; freed with free(). */
struct manager_plan *setup_plan_new(enum manager_purpose purpose);

#endif

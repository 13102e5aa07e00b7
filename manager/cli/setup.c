/* SPDX-License-Identifier: BSD-3-Clause */
/* The same program runs from three places: installed (<prefix>/bin, with its configuration in
 * <prefix>/etc/spliff), from a package (/usr/bin and /etc/spliff) and from where it was built
 * (build/…/bin, with the samples in etc/ of the source tree). Its own path tells which, so none of
 * them needs a setting or an installation to be tried. */
#include "manager/cli/setup.h"
#include "manager/cores.h"

#include "common/base/check.h"
#include "common/base/filter.h"
#include "common/base/log.h"
#include "manager/config.h"
#include "manager/control.h"
#include "manager/probe_check.h"
#include "manager/run_dir.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINKTYPE_ETHERNET 1

/* Folder of this executable, without a slash at its end. */
static void exe_dir(char out[HERITAGE_PATH_MAX])
{
    ssize_t n = readlink("/proc/self/exe", out, HERITAGE_PATH_MAX - 1);
    char *slash;

    out[n > 0 ? n : 0] = '\0';
    slash = strrchr(out, '/');
    if (slash)
        *slash = '\0';
}

int setup_program_dir(char out[HERITAGE_PATH_MAX], char *error)
{
    static const char *const beside[] = {"", "/../libexec/spliff"};
    char dir[HERITAGE_PATH_MAX], path[PATH_MAX];

    exe_dir(dir);
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s%s/spliff-worker", dir, beside[i]);
        if (access(path, X_OK) == 0 &&
            snprintf(out, HERITAGE_PATH_MAX, "%s%s", dir, beside[i]) < HERITAGE_PATH_MAX)
            return 0;
    }
    snprintf(error, INI_ERROR_BYTES,
             "spliff-worker is neither in %.200s nor in ../libexec/spliff: install it", dir);
    return -ENOENT;
}

void setup_default_path(const char *name, char out[HERITAGE_PATH_MAX])
{
    char dir[HERITAGE_PATH_MAX], path[PATH_MAX];
    const char *build;

    exe_dir(dir);
    build = strstr(dir, "/build/");
    if (build)
        snprintf(path, sizeof path, "%.*s/etc/%s", (int)(build - dir), dir, name);
    else if (strcmp(dir, "/usr/bin") == 0 || strcmp(dir, "/usr/sbin") == 0)
        snprintf(path, sizeof path, "/etc/spliff/%s", name);
    else
        snprintf(path, sizeof path, "%.*s/etc/spliff/%s",
                 (int)(strrchr(dir, '/') ? strrchr(dir, '/') - dir : 0), dir, name);
    path[HERITAGE_PATH_MAX - 1] = '\0';
    memcpy(out, path, HERITAGE_PATH_MAX);
}

/* The spliff.cfg that was given, or else the default one if it is there; NULL: none. */
static const char *config_path(const struct cli_args *a, char path[HERITAGE_PATH_MAX])
{
    if (a->config)
        return a->config;
    setup_default_path("spliff.cfg", path);
    return access(path, F_OK) == 0 ? path : NULL;
}

int setup_options(const struct cli_args *a, bool fallback, struct options *o)
{
    char path[HERITAGE_PATH_MAX], error[INI_ERROR_BYTES];
    const char *config = fallback ? config_path(a, path) : a->config;
    int err = 0, status;

    options_init(o);
    if (config)
        err = config_read(config, o, error);
    if (err < 0)
        return cli_fail(err, error);
    status = cli_args_apply(a, o);
    if (status != CLI_OK)
        return status;
    if (config_check(o, error) < 0) {
        log_error("%s", error);
        return a->n_values ? CLI_USAGE : CLI_FAILED;
    }
    return CLI_OK;
}

int setup_absolute(const char *path, char out[HERITAGE_PATH_MAX])
{
    char here[PATH_MAX], full[2 * PATH_MAX];
    size_t n;

    if (*path == '/')
        snprintf(full, sizeof full, "%s", path);
    else if (getcwd(here, sizeof here))
        snprintf(full, sizeof full, "%s/%s", here, path);
    else
        return -errno;
    n = strlen(full);
    if (n >= HERITAGE_PATH_MAX)
        return -ENAMETOOLONG;
    memcpy(out, full, n + 1);
    return 0;
}

/* Logs lie below the state folder unless they were given a place. */
static int cluster_paths(struct manager_plan *plan)
{
    struct options *o = &plan->options;

    int n, err = setup_absolute(o->state_dir, plan->state_dir);

    if (err < 0)
        return err;
    if (o->log_dir[0])
        return setup_absolute(o->log_dir, plan->log_dir);
    n = snprintf(plan->log_dir, sizeof plan->log_dir, "%s/logs", plan->state_dir);
    return n < HERITAGE_PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* --state-dir, and the paths that follow from it. */
static int take_state_dir(const struct cli_args *a, struct manager_plan *plan)
{
    char error[INI_ERROR_BYTES];
    int err;

    if (a->state_dir && !a->state_dir[0]) {
        log_error("--state-dir: is empty; give a folder");
        return CLI_USAGE;
    }
    if (a->state_dir && option_set(&plan->options, option_find("state_dir"), a->state_dir, error,
                                   sizeof error) < 0) {
        log_error("%s", error);
        return CLI_USAGE;
    }
    err = cluster_paths(plan);
    if (err < 0) {
        log_error("state_dir or log-dir: %s; give another path", strerror(-err));
        return CLI_FAILED;
    }
    return CLI_OK;
}

int setup_state(const struct cli_args *a, struct manager_plan *plan)
{
    int status = setup_options(a, true, &plan->options);

    return status == CLI_OK ? take_state_dir(a, plan) : status;
}

/* A line that has become wrong keeps nobody from looking at the cluster, or from ending it. */
static int read_place(const char *config, struct options *o)
{
    struct options all;
    char wrong[INI_ERROR_BYTES], error[INI_ERROR_BYTES + 64];
    int err;

    options_init(&all);
    err = config_read_state_dir(config, o, wrong);
    if (err < 0) {
        snprintf(error, sizeof error, "%s; mend it, or give --state-dir", wrong);
        return cli_fail(err, error);
    }
    if (config_read(config, &all, wrong) < 0 || config_check(&all, wrong) < 0)
        log_warn("%s; what runs is not concerned, but the next start will refuse it", wrong);
    return CLI_OK;
}

int setup_place(const struct cli_args *a, struct manager_plan *plan)
{
    char path[HERITAGE_PATH_MAX];
    const char *config = a->state_dir ? NULL : config_path(a, path);
    int status = config ? read_place(config, &plan->options) : CLI_OK;

    return status == CLI_OK ? take_state_dir(a, plan) : status;
}

/* DPDK does not begin on a core that is not there; other modes warn and go on without. */
static int check_cores(const struct topology *t, char *error)
{
    for (unsigned i = 0; i < t->n; i++) {
        const struct topology_node *n = &t->nodes[i];
        unsigned core = (unsigned)n->pin_cpu;

        if (n->mode == MODE_DPDK && n->pin_cpu >= 0 && cores_missing(&core, 1) >= 0) {
            snprintf(error, INI_ERROR_BYTES, "%s: there is no core %u: give others in lcores",
                     n->name, core);
            return -EINVAL;
        }
    }
    return 0;
}

int setup_topology(const struct cli_args *a, struct manager_plan *plan, struct text *notes)
{
    char path[HERITAGE_PATH_MAX], error[INI_ERROR_BYTES];
    int err;

    setup_default_path("node.cfg", path);
    err = topology_read(a->node_cfg ? a->node_cfg : path, &plan->topology, notes, error);
    if (err == 0)
        err = check_cores(&plan->topology, error);
    return err < 0 ? cli_fail(err, error) : CLI_OK;
}

int setup_check_filter(const struct options *o, char *error)
{
    struct filter *filter = NULL;

    if (!o->filter[0])
        return 0;
    /* Workers compile it again for the link types that they meet. */
    if (filter_compile(&filter, o->filter, LINKTYPE_ETHERNET, error, INI_ERROR_BYTES) < 0)
        return -EINVAL;
    filter_free(filter);
    return 0;
}

int setup_probe(const struct options *o, bool needed)
{
    char error[INI_ERROR_BYTES], dir[HERITAGE_PATH_MAX];
    struct text lacks = {0};
    int err = setup_program_dir(dir, error);

    if (err == 0)
        err = probe_check_request(o, error);
    if (err < 0)
        return cli_fail(err, error);
    probe_check_machine(dir, &lacks);
    for (const char *p = lacks.len ? lacks.p : ""; *p; p += strcspn(p, "\n") + 1)
        (needed ? log_error : log_warn)("%.*s", (int)strcspn(p, "\n"), p);
    err = lacks.len ? -ENOTSUP : 0;
    text_free(&lacks);
    return needed && err < 0 ? CLI_FAILED : CLI_OK;
}

struct manager_plan *setup_plan_new(enum manager_purpose purpose)
{
    struct manager_plan *plan = calloc(1, sizeof *plan);

    CHECK(plan);
    plan->purpose = purpose;
    plan->output_fd = plan->report_fd = -1;
    options_init(&plan->options);
    return plan;
}

int setup_unreachable(const struct manager_plan *plan, pid_t holder, int err)
{
    char who[32] = "";

    if (holder > 0)
        snprintf(who, sizeof who, " (pid %d)", (int)holder);
    if (err == -ETIMEDOUT)
        log_error("the manager%s on %s does not answer: if it never does, kill -9 ends it and its "
                  "nodes",
                  who, plan->state_dir);
    else
        log_error("cannot reach the manager%s on %s: %s%s", who, plan->state_dir, strerror(-err),
                  err == -EACCES ? "; be root, as the manager is" : "");
    return err == -EACCES ? CLI_NO_PERMISSION : CLI_FAILED;
}

int setup_ask(const struct manager_plan *plan, const char *request, struct text *answer)
{
    pid_t holder = run_dir_holder(plan->state_dir);
    int status = holder > 0 ? control_ask(plan->state_dir, request, answer) : (int)holder;

    if (holder == 0 || status == -ENOENT || status == -ECONNREFUSED) {
        log_error("no cluster runs on %s: spliff-cluster start begins it; --state-dir or --config "
                  "name another",
                  plan->state_dir);
        return CLI_FAILED;
    }
    return status < 0 ? setup_unreachable(plan, holder, status) : status;
}

int setup_request(const struct cli_args *a, const char *request)
{
    struct manager_plan *plan = setup_plan_new(MANAGER_CLUSTER);
    int status = setup_place(a, plan);

    if (status == CLI_OK)
        status = setup_ask(plan, request, NULL);
    free(plan);
    return status;
}

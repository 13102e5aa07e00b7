/* SPDX-License-Identifier: BSD-3-Clause */
/* `run`: a whole cluster for one interface or file, in a private folder that is gone at the end.
 * Everything that can be refused is looked at before anything is made. */
#include "common/base/log.h"
#include "common/schema/category.h"
#include "manager/capture/shared_file.h"
#include "manager/cli/cli.h"
#include "manager/cli/devices.h"
#include "manager/cli/progress.h"
#include "manager/cli/setup.h"
#include "manager/run_dir.h"
#include "manager/status.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int usage(const char *what)
{
    log_error("run: %s", what);
    return CLI_USAGE;
}

/* Options that contradict each other. */
static int check_options(const struct options *o, const char *interfaces)
{
    char error[INI_ERROR_BYTES];
    uint32_t categories;

    if (!o->read[0] && !interfaces[0])
        return usage("give -i INTERFACE or -r FILE (- is standard input); see --help");
    if (o->read[0] && interfaces[0])
        return usage("give either -i or -r, not both");
    if (o->mode == MODE_PCAP && !o->read[0])
        return usage("--mode pcap reads a file: give -r FILE");
    if (o->mode != MODE_AUTO && o->mode != MODE_PCAP && !interfaces[0])
        return usage("this --mode captures from an interface: give -i INTERFACE");
    if (o->mode == MODE_PCAP && interfaces[0])
        return usage("--mode pcap reads a file: give -r FILE in place of -i");
    if (category_list_parse(o->category, &categories, error, sizeof error) < 0 ||
        setup_check_filter(o, error) < 0)
        return usage(error);
    return CLI_OK;
}

/* What is about plaintext says nothing without it, unless it stands in spliff.cfg for all runs. */
static int check_plaintext(const struct cli_args *a, const struct options *o)
{
    static const char *const about[] = {
        "pid", "ppid", "comm", "cgroup", "address", "libraries", "detect-unhooked", "show-latency"};
    char error[INI_ERROR_BYTES];

    if (o->plaintext && o->read[0])
        return usage("--plaintext watches the processes of this host, and a file has none: leave "
                     "out -r or --plaintext");
    for (unsigned i = 0; i < a->n_values && !o->plaintext; i++) {
        for (size_t k = 0; k < sizeof about / sizeof about[0]; k++) {
            if (strcmp(a->values[i].schema->key, about[k]) == 0) {
                snprintf(error, sizeof error, "--%s is about plaintext: add --plaintext", about[k]);
                return usage(error);
            }
        }
    }
    return CLI_OK;
}

/* Exchanges are shown as text and in no other form. */
static int check_format(struct options *o)
{
    if (o->format == OUTPUT_NONE && (o->output[0] || !o->log_dir[0]))
        o->format = OUTPUT_TEXT;
    if ((o->headers || o->body) && o->format != OUTPUT_TEXT)
        return usage("--headers and --body show exchanges as text: add --format text");
    return CLI_OK;
}

static int check_input(const struct options *o)
{
    char error[INI_ERROR_BYTES];
    int err = o->read[0] ? privileged_check_input(o->read, error) : 0;

    return err < 0 ? cli_fail(err, error) : CLI_OK;
}

/* Everything that can be refused before anything is made. */
static int check_request(const struct cli_args *a, struct options *o, char *interfaces)
{
    char error[INI_ERROR_BYTES];
    int status = devices_choose(o, interfaces, error) < 0 ? usage(error) : CLI_OK;

    if (status == CLI_OK)
        status = check_options(o, interfaces);

    if (status == CLI_OK)
        status = check_plaintext(a, o);
    if (status == CLI_OK)
        status = check_format(o);
    if (status == CLI_OK)
        status = check_input(o);
    if (status == CLI_OK && o->plaintext)
        status = setup_probe(o, true);
    return status;
}

/* Whether fd is the capture file that is read. */
static bool is_input(const struct options *o, int fd)
{
    struct stat in, out;

    if (!o->read[0] || fstat(fd, &out) < 0 || !S_ISREG(out.st_mode) ||
        (strcmp(o->read, "-") == 0 ? fstat(STDIN_FILENO, &in) : stat(o->read, &in)) < 0)
        return false;
    return in.st_dev == out.st_dev && in.st_ino == out.st_ino;
}

/* A file of its own is emptied, but not before it is known that it is not what is read. */
static int take_output(struct manager_plan *plan, int fd)
{
    const struct options *o = &plan->options;
    struct stat st;

    if (o->format == OUTPUT_PCAP && isatty(fd))
        return usage("a capture is not for a terminal: give -o FILE or a pipe");
    if (is_input(o, fd))
        return usage("the output would be the capture that is read: give another file to -o");
    if (o->output[0] && strcmp(o->output, "-") != 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
        ftruncate(fd, 0) < 0) {
        log_error("cannot empty %s: %s", o->output, strerror(errno));
        return CLI_FAILED;
    }
    plan->output_fd = fd;
    return CLI_OK;
}

/* Where --format writes. */
static int open_output(struct manager_plan *plan)
{
    struct options *o = &plan->options;
    int fd, status;

    if (o->format == OUTPUT_NONE)
        return CLI_OK;
    fd = o->output[0] && strcmp(o->output, "-") != 0
             ? open(o->output, O_WRONLY | O_CREAT | O_CLOEXEC, 0644)
             : fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    if (fd < 0) {
        log_error("cannot write %s: %s", o->output[0] ? o->output : "standard output",
                  strerror(errno));
        return errno == EACCES ? CLI_NO_PERMISSION : CLI_FAILED;
    }
    status = take_output(plan, fd);
    if (status != CLI_OK)
        close(fd);
    return status;
}

static int make_plan(struct manager_plan *plan, char *error)
{
    struct options *o = &plan->options;
    int err = setup_program_dir(plan->program_dir, error);

    if (err == 0)
        err = privileged_ids_find(o, &plan->ids, error);
    plan->log_uid = plan->ids.uid;
    if (err == 0 && o->log_dir[0]) {
        err = setup_absolute(o->log_dir, plan->log_dir);
        if (err < 0)
            snprintf(error, INI_ERROR_BYTES, "--log-dir: %s", strerror(-err));
        else
            err = privileged_log_dir(plan->log_dir, &plan->ids, &plan->log_uid, error);
    }
    return err;
}

/* Runs the plan to its end and says what there is to say. */
static int run_plan(struct manager_plan *plan)
{
    const struct options *o = &plan->options;
    static struct progress progress; /* outlives the plan that points to it */
    struct text report = {0};
    char error[INI_ERROR_BYTES];
    struct manager *m;
    int status, err;

    if (plan->purpose == MANAGER_REPLAY && !o->quiet && isatty(STDERR_FILENO)) {
        plan->tick = progress_tick;
        plan->tick_ms = PROGRESS_TICK_MS;
        plan->tick_user = &progress;
    }
    err = manager_open(&m, plan, error);
    if (err < 0)
        return cli_fail(err, error);
    progress.manager = m;
    status = manager_loop(m);
    progress_clear(&progress);
    if (o->show_stats)
        status_counters(m, &report);
    if (o->show_latency)
        status_latency(m, &report);
    if (report.len)
        fputs(report.p, stderr);
    text_free(&report);
    if (!o->quiet)
        progress_summary(m);
    manager_close(m);
    return status;
}

int cli_run(const struct cli_args *a)
{
    struct manager_plan *plan = setup_plan_new(MANAGER_LIVE);
    char error[INI_ERROR_BYTES], interfaces[DEVICES_BYTES];
    int lock_fd = -1, err, status = setup_options(a, false, &plan->options);

    if (status == CLI_OK)
        status = check_request(a, &plan->options, interfaces);
    if (status != CLI_OK)
        goto out;
    if (plan->options.read[0])
        plan->purpose = MANAGER_REPLAY;
    if (topology_of_run(&plan->topology, (unsigned)plan->options.workers, interfaces,
                        plan->options.mode, devices_pins(&plan->options), plan->options.plaintext,
                        error) < 0) {
        status = usage(error);
        goto out;
    }
    if (plan->purpose == MANAGER_REPLAY && plan->options.workers > 1 &&
        !shared_file_in_turn(plan->options.read))
        topology_add_reader(&plan->topology);
    err = make_plan(plan, error);
    if (err < 0) {
        status = cli_fail(err, error);
        goto out;
    }
    status = open_output(plan);
    if (status != CLI_OK)
        goto out;
    err = run_dir_temp(&plan->ids, plan->run_dir, &lock_fd, error);
    if (err < 0) {
        status = cli_fail(err, error);
        goto out;
    }
    status = run_plan(plan);
    run_dir_remove(plan->run_dir);
out:
    if (plan->output_fd >= 0)
        close(plan->output_fd);
    if (lock_fd >= 0)
        close(lock_fd);
    free(plan);
    return status;
}

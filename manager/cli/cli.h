/* SPDX-License-Identifier: BSD-3-Clause */
/* The commands of spliff-cluster: one row in table.c and one function each. Options come from two
 * tables, the few of the commands themselves (args.c) and, for `run`, options.def. */
#ifndef SPLIFF_MANAGER_CLI_CLI_H
#define SPLIFF_MANAGER_CLI_CLI_H

#include "common/schema/options.h"
#include "manager/text.h"

#include <stdbool.h>

/* Exit statuses that scripts can rely on. */
enum cli_status {
#define ERROR_STATUS(name, status, word, doc) CLI_##name = (status),
#include "common/schema/errors.def"
#undef ERROR_STATUS
};

/* Which options a command takes. */
enum cli_takes {
    CLI_TAKES_CONFIG = 1,
    CLI_TAKES_NODE_CFG = 2,
    CLI_TAKES_STATE_DIR = 4,
    CLI_TAKES_JSON = 8,
    CLI_TAKES_FOREGROUND = 16,
    CLI_TAKES_RUN_OPTIONS = 32, /* scope RUN and BOTH of options.def */
    CLI_TAKES_WORD = 64,        /* one argument that is no option */
    CLI_TAKES_WORDS = 128,      /* any number of them */
    /* All commands about a cluster, so that the same arguments name it to each. Those of the
     * running one find it by its state folder, and look into no node.cfg. */
    CLI_TAKES_CLUSTER = CLI_TAKES_CONFIG | CLI_TAKES_NODE_CFG | CLI_TAKES_STATE_DIR,
};

#define CLI_VALUES_MAX 64

/* What was given. Texts are borrowed from argv. */
struct cli_args {
    const struct command *command;
    const char *config, *node_cfg, *state_dir, *word;
    char **words; /* the arguments of CLI_TAKES_WORDS */
    int n_words;
    bool json, foreground, help;
    struct {
        const struct option_schema *schema;
        const char *text;
    } values[CLI_VALUES_MAX]; /* of options.def, to be applied over the configuration */
    unsigned n_values;
};

struct command {
    const char *name;
    const char *help;
    const char *word; /* placeholder of its arguments, or "" */
    unsigned takes;   /* enum cli_takes */
    bool hidden;      /* not listed: for the build */
    int (*run)(const struct cli_args *args);
};

extern const struct command commands[];
extern const unsigned commands_n;

/* The whole program: finds the command and runs it. Returns the exit status. */
int cli_main(int argc, char **argv);

/* Reads the options of a command; argv[0] is its name. CLI_OK or CLI_USAGE after printing. */
int cli_args_parse(struct cli_args *a, const struct command *command, int argc, char **argv);

/* Applies a->values. CLI_OK or CLI_USAGE after printing what is wrong. */
int cli_args_apply(const struct cli_args *a, struct options *o);

/* `COMMAND --help` into out. */
void cli_help(const struct command *command, struct text *out);

/* Prints "spliff-cluster: error: <error>" and returns the status that -errno stands for. */
int cli_fail(int err, const char *error);

int cli_run(const struct cli_args *a);
int cli_check(const struct cli_args *a);
int cli_start(const struct cli_args *a);
int cli_stop(const struct cli_args *a);
int cli_status(const struct cli_args *a);
int cli_print(const struct cli_args *a);
int cli_top(const struct cli_args *a);
int cli_doctor(const struct cli_args *a);
int cli_rx_mode(const struct cli_args *a);
int cli_reload(const struct cli_args *a);
int cli_version(const struct cli_args *a);
int cli_docs(const struct cli_args *a);

#endif

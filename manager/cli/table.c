/* SPDX-License-Identifier: BSD-3-Clause */
#include "manager/cli/cli.h"

#include "common/base/log.h"
#include "manager/suggest.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const struct command commands[] = {
    {"run", "Monitor an interface or a capture file now, without configuration.", "",
     CLI_TAKES_RUN_OPTIONS | CLI_TAKES_CONFIG, false, cli_run},
    {"check", "Say whether the cluster of node.cfg could be started.", "",
     CLI_TAKES_CLUSTER | CLI_TAKES_JSON, false, cli_check},
    {"doctor", "Say what on this machine does not suit the capture modes, and what mends it.", "",
     CLI_TAKES_CLUSTER | CLI_TAKES_JSON | CLI_TAKES_RUN_OPTIONS, false, cli_doctor},
    {"start", "Start the cluster of node.cfg.", "", CLI_TAKES_CLUSTER | CLI_TAKES_FOREGROUND, false,
     cli_start},
    {"stop", "Stop the cluster.", "", CLI_TAKES_CLUSTER, false, cli_stop},
    {"status", "Show the nodes of the cluster; fails unless all run.", "",
     CLI_TAKES_CLUSTER | CLI_TAKES_JSON, false, cli_status},
    {"top", "Show what the nodes of the cluster do and lose, again and again on a terminal.", "",
     CLI_TAKES_CLUSTER | CLI_TAKES_JSON, false, cli_top},
    {"print", "Show what the running cluster knows: alt_svc, counters.", "WHAT",
     CLI_TAKES_CLUSTER | CLI_TAKES_JSON | CLI_TAKES_WORD, false, cli_print},
    {"rx-mode", "Show or change how workers wait for frames: polling, interrupt, adaptive.",
     "[NODE...] [MODE]", CLI_TAKES_CLUSTER | CLI_TAKES_JSON | CLI_TAKES_WORDS, false, cli_rx_mode},
    {"reload", "Have the cluster read the files of prefilter-ignore, -only and -drop again.", "",
     CLI_TAKES_CLUSTER, false, cli_reload},
    {"version", "Show the version and what is built in.", "", CLI_TAKES_JSON, false, cli_version},
    {"docs", "Print documentation made from the tables.", "WHAT", CLI_TAKES_WORD, true, cli_docs},
};
const unsigned commands_n = sizeof commands / sizeof commands[0];

static void help_all(FILE *out)
{
    fprintf(out, "usage: spliff-cluster COMMAND [options]\n\n");
    for (unsigned i = 0; i < commands_n; i++)
        if (!commands[i].hidden)
            fprintf(out, "  %-9s %s\n", commands[i].name, commands[i].help);
    fprintf(out, "\nspliff-cluster COMMAND --help tells its options.\nExit status:");
#define ERROR_STATUS(name, status, word, doc) fprintf(out, " %d %s;", status, word);
#include "common/schema/errors.def"
#undef ERROR_STATUS
    fprintf(out, " see spliff-cluster(8).\n");
}

static const struct command *find_command(const char *name)
{
    for (unsigned i = 0; i < commands_n; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static int unknown_command(const char *name)
{
    struct suggest near = {NULL, 0};
    char hint[80];

    for (unsigned i = 0; i < commands_n; i++)
        if (!commands[i].hidden)
            suggest_offer(&near, name, commands[i].name);
    suggest_text(&near, hint, sizeof hint);
    log_error("unknown command %s%s", name, near.name ? hint : " (see spliff-cluster help)");
    return CLI_USAGE;
}

int cli_fail(int err, const char *error)
{
    log_error("%s", error);
    return err == -EACCES || err == -EPERM ? CLI_NO_PERMISSION : CLI_FAILED;
}

static int help(const struct command *c)
{
    struct text out = {0};

    cli_help(c, &out);
    fputs(out.p, stdout);
    text_free(&out);
    return CLI_OK;
}

int cli_main(int argc, char **argv)
{
    const struct command *c;
    struct cli_args args;
    int status;

    if (argc < 2) {
        help_all(stderr);
        return CLI_USAGE;
    }
    if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 ||
        strcmp(argv[1], "-h") == 0) {
        c = argc > 2 ? find_command(argv[2]) : NULL;
        if (c)
            return help(c);
        help_all(stdout);
        return CLI_OK;
    }
    c = find_command(strcmp(argv[1], "--version") == 0 ? "version" : argv[1]);
    if (!c)
        return unknown_command(argv[1]);
    status = cli_args_parse(&args, c, argc - 1, argv + 1);
    if (status != CLI_OK)
        return status;
    return args.help ? help(c) : c->run(&args);
}

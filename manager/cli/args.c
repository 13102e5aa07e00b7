/* SPDX-License-Identifier: BSD-3-Clause */
/* getopt_long gets its tables here, at run time, from the rows of options that the command takes.
 * Values of options.def are only collected: they are applied over the configuration file, which is
 * known when all has been read. getopt's own messages are off; ours name the nearest option. */
#include "manager/cli/cli.h"

#include "common/base/check.h"
#include "common/base/log.h"
#include "manager/suggest.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

/* Options of the commands themselves. */
static const struct {
    enum cli_takes takes;
    const char *name;
    const char *arg;
    const char *doc;
} own_options[] = {
    {CLI_TAKES_CONFIG, "config", "FILE", "spliff.cfg"},
    {CLI_TAKES_NODE_CFG, "node-cfg", "FILE", "node.cfg"},
    {CLI_TAKES_STATE_DIR, "state-dir", "DIR", "state folder, instead of state_dir in spliff.cfg"},
    {CLI_TAKES_JSON, "json", "", "print JSON"},
    {CLI_TAKES_FOREGROUND, "foreground", "", "stay in the foreground and log to stderr"},
};
#define OWN_OPTIONS (sizeof own_options / sizeof own_options[0])

/* Codes of long options in getopt's table: rows of own_options, then of option_schemas. */
enum { CODE_OWN = 256, CODE_SCHEMA = 512, CODE_HELP = 'h' };

#define TABLE_MAX 128

struct getopt_tables {
    struct option options[TABLE_MAX];
    char letters[2 * TABLE_MAX];
    size_t n, n_letters;
};

static bool takes_schema(const struct command *c, const struct option_schema *s)
{
    return (c->takes & CLI_TAKES_RUN_OPTIONS) && (s->scope & OPTION_SCOPE_RUN);
}

/* One row of getopt's table and, if it has one, its letter. */
static void table_add(struct getopt_tables *t, const char *name, bool arg, int code, char letter)
{
    CHECK(t->n + 1 < TABLE_MAX);
    t->options[t->n++] = (struct option){name, arg ? required_argument : no_argument, NULL, code};
    if (letter) {
        t->letters[t->n_letters++] = letter;
        if (arg)
            t->letters[t->n_letters++] = ':';
    }
}

static void tables_init(struct getopt_tables *t, const struct command *c)
{
    memset(t, 0, sizeof *t);
    t->letters[t->n_letters++] = ':';
    table_add(t, "help", false, CODE_HELP, 'h');
    for (size_t i = 0; i < OWN_OPTIONS; i++)
        if (c->takes & own_options[i].takes)
            table_add(t, own_options[i].name, own_options[i].arg[0], CODE_OWN + (int)i, 0);
    for (size_t i = 0; i < option_schemas_n; i++)
        if (takes_schema(c, &option_schemas[i]))
            table_add(t, option_schemas[i].key, option_schemas[i].arg[0], CODE_SCHEMA + (int)i,
                      option_schemas[i].letter);
}

static const struct option_schema *schema_of_letter(int letter)
{
    for (size_t i = 0; i < option_schemas_n; i++)
        if (option_schemas[i].letter == letter)
            return &option_schemas[i];
    return NULL;
}

static void take_own(struct cli_args *a, enum cli_takes which)
{
    switch (which) {
    case CLI_TAKES_CONFIG:
        a->config = optarg;
        break;
    case CLI_TAKES_NODE_CFG:
        a->node_cfg = optarg;
        break;
    case CLI_TAKES_STATE_DIR:
        a->state_dir = optarg;
        break;
    case CLI_TAKES_JSON:
        a->json = true;
        break;
    default:
        a->foreground = true;
        break;
    }
}

/* Notes the value; options without an argument are yes. */
static int take_schema(struct cli_args *a, const struct option_schema *s)
{
    if (a->n_values == CLI_VALUES_MAX) {
        log_error("%s: too many options", a->command->name);
        return CLI_USAGE;
    }
    a->values[a->n_values].schema = s;
    a->values[a->n_values++].text = s->arg[0] ? optarg : "yes";
    return CLI_OK;
}

/* What getopt refused, in words. */
static int refuse(const struct command *c, const struct getopt_tables *t, int code,
                  const char *given)
{
    struct suggest near = {NULL, 0};
    char name[64], hint[80];

    snprintf(name, sizeof name, "%s", strncmp(given, "--", 2) == 0 ? given + 2 : given);
    name[strcspn(name, "=")] = '\0';
    if (code == ':') {
        log_error("%s: %s needs a value (see --help)", c->name, given);
        return CLI_USAGE;
    }
    for (size_t i = 0; i < t->n; i++) {
        suggest_offer(&near, name, t->options[i].name);
        if (strcmp(name, t->options[i].name) == 0 && strncmp(given, "--", 2) == 0) {
            log_error("%s: --%s takes no value", c->name, name);
            return CLI_USAGE;
        }
    }
    if (near.name)
        snprintf(hint, sizeof hint, "; did you mean --%s?", near.name);
    else
        snprintf(hint, sizeof hint, " (see spliff-cluster %s --help)", c->name);
    if (strncmp(given, "--", 2) == 0)
        log_error("%s: unknown option %s%s", c->name, given, hint);
    else
        log_error("%s: unknown option -%c (see --help)", c->name, optopt);
    return CLI_USAGE;
}

int cli_args_parse(struct cli_args *a, const struct command *command, int argc, char **argv)
{
    struct getopt_tables t;
    int code, status = CLI_OK;

    memset(a, 0, sizeof *a);
    a->command = command;
    tables_init(&t, command);
    opterr = 0;
    optind = 0; /* glibc: begin anew, also in the middle of a word */
    while (status == CLI_OK && (code = getopt_long(argc, argv, t.letters, t.options, NULL)) != -1) {
        if (code == CODE_HELP)
            a->help = true;
        else if (code == '?' || code == ':')
            status = refuse(command, &t, code, argv[optind - 1]);
        else if (code >= CODE_SCHEMA)
            status = take_schema(a, &option_schemas[code - CODE_SCHEMA]);
        else if (code >= CODE_OWN && code < CODE_OWN + (int)OWN_OPTIONS)
            take_own(a, own_options[code - CODE_OWN].takes);
        else
            status = take_schema(a, schema_of_letter(code));
    }
    if (status != CLI_OK || a->help)
        return status;
    if (optind < argc && (command->takes & CLI_TAKES_WORD))
        a->word = argv[optind++];
    if (command->takes & CLI_TAKES_WORDS) {
        a->words = argv + optind;
        a->n_words = argc - optind;
        return CLI_OK;
    }
    if (optind < argc) {
        log_error("%s: %s is not expected here (see --help)", command->name, argv[optind]);
        return CLI_USAGE;
    }
    return CLI_OK;
}

int cli_args_apply(const struct cli_args *a, struct options *o)
{
    char error[512];

    for (unsigned i = 0; i < a->n_values; i++) {
        if (option_set(o, a->values[i].schema, a->values[i].text, error, sizeof error) < 0) {
            log_error("--%s", error);
            return CLI_USAGE;
        }
    }
    return CLI_OK;
}

static void help_row(struct text *out, char letter, const char *name, const char *arg,
                     const char *doc, const char *def)
{
    char left[64];

    snprintf(left, sizeof left, "%c%c%s --%s %s", letter ? '-' : ' ', letter ? letter : ' ',
             letter ? "," : " ", name, arg);
    text_printf(out, "  %-28s %s", left, doc);
    if (def[0])
        text_printf(out, " (default %s)", def);
    text_puts(out, "\n");
}

void cli_help(const struct command *c, struct text *out)
{
    struct options defaults;
    char def[OPTION_STRING_MAX];

    options_init(&defaults);
    text_printf(out, "usage: spliff-cluster %s [options]%s%s\n\n%s\n\noptions:\n", c->name,
                c->word[0] ? " " : "", c->word, c->help);
    for (size_t i = 0; i < option_schemas_n; i++) {
        const struct option_schema *s = &option_schemas[i];

        if (!takes_schema(c, s))
            continue;
        option_format(&defaults, s, def, sizeof def);
        help_row(out, s->letter, s->key, s->arg, s->doc, s->arg[0] ? def : "");
    }
    for (size_t i = 0; i < OWN_OPTIONS; i++)
        if (c->takes & own_options[i].takes)
            help_row(out, 0, own_options[i].name, own_options[i].arg, own_options[i].doc, "");
    help_row(out, 'h', "help", "", "print this", "");
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* `docs WHAT`: the parts of the documentation that are made from the .def tables, for `make docs`.
 * Each document is complete in itself, so that making it again is one redirection. */
#include "common/base/log.h"
#include "common/schema/category.h"
#include "common/schema/counters.h"
#include "common/schema/notice.h"
#include "common/schema/record.h"
#include "common/schema/weird.h"
#include "manager/cli/cli.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Options that spliff.cfg knows, with their default as spliff.cfg would write it. */
struct option_row {
    const struct option_schema *s;
    char def[OPTION_STRING_MAX];
};

static bool next_option(size_t *i, unsigned scopes, struct option_row *row)
{
    struct options defaults;

    options_init(&defaults);
    while (*i < option_schemas_n && !(option_schemas[*i].scope & scopes))
        (*i)++;
    if (*i == option_schemas_n)
        return false;
    row->s = &option_schemas[(*i)++];
    option_format(&defaults, row->s, row->def, sizeof row->def);
    return true;
}

static const char *option_where(enum option_scope scope)
{
    return scope == OPTION_SCOPE_BOTH ? "both" : scope == OPTION_SCOPE_RUN ? "`run`" : "spliff.cfg";
}

static const char *option_type_name(const struct option_schema *s)
{
    switch (s->type) {
    case OPTION_TYPE_STRING:
        return "text";
    case OPTION_TYPE_LIST:
        return "words";
    case OPTION_TYPE_COUNT:
        return "number";
    case OPTION_TYPE_BOOL:
        return "yes or no";
    case OPTION_TYPE_DURATION:
        return "time";
    case OPTION_TYPE_SIZE:
        return "size";
    default:
        return "word";
    }
}

static void docs_options_md(void)
{
    struct option_row row;

    printf("# Options\n\nMade by `make docs` from `common/schema/options.def`. Times are written "
           "`100ms`, `5s`, `2min`, `1h`; sizes `64K`, `16M`, `1G`.\n\n"
           "| option | where | type | default | meaning |\n|---|---|---|---|---|\n");
    for (size_t i = 0; next_option(&i, OPTION_SCOPE_BOTH, &row);)
        printf("| `%s` | %s | %s | %s%s%s | %s |\n", row.s->key, option_where(row.s->scope),
               option_type_name(row.s), row.def[0] ? "`" : "", row.def, row.def[0] ? "`" : "",
               row.s->doc);
}

/* Text for mdoc: a line must not begin with a dot or quote, and backslashes are its own. */
static void print_mdoc(const char *text)
{
    if (*text == '.' || *text == '\'')
        fputs("\\&", stdout);
    for (; *text; text++)
        fputs(*text == '\\' ? "\\e" : (char[]){*text, '\0'}, stdout);
    putchar('\n');
}

static void docs_options_man(void)
{
    struct option_row row;

    printf(".\\\" SPDX-License-Identifier: BSD-3-Clause\n"
           ".\\\" Made by `make docs` from common/schema/options.def.\n"
           ".Dd November 21, 2026\n.Dt SPLIFF.CFG 5\n.Os\n.Sh NAME\n.Nm spliff.cfg\n"
           ".Nd options of a spliff cluster\n.Sh DESCRIPTION\n"
           "A line is\n.Ql key = value ,\na comment that begins with\n.Ql #\nor empty.\n"
           "There are no sections.\nThe case of keys does not matter, nor whether they are written "
           "with\n.Ql -\nor\n.Ql _ .\nAn unknown key or a value that does not fit is an error.\n"
           ".Pp\nTimes are written\n.Ql 100ms , 5s , 2min , 1h , 1d ;\n"
           "a number alone is seconds.\nSizes are written\n.Ql 64K , 16M , 1G ;\n"
           "a number alone is bytes.\n.Pp\n"
           "The file is looked for in\n.Pa <prefix>/etc/spliff\n"
           "unless\n.Fl -config\nnames another.\n.Sh OPTIONS\n.Bl -tag -width Ds\n");
    for (size_t i = 0; next_option(&i, OPTION_SCOPE_CFG, &row);) {
        printf(".It Ic %s\n", row.s->key);
        print_mdoc(row.s->doc);
        printf(".br\n%s; default ", option_type_name(row.s));
        print_mdoc(row.def[0] ? row.def : "empty");
    }
    printf(
        ".El\n.Pp\nWhere\n.Ic log-dir\nis empty, logs are written below\n.Pa <state_dir>/logs .\n"
        "Both paths begin with a slash.\n"
        ".Sh SEE ALSO\n.Xr node.cfg 5 ,\n.Xr spliff-cluster 8\n");
}

static void docs_options_cfg(void)
{
    struct option_row row;

    printf(
        "# SPDX-License-Identifier: BSD-3-Clause\n"
        "# spliff.cfg: every option with its default. Made by `make docs` from\n"
        "# common/schema/options.def; spliff.cfg(5) tells more. Take the # away to change one.\n");
    for (size_t i = 0; next_option(&i, OPTION_SCOPE_CFG, &row);)
        printf("\n# %s\n#%s =%s%s\n", row.s->doc, row.s->key, row.def[0] ? " " : "", row.def);
}

static const char *counter_where(enum counter_process process)
{
    switch (process) {
    case COUNTER_WORKER:
        return "worker";
    case COUNTER_LOGGER:
        return "logger";
    case COUNTER_MANAGER:
        return "manager";
    case COUNTER_PROBE:
        return "probe";
    case COUNTER_READER:
        return "reader";
    case COUNTER_INPUT:
        break;
    }
    return "worker, reader";
}

static void docs_counters_md(void)
{
    static const char *const kinds[] = {"total", "level", "loss"};

    printf(
        "# Counters\n\nMade by `make docs` from `common/schema/counters.def`. Shown by "
        "`spliff-cluster status --json` and `run --show-stats`. A total only grows, a level goes "
        "up and down, a loss is a total of something lost.\n\n"
        "| counter | process | kind | meaning |\n|---|---|---|---|\n");
    for (size_t i = 0; i < counter_schemas_n; i++) {
        const struct counter_schema *s = &counter_schemas[i];

        printf("| `%s` | %s | %s | %s |\n", s->name, counter_where(s->process), kinds[s->kind],
               s->doc);
    }
}

static void docs_records_md(void)
{
    printf(
        "# Records\n\nMade by `make docs` from `common/schema/records.def`. Each is a log of the "
        "same name; types are Zeek's.\n");
    for (unsigned r = 0; r < RECORD_TYPES; r++) {
        const struct record_schema *s = &record_schemas[r];

        printf("\n## %s\n\n%c%s.\n\n| field | type | meaning |\n|---|---|---|\n", s->path,
               toupper((unsigned char)s->doc[0]), s->doc + 1);
        for (unsigned f = 0; f < s->n_fields; f++)
            printf("| `%s` | %s | %s |\n", s->fields[f].name, field_type_name(s->fields[f].type),
                   s->fields[f].doc);
    }
    printf("\n## Categories\n\nOf `conn.log`'s field `category` and of `run --category`, from "
           "`common/schema/categories.def`.\n\n| category | meaning |\n|---|---|\n");
    for (unsigned c = 0; c < CATEGORIES; c++)
        printf("| `%s` | %s |\n", category_schemas[c].name, category_schemas[c].doc);
}

static void docs_weirds_md(void)
{
    printf("# Weirds\n\nMade by `make docs` from `common/schema/weirds.def`: the names in "
           "weird.log.\n\n| name | meaning |\n|---|---|\n");
    for (unsigned i = 0; i < WEIRDS; i++)
        printf("| `%s` | %s |\n", weird_schemas[i].name, weird_schemas[i].doc);
}

static void docs_notices_md(void)
{
    printf(
        "# Notices\n\nMade by `make docs` from `common/schema/notices.def`: the notes in "
        "notice.log.\n\nScans and floods are counted over connections that did not come about, "
        "with the thresholds of the `screen_` options ([options.md](options.md)); several workers "
        "share them, for each sees its part of the traffic, and of what more than one of them "
        "notices the logger writes the first. The others come with an oddity in "
        "weird.log ([weirds.md](weirds.md)), whose `notice` is then T. The same note about the "
        "same "
        "source and target comes once in `notice_suppression`; `n` says how many ports, hosts or "
        "connections it was, or how often an oddity was seen since it was told last. "
        "`no-screen` switches all of them off. `Probe::Unhooked_TLS` is told by the plaintext view "
        "([plaintext.md](plaintext.md)); `detect-unhooked = no` switches it off alone.\n\n| note | "
        "meaning | oddities |\n|---|---|---|\n");
    for (unsigned i = 0; i < NOTICES; i++) {
        const char *separator = "";

        printf("| `%s` | %s |", notice_schemas[i].name, notice_schemas[i].doc);
        for (unsigned w = 0; w < WEIRDS; w++) {
            if (notice_of_weird((enum weird)w) != (enum notice)i)
                continue;
            printf("%s `%s`", separator, weird_schemas[w].name);
            separator = ",";
        }
        printf(" |\n");
    }
}

static void docs_errors_md(void)
{
    printf("# Exit statuses\n\nMade by `make docs` from `common/schema/errors.def`.\n\n"
           "| status | meaning |\n|---|---|\n");
#define ERROR_STATUS(name, status, word, doc) printf("| %d | %s |\n", status, doc);
#include "common/schema/errors.def"
#undef ERROR_STATUS
}

int cli_docs(const struct cli_args *a)
{
    static const struct {
        const char *what;
        void (*print)(void);
    } documents[] = {
        {"options-md", docs_options_md},   {"options-man", docs_options_man},
        {"options-cfg", docs_options_cfg}, {"counters-md", docs_counters_md},
        {"records-md", docs_records_md},   {"weirds-md", docs_weirds_md},
        {"notices-md", docs_notices_md},   {"errors-md", docs_errors_md},
    };

    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        if (a->word && strcmp(a->word, documents[i].what) == 0) {
            documents[i].print();
            return CLI_OK;
        }
    }
    log_error(
        "docs: give options-md, options-man, options-cfg, counters-md, records-md, weirds-md, "
        "notices-md or errors-md");
    return CLI_USAGE;
}

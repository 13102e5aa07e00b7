/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line: which options a command takes, in which forms, and the status of a refusal. */
#include "manager/cli/cli.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct command run = {"run", "Help.", "", CLI_TAKES_RUN_OPTIONS | CLI_TAKES_CONFIG,
                                   false, NULL};
static const struct command status = {"status", "Help.", "", CLI_TAKES_CLUSTER | CLI_TAKES_JSON,
                                      false,    NULL};
static struct cli_args args;

static int null_fd, stderr_fd;

static int open_null(void **state)
{
    (void)state;
    null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    stderr_fd = dup(STDERR_FILENO);
    return null_fd >= 0 && stderr_fd >= 0 ? 0 : -1;
}

/* Refusals print a line, which is not for the test's output. */
static void silence(bool on)
{
    assert_true(dup2(on ? null_fd : stderr_fd, STDERR_FILENO) >= 0);
}

static int parse(const struct command *c, const char *line)
{
    static char text[256];
    char *argv[16], *save = NULL;
    int argc = 0, result;

    snprintf(text, sizeof text, "%s", line);
    for (char *p = strtok_r(text, " ", &save); p; p = strtok_r(NULL, " ", &save))
        argv[argc++] = p;
    argv[argc] = NULL;
    silence(true);
    result = cli_args_parse(&args, c, argc, argv);
    silence(false);
    return result;
}

static void test_forms(void **state)
{
    struct options o;

    (void)state;
    assert_int_equal(parse(&run, "run -r a.pcap -w3 --log-format=json --quiet --config f"), CLI_OK);
    options_init(&o);
    assert_int_equal(cli_args_apply(&args, &o), CLI_OK);
    assert_string_equal(o.read, "a.pcap");
    assert_int_equal(o.workers, 3);
    assert_int_equal(o.log_format, LOG_FORMAT_JSON);
    assert_true(o.quiet);
    assert_string_equal(args.config, "f");
    assert_int_equal(parse(&run, "run -r -"), CLI_OK);
    assert_string_equal(args.values[0].text, "-");
}

static void test_refusals(void **state)
{
    static const char *const lines[] = {
        "run --no-such-option", "run -Z",           "run -r",
        "run --quiet=yes",      "run word",         "run --json",
        "run --user=x",         "run --node-cfg x", "run --spool_size 1M",
    };

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        if (parse(&run, lines[i]) != CLI_USAGE)
            fail_msg("taken: %s", lines[i]);
    assert_int_equal(parse(&status, "status -r x"), CLI_USAGE);
    assert_int_equal(parse(&status, "status --json --state-dir /x"), CLI_OK);
    assert_true(args.json);
    assert_string_equal(args.state_dir, "/x");
}

static void test_bad_value(void **state)
{
    struct options o;

    (void)state;
    assert_int_equal(parse(&run, "run -w many"), CLI_OK);
    options_init(&o);
    silence(true);
    assert_int_equal(cli_args_apply(&args, &o), CLI_USAGE);
    silence(false);
}

/* Every option of the table is in the help, and only where it belongs. */
static void test_help(void **state)
{
    struct text out = {0};

    (void)state;
    cli_help(&run, &out);
    for (size_t i = 0; i < option_schemas_n; i++) {
        char name[64];

        snprintf(name, sizeof name, "--%s ", option_schemas[i].key);
        assert_int_equal(strstr(out.p, name) != NULL,
                         (option_schemas[i].scope & OPTION_SCOPE_RUN) != 0);
    }
    text_free(&out);
    assert_int_equal(parse(&run, "run --help"), CLI_OK);
    assert_true(args.help);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_bad_value),
        cmocka_unit_test(test_help),
    };

    return cmocka_run_group_tests(tests, open_null, NULL);
}

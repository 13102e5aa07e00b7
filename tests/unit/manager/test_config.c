/* SPDX-License-Identifier: BSD-3-Clause */
/* spliff.cfg: values arrive, and what is wrong is named with file and line. */
#include "manager/config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct options opts;
static char error[INI_ERROR_BYTES];

static int read_text(const char *text)
{
    options_init(&opts);
    error[0] = '\0';
    return config_read_text(text, strlen(text), "spliff.cfg", &opts, error);
}

static void test_values(void **state)
{
    (void)state;
    assert_int_equal(read_text("# comment\n\nState_Dir = /x/y\n  LOG-DIR=/logs\nstoptimeout = 5s\n"
                               "log_format = json\nspool_size: 8M\nuser = nobody"),
                     0);
    assert_string_equal(opts.state_dir, "/x/y");
    assert_string_equal(opts.log_dir, "/logs");
    assert_string_equal(opts.user, "nobody");
    assert_int_equal(opts.stop_timeout, 5 * NS_PER_SEC);
    assert_int_equal(opts.log_format, LOG_FORMAT_JSON);
    assert_int_equal(opts.spool_size, 8 << 20);
    assert_int_equal(read_text(""), 0);
}

static void test_refusals(void **state)
{
    static const struct {
        const char *text;
        const char *error;
    } cases[] = {
        {"\nlog_rotatoin_interval = 1h\n",
         "spliff.cfg:2: unknown key log_rotatoin_interval; did you mean log_rotation_interval?"},
        {"nonsense = 1\n", "spliff.cfg:1: unknown key nonsense"},
        {"local_nets = 10.0.0.0/8,x\n",
         "spliff.cfg:1: local_nets: 'x' is not a prefix such as 192.0.2.0/24 (at most 64)"},
        {"seed = 1\nseed = 2\n", "spliff.cfg:2: seed was already set in line 1"},
        {"workers = 2\n", "spliff.cfg:1: workers is an option of `spliff-cluster run` only"},
        {"udp_inactivity_timeout = soon\n", "spliff.cfg:1: udp_inactivity_timeout = soon: is not "
                                            "valid; give a time such as 100ms, 5s, "
                                            "2min or 1h"},
        {"promiscuous\n", "spliff.cfg:1: this line is neither [section] nor key = value"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (read_text(cases[i].text) != -EINVAL)
            fail_msg("taken: %s", cases[i].text);
        assert_string_equal(error, cases[i].error);
    }
}

static void test_zero_byte(void **state)
{
    (void)state;
    options_init(&opts);
    assert_int_equal(config_read_text("seed = 1\n\0x = 2\n", 16, "f", &opts, error), -EINVAL);
    assert_string_equal(error, "f:2: this line holds a zero byte");
}

static int read_place(const char *text)
{
    options_init(&opts);
    error[0] = '\0';
    return config_read_state_dir_text(text, strlen(text), "spliff.cfg", &opts, error);
}

/* A cluster that runs is found whatever has become of the other lines since it began. */
static void test_place_beside_wrong_lines(void **state)
{
    static const char *const wrong[] = {
        "",
        "nonsense = 1\n",
        "udp_inactivity_timeout = soon\n",
        "neither\n",
        "[never closed\n",
        "[empty]\n",
        "log-dir = relative\n",
    };
    static const char zero[] = "a\0b\nstate_dir = /x/y\n";
    char text[8192];

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        snprintf(text, sizeof text, "%sState_Dir = /x/y\n%s", wrong[i], wrong[i]);
        if (read_place(text) != 0)
            fail_msg("refused beside %s: %s", wrong[i], error);
        assert_string_equal(opts.state_dir, "/x/y");
    }
    memset(text, 'x', 4096);
    strcpy(text + 4096, "\nstate_dir = /x/y\n");
    assert_int_equal(read_place(text), 0);
    assert_string_equal(opts.state_dir, "/x/y");
    options_init(&opts);
    assert_int_equal(config_read_state_dir_text(zero, sizeof zero - 1, "f", &opts, error), 0);
    assert_string_equal(opts.state_dir, "/x/y");
}

/* A line of which nobody can tell what it is may have been the one that counts. */
static void test_no_place_beside_unread_lines(void **state)
{
    static const char *const unread[] = {"state_dir /x\n", "[state_dir = /x\n", "state_dri = /x\n",
                                         "\001state_dir = /x\n"};
    static const char zero[] = "state_dir = /x\0\n";

    (void)state;
    for (size_t i = 0; i < sizeof unread / sizeof unread[0]; i++) {
        assert_int_equal(read_place(unread[i]), -EINVAL);
        assert_non_null(strstr(error, "; and no other line is state_dir"));
    }
    assert_int_equal(config_read_state_dir_text(zero, sizeof zero - 1, "f", &opts, error), -EINVAL);
    assert_int_equal(read_place("udp_inactivity_timeout = soon\nspool_size = 1K\n"), 0);
    assert_string_equal(opts.state_dir, "/var/lib/spliff");
}

/* To guess would be to end another cluster. */
static void test_wrong_place(void **state)
{
    (void)state;
    assert_int_equal(read_place("x\nState_Dir = here\nstate_dir = /x\n"), -EINVAL);
    assert_string_equal(error, "spliff.cfg:2: state_dir = here: give a path that begins with /");
    assert_int_equal(read_place("state_dir =\n"), -EINVAL);
    assert_string_equal(error, "spliff.cfg:1: state_dir = : give a path that begins with /");
    assert_int_equal(read_place("state_dir = /x\nstate_dir = /y\n"), -EINVAL);
    assert_string_equal(error, "spliff.cfg:2: state_dir was already set in line 1");
    options_init(&opts);
    assert_int_equal(config_read_state_dir("/nonexistent/spliff.cfg", &opts, error), -ENOENT);
    assert_string_equal(error,
                        "/nonexistent/spliff.cfg: cannot be read: No such file or directory");
}

static void test_missing_file(void **state)
{
    (void)state;
    assert_int_equal(config_read("/nonexistent/spliff.cfg", &opts, error), -ENOENT);
    assert_string_equal(error,
                        "/nonexistent/spliff.cfg: cannot be read: No such file or directory");
    assert_int_equal(config_read("/", &opts, error), -EISDIR);
}

static void expect_refused(const char *text, const char *what)
{
    assert_int_equal(read_text(text), 0);
    assert_int_equal(config_check(&opts, error), -EINVAL);
    assert_string_equal(error, what);
}

static void expect_line_refused(const char *text, const char *what)
{
    assert_int_equal(read_text(text), -EINVAL);
    assert_string_equal(error, what);
}

static void test_limits(void **state)
{
    (void)state;
    expect_line_refused("\nspool_size = 1K\n", "spliff.cfg:2: spool_size = 1K: give at least 4M");
    expect_line_refused("flow_table_size = 1\n",
                        "spliff.cfg:1: flow_table_size = 1: give at least 1024");
    assert_int_equal(read_text("flow_table_size = 0\nreassembly_memory = 0\n"), 0);
    assert_int_equal(config_check(&opts, error), 0);
    expect_line_refused("seed = 4294967296\n",
                        "spliff.cfg:1: seed = 4294967296: give at most 4294967295");
    expect_line_refused("tunnel_max_depth = 17\n",
                        "spliff.cfg:1: tunnel_max_depth = 17: give at most 16");
    expect_line_refused("alt_svc_table_size = 0\n",
                        "spliff.cfg:1: alt_svc_table_size = 0: give at least 1");
    expect_line_refused("screen_scan_interval = 0\n",
                        "spliff.cfg:1: screen_scan_interval = 0: give at least 1s");
    expect_line_refused("plaintext_call_max = 2M\n",
                        "spliff.cfg:1: plaintext_call_max = 2M: give at most 1M");
    expect_line_refused("plaintext_delay = 2s\n",
                        "spliff.cfg:1: plaintext_delay = 2s: give at most 1s");
    expect_line_refused("\nseed = 1\ncomm = sixteen-letters!\n",
                        "spliff.cfg:3: comm: 'sixteen-letters!' is longer than 15 bytes, to which "
                        "the kernel cuts names, or one too many (at most 16)");
    expect_line_refused("address = 192.0.2.1\n",
                        "spliff.cfg:1: address: '192.0.2.1' is not a prefix such as 192.0.2.0/24, "
                        "or one too many (at most 64)");
    expect_line_refused("state_dir =\n",
                        "spliff.cfg:1: state_dir = : give a path that begins with /");
    expect_line_refused("state_dir = x/y\n",
                        "spliff.cfg:1: state_dir = x/y: give a path that begins with /");
    expect_line_refused("[section\n", "spliff.cfg:1: this [section] lacks its ]");
}

static void test_check(void **state)
{
    (void)state;
    assert_int_equal(read_text(""), 0);
    assert_int_equal(config_check(&opts, error), 0);
    opts.workers = 0; /* as an option of a command: in no file */
    assert_int_equal(config_check(&opts, error), -EINVAL);
    assert_string_equal(error, "workers = 0: give at least 1");
    expect_refused("af_packet_block_size = 100000\n", "af_packet_block_size: give a power of two");
    expect_refused("plaintext_ring_size = 3M\n", "plaintext_ring_size: give a power of two");
    assert_int_equal(read_text(""), 0);
    strcpy(opts.probe_pid, "x");
    assert_int_equal(config_check(&opts, error), -EINVAL);
    expect_refused("user = root\n", "user: workers read hostile bytes and never run as root; name "
                                    "another user");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_zero_byte),
        cmocka_unit_test(test_missing_file),
        cmocka_unit_test(test_place_beside_wrong_lines),
        cmocka_unit_test(test_no_place_beside_unread_lines),
        cmocka_unit_test(test_wrong_place),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_check),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

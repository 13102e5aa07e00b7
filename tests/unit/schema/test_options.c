/* SPDX-License-Identifier: BSD-3-Clause */
/* Options: what each type takes, what it refuses and in which words, and that what is printed can
 * be read again. */
#include "common/schema/options.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct options opts;
static char error[256];

static int set(const char *key, const char *text)
{
    const struct option_schema *s = option_find(key);

    assert_non_null(s);
    error[0] = '\0';
    return option_set(&opts, s, text, error, sizeof error);
}

static int begin(void **state)
{
    (void)state;
    options_init(&opts);
    return 0;
}

static void test_defaults(void **state)
{
    (void)state;
    assert_int_equal(opts.workers, 1);
    assert_string_equal(opts.user, "spliff");
    assert_int_equal(opts.stop_timeout, 60 * NS_PER_SEC);
    assert_int_equal(opts.log_format, LOG_FORMAT_TSV);
    assert_true(opts.promiscuous);
}

static void test_find_ignores_case_and_dashes(void **state)
{
    (void)state;
    assert_ptr_equal(option_find("log-dir"), option_find("LOG_DIR"));
    assert_ptr_equal(option_find("stoptimeout"), option_find("StopTimeout"));
    assert_null(option_find("log-di"));
    assert_null(option_find("log-dirs"));
    assert_null(option_find(""));
}

static void test_letters(void **state)
{
    (void)state;
    assert_int_equal(option_find("interface")->letter, 'i');
    assert_int_equal(option_find("filter")->letter, 'f');
    assert_int_equal(option_find("seed")->letter, 0);
}

static void test_durations(void **state)
{
    static const struct {
        const char *text;
        uint64_t ns;
    } good[] = {
        {"5", 5 * NS_PER_SEC},        {"5s", 5 * NS_PER_SEC},
        {"2min", 120 * NS_PER_SEC},   {"2 min", 120 * NS_PER_SEC},
        {"100ms", 100 * NS_PER_MS},   {"1H", 3600 * NS_PER_SEC},
        {"1day", 86400 * NS_PER_SEC}, {"3hr", 3 * 3600 * NS_PER_SEC},
        {"7us", 7 * NS_PER_US},       {"0", 0},
    };
    static const char *const bad[] = {"",
                                      "s",
                                      "-1",
                                      "5 parsecs",
                                      "1.5s",
                                      "5s5",
                                      " 5",
                                      "99999999999999999999",
                                      "18446744073709551615"};

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(set("tcp_inactivity_timeout", good[i].text), 0);
        assert_int_equal(opts.tcp_timeout, good[i].ns);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (set("tcp_inactivity_timeout", bad[i]) == 0)
            fail_msg("took \"%s\" as a time", bad[i]);
}

static void test_sizes(void **state)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {
        {"64K", 65536}, {"16M", 16 << 20}, {"1g", 1 << 30}, {"4096", 4096}, {"2MiB", 2 << 20}};
    static const char *const bad[] = {"", "K", "64Q", "1.5M", "-64K", "99999999T"};

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(set("spool_size", good[i].text), 0);
        assert_int_equal(opts.spool_size, good[i].bytes);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (set("spool_size", bad[i]) == 0)
            fail_msg("took \"%s\" as a size", bad[i]);
}

static void test_a_refused_value_changes_nothing(void **state)
{
    (void)state;
    assert_int_equal(set("workers", "4x"), -EINVAL);
    assert_int_equal(set("log-format", "xml"), -EINVAL);
    assert_int_equal(set("promiscuous", "maybe"), -EINVAL);
    assert_int_equal(opts.workers, 1);
    assert_int_equal(opts.log_format, LOG_FORMAT_TSV);
    assert_true(opts.promiscuous);
}

static void test_errors_say_what_is_right(void **state)
{
    (void)state;
    set("log-format", "xml");
    assert_string_equal(error, "log-format = xml: is not valid; give one of tsv or json");
    set("mode", "x");
    assert_string_equal(
        error, "mode = x: is not valid; give one of auto, kernel, xdp, af_xdp, dpdk or pcap");
}

static void test_lists_add_up(void **state)
{
    char text[OPTION_LIST_MAX];

    (void)state;
    assert_int_equal(set("vdev", "net_tap0,iface=a"), 0);
    assert_int_equal(set("vdev", ""), 0);
    assert_int_equal(set("vdev", "net_tap1"), 0);
    assert_string_equal(opts.vdev, "net_tap0,iface=a net_tap1");
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_int_equal(set("vdev", text), -EINVAL);
    assert_non_null(strstr(error, "is too large; give words of together at most 1023 bytes"));
    assert_string_equal(opts.vdev, "net_tap0,iface=a net_tap1");
}

static void test_long_strings(void **state)
{
    char text[OPTION_STRING_MAX + 1];

    (void)state;
    memset(text, 'a', sizeof text);
    text[OPTION_STRING_MAX] = '\0';
    assert_int_equal(set("filter", text), -EINVAL);
    assert_string_equal(opts.filter, "");
    text[OPTION_STRING_MAX - 1] = '\0';
    assert_int_equal(set("filter", text), 0);
    assert_string_equal(opts.filter, text);
}

static void test_print_and_read_again(void **state)
{
    char text[OPTION_STRING_MAX], again[OPTION_STRING_MAX];

    (void)state;
    for (size_t i = 0; i < option_schemas_n; i++) {
        const struct option_schema *s = &option_schemas[i];

        option_format(&opts, s, text, sizeof text);
        if (option_set(&opts, s, text, error, sizeof error) < 0)
            fail_msg("%s", error);
        option_format(&opts, s, again, sizeof again);
        assert_string_equal(text, again);
    }
    assert_int_equal(opts.ring_size, 128 << 20);
    assert_int_equal(opts.snaplen, 256 << 10);
    option_format(&opts, option_find("af_packet_block_timeout"), text, sizeof text);
    assert_string_equal(text, "10ms");
    option_format(&opts, option_find("af_packet_buffer_size"), text, sizeof text);
    assert_string_equal(text, "128M");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_defaults, begin),
        cmocka_unit_test(test_find_ignores_case_and_dashes),
        cmocka_unit_test(test_letters),
        cmocka_unit_test_setup(test_durations, begin),
        cmocka_unit_test_setup(test_sizes, begin),
        cmocka_unit_test_setup(test_a_refused_value_changes_nothing, begin),
        cmocka_unit_test_setup(test_errors_say_what_is_right, begin),
        cmocka_unit_test_setup(test_lists_add_up, begin),
        cmocka_unit_test_setup(test_long_strings, begin),
        cmocka_unit_test_setup(test_print_and_read_again, begin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

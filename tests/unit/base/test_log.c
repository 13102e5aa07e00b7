/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char text[4096];

/* What is logged from here to said() goes into a pipe. */
static int saved, ends[2];

static void listen_begin(void)
{
    saved = dup(STDERR_FILENO);
    assert_true(saved >= 0 && pipe(ends) == 0);
    assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
}

static const char *said(void)
{
    ssize_t n;

    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    close(saved);
    close(ends[1]);
    n = read(ends[0], text, sizeof text - 1);
    close(ends[0]);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

static void a_line_says_who_and_how_bad(void **state)
{
    (void)state;
    log_init("worker-1", LOG_LEVEL_WARN);
    listen_begin();
    log_error("no %s", "memory");
    log_info("not asked for");
    assert_string_equal(said(), "worker-1: error: no memory\n");
}

static void a_name_makes_no_line_of_its_own(void **state)
{
    (void)state;
    log_init("probe", LOG_LEVEL_INFO);
    listen_begin();
    log_info("hooked %s", "/tmp/a\nprobe: error: \x1b[2Jall is lost\x7f");
    assert_string_equal(said(), "probe: hooked /tmp/a?probe: error: ?[2Jall is lost?\n");
}

static void a_line_has_an_end(void **state)
{
    static char much[3000];
    size_t n;

    (void)state;
    memset(much, 'x', sizeof much - 1);
    log_init("n", LOG_LEVEL_INFO);
    listen_begin();
    log_info("%s", much);
    n = strlen(said());
    assert_in_range(n, 2000, 2048);
    assert_ptr_equal(strchr(text, '\n'), text + n - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_says_who_and_how_bad),
        cmocka_unit_test(a_name_makes_no_line_of_its_own),
        cmocka_unit_test(a_line_has_an_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

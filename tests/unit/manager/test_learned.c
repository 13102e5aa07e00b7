/* SPDX-License-Identifier: BSD-3-Clause */
/* The manager's table on disk and on the terminal. The clock is given. */
#include "manager/learned_file.h"
#include "manager/learned_print.h"

#include "common/ipc/event.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define T0 (1700000000 * NS_PER_SEC)

static char dir[64], path[96], bad[112], temp[112];
static struct alt_svc_table *table, *other;

static int set_up(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/spliff-test-learned-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof path, "%s/alt_svc.table", dir);
    snprintf(bad, sizeof bad, "%s.bad", path);
    snprintf(temp, sizeof temp, "%s.new", path);
    return alt_svc_table_new(&table, 4096) < 0 || alt_svc_table_new(&other, 4096) < 0;
}

static int tear_down(void **state)
{
    (void)state;
    alt_svc_table_free(table);
    alt_svc_table_free(other);
    unlink(path);
    unlink(bad);
    unlink(temp);
    return rmdir(dir);
}

static void learn(const char *origin, uint16_t port, uint32_t age_s)
{
    struct alt_svc_advert a = {
        .server = {{0x20, 0x01, 0x0d, 0xb8, [15] = 1}},
        .origin = str_of(origin),
        .uid = STR_LIT("CHhAvVGS1DHFjwGM9"),
        .node = STR_LIT("worker-2"),
        .learned_ns = T0,
        .n = 2,
        .services = {{STR_LIT("h3"), STR_LIT(""), age_s, port, true},
                     {STR_LIT("h2"), STR_LIT("alt.example"), 5, 444, false}},
    };

    (void)alt_svc_table_set(table, &a, NULL, NULL);
}

static void it_survives_a_restart(void **state)
{
    char origin[32];

    (void)state;
    for (unsigned i = 0; i < 1500; i++) {
        snprintf(origin, sizeof origin, "o%u.example", i);
        learn(origin, (uint16_t)(i + 1), 60);
    }
    assert_int_equal(learned_file_save(table, path), 0);
    assert_int_equal(access(temp, F_OK), -1);
    assert_int_equal(learned_file_load(other, path, T0), 0);
    assert_int_equal(alt_svc_table_used(other), 3000);
    assert_string_equal(
        alt_svc_table_find(other, &(struct ipaddr){{0}}, 1500, STR_LIT("o1499.example"), T0 + 1),
        "h3");
}

static void what_has_expired_is_left_behind(void **state)
{
    (void)state;
    learn("a.example", 1, 60);
    learn("b.example", 2, 600);
    assert_int_equal(learned_file_save(table, path), 0);
    assert_int_equal(learned_file_load(other, path, T0 + 5 * NS_PER_SEC), 0);
    assert_int_equal(alt_svc_table_used(other), 2);
    alt_svc_table_free(other);
    assert_int_equal(alt_svc_table_new(&other, 16), 0);
    assert_int_equal(learned_file_load(other, path, T0 + 60 * NS_PER_SEC), 0);
    assert_int_equal(alt_svc_table_used(other), 1);
    alt_svc_table_free(other);
    assert_int_equal(alt_svc_table_new(&other, 16), 0);
    assert_int_equal(learned_file_load(other, path, T0 + 600 * NS_PER_SEC), 0);
    assert_int_equal(alt_svc_table_used(other), 0);
}

static void no_file_is_no_error(void **state)
{
    (void)state;
    assert_int_equal(learned_file_load(other, path, T0), 0);
    assert_int_equal(learned_file_save(table, path), 0); /* empty */
    assert_int_equal(learned_file_load(other, path, T0), 0);
    assert_int_equal(alt_svc_table_used(other), 0);
}

static void write_file(const void *data, size_t n)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, n, f), n);
    fclose(f);
}

static void a_broken_file_is_put_aside(void **state)
{
    static uint8_t body[EVENT_TABLE_BYTES];
    uint32_t position = 0;
    struct stat st;
    bool last;
    size_t n;

    (void)state;
    learn("a.example", 1, 60);
    n = event_table_encode(body, table, &position, &last);
    for (size_t cut = 0; cut < n; cut++) {
        write_file(body, cut);
        assert_int_equal(learned_file_load(other, path, T0), -EBADMSG);
        assert_int_equal(access(path, F_OK), -1);
        assert_int_equal(stat(bad, &st), 0);
        assert_int_equal(st.st_size, cut);
    }
    body[n] = 'x';
    write_file(body, n + 1);
    assert_int_equal(learned_file_load(other, path, T0), -EBADMSG);
    body[3] = 2; /* version */
    write_file(body, n);
    assert_int_equal(learned_file_load(other, path, T0), -EPROTO);
    assert_int_equal(access(path, F_OK), -1);
    write_file("not a table at all\n", 19);
    assert_int_equal(learned_file_load(other, path, T0), -EBADMSG);
}

static void what_is_no_file_is_refused(void **state)
{
    (void)state;
    assert_int_equal(symlink("/dev/zero", path), 0);
    assert_true(learned_file_load(other, path, T0) < 0);
    unlink(path);
    assert_int_equal(mkdir(path, 0755), 0);
    assert_true(learned_file_save(table, path) < 0);
    assert_int_equal(access(temp, F_OK), -1);
    assert_int_equal(learned_file_load(other, path, T0), -EBADMSG);
    assert_int_equal(rmdir(bad), 0); /* what is broken is put aside, whatever it is */
}

static void expect_print(uint64_t now_ns, bool json, const char *want)
{
    struct text out = {0};

    learned_print_table(table, now_ns, json, &out);
    assert_string_equal(out.p, want);
    text_free(&out);
}

#define HEADER                                                                                     \
    "Origin                          Protocol Host                            Port  Expires    "   \
    "Node        Uid\n"

static void it_is_shown(void **state)
{
    (void)state;
    expect_print(T0, false, HEADER);
    expect_print(T0, true, "{\"alt_svc\":[]}\n");
    learn("www.example", 8443, 90000);
    expect_print(T0 + 5 * NS_PER_SEC, false,
                 HEADER "www.example                     h3       -                               "
                        "8443  1d00h      worker-2    CHhAvVGS1DHFjwGM9\n");
    expect_print(
        T0 + 4 * NS_PER_SEC, true,
        "{\"alt_svc\":[{\"origin\":\"www.example\",\"server\":\"2001:db8::1\",\"protocol\":"
        "\"h3\",\"host\":\"\",\"port\":8443,\"max_age\":90000,\"expires_in\":89996.000,"
        "\"persist\":true,\"node\":\"worker-2\",\"uid\":\"CHhAvVGS1DHFjwGM9\"},{\"origin"
        "\":\"www.example\",\"server\":\"2001:db8::1\",\"protocol\":\"h2\",\"host\":"
        "\"alt.example\",\"port\":444,\"max_age\":5,\"expires_in\":1.000,\"persist\":false,"
        "\"node\":\"worker-2\",\"uid\":\"CHhAvVGS1DHFjwGM9\"}]}\n");
}

/* A Host header is the sender's, and so must not steer a terminal or end a line. */
static void bytes_of_the_traffic_are_escaped(void **state)
{
    struct text out = {0};

    (void)state;
    learn("\x1b[2J a\\b\nexit 0\n", 1, 60);
    learned_print_table(table, T0 + 10 * NS_PER_SEC, false, &out);
    assert_non_null(strstr(out.p, "\n\\x1b[2J\\x20a\\x5cb\\x0aexit\\x200\\x0a h3 "));
    text_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(it_survives_a_restart),
        TEST(what_has_expired_is_left_behind),
        TEST(no_file_is_no_error),
        TEST(a_broken_file_is_put_aside),
        TEST(what_is_no_file_is_refused),
        TEST(it_is_shown),
        TEST(bytes_of_the_traffic_are_escaped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

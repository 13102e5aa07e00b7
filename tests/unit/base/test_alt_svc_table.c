/* SPDX-License-Identifier: BSD-3-Clause */
/* Adverts are written as "h3@host:port/age,…"; what the table says of them comes back as
 * "+h3:port" learned, "~h3:port" refreshed, "-h3:port" cleared, and behind it how much was news. */
#include "common/base/alt_svc_table.h"

#include "common/base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define T0 (1700000000 * NS_PER_SEC)

static struct alt_svc_table *table;
static char text[4096];
static size_t text_len;

static struct ipaddr addr(const char *literal)
{
    struct ipaddr a;

    assert_true(alt_svc_literal(str_of(literal), &a));
    return a;
}

static void new_table(uint32_t capacity)
{
    alt_svc_table_free(table);
    assert_int_equal(alt_svc_table_new(&table, capacity), 0);
}

static int set_up(void **state)
{
    (void)state;
    new_table(64);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    alt_svc_table_free(table);
    table = NULL;
    return 0;
}

static void on_change(void *arg, enum alt_svc_action action, const struct alt_svc_service *s)
{
    (void)arg;
    text_len += (size_t)snprintf(text + text_len, sizeof text - text_len, "%c%.*s:%u ",
                                 "+~-"[action], (int)s -> protocol.len, s->protocol.p, s->port);
}

/* services: "h3@:443/60,h2@alt:80/1"; a ! behind the age: persist. */
static void make_advert(struct alt_svc_advert *a, char *services)
{
    char *rest = NULL;

    a->n = 0;
    for (char *p = strtok_r(services, ",", &rest); p; p = strtok_r(NULL, ",", &rest)) {
        struct alt_svc_service *s = &a->services[a->n++];
        char *at = strchr(p, '@'), *slash = strchr(p, '/'), *colon = strrchr(p, ':');

        assert_true(at && slash && colon);
        s->protocol = str_make(p, (size_t)(at - p));
        s->host = str_make(at + 1, (size_t)(colon - at - 1));
        s->port = (uint16_t)atoi(colon + 1);
        s->max_age_s = (uint32_t)atol(slash + 1);
        s->persist = strchr(slash, '!') != NULL;
    }
}

/* What an origin on a server says at T0 + seconds. */
static const char *say(const char *server, const char *origin, double seconds, const char *services)
{
    static const char *const news[] = {"nothing", "later", "changed"};
    struct alt_svc_advert a = {
        .server = addr(server),
        .server_port = 443,
        .origin = str_of(origin),
        .uid = STR_LIT("CUid"),
        .node = STR_LIT("worker-1"),
        .learned_ns = T0 + (uint64_t)(seconds * (double)NS_PER_SEC),
    };
    char copy[512];
    enum alt_svc_news n;

    snprintf(copy, sizeof copy, "%s", services);
    make_advert(&a, copy);
    text_len = 0;
    n = alt_svc_table_set(table, &a, on_change, NULL);
    snprintf(text + text_len, sizeof text - text_len, "%s", news[n]);
    return text;
}

static const char *find(const char *server, uint16_t port, const char *name, double seconds)
{
    struct ipaddr a = addr(server);
    const char *alpn = alt_svc_table_find(table, &a, port, str_of(name),
                                          T0 + (uint64_t)(seconds * (double)NS_PER_SEC));

    return alpn ? alpn : "-";
}

static void found_by_the_address_that_advertised(void **state)
{
    (void)state;
    assert_string_equal(say("192.0.2.1", "www.example.org", 0, "h3@:8443/60"), "+h3:8443 changed");
    assert_string_equal(find("192.0.2.1", 8443, "", 1), "h3");
    assert_string_equal(find("192.0.2.1", 443, "", 1), "-");
    assert_string_equal(find("192.0.2.2", 8443, "", 1), "-"); /* a port alone is not enough */
}

static void found_by_name_wherever_it_resolved_to(void **state)
{
    (void)state;
    say("192.0.2.1", "www.example.org:444", 0, "h3@:8443/60,h3-29@alt.example.net:443/60");
    assert_string_equal(find("198.51.100.9", 8443, "www.example.org", 1), "h3");
    assert_string_equal(find("198.51.100.9", 8443, "WWW.Example.ORG", 1), "h3");
    assert_string_equal(find("198.51.100.9", 443, "alt.example.net", 1), "h3-29");
    assert_string_equal(find("198.51.100.9", 443, "www.example.org", 1), "-");
    assert_string_equal(find("198.51.100.9", 443, "example.net", 1), "-");
    assert_string_equal(find("192.0.2.1", 443, "", 1), "h3-29"); /* the origin's own address */
}

static void found_by_an_address_as_host(void **state)
{
    (void)state;
    say("192.0.2.1", "www.example.org", 0, "h3@203.0.113.5:443/60,h3@2001:db8::5:444/60");
    assert_string_equal(find("203.0.113.5", 443, "", 1), "h3");
    assert_string_equal(find("2001:db8::5", 444, "", 1), "h3");
    assert_string_equal(find("203.0.113.5", 444, "", 1), "-");
    say("192.0.2.1", "www.example.org", 2, "");
    assert_string_equal(find("203.0.113.5", 443, "", 3), "-");
    assert_string_equal(find("2001:db8::5", 444, "", 3), "-");
}

static void only_http3_is_found(void **state)
{
    static const char *const yes[] = {"h3", "h3-29", "h3-Q050", "quic"};
    static const char *const no[] = {"h2", "h2c", "h", "h3x", "h30", "quick", "http/1.1", "hq-29"};

    (void)state;
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        assert_true(alt_svc_is_h3(str_of(yes[i])));
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        assert_false(alt_svc_is_h3(str_of(no[i])));
    assert_string_equal(say("192.0.2.1", "a", 0, "h2@:443/60"), "+h2:443 changed");
    assert_string_equal(find("192.0.2.1", 443, "a", 1), "-");
    assert_false(alt_svc_table_has_port(table, 443));
    say("192.0.2.1", "a", 0, "quic@:443/60,h3-29@:443/60,h3@:443/60");
    assert_string_equal(find("192.0.2.1", 443, "", 1), "h3");
}

static void expires_to_the_nanosecond(void **state)
{
    (void)state;
    say("192.0.2.1", "a", 0, "h3@:443/60");
    assert_string_equal(find("192.0.2.1", 443, "", 0), "h3");
    assert_string_equal(find("192.0.2.1", 443, "", 59.999), "h3");
    assert_string_equal(find("192.0.2.1", 443, "", 60), "-");
    assert_string_equal(find("192.0.2.1", 443, "", -0.001), "-"); /* not learned yet */
    assert_int_equal(alt_svc_table_used(table), 1);
    alt_svc_table_expire(table, T0 + 59 * NS_PER_SEC, 64);
    assert_int_equal(alt_svc_table_used(table), 1);
    alt_svc_table_expire(table, T0 + 60 * NS_PER_SEC, 64);
    assert_int_equal(alt_svc_table_used(table), 0);
    assert_false(alt_svc_table_has_port(table, 443));
    assert_string_equal(say("192.0.2.1", "a", 0, "h3@:443/0"), "nothing"); /* an age of nothing */
    assert_int_equal(alt_svc_table_used(table), 0);
}

static void expiry_goes_round_in_steps(void **state)
{
    (void)state;
    for (int i = 0; i < 40; i++) {
        char origin[16];

        snprintf(origin, sizeof origin, "o%d", i);
        say("192.0.2.1", origin, 0, i % 2 ? "h3@:443/60" : "h3@:443/600");
    }
    for (int i = 0; i < 8; i++)
        alt_svc_table_expire(table, T0 + 100 * NS_PER_SEC, 5);
    assert_int_equal(alt_svc_table_used(table), 20);
    assert_string_equal(find("192.0.2.1", 443, "", 100), "h3");
}

static void a_new_advertisement_replaces(void **state)
{
    (void)state;
    say("192.0.2.1", "a", 0, "h3@:443/60,h3@:444/60");
    assert_string_equal(say("192.0.2.1", "a", 1, "h3@:444/60,h2@:445/60"),
                        "-h3:443 +h2:445 changed");
    assert_string_equal(find("192.0.2.1", 443, "", 2), "-");
    assert_string_equal(find("192.0.2.1", 444, "", 2), "h3");
    /* Another origin, another port of it and another address of it have their own. */
    assert_string_equal(say("192.0.2.1", "b", 1, "h3@:443/60"), "+h3:443 changed");
    assert_string_equal(say("192.0.2.2", "a", 1, "h3@:443/60"), "+h3:443 changed");
    assert_string_equal(say("192.0.2.1", "a", 1, ""), "-h3:444 -h2:445 changed");
    assert_string_equal(find("192.0.2.1", 443, "", 2), "h3");
    assert_string_equal(find("192.0.2.2", 443, "", 2), "h3");
    assert_string_equal(find("192.0.2.1", 444, "", 2), "-");
}

static void clear_takes_away_and_only_once(void **state)
{
    (void)state;
    say("192.0.2.1", "a", 0, "h3@:443/60");
    assert_string_equal(say("192.0.2.1", "a", 1, ""), "-h3:443 changed");
    assert_string_equal(say("192.0.2.1", "a", 2, ""), "nothing");
    assert_string_equal(find("192.0.2.1", 443, "a", 2), "-");
    assert_false(alt_svc_table_has_port(table, 443));
    assert_int_equal(alt_svc_table_used(table), 0);
    say("192.0.2.1", "a", 3, "h3@:443/60");
    assert_string_equal(say("192.0.2.1", "a", 3, "h3@:443/0"), "-h3:443 changed");
}

static void a_busy_site_is_told_of_now_and_then(void **state)
{
    unsigned lines = 0, messages = 0;

    (void)state;
    say("192.0.2.1", "a", 0, "h3@:443/86400");
    for (int second = 1; second <= 86400; second += 7) {
        const char *news = say("192.0.2.1", "a", second, "h3@:443/86400");

        lines += strstr(news, "~") != NULL;
        messages += strstr(news, "nothing") == NULL;
        assert_string_equal(find("192.0.2.1", 443, "", second + 86399), "h3");
    }
    assert_int_equal(lines, 1); /* after half a day; a whole one has not passed */
    assert_in_range(messages, 60, 66);
}

static void short_ages_are_told_of_at_most_once_a_second(void **state)
{
    (void)state;
    say("192.0.2.1", "a", 0, "h3@:443/4");
    assert_string_equal(say("192.0.2.1", "a", 0.9, "h3@:443/4"), "nothing");
    assert_string_equal(say("192.0.2.1", "a", 1.0, "h3@:443/4"), "later");
    assert_string_equal(say("192.0.2.1", "a", 1.9, "h3@:443/4"), "nothing");
    assert_string_equal(say("192.0.2.1", "a", 2.0, "h3@:443/4"), "~h3:443 changed");
    assert_string_equal(say("192.0.2.1", "a", 2.1, "h3@:443/400"), "~h3:443 changed");
    assert_string_equal(say("192.0.2.1", "a", 2.2, "h3@:443/400!"), "~h3:443 changed");
    assert_string_equal(say("192.0.2.1", "a", 2.3, "h3@:443/400!"), "nothing");
}

static void what_had_run_out_is_learned_anew(void **state)
{
    (void)state;
    say("192.0.2.1", "a", 0, "h3@:443/60,h2@:444/60");
    assert_string_equal(say("192.0.2.1", "a", 61, "h3@:443/60"), "+h3:443 changed");
    assert_int_equal(alt_svc_table_used(table), 1);
}

static void the_longest_known_makes_room(void **state)
{
    (void)state;
    new_table(4);
    say("192.0.2.1", "a", 0, "h3@:1/600,h3@:2/600");
    say("192.0.2.1", "b", 1, "h3@:3/600");
    say("192.0.2.1", "c", 2, "h3@:4/600");
    say("192.0.2.1", "a", 3, "h3@:1/600,h3@:2/600");
    assert_int_equal(alt_svc_table_evicted(table), 0);
    say("192.0.2.1", "d", 4, "h3@:5/600"); /* b goes: a was heard of since */
    assert_string_equal(find("192.0.2.1", 3, "", 5), "-");
    assert_string_equal(find("192.0.2.1", 1, "", 5), "h3");
    assert_int_equal(alt_svc_table_evicted(table), 1);
    say("192.0.2.1", "e", 6, "h3@:6/600,h3@:7/600"); /* c, then a with both of its own */
    assert_int_equal(alt_svc_table_evicted(table), 4);
    assert_int_equal(alt_svc_table_used(table), 3);
    say("192.0.2.1", "f", 7, "h3@:1/9,h3@:2/9,h3@:3/9,h3@:4/9,h3@:5/9"); /* more than there is */
    assert_int_equal(alt_svc_table_used(table), 4);
    assert_int_equal(alt_svc_table_evicted(table), 8);
    assert_string_equal(find("192.0.2.1", 6, "", 8), "-");
}

static void a_port_is_known_as_long_as_any_service_has_it(void **state)
{
    (void)state;
    say("192.0.2.1", "a", 0, "h3@:443/60");
    say("192.0.2.2", "b", 0, "h3@:443/600");
    say("192.0.2.1", "a", 1, "");
    assert_true(alt_svc_table_has_port(table, 443));
    assert_false(alt_svc_table_has_port(table, 442));
    say("192.0.2.2", "b", 1, "h3@:65535/60");
    assert_false(alt_svc_table_has_port(table, 443));
    assert_true(alt_svc_table_has_port(table, 65535));
}

static void mirror_host(void *user, const struct alt_svc_host_key *key, uint64_t expires_ns)
{
    (void)user;
    assert_int_equal(key->zero, 0);
    text_len += (size_t)snprintf(text + text_len, sizeof text - text_len, "%u.%u:%u=%d ",
                                 key->addr[14], key->addr[15], key->port,
                                 expires_ns ? (int)((expires_ns - T0) / NS_PER_SEC) : -1);
}

static void mirror_port(void *user, const struct alt_svc_port_key *key, uint64_t expires_ns)
{
    (void)user;
    text_len += (size_t)snprintf(text + text_len, sizeof text - text_len, ":%u=%d ", key->port,
                                 expires_ns ? (int)((expires_ns - T0) / NS_PER_SEC) : -1);
}

static void a_lookup_looks_at_so_many_and_no_more(void **state)
{
    char origin[32];

    (void)state;
    new_table(1024);
    say("192.0.2.1", "first.example", 0, "h3@:443/3600");
    for (unsigned i = 0; i < 500; i++) {
        snprintf(origin, sizeof origin, "o%u.example", i);
        say("192.0.2.1", origin, 0, "h3-29@:443/3600");
        if (i == 5)
            assert_string_equal(find("192.0.2.1", 443, "", 1), "h3");
    }
    assert_string_equal(find("192.0.2.1", 443, "", 1), "h3-29");
    assert_string_equal(find("192.0.2.2", 443, "first.example", 1), "h3");
}

static void a_mirror_holds_what_the_table_holds(void **state)
{
    const struct alt_svc_mirror mirror = {mirror_host, mirror_port, NULL};

    (void)state;
    alt_svc_table_mirror(table, &mirror);
    assert_string_equal(say("192.0.2.1", "a", 0, "h3@:443/60,h2@:80/60"),
                        "2.1:443=60 :443=60 +h3:443 +h2:80 changed");
    assert_string_equal(say("192.0.2.1", "b", 1, "h3@192.0.3.3:443/60"),
                        "2.1:443=61 3.3:443=61 :443=61 +h3:443 changed");
    /* Another service has the address and the port still. */
    assert_string_equal(say("192.0.2.1", "a", 2, ""), "-h3:443 -h2:80 changed");
    assert_string_equal(say("192.0.2.1", "b", 3, ""),
                        "-h3:443 2.1:443=-1 3.3:443=-1 :443=-1 changed");
    say("192.0.2.1", "a", 4, "h3@:443/60");
    text_len = 0;
    alt_svc_table_expire(table, T0 + 64 * NS_PER_SEC, 64);
    assert_string_equal(text, "2.1:443=-1 :443=-1 ");
}

static void all_of_it_can_be_read_out(void **state)
{
    struct alt_svc_advert a;
    uint32_t position = 0;

    (void)state;
    assert_false(alt_svc_table_next(table, &position, &a));
    say("192.0.2.1", "a", 0, "h3@:443/60,h2@x:80/7!");
    say("192.0.2.1", "b", 1, "h3@:443/60");
    say("192.0.2.1", "a", 2, "h3@:443/60,h2@x:80/7!");
    assert_true(alt_svc_table_next(table, &position, &a));
    assert_true(str_equal(a.origin, STR_LIT("b")) && a.n == 1 && a.server_port == 443);
    assert_true(alt_svc_table_next(table, &position, &a));
    assert_true(str_equal(a.origin, STR_LIT("a")) && a.n == 2);
    assert_true(a.learned_ns == T0 + 2 * NS_PER_SEC && str_equal(a.uid, STR_LIT("CUid")) &&
                str_equal(a.node, STR_LIT("worker-1")));
    assert_true(alt_svc_table_has(table, &a));
    a.learned_ns++;
    assert_false(alt_svc_table_has(table, &a));
    assert_false(alt_svc_table_next(table, &position, &a));
}

/* Against a plain list: what is found is exactly what was said last and has not run out. */
static void long_use_agrees_with_a_list(void **state)
{
    static struct {
        unsigned port;
        double until;
    } said[8];
    uint32_t random = 1;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        char origin[2] = "a", services[64] = "";
        unsigned o, port, age;

        random = random * 1664525u + 1013904223u;
        o = random >> 29;
        port = 1 + (random >> 16 & 7);
        age = random >> 8 & 15;
        origin[0] = (char)('a' + o);
        if (age > 0)
            snprintf(services, sizeof services, "h3@:%u/%u", port, age);
        say("192.0.2.1", origin, i, services);
        said[o].port = port;
        said[o].until = i + (int)age;
        if (i % 3 == 0)
            alt_svc_table_expire(table, T0 + (uint64_t)i * NS_PER_SEC, 2);
        for (unsigned k = 0; k < 8; k++)
            for (unsigned p = 1; p <= 8; p++) {
                char name[2] = {(char)('a' + k), '\0'};
                bool want = said[k].port == p && i < said[k].until;

                assert_string_equal(find("198.51.100.1", (uint16_t)p, name, i), want ? "h3" : "-");
            }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(found_by_the_address_that_advertised),
        TEST(found_by_name_wherever_it_resolved_to),
        TEST(found_by_an_address_as_host),
        TEST(only_http3_is_found),
        TEST(expires_to_the_nanosecond),
        TEST(expiry_goes_round_in_steps),
        TEST(a_new_advertisement_replaces),
        TEST(clear_takes_away_and_only_once),
        TEST(a_busy_site_is_told_of_now_and_then),
        TEST(short_ages_are_told_of_at_most_once_a_second),
        TEST(what_had_run_out_is_learned_anew),
        TEST(the_longest_known_makes_room),
        TEST(a_port_is_known_as_long_as_any_service_has_it),
        TEST(a_lookup_looks_at_so_many_and_no_more),
        TEST(a_mirror_holds_what_the_table_holds),
        TEST(all_of_it_can_be_read_out),
        TEST(long_use_agrees_with_a_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* A value is written down as the services that are read out of it:
 *     protocol@host:port/age, a + behind it if it persists; "clear"; "!" where something was bad.
 * Examples marked so are those of RFC 7838. */
#include "worker/learn/alt_svc_value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *read_value(const char *value, size_t len)
{
    static struct alt_svc_value v;
    static char text[8192];
    /* In memory of exactly its size, so that a byte too far is seen. */
    char *exact = malloc(len ? len : 1);
    size_t n = 0;

    assert_non_null(exact);
    memcpy(exact, value, len);
    alt_svc_value_parse(str_make(exact, len), &v);
    free(exact);
    text[0] = '\0';
    if (v.clear)
        n += (size_t)snprintf(text + n, sizeof text - n, "clear ");
    for (unsigned i = 0; i < v.n; i++) {
        const struct alt_svc_service *s = &v.services[i];

        n += (size_t)snprintf(text + n, sizeof text - n, "%.*s@%.*s:%u/%u%s ", (int)s->protocol.len,
                              s->protocol.p, (int)s->host.len, s->host.p, s->port, s->max_age_s,
                              s->persist ? "+" : "");
    }
    if (v.bad)
        n += (size_t)snprintf(text + n, sizeof text - n, "! ");
    if (n > 0)
        text[n - 1] = '\0';
    return text;
}

static void expect(const char *value, const char *text)
{
    assert_string_equal(read_value(value, strlen(value)), text);
}

static void examples_of_the_rfc(void **state)
{
    (void)state;
    expect("h2=\":8000\"", "h2@:8000/86400"); /* section 3 */
    expect("h2=\"new.example.org:80\"", "h2@new.example.org:80/86400");
    expect("w%3Dx%3Ay#z=\":443\"", "w=x:y#z@:443/86400");
    expect("x%25y=\":443\"", "x%y@:443/86400");
    expect("h2=\"alt.example.com:8000\", h2=\":443\"",
           "h2@alt.example.com:8000/86400 h2@:443/86400");
    expect("h2=\":443\"; ma=3600", "h2@:443/3600"); /* section 3.1 */
    expect("h2=\":443\"; ma=2592000; persist=1", "h2@:443/2592000+");
    expect("clear", "clear");
}

static void values_of_the_field(void **state)
{
    (void)state;
    expect("h3=\":443\"; ma=86400,h3-29=\":443\"; ma=86400", "h3@:443/86400 h3-29@:443/86400");
    expect("quic=\":443\"; ma=2592000; v=\"46,43\"", "quic@:443/2592000");
    expect("h3-29=\":443\"; ma=2592000,quic=\":443\"; ma=2592000; v=\"46,43\",h3=\":8443\"",
           "h3-29@:443/2592000 quic@:443/2592000 h3@:8443/86400");
    expect("h3=\":443\"; ma=86400;", "h3@:443/86400");
    expect("h3=\":443\";ma=1 ;; persist=0", "h3@:443/1");
    expect("h3=\":443\"; MA=7; Persist=1", "h3@:443/7+");
    expect("h3=\":443\"; ma=\"7\"; persist=\"1\"", "h3@:443/7+");
}

static void lists_may_have_holes(void **state)
{
    (void)state;
    expect(" , ,\th3=\":1\" ,, h2=\":2\"\t,", "h3@:1/86400 h2@:2/86400");
    expect("h3=\":1\"\t;\tma=3 , h2=\":2\"", "h3@:1/3 h2@:2/86400");
    expect("", "!");
    expect(" , ", "!");
}

static void hosts(void **state)
{
    (void)state;
    expect("h3=\"192.0.2.7:443\"", "h3@192.0.2.7:443/86400");
    expect("h3=\"[2001:DB8::1]:443\"", "h3@2001:db8::1:443/86400");
    expect("h3=\"ALT.Example.ORG.:443\"", "h3@alt.example.org:443/86400");
    expect("h3=\"a\\lt.exa\\mple:4\\43\"", "h3@alt.example:443/86400");
    expect("h3=\"[2001:db8::1:443\"", "!");
    expect("h3=\"[192.0.2.7]:443\"", "!");
    expect("h3=\"2001:db8::1:443\"", "!");
    expect("h3=\"user@host:443\"", "!");
    expect("h3=\"ho st:443\"", "!");
    expect("h3=\"h\\\"x:443\"", "!");
}

static void ports(void **state)
{
    (void)state;
    expect("h3=\":65535\"", "h3@:65535/86400");
    expect("h3=\":0000443\"", "h3@:443/86400");
    expect("h3=\":65536\"", "!");
    expect("h3=\":0\"", "!");
    expect("h3=\":\"", "!");
    expect("h3=\"\"", "!");
    expect("h3=\"example\"", "!");
    expect("h3=\":44a\"", "!");
    expect("h3=\":18446744073709552059\"", "!"); /* 443 modulo 2^64 */
}

static void a_bad_item_spoils_only_itself(void **state)
{
    (void)state;
    expect("h3, h2=\":2\"", "h2@:2/86400 !");
    expect("h3=:443, h2=\":2\"", "h2@:2/86400 !");
    expect("h3 =\":443\", h2=\":2\"", "h2@:2/86400 !");
    expect("=\":443\", h2=\":2\"", "h2@:2/86400 !");
    expect("h%3=\":443\", h%zz=\":443\", h%=\":443\", h2=\":2\"", "h2@:2/86400 !");
    expect("h3=\":443\"; ma, h2=\":2\"", "h2@:2/86400 !");
    expect("h3=\":443\"; ma=x, h2=\":2\"", "h2@:2/86400 !");
    expect("h3=\":443\"; ma=, h2=\":2\"", "h2@:2/86400 !");
    expect("h3=\":443\" junk, h2=\":2\"", "h2@:2/86400 !");
    /* The comma of a quoted string ends nothing, not even in what is passed over. */
    expect("h3=\":x\"; v=\"1,h2=2\\\",\" z, h2=\":2\"", "h2@:2/86400 !");
    expect("h2=\":2\", h3=\":443", "h2@:2/86400 !");
    expect("h2=\":2\", h3=\":443\\", "h2@:2/86400 !");
}

static void clear_wins_and_its_case_matters(void **state)
{
    (void)state;
    expect(" clear ", "clear");
    expect("clear,", "clear");
    expect("h3=\":443\", clear", "clear !");
    expect("clear, h3=\":443\"", "clear !");
    expect("Clear", "!");
    expect("CLEAR, h3=\":443\"", "h3@:443/86400 !");
    expect("clear=\":443\"", "clear@:443/86400");
    expect("clear x", "!");
}

static void ages(void **state)
{
    (void)state;
    expect("h3=\":1\"; ma=0", "h3@:1/0");
    expect("h3=\":1\"; ma=2147483647", "h3@:1/2147483647");
    expect("h3=\":1\"; ma=99999999999999999999999999", "h3@:1/2147483647");
    expect("h3=\":1\"; ma=-1", "!");
    expect("h3=\":1\"; ma=1; ma=2", "h3@:1/2");
    expect("h3=\":1\"; persist=2", "h3@:1/86400");
    expect("h3=\":1\"; unknown=\"a\\\"b\"; x=y", "h3@:1/86400");
}

static void bounds(void **state)
{
    char value[4096], want[4096];
    size_t n = 0, w = 0;

    (void)state;
    for (unsigned i = 0; i < ALT_SVC_SERVICES_MAX + 3; i++) {
        n += (size_t)snprintf(value + n, sizeof value - n, "h3=\":%u\",", i + 1);
        if (i < ALT_SVC_SERVICES_MAX)
            w += (size_t)snprintf(want + w, sizeof want - w, "h3@:%u/86400 ", i + 1);
    }
    snprintf(want + w, sizeof want - w, "!");
    expect(value, want);

    snprintf(value, sizeof value, "%032d=\":1\", %031d=\":2\"", 0, 0);
    snprintf(want, sizeof want, "%031d@:2/86400 !", 0);
    expect(value, want);

    snprintf(value, sizeof value, "h3=\"%0256d:1\", h3=\"%0255d:2\"", 0, 0);
    snprintf(want, sizeof want, "h3@%0255d:2/86400 !", 0);
    expect(value, want);

    snprintf(value, sizeof value, "h3=\":1\"; x=\"%01000d\"; ma=5", 0);
    expect(value, "h3@:1/5");
}

/* Whatever its length, a value is read in its own bytes only (run under a sanitizer). */
static void every_cut_is_read(void **state)
{
    static const char value[] =
        "h3=\"[2001:db8::1]:443\"; ma=\"1\\0\"; persist=1, w%3Dx=\":1\" , clear";

    (void)state;
    for (size_t n = 0; n < sizeof value; n++)
        read_value(value, n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples_of_the_rfc),
        cmocka_unit_test(values_of_the_field),
        cmocka_unit_test(lists_may_have_holes),
        cmocka_unit_test(hosts),
        cmocka_unit_test(ports),
        cmocka_unit_test(a_bad_item_spoils_only_itself),
        cmocka_unit_test(clear_wins_and_its_case_matters),
        cmocka_unit_test(ages),
        cmocka_unit_test(bounds),
        cmocka_unit_test(every_cut_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

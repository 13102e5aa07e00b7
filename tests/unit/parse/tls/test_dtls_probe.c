/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/parse/tls/dtls.h"

#include "tests/unit/parse/tls/dtls_wire.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct wire_hello client = {.version = 0xfefd, .server_name = "a.example.test"};
static const struct wire_hello server = {.version = 0xfefd};

static enum probe_result probe(const struct wire *w)
{
    return dtls_probe(w->p, w->len, ANALYZER_UDP);
}

static void hellos_tell_the_side(void **state)
{
    struct wire w = {.len = 0};

    (void)state;
    dtls_wire_client_hello(&w, 0, &client);
    assert_int_equal(probe(&w), PROBE_CLIENT);
    assert_int_equal(dtls_probe(w.p, w.len, ANALYZER_TCP), PROBE_NO);
    w.len = 0;
    dtls_wire_server_hello(&w, 1, &server);
    assert_int_equal(probe(&w), PROBE_SERVER);
    w.len = 0;
    dtls_wire_message(&w, 3, 0, "\xfe\xff\x04\x01\x02\x03\x04", 7);
    assert_int_equal(probe(&w), PROBE_SERVER);
}

static void first_fragment_is_enough(void **state)
{
    struct wire w = {.len = 0}, body = {.len = 0};

    (void)state;
    wire_client_hello(&body, &client);
    dtls_wire_fragment(&w, 1, 0, body.p, (uint32_t)body.len, 0, 30);
    assert_int_equal(probe(&w), PROBE_CLIENT);
    w.len = 0;
    dtls_wire_fragment(&w, 1, 0, body.p, (uint32_t)body.len, 30, 30);
    assert_int_equal(probe(&w), PROBE_NO);
}

/* A datagram is whole or it is not one. */
static void cut_hello_is_refused(void **state)
{
    struct wire w = {.len = 0};

    (void)state;
    dtls_wire_client_hello(&w, 0, &client);
    for (size_t len = 0; len < w.len; len++)
        if (dtls_probe(w.p, len, ANALYZER_UDP) != PROBE_NO)
            fail_msg("%zu of %zu bytes were taken for DTLS", len, w.len);
}

/* Every field that the probe looks at, made wrong in turn. */
static void one_wrong_field_is_enough(void **state)
{
    static const struct {
        size_t at;
        uint8_t byte;
        const char *what;
    } cases[] = {
        {0, 20, "content type"},     {1, 0x03, "version"},      {4, 1, "epoch"},
        {5, 1, "sequence number"},   {13, 14, "message type"},  {16, 0, "message length"},
        {18, 99, "message number"},  {21, 9, "fragment place"}, {24, 255, "fragment length"},
        {25, 3, "version of hello"},
    };
    struct wire good = {.len = 0}, w;

    (void)state;
    dtls_wire_client_hello(&good, 0, &client);
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        w = good;
        w.p[cases[i].at] = cases[i].byte;
        if (probe(&w) != PROBE_NO)
            fail_msg("taken for DTLS in spite of its %s", cases[i].what);
    }
}

static void middle_of_a_connection(void **state)
{
    struct wire w = {.len = 0};

    (void)state;
    dtls_wire_ciphertext(&w, 23, 1, 70000, 40);
    assert_int_equal(probe(&w), PROBE_EITHER);
    dtls_wire_ciphertext(&w, 23, 1, 70001, 20);
    assert_int_equal(probe(&w), PROBE_EITHER);
    wire_fill(&w, 0, 1);
    assert_int_equal(probe(&w), PROBE_NO);
    w.len = 0;
    dtls_wire_ciphertext(&w, 23, 0, 70000, 40);
    assert_int_equal(probe(&w), PROBE_NO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hellos_tell_the_side),   cmocka_unit_test(first_fragment_is_enough),
        cmocka_unit_test(cut_hello_is_refused),   cmocka_unit_test(one_wrong_field_is_enough),
        cmocka_unit_test(middle_of_a_connection),
    };

    return cmocka_run_group_tests_name("parse/tls/dtls_probe", tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/parse/quic/seal.h"
#include "worker/parse/quic/quic_parameters.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const char *format(const char *hex, bool short_form)
{
    static struct quic_parameters p;
    static char text[sizeof p.text + QUIC_PARAMETERS_MAX];
    struct seal s = {.len = 0};
    size_t n = 0;

    seal_hex(&s, hex);
    quic_parameters_format(&p, s.p, s.len, short_form);
    text[0] = 0;
    for (uint32_t i = 0; i < p.n; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%.*s", i ? " " : "",
                              (int)p.items[i].len, p.items[i].p);
    return text;
}

/* The parameters of the ClientHello in RFC 9001 appendix A.2. */
static void test_rfc9001(void **state)
{
    (void)state;
    assert_string_equal(
        format(
            "0408ffffffffffffffff05048000ffff07048000ffff0801100104800075300901100f088394c8f03e51"
            "570806048000ffff",
            false),
        "initial_max_data=4611686018427387903 initial_max_stream_data_bidi_local=65535 "
        "initial_max_stream_data_uni=65535 initial_max_streams_bidi=16 max_idle_timeout=30000 "
        "initial_max_streams_uni=16 initial_source_connection_id=8394c8f03e515708 "
        "initial_max_stream_data_bidi_remote=65535");
}

static void test_others(void **state)
{
    (void)state;
    assert_string_equal(format("0c00", false), "disable_active_migration");
    assert_string_equal(format("6ab200", false), "grease_quic_bit");
    assert_string_equal(format("1108000000016b3343cf", false),
                        "version_information=000000016b3343cf");
    assert_string_equal(format("200480010000", false), "max_datagram_frame_size=65536");
    assert_string_equal(format("3a03616263", false), "0x3a"); /* greased: 31 N + 27 */
    assert_string_equal(format("01020101", false), "max_idle_timeout=0101"); /* not one number */
    assert_string_equal(format("0f00", false), "initial_source_connection_id");
}

static void test_drafts_with_short_numbers(void **state)
{
    (void)state;
    assert_string_equal(format("000b0001000244440008000110", true),
                        "max_idle_timeout=1092 initial_max_streams_bidi=16");
}

static void test_broken(void **state)
{
    (void)state;
    assert_string_equal(format("", false), "");
    assert_string_equal(format("01024444ff", false), "max_idle_timeout=1092");
    assert_string_equal(format("010244440f09aa", false), "max_idle_timeout=1092");
}

/* A thousand of them, and a value that is long: the bounds hold. */
static void test_bounds(void **state)
{
    static struct quic_parameters p;
    struct seal s = {.len = 0};

    (void)state;
    seal_hex(&s, "024140");
    seal_fill(&s, 0xab, 0x140);
    quic_parameters_format(&p, s.p, s.len, false);
    assert_int_equal(p.n, 1);
    assert_int_equal(p.items[0].len, strlen("stateless_reset_token=") + 128);
    s.len = 0;
    for (unsigned i = 0; i < 500; i++)
        seal_hex(&s, "0c00");
    quic_parameters_format(&p, s.p, s.len, false);
    assert_int_equal(p.n, QUIC_PARAMETERS_MAX);
    s.len = 0;
    for (unsigned i = 0; i < 28; i++) {
        seal_hex(&s, "0240");
        seal_fill(&s, 0x40, 1);
        seal_fill(&s, 0xab, 64);
    }
    quic_parameters_format(&p, s.p, s.len, false);
    assert_int_equal(p.n, 28);
}

static void test_have(void **state)
{
    struct seal s = {.len = 0};

    (void)state;
    seal_hex(&s, "010244446ab200");
    assert_true(quic_parameters_have(s.p, s.len, false, QUIC_PARAMETER_GREASE_BIT));
    assert_false(quic_parameters_have(s.p, 4, false, QUIC_PARAMETER_GREASE_BIT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc9001),
        cmocka_unit_test(test_others),
        cmocka_unit_test(test_drafts_with_short_numbers),
        cmocka_unit_test(test_broken),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_have),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

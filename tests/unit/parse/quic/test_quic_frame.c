/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/parse/quic/seal.h"
#include "worker/parse/quic/quic_frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* "crypto 5+3, close, end" */
static const char *frames(const char *hex, bool google, bool big_endian)
{
    static char text[512];
    struct seal s = {.len = 0};
    struct cursor c;
    struct quic_frame f;
    size_t n = 0;

    seal_hex(&s, hex);
    c = cursor_init(s.p, s.len);
    text[0] = 0;
    while (google ? quic_frame_next_google(&c, big_endian, &f) : quic_frame_next(&c, &f)) {
        if (f.kind == QUIC_FRAME_CLOSE)
            n += (size_t)snprintf(text + n, sizeof text - n, "close, ");
        else
            n += (size_t)snprintf(text + n, sizeof text - n, "crypto %llu+%zu, ",
                                  (unsigned long long)f.offset, f.len);
    }
    snprintf(text + n, sizeof text - n, "%s", cursor_ok(&c) ? "end" : "broken");
    return text;
}

static void assert_frames(const char *hex, const char *expected)
{
    assert_string_equal(frames(hex, false, false), expected);
}

static void test_frames_of_initials(void **state)
{
    (void)state;
    assert_frames("", "end");
    assert_frames("000000", "end");
    assert_frames("01060503aabbcc00", "crypto 5+3, end");
    assert_frames("06400501000600", "crypto 5+1, broken"); /* the second frame's length is cut */
    assert_frames("0600024041060201ff01", "crypto 0+2, crypto 2+1, end");
    assert_frames("02090a01020304060001ff", "crypto 0+1, end");   /* ACK, one range */
    assert_frames("030900000001020306000aff", "broken");          /* CRYPTO is cut */
    assert_frames("0309000000010203060001ff", "crypto 0+1, end"); /* ACK with ECN counts */
    assert_frames("1c0a0602616201", "close, end");
    assert_frames("1d0a026162", "close, end");
    assert_frames("1c0a06056162", "broken");
    assert_frames("020000ffffffffffffffff00", "broken"); /* 2^62 ranges that are not there */
    assert_frames("08", "broken");                       /* STREAM: never in an Initial */
    assert_frames("0600bfffffff", "broken");
}

static void test_google_frames(void **state)
{
    (void)state;
    assert_string_equal(frames("080503aabbcc07", true, true), "crypto 5+3, end");
    assert_string_equal(frames("a0010003414243", true, true), "crypto 0+3, end");
    assert_string_equal(frames("a0010300414243", true, false), "crypto 0+3, end");
    assert_string_equal(frames("a401000500024142", true, true), "crypto 5+2, end");
    assert_string_equal(frames("8001414243", true, true), "crypto 0+3, end"); /* no length */
    assert_string_equal(frames("a003000141a00100020000", true, true), "crypto 0+2, end");
    assert_string_equal(frames("400100000100a001000141", true, true), "crypto 0+1, end"); /* ACK */
    assert_string_equal(frames("6001000001010101010000000000a001000141", true, true),
                        "crypto 0+1, end"); /* ACK with a block and a time */
    assert_string_equal(frames("0200000000", true, true), "close, end");
    assert_string_equal(frames("06", true, true), "end");
    assert_string_equal(frames("a00100ff41", true, true), "broken");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_of_initials),
        cmocka_unit_test(test_google_frames),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

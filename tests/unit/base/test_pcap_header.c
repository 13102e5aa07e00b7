/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/base/pcap_header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* A header as it lies in a file: magic, version 2.4, time zone, accuracy, snap length, link type.
 */
#define HEADER(a, b, c, d, ...)                                                                    \
    {                                                                                              \
        a, b, c, d, [20] = __VA_ARGS__                                                             \
    }

static void all_four_kinds(void **state)
{
    static const struct {
        uint8_t bytes[PCAP_HEADER_BYTES];
        bool big_endian, nanoseconds;
    } cases[] = {
        {HEADER(0xa1, 0xb2, 0xc3, 0xd4, 0, 0, 0, 113), true, false},
        {HEADER(0xd4, 0xc3, 0xb2, 0xa1, 113, 0, 0, 0), false, false},
        {HEADER(0xa1, 0xb2, 0x3c, 0x4d, 0, 0, 0, 113), true, true},
        {HEADER(0x4d, 0x3c, 0xb2, 0xa1, 113, 0, 0, 0), false, true},
    };
    struct pcap_header h;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        memset(&h, 0xff, sizeof h);
        assert_true(pcap_header_read(&h, cases[i].bytes));
        assert_int_equal(h.big_endian, cases[i].big_endian);
        assert_int_equal(h.nanoseconds, cases[i].nanoseconds);
        assert_int_equal(h.linktype, 113);
    }
}

/* With the bits of a frame check sequence of four bytes, and of one that is not told of. */
static void what_is_above_the_link_type(void **state)
{
    static const uint8_t headers[][PCAP_HEADER_BYTES] = {
        HEADER(0xa1, 0xb2, 0xc3, 0xd4, 0x44, 0, 1, 20),
        HEADER(0xd4, 0xc3, 0xb2, 0xa1, 20, 1, 0, 0x44),
        HEADER(0xa1, 0xb2, 0x3c, 0x4d, 0x0f, 0xff, 1, 20),
    };
    struct pcap_header h;

    (void)state;
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        assert_true(pcap_header_read(&h, headers[i]));
        assert_int_equal(h.linktype, 276);
    }
}

static void no_other_begins_so(void **state)
{
    static const uint8_t headers[][PCAP_HEADER_BYTES] = {
        {0},
        HEADER(0x0a, 0x0d, 0x0d, 0x0a, 0, 0, 0, 1), /* pcapng */
        HEADER(0x1f, 0x8b, 8, 0, 0, 0, 0, 1),       /* gzip */
        HEADER(0xa1, 0xb2, 0xcd, 0x34, 0, 0, 0, 1), /* of a patched libpcap: longer frame headers */
        HEADER(0x34, 0xcd, 0xb2, 0xa1, 1, 0, 0, 0),
        HEADER(0xb2, 0xa1, 0xd4, 0xc3, 0, 0, 0, 1),
        HEADER(0xa1, 0xb2, 0xc3, 0xd5, 0, 0, 0, 1),
        HEADER(0xa0, 0xb2, 0x3c, 0x4d, 0, 0, 0, 1),
    };
    struct pcap_header h;

    (void)state;
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
        if (pcap_header_read(&h, headers[i]))
            fail_msg("taken for a capture: header %zu", i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_four_kinds),
        cmocka_unit_test(what_is_above_the_link_type),
        cmocka_unit_test(no_other_begins_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses of tests, from text. */
#ifndef SPLIFF_TESTS_ADDRESSES_H
#define SPLIFF_TESTS_ADDRESSES_H

#include "common/base/ipaddr.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static inline struct ipaddr address(const char *text)
{
    struct ipaddr a = {{0}};
    uint8_t v4[4];

    if (inet_pton(AF_INET, text, v4) == 1)
        ipaddr_set_v4(&a, v4);
    else
        assert_int_equal(inet_pton(AF_INET6, text, a.b), 1);
    return a;
}

#endif

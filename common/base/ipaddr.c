/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/base/ipaddr.h"

#include <arpa/inet.h>

static size_t ipaddr_format_octet(unsigned v, char *out)
{
    size_t n = 0;

    if (v >= 100)
        out[n++] = (char)('0' + v / 100);
    if (v >= 10)
        out[n++] = (char)('0' + v / 10 % 10);
    out[n++] = (char)('0' + v % 10);
    return n;
}

size_t ipaddr_format(const struct ipaddr *a, char *out)
{
    size_t n = 0;

    if (!ipaddr_is_v4(a)) {
        inet_ntop(AF_INET6, a->b, out, IPADDR_TEXT_MAX);
        return strlen(out);
    }
    for (int i = 12; i < 16; i++) {
        if (i > 12)
            out[n++] = '.';
        n += ipaddr_format_octet(a->b[i], out + n);
    }
    return n;
}

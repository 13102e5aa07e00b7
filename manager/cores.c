/* SPDX-License-Identifier: BSD-3-Clause */
#include "manager/cores.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int cores_parse(const char *list, unsigned *cores, unsigned max)
{
    unsigned n = 0;

    for (const char *p = list + strspn(list, ", "); *p; p += strspn(p, ", ")) {
        unsigned long core;
        char *end;

        if (!isdigit((unsigned char)*p) || n == max)
            return -EINVAL;
        core = strtoul(p, &end, 10);
        if (core > CORES_NUMBER_MAX || (*end && *end != ',' && *end != ' '))
            return -EINVAL;
        cores[n++] = (unsigned)core;
        p = end;
    }
    return (int)n;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "manager/cores.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A number at *p, over which it moves; -EINVAL if there is none, or it is too large. */
static int core_parse(const char **p)
{
    unsigned long core;
    char *end;

    if (!isdigit((unsigned char)**p))
        return -EINVAL;
    core = strtoul(*p, &end, 10);
    *p = end;
    return core > CORES_NUMBER_MAX ? -EINVAL : (int)core;
}

int cores_parse(const char *list, unsigned *cores, unsigned max)
{
    unsigned n = 0;

    for (const char *p = list + strspn(list, ", "); *p; p += strspn(p, ", ")) {
        int core = core_parse(&p), last = core;

        if (*p == '-') {
            p++;
            last = core_parse(&p);
        }
        if (core < 0 || last < core || (*p && *p != ',' && *p != ' '))
            return -EINVAL;
        for (; core <= last; core++) {
            if (n == max)
                return -EINVAL;
            cores[n++] = (unsigned)core;
        }
    }
    return (int)n;
}

int cores_missing(const unsigned *cores, unsigned n)
{
    long there = sysconf(_SC_NPROCESSORS_CONF);

    for (unsigned i = 0; i < n; i++)
        if (there > 0 && cores[i] >= (unsigned long)there)
            return (int)cores[i];
    return -1;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* CHECK: an invariant of our own code. When it fails the process dies and the manager
 * restarts it. Never for input: bad traffic is counted, a bad environment is -errno. */
#ifndef SPLIFF_BASE_CHECK_H
#define SPLIFF_BASE_CHECK_H

/* Prints "file:line: CHECK failed: text" on stderr and aborts. */
__attribute__((cold)) _Noreturn void check_failed(const char *file, int line, const char *text);

#define CHECK(cond)                                                                                \
    do {                                                                                           \
        if (__builtin_expect(!(cond), 0))                                                          \
            check_failed(__FILE__, __LINE__, #cond);                                               \
    } while (0)

#endif

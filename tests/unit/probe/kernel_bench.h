/* SPDX-License-Identifier: BSD-3-Clause */
/* The probe's programs in the running kernel: functions of the test's own file (fake_ssl.c) are
 * hooked, a child calls them, and what the ring then holds is looked at. */
#ifndef SPLIFF_TESTS_KERNEL_BENCH_H
#define SPLIFF_TESTS_KERNEL_BENCH_H

#include "tests/unit/probe/fake_ssl.h"
#include "worker/probe/kernel.h"

#include <netinet/in.h>

#define BENCH_EVENTS   512
#define BENCH_CALL_MAX (64u * 1024)
#define BENCH_BYTES    "GET / HTTP/1.1\r\n\r\n"

/* A TCP connection of this process with itself. */
struct pair {
    int fd[2];
    struct sockaddr_in6 address[2];
};

struct kernel_bench {
    struct kernel *kernel; /* NULL: it cannot be had, */
    char why_not[400];     /* and why */
    int processes_fd;      /* what it tells of processes, or -1 */
    struct counters counters;
    struct pair pairs[2]; /* the child has them from the parent */

    /* Of the last child. */
    pid_t child;
    unsigned n_got;
    struct {
        uint8_t data[PROBE_CHUNK_MAX];
        struct probe_event e;
    } got[BENCH_EVENTS];
};

extern struct kernel_bench bench;

/* Group fixtures; _old: with a kernel that passes for an old one. */
int bench_prepare(void **state);
int bench_prepare_old(void **state);
int bench_clean_up(void **state);

/* Opens the kernel with other filters, after a kernel_close, and attaches. */
void bench_open(struct probe_config config);

/* Skips the test, with the reason, if there is no kernel to be had. */
void bench_need_kernel(void);

/* A child does it; what the kernel tells of that is in bench.got[0 … n_got - 1]. */
void bench_run(void (*scene)(void));

/* A scene: a request and an answer over the first pair, five calls with bytes. */
void bench_talk(void);

/* Event i is as said. end: which of the pair's is local. */
void bench_expect_tuple(unsigned i, const struct pair *p, unsigned end, enum probe_method method);
void bench_expect_data(unsigned i, bool write, uint64_t offset, const char *bytes);
void bench_expect_close(unsigned i, uint64_t read, uint64_t written);

#endif

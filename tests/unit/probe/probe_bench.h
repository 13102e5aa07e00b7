/* SPDX-License-Identifier: BSD-3-Clause */
/* The probe on the bench: the kernel, what discovers, the bus and the sockets are played here. A
 * test is a script: what is there in each turn of the loop when the ring is read. What the worker
 * is sent is written down: "open PROCESS", the bytes, "close". Processes are numbered from PID on.
 */
#ifndef SPLIFF_TESTS_PROBE_BENCH_H
#define SPLIFF_TESTS_PROBE_BENCH_H

#include "common/ipc/bus.h"
#include "common/ipc/heritage.h"
#include "common/ipc/owner.h"
#include "worker/probe/discover.h"
#include "worker/probe/kernel.h"

#define PID   4000000u /* no process: above what kernels number here */
#define TURNS 8

typedef void (*step)(void);

extern struct counters counters;
extern volatile int stop;
extern char line[512], said[4096]; /* the last line that was logged; what the worker was sent */

struct fake_kernel {
    int error; /* that opening answers */
    bool opened, closed;
    step script[TURNS]; /* NULL: the end */
    unsigned turn;
    void (*take)(void *arg, const struct probe_event *e);
    void *arg;
    bool full; /* the ring holds more than a turn takes */
    char watched[256];
};
extern struct fake_kernel kernel;

struct fake_discovery {
    struct discover_ops ops;
    void *user;
    unsigned runs;
    int fd; /* always readable, so that nothing waits */
};
extern struct fake_discovery discovery;

struct fake_bus {
    int error;  /* of opening */
    int refuse; /* so many messages: the queue is full */
    const char *arrivals[4];
    struct bus_message question;
    bool asked;
    struct owner_answer answer;
};
extern struct fake_bus bus;

#endif

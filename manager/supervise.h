/* SPDX-License-Identifier: BSD-3-Clause */
/* One child process: spawned with its descriptors, stopped, killed, restarted with growing delay.
 * What its end means for the others is the manager's decision (manager.c), told by `on_end`.
 *
 * The shared memory and the captures belong to the node, not to the process: a restarted child
 * finds the spool of its predecessor and the ring that went on filling. */
#ifndef SPLIFF_MANAGER_SUPERVISE_H
#define SPLIFF_MANAGER_SUPERVISE_H

#include "common/ipc/heritage.h"
#include "common/schema/settings.h"
#include "manager/topology.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#define SUPERVISE_DELAY_MIN_MS 1000u
#define SUPERVISE_DELAY_MAX_MS 60000u
#define SUPERVISE_GOOD_MS      30000u /* a process that ran this long had started well */

enum node_state {
    NODE_STOPPED, /* not started, or ended for good */
    NODE_ALIVE,
    NODE_WAITING, /* ended, restarts when its delay is over */
};

struct node {
    const struct topology_node *def;
    enum node_kind kind;
    enum node_state state;
    char *program;     /* path */
    char *stderr_path; /* file for its stderr, or NULL: the manager's own */
    uv_loop_t *loop;

    /* Descriptors, -1 where there is none. `heritage` is what heritage_fd holds. */
    struct heritage *heritage;
    int heritage_fd, counters_fd, spool_fd, output_fd;
    int capture_fds[HERITAGE_CAPTURE_FDS];
    int worker_fds[HERITAGE_WORKERS_MAX]; /* logger, who reads for several: one of each worker, by
                                             index: its spool, the eventfd that wakes it; borrowed
                                           */
    struct counters *counters;            /* mapped counters_fd, with the node's settings */

    uv_process_t process;
    uv_timer_t timer;                          /* restart delay or kill timeout */
    pid_t pid;                                 /* 0 once it has ended */
    uint64_t started_wall_ns, started_mono_ns; /* of the present or last process */
    uint64_t restarts;
    unsigned delay_ms; /* of the last restart */
    bool killed;       /* did not end by itself in time */
    bool again;        /* was asked to end only to be started once more */
    bool absent;       /* its interface is gone */
    bool held;         /* it ends, and is not started before that is back */
    bool drained;      /* supervise_drain was called: never again */
    int exit_status;   /* of the last process: its code, */
    int term_signal;   /* or the signal that ended it, else 0 */

    /* The process is gone and node is STOPPED. */
    void (*on_end)(struct node *n);
    void *user;
};

/* Makes handles and descriptors ready; heritage is complete but for its descriptor numbers.
 * Takes over capture_fds and output_fd. 0 or -errno. */
int supervise_init(struct node *n, uv_loop_t *loop, uint64_t spool_bytes);
/* Closes descriptors. The process is gone, and the loop has closed the handles. */
void supervise_fini(struct node *n);

/* Starts the process. 0 or -errno. */
int supervise_spawn(struct node *n);

/* The same of a node that is to run for ever: a failure is logged, and tried again after a delay.
 */
void supervise_begin(struct node *n);

/* The process is gone, and its successor's capture is another one: what n->heritage and capture_fds
 * now say. 0 or -errno. */
int supervise_recapture(struct node *n);

/* Closes the descriptors of its capture. */
void supervise_close_capture(struct node *n);

/* Starts a worker that died once more, without its capture, to send the records that are left in
 * its spool. It ends by itself, or is killed after timeout_ms. 0 or -errno. */
int supervise_drain(struct node *n, uint64_t timeout_ms);

/* Asks it to end: TERM now, KILL after timeout_ms. A pending restart is given up. */
void supervise_stop(struct node *n, uint64_t timeout_ms);
void supervise_kill(struct node *n);

/* Starts it again after a delay. */
void supervise_restart(struct node *n);

/* Delay before the next restart of a process that ran for up_ms and whose last delay was `last`
 * (0: none yet). */
unsigned supervise_delay_ms(unsigned last, uint64_t up_ms);

/* "was killed by signal 11 (Segmentation fault)" or "ended with status 1" of the last process. */
const char *supervise_end_text(const struct node *n, char *out, size_t bytes);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* The manager process: one libuv loop over its children, the broker, signals and the control
 * socket. It touches no packet and sleeps when nothing happens.
 *
 * Life: manager_open (all that needs rights) -> manager_loop -> read the nodes' counters ->
 * manager_close. The plan is made by the command (`run` or `start`). */
#ifndef SPLIFF_MANAGER_MANAGER_H
#define SPLIFF_MANAGER_MANAGER_H

#include "common/ipc/broker.h"
#include "manager/capture/shared_file.h"
#include "manager/link_watch.h"
#include "manager/privileged.h"
#include "manager/supervise.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

enum manager_purpose {
    MANAGER_REPLAY,  /* `run -r`: ends with the input; nothing of it is lost or read twice */
    MANAGER_LIVE,    /* `run -i`: ends at the first signal */
    MANAGER_CLUSTER, /* `start`: ends at a signal or at `stop`; every node is restarted for ever */
};

enum manager_phase {
    MANAGER_STARTING, /* cluster: an end of a child is a failure of the start */
    MANAGER_RUNNING,
    MANAGER_STOPPING_PROBE,
    MANAGER_STOPPING_WORKERS,
    MANAGER_STOPPING_LOGGERS,
    MANAGER_ENDED,
};

/* What to run. Borrowed for the life of the manager. */
struct manager_plan {
    enum manager_purpose purpose;
    struct options options;
    struct topology topology;
    struct privileged_ids ids;
    uid_t log_uid; /* as whom loggers run */
    char run_dir[HERITAGE_PATH_MAX];
    char log_dir[HERITAGE_PATH_MAX];     /* absolute; empty: no log files */
    char state_dir[HERITAGE_PATH_MAX];   /* cluster: absolute */
    char program_dir[HERITAGE_PATH_MAX]; /* of spliff-worker and the others */
    int output_fd;                       /* of the first logger, or -1; taken over */
    bool stderr_files;                   /* children's stderr goes to <state_dir>/<node>.stderr */
    int report_fd;                       /* start: lines about the start go here, or -1 */
    void (*tick)(void *user);            /* called every tick_ms while running, or NULL */
    uint64_t tick_ms;
    void *tick_user;
};

struct captures;
struct control;
struct learned;
struct prefilter;

struct manager {
    struct manager_plan *plan;
    enum manager_phase phase;
    int exit_status;             /* worst of what happened */
    bool asked;                  /* to end: it is no failure of a cluster then */
    bool hurried;                /* asked twice to end: nothing is waited for */
    uint64_t workers_timeout_ms; /* of their ending */
    bool input_broken;           /* a worker said that its input ends in the middle */
    uint64_t started_mono_ns, started_wall_ns;
    uint64_t epoch; /* of all spools */
    uint32_t seed;
    struct counters counters; /* the manager's own */

    uv_loop_t loop;
    struct captures *captures;   /* what workers read live, or NULL */
    struct link_watch links;     /* of their interfaces */
    struct prefilter *prefilter; /* lists of prefixes, or NULL */
    struct shared_file shared;   /* between reader and workers, if there is a reader */
    struct node *nodes;          /* loggers, reader, workers, probe: the order of starting */
    unsigned n_nodes;
    unsigned n_signals;
    uv_signal_t signals[3];
    uv_timer_t timer; /* of the start, then of tick */
    struct broker *broker;
    uv_poll_t broker_polls[2];
    uv_idle_t broker_idle;   /* active while the broker has more than one helping to pass on */
    struct learned *learned; /* NULL: nothing is */
    struct control *control;
    int output_watch_fd; /* output_watch.h, or -1 */
    uv_poll_t output_poll;
};

/* Captures, shared memory, broker, control socket. 0 or -errno with one line in
 * error[INI_ERROR_BYTES]. */
int manager_open(struct manager **out, struct manager_plan *plan, char *error);

/* Starts the nodes, runs until all have ended. Returns the command's exit status. */
int manager_loop(struct manager *m);

/* Everything is closed and freed; the counters of the nodes with it. */
void manager_close(struct manager *m);

/* All nodes have ended: leaves the loop. */
void manager_end(struct manager *m);

/* One line about start or stop: to who asked for it, else to our own log. */
void manager_say(struct manager *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Each kind waits until the next has its last words: the probe goes first, then the workers, each
 * of which waits until the loggers have its last record, and with them the reader, then the
 * loggers, and owners of ports. A logger that dies while workers end is therefore still restarted.
 *
 * What the end of a child means depends on the purpose:
 *                       cluster     run -i      run -r
 *   worker, signal      restart     restart     reported: what it had read is gone
 *   worker, status      restart     its end     its end (65: the input is broken)
 *   logger, signal      restart     restart     restart
 *   logger, status      restart     ends all    ends all
 *   port, signal or 75  restart, and with it the workers that read it
 *   port, status        the same    ends all
 *   worker and port whose interface is gone: wait until it is back (comeback.c)
 *   probe, signal       restart     restart
 *   probe, status       restart     restart
 *   probe, 69 or 77     goes on without it: another try would say the same
 *   reader, signal                              reported: the workers end with what it had read
 *   reader, status                              as a worker's */
#include "manager/ending.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/ipc/dpdk_share.h"
#include "manager/comeback.h"
#include "manager/control.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define CAPTURE_MEMORY_FD 2     /* of a capture's descriptors: heritage_capture_fd */
#define ABORT_TIMEOUT_MS  1000u /* workers without a logger have nothing to wait for */

void ending_note_status(struct manager *m, int status)
{
    if (status == EX_DATAERR)
        m->input_broken = true;
    else if (status != 0 && status != EX_NOPERM)
        status = EXIT_FAILURE;
    if (m->exit_status == 0 || (m->exit_status == EX_DATAERR && status != 0))
        m->exit_status = status;
}

static unsigned count_in_state(const struct manager *m, enum node_kind kind, enum node_state state)
{
    unsigned n = 0;

    for (unsigned i = 0; i < m->n_nodes; i++)
        n += m->nodes[i].kind == kind && m->nodes[i].state == state;
    return n;
}

static void stop_kind(struct manager *m, enum node_kind kind, uint64_t timeout_ms)
{
    for (unsigned i = 0; i < m->n_nodes; i++) {
        struct node *n = &m->nodes[i];

        if (n->kind != kind)
            continue;
        if (n->state == NODE_ALIVE)
            manager_say(m, "stopping %s ...", n->def->name);
        supervise_stop(n, timeout_ms);
    }
}

static uint64_t stop_timeout_ms(const struct manager *m)
{
    return m->plan->options.stop_timeout / NS_PER_MS;
}

static bool node_ended_well(const struct node *n)
{
    return n->term_signal == 0 && (n->exit_status == 0 || n->exit_status == EX_DATAERR);
}

/* A worker that did not end by itself has left records in its spool: they are sent before the
 * loggers go. True while that is still to be waited for. */
static bool drain_workers(struct manager *m)
{
    bool draining = false;

    for (unsigned i = 0; i < m->n_nodes && !m->hurried; i++) {
        struct node *n = &m->nodes[i];
        int err;

        if (n->kind != NODE_WORKER || n->drained || node_ended_well(n))
            continue;
        err = supervise_drain(n, stop_timeout_ms(m));
        if (err < 0)
            log_error("cannot send what %s has left: %s", n->def->name, strerror(-err));
        draining |= err == 0;
    }
    return draining;
}

/* To the next phase of ending when the present one has nothing left to wait for. */
static void advance(struct manager *m)
{
    if (m->phase == MANAGER_STOPPING_PROBE && count_in_state(m, NODE_PROBE, NODE_ALIVE) == 0) {
        m->phase = MANAGER_STOPPING_WORKERS;
        stop_kind(m, NODE_READER, m->workers_timeout_ms);
        stop_kind(m, NODE_WORKER, m->workers_timeout_ms);
    }
    if (m->phase == MANAGER_STOPPING_WORKERS && count_in_state(m, NODE_WORKER, NODE_ALIVE) == 0 &&
        count_in_state(m, NODE_READER, NODE_ALIVE) == 0 && !drain_workers(m)) {
        m->phase = MANAGER_STOPPING_LOGGERS;
        stop_kind(m, NODE_LOGGER, stop_timeout_ms(m));
        stop_kind(m, NODE_PORT, stop_timeout_ms(m));
    }
    if (m->phase == MANAGER_STOPPING_LOGGERS && count_in_state(m, NODE_LOGGER, NODE_ALIVE) == 0 &&
        count_in_state(m, NODE_PORT, NODE_ALIVE) == 0)
        manager_end(m);
}

static void stop_within(struct manager *m, uint64_t workers_timeout_ms)
{
    if (m->phase < MANAGER_STOPPING_PROBE) {
        m->phase = MANAGER_STOPPING_PROBE;
        m->workers_timeout_ms = workers_timeout_ms;
        stop_kind(m, NODE_PROBE, stop_timeout_ms(m));
    } else {
        m->hurried = true;
        for (unsigned i = 0; i < m->n_nodes; i++)
            supervise_kill(&m->nodes[i]);
    }
    advance(m);
}

void ending_begin(struct manager *m)
{
    stop_within(m, stop_timeout_ms(m));
}

static void restart_node(struct manager *m, struct node *n)
{
    char how[96];

    supervise_restart(n);
    m->counters.restarts++;
    log_warn("%s %s; restarting in %u s", n->def->name, supervise_end_text(n, how, sizeof how),
             n->delay_ms / 1000);
}

/* A node ended because it was told to; by the signal itself if it had only just begun. */
static void node_stopped(struct manager *m, struct node *n)
{
    bool obeyed = n->term_signal == SIGTERM || (n->term_signal == 0 && n->exit_status == 0);
    char how[96];

    if (n->killed || !obeyed) {
        supervise_end_text(n, how, sizeof how);
        manager_say(m, n->killed ? "%s did not terminate: it %s" : "%s %s during shutdown",
                    n->def->name, how);
        if (m->plan->purpose != MANAGER_CLUSTER && n->term_signal)
            log_error("%s %s", n->def->name, how);
        ending_note_status(m, n->term_signal ? EXIT_FAILURE : n->exit_status);
    } else {
        manager_say(m, "%s stopped", n->def->name);
    }
}

static unsigned count_held(const struct manager *m)
{
    unsigned n = 0;

    for (unsigned i = 0; i < m->n_nodes; i++)
        n += m->nodes[i].held;
    return n;
}

/* A device of DPDK without an owner is set up anew by the successor, which tells for how long
 * nothing was captured. */
static bool device_went_with(const struct node *n)
{
    const struct heritage_capture *c = &n->heritage->capture;

    return c->kind == CAPTURE_DPDK && c->dpdk.queues == 0;
}

static void worker_ended(struct manager *m, struct node *n)
{
    char how[96];

    shared_file_worker_gone(&m->shared, n->heritage->worker_index);
    if (m->phase >= MANAGER_STOPPING_PROBE) {
        node_stopped(m, n);
    } else if (n->held) {
        comeback_node_ended(m, n);
    } else if (m->plan->purpose == MANAGER_CLUSTER ||
               (m->plan->purpose == MANAGER_LIVE && (n->term_signal || n->again))) {
        if (device_went_with(n))
            settings_add_death(settings_of(n->counters), n->counters->capture_deaths,
                               clock_mono_ns());
        restart_node(m, n);
    } else {
        if (n->term_signal)
            log_error("%s %s: the rest of its flows is not logged", n->def->name,
                      supervise_end_text(n, how, sizeof how));
        ending_note_status(m, n->term_signal ? EXIT_FAILURE : n->exit_status);
        if (count_in_state(m, NODE_WORKER, NODE_ALIVE) +
                count_in_state(m, NODE_WORKER, NODE_WAITING) + count_held(m) ==
            0)
            ending_begin(m);
    }
}

/* It ends before the workers, which have still to take what it has read. */
static void reader_ended(struct manager *m, struct node *n)
{
    char how[96];

    shared_file_reader_gone(&m->shared);
    if (m->phase >= MANAGER_STOPPING_PROBE) {
        node_stopped(m, n);
        return;
    }
    if (n->term_signal)
        log_error("%s %s: the rest of %s is not read", n->def->name,
                  supervise_end_text(n, how, sizeof how), n->heritage->capture.name);
    ending_note_status(m, n->term_signal ? EXIT_FAILURE : n->exit_status);
}

static void logger_ended(struct manager *m, struct node *n)
{
    if (m->phase >= MANAGER_STOPPING_LOGGERS) {
        node_stopped(m, n);
    } else if (m->plan->purpose == MANAGER_CLUSTER || n->term_signal) {
        restart_node(m, n);
    } else {
        /* It has said why: the disk, the folder, or a reader of its output that went away. */
        ending_note_status(m, n->exit_status);
        if (m->phase < MANAGER_STOPPING_PROBE)
            stop_within(m, ABORT_TIMEOUT_MS);
    }
}

/* The last line that a child wrote to its own file, "" if there is none. */
static void last_stderr_line(const struct node *n, char *out, size_t bytes)
{
    char tail[256];
    ssize_t len = -1;
    char *end, *line;
    int fd = n->stderr_path ? open(n->stderr_path, O_RDONLY | O_CLOEXEC) : -1;

    out[0] = '\0';
    if (fd < 0)
        return;
    if (lseek(fd, -(off_t)(sizeof tail - 1), SEEK_END) < 0)
        lseek(fd, 0, SEEK_SET);
    len = read(fd, tail, sizeof tail - 1);
    close(fd);
    while (len > 0 && tail[len - 1] == '\n')
        len--;
    if (len <= 0)
        return;
    end = tail + len;
    *end = '\0';
    line = strrchr(tail, '\n');
    snprintf(out, bytes, "%s", line ? line + 1 : tail);
}

/* What the other nodes do, they do without it as well. */
static void probe_ended(struct manager *m, struct node *n)
{
    bool pointless = n->exit_status == EX_UNAVAILABLE || n->exit_status == EX_NOPERM;
    char said[256];

    if (m->phase >= MANAGER_STOPPING_PROBE) {
        node_stopped(m, n);
    } else if (n->term_signal || !pointless) {
        restart_node(m, n);
    } else {
        last_stderr_line(n, said, sizeof said);
        manager_say(m, "no plaintext is taken: %s", said[0] ? said : "the line above says why");
        if (m->plan->purpose != MANAGER_CLUSTER)
            log_warn("going on without plaintext: the line above says why");
    }
}

/* Without its owner a port is none: the workers that read it end, and begin with the next. */
static void stop_guests(struct manager *m, const struct node *port)
{
    for (unsigned i = 0; i < m->n_nodes; i++) {
        struct node *n = &m->nodes[i];

        if (n->kind == NODE_WORKER && n->state == NODE_ALIVE &&
            strcmp(n->def->interface, port->def->interface) == 0) {
            n->again = true;
            supervise_stop(n, stop_timeout_ms(m));
        }
    }
}

static void port_ended(struct manager *m, struct node *n)
{
    (void)dpdk_share_reset(n->capture_fds[CAPTURE_MEMORY_FD]);
    if (m->phase >= MANAGER_STOPPING_LOGGERS) {
        node_stopped(m, n);
    } else if (n->held) {
        comeback_node_ended(m, n);
    } else if (m->plan->purpose == MANAGER_CLUSTER || n->term_signal ||
               n->exit_status == EX_TEMPFAIL) {
        stop_guests(m, n);
        restart_node(m, n);
    } else {
        ending_note_status(m, n->exit_status);
        if (m->phase < MANAGER_STOPPING_PROBE)
            stop_within(m, ABORT_TIMEOUT_MS);
    }
}

static void start_failed(struct manager *m, const struct node *n)
{
    char how[96], said[256];

    last_stderr_line(n, said, sizeof said);
    if (said[0])
        manager_say(m, CONTROL_ERROR "%s", said);
    manager_say(m, CONTROL_ERROR "%s %s immediately after starting%s%s", n->def->name,
                supervise_end_text(n, how, sizeof how), n->stderr_path ? "; see " : "",
                n->stderr_path ? n->stderr_path : "");
    ending_note_status(m, n->exit_status == EX_NOPERM ? EX_NOPERM : EXIT_FAILURE);
    ending_begin(m);
}

void ending_node_gone(struct node *n)
{
    struct manager *m = n->user;

    if (n->kind == NODE_PROBE)
        probe_ended(m, n);
    else if (m->phase == MANAGER_STARTING)
        start_failed(m, n);
    else if (n->kind == NODE_PORT)
        port_ended(m, n);
    else if (n->kind == NODE_WORKER)
        worker_ended(m, n);
    else if (n->kind == NODE_READER)
        reader_ended(m, n);
    else
        logger_ended(m, n);
    advance(m);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Order matters twice. Starting: broker, loggers, workers, so that nothing is sent to nobody.
 * Ending: workers first, each of which waits until the loggers have its last record, then loggers.
 * A logger that dies while workers end is therefore still restarted.
 *
 * What the end of a child means depends on the purpose:
 *                       cluster     run -i      run -r
 *   worker, signal      restart     restart     reported: what it had read is gone
 *   worker, status      restart     its end     its end (65: the input is broken)
 *   logger, signal      restart     restart     restart
 *   logger, status      restart     ends all    ends all */
#include "manager/manager.h"

#include "common/base/check.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "manager/control.h"
#include "manager/learned.h"
#include "manager/nodes.h"
#include "manager/output_watch.h"
#include "manager/status.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sysexits.h>
#include <unistd.h>

#define START_POLL_MS     50
#define START_SETTLE_NS   (300 * NS_PER_MS) /* a child that cannot run has said so by then */
#define START_PATIENCE_NS (10 * NS_PER_SEC)
#define BROKER_HELPING    1024u
#define ABORT_TIMEOUT_MS  1000u       /* workers without a logger have nothing to wait for */
#define REPLAY_SEED       0x51f715eeu /* a replay gives the same uids every time */

void manager_say(struct manager *m, const char *fmt, ...)
{
    char line[INI_ERROR_BYTES];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    if (m->plan->report_fd >= 0)
        dprintf(m->plan->report_fd, "%s\n", line);
    if (m->control)
        control_say(m->control, line);
    if (m->plan->purpose == MANAGER_CLUSTER)
        log_info("%s", line);
}

/* The start is decided: its caller gets the exit status and goes on. */
static void report_end(struct manager *m, int status)
{
    if (m->plan->report_fd < 0)
        return;
    dprintf(m->plan->report_fd, "exit %d\n", status);
    close(m->plan->report_fd);
    m->plan->report_fd = -1;
}

/* A failure keeps its status; only "input is broken" gives way to what is worse. */
static void note_status(struct manager *m, int status)
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

static void close_handle(uv_handle_t *handle, void *user)
{
    (void)user;
    /* Pipes are the control socket's, which closes them when their last line is out. */
    if (!uv_is_closing(handle) && handle->type != UV_NAMED_PIPE)
        uv_close(handle, NULL);
}

static void close_control(struct manager *m)
{
    if (m->control)
        control_close(m->control, m->exit_status);
    m->control = NULL;
}

static void manager_end(struct manager *m)
{
    m->phase = MANAGER_ENDED;
    report_end(m, m->exit_status ? m->exit_status : EXIT_FAILURE); /* stopped while it started */
    close_control(m);
    uv_walk(&m->loop, close_handle, NULL);
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
static void manager_advance(struct manager *m)
{
    if (m->phase == MANAGER_STOPPING_WORKERS && count_in_state(m, NODE_WORKER, NODE_ALIVE) == 0 &&
        !drain_workers(m)) {
        m->phase = MANAGER_STOPPING_LOGGERS;
        stop_kind(m, NODE_LOGGER, stop_timeout_ms(m));
    }
    if (m->phase == MANAGER_STOPPING_LOGGERS && count_in_state(m, NODE_LOGGER, NODE_ALIVE) == 0)
        manager_end(m);
}

static void manager_stop_within(struct manager *m, uint64_t workers_timeout_ms)
{
    if (m->phase < MANAGER_STOPPING_WORKERS) {
        m->phase = MANAGER_STOPPING_WORKERS;
        stop_kind(m, NODE_WORKER, workers_timeout_ms);
    } else {
        m->hurried = true;
        for (unsigned i = 0; i < m->n_nodes; i++)
            supervise_kill(&m->nodes[i]);
    }
    manager_advance(m);
}

void manager_stop(struct manager *m)
{
    manager_stop_within(m, stop_timeout_ms(m));
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
        note_status(m, n->term_signal ? EXIT_FAILURE : n->exit_status);
    } else {
        manager_say(m, "%s stopped", n->def->name);
    }
}

static void worker_ended(struct manager *m, struct node *n)
{
    char how[96];

    if (m->phase >= MANAGER_STOPPING_WORKERS) {
        node_stopped(m, n);
    } else if (m->plan->purpose == MANAGER_CLUSTER ||
               (m->plan->purpose == MANAGER_LIVE && n->term_signal)) {
        restart_node(m, n);
    } else {
        if (n->term_signal)
            log_error("%s %s: the rest of its flows is not logged", n->def->name,
                      supervise_end_text(n, how, sizeof how));
        note_status(m, n->term_signal ? EXIT_FAILURE : n->exit_status);
        if (count_in_state(m, NODE_WORKER, NODE_ALIVE) +
                count_in_state(m, NODE_WORKER, NODE_WAITING) ==
            0)
            manager_stop(m);
    }
}

static void logger_ended(struct manager *m, struct node *n)
{
    if (m->phase >= MANAGER_STOPPING_LOGGERS) {
        node_stopped(m, n);
    } else if (m->plan->purpose == MANAGER_CLUSTER || n->term_signal) {
        restart_node(m, n);
    } else {
        /* It has said why: the disk, the folder, or a reader of its output that went away. */
        note_status(m, n->exit_status);
        if (m->phase < MANAGER_STOPPING_WORKERS)
            manager_stop_within(m, ABORT_TIMEOUT_MS);
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

static void start_failed(struct manager *m, const struct node *n)
{
    char how[96], said[256];

    last_stderr_line(n, said, sizeof said);
    if (said[0])
        manager_say(m, CONTROL_ERROR "%s", said);
    manager_say(m, CONTROL_ERROR "%s %s immediately after starting%s%s", n->def->name,
                supervise_end_text(n, how, sizeof how), n->stderr_path ? "; see " : "",
                n->stderr_path ? n->stderr_path : "");
    note_status(m, n->exit_status == EX_NOPERM ? EX_NOPERM : EXIT_FAILURE);
    manager_stop(m);
}

static void on_node_end(struct node *n)
{
    struct manager *m = n->user;

    if (m->phase == MANAGER_STARTING)
        start_failed(m, n);
    else if (n->kind == NODE_WORKER)
        worker_ended(m, n);
    else
        logger_ended(m, n);
    manager_advance(m);
}

static void on_tick(uv_timer_t *timer)
{
    const struct manager *m = timer->data;

    m->plan->tick(m->plan->tick_user);
}

static void start_done(struct manager *m)
{
    m->phase = MANAGER_RUNNING;
    uv_timer_stop(&m->timer);
    report_end(m, 0);
    if (m->plan->tick)
        uv_timer_start(&m->timer, on_tick, m->plan->tick_ms, m->plan->tick_ms);
}

/* A worker is there when its loop has turned once. */
static bool node_is_up(const struct node *n)
{
    return n->kind != NODE_WORKER || n->counters->loop_sleeps + n->counters->loop_batches > 0;
}

static void on_start_poll(uv_timer_t *timer)
{
    struct manager *m = timer->data;
    uint64_t waited_ns = clock_mono_ns() - m->started_mono_ns;
    unsigned up = 0;

    if (m->phase != MANAGER_STARTING) {
        uv_timer_stop(timer);
        return;
    }
    for (unsigned i = 0; i < m->n_nodes; i++) {
        up += node_is_up(&m->nodes[i]);
        if (!node_is_up(&m->nodes[i]) && waited_ns >= START_PATIENCE_NS)
            manager_say(m, "(%s still initializing)", m->nodes[i].def->name);
    }
    if ((up == m->n_nodes && waited_ns >= START_SETTLE_NS) || waited_ns >= START_PATIENCE_NS)
        start_done(m);
}

static void on_signal(uv_signal_t *handle, int sig)
{
    struct manager *m = handle->data;

    if (sig == SIGHUP && m->plan->purpose == MANAGER_CLUSTER)
        return; /* nothing to reload */
    if (m->phase < MANAGER_STOPPING_WORKERS && m->plan->purpose == MANAGER_REPLAY)
        note_status(m, EXIT_FAILURE); /* the input was not read to its end */
    manager_stop(m);
}

static void on_broker_idle(uv_idle_t *idle);

static void broker_help(struct manager *m)
{
    uint32_t n = broker_run(m->broker, BROKER_HELPING);

    m->counters.bus_messages += n;
    /* More is waiting, but its descriptors are edge-triggered and will not say so again. */
    if (n == BROKER_HELPING && !uv_is_closing((uv_handle_t *)&m->broker_idle))
        uv_idle_start(&m->broker_idle, on_broker_idle);
}

static void on_broker_idle(uv_idle_t *idle)
{
    uv_idle_stop(idle);
    broker_help(idle->data);
}

static void on_broker(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    broker_help(poll->data);
}

static int manager_open_broker(struct manager *m, char *error)
{
    int fds[2];
    int err = broker_open(&m->broker, m->plan->run_dir, (int)m->plan->ids.gid);

    if (err < 0) {
        snprintf(error, INI_ERROR_BYTES, "cannot open the message bus in %s: %s", m->plan->run_dir,
                 strerror(-err));
        return err;
    }
    broker_fds(m->broker, fds);
    uv_idle_init(&m->loop, &m->broker_idle);
    m->broker_idle.data = m;
    for (int i = 0; i < 2; i++) {
        uv_poll_init(&m->loop, &m->broker_polls[i], fds[i]);
        m->broker_polls[i].data = m;
        uv_poll_start(&m->broker_polls[i], UV_READABLE, on_broker);
    }
    broker_help(m);
    return 0;
}

static void on_output_gone(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    uv_poll_stop(poll);
    manager_stop(poll->data);
}

/* A run that writes to its output alone is over when nobody reads that any more. */
static void manager_watch_output(struct manager *m)
{
    if (m->plan->log_dir[0] || m->nodes[0].output_fd < 0)
        return;
    m->output_watch_fd = output_watch_open(m->nodes[0].output_fd);
    if (m->output_watch_fd < 0)
        return;
    uv_poll_init(&m->loop, &m->output_poll, m->output_watch_fd);
    m->output_poll.data = m;
    uv_poll_start(&m->output_poll, UV_READABLE, on_output_gone);
}

static int on_control_status(void *user, bool json, struct text *out)
{
    const struct manager *m = user;

    if (json)
        status_json(m, out);
    else
        status_table(m, out);
    return status_all_running(m) ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void print_alt_svc(const struct manager *m, bool json, struct text *out)
{
    learned_print(m->learned, json, out);
}

static void on_control_stop(void *user)
{
    struct manager *m = user;

    if (m->phase < MANAGER_STOPPING_WORKERS)
        manager_stop(m);
}

/* What `print` can show. */
static const struct {
    const char *name;
    void (*print)(const struct manager *m, bool json, struct text *out);
} printables[] = {
    {"alt_svc", print_alt_svc},
};
#define PRINTABLES (sizeof printables / sizeof printables[0])

static int on_control_print(void *user, const char *what, bool json, struct text *out)
{
    for (size_t i = 0; i < PRINTABLES; i++) {
        if (strcmp(what, printables[i].name) == 0) {
            printables[i].print(user, json, out);
            return EXIT_SUCCESS;
        }
    }
    text_puts(out, CONTROL_ERROR);
    if (*what)
        text_printf(out, "there is no '%s' to print; there is", what);
    else
        text_puts(out, "print what? there is");
    for (size_t i = 0; i < PRINTABLES; i++)
        text_printf(out, "%s %s", i ? "," : "", printables[i].name);
    text_puts(out, "\n");
    return CONTROL_USAGE;
}

static const struct control_ops control_ops = {on_control_status, on_control_print,
                                               on_control_stop};

/* A replay's workers are never restarted, and what they learn is of another time. */
static int manager_open_learned(struct manager *m, char *error)
{
    const struct manager_plan *p = m->plan;
    struct learned_plan plan = {
        .loop = &m->loop,
        .run_dir = p->run_dir,
        .state_dir = p->purpose == MANAGER_CLUSTER ? p->state_dir : NULL,
        .options = &p->options,
        .counters = &m->counters,
    };
    int err;

    if (p->purpose == MANAGER_REPLAY || p->options.no_learn_alt_svc)
        return 0;
    err = learned_open(&m->learned, &plan);
    if (err < 0)
        snprintf(error, INI_ERROR_BYTES, "cannot keep what is learned: %s", strerror(-err));
    return err;
}

static uint32_t choose_seed(const struct manager_plan *p)
{
    uint32_t seed = (uint32_t)p->options.seed;

    if (seed == 0 && p->purpose == MANAGER_REPLAY)
        return REPLAY_SEED;
    if (seed == 0 && getrandom(&seed, sizeof seed, 0) != sizeof seed)
        seed = (uint32_t)clock_wall_ns();
    return seed;
}

static void manager_open_signals(struct manager *m)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

    for (int i = 0; i < 3; i++) {
        uv_signal_init(&m->loop, &m->signals[i]);
        m->signals[i].data = m;
        uv_signal_start(&m->signals[i], on_signal, signals[i]);
    }
    uv_timer_init(&m->loop, &m->timer);
    m->timer.data = m;
}

int manager_open(struct manager **out, struct manager_plan *plan, char *error)
{
    struct manager *m = calloc(1, sizeof *m);
    int err = -ENOMEM;

    *out = NULL;
    if (!m || uv_loop_init(&m->loop) < 0) {
        snprintf(error, INI_ERROR_BYTES, "out of memory");
        free(m);
        return err;
    }
    m->plan = plan;
    m->started_mono_ns = clock_mono_ns();
    m->started_wall_ns = clock_wall_ns();
    m->epoch = m->started_wall_ns;
    m->seed = choose_seed(plan);
    manager_open_signals(m);
    m->output_watch_fd = -1;
    err = nodes_open(m, on_node_end, error);
    if (err == 0)
        manager_watch_output(m);
    if (err == 0)
        err = manager_open_broker(m, error);
    if (err == 0)
        err = manager_open_learned(m, error);
    if (err == 0 && plan->purpose == MANAGER_CLUSTER) {
        err = control_open(&m->control, &m->loop, plan->state_dir, &control_ops, m);
        if (err < 0)
            snprintf(error, INI_ERROR_BYTES, "cannot listen on %s/control.sock: %s",
                     plan->state_dir, strerror(-err));
    }
    if (err < 0)
        manager_close(m);
    else
        *out = m;
    return err;
}

void manager_close(struct manager *m)
{
    nodes_close(m);
    close_control(m);
    uv_walk(&m->loop, close_handle, NULL);
    uv_run(&m->loop, UV_RUN_DEFAULT);
    if (m->output_watch_fd >= 0)
        close(m->output_watch_fd);
    learned_close(m->learned);
    if (m->broker)
        broker_close(m->broker);
    CHECK(uv_loop_close(&m->loop) == 0);
    free(m);
}

int manager_loop(struct manager *m)
{
    for (unsigned i = 0; i < m->n_nodes && m->phase < MANAGER_STOPPING_WORKERS; i++) {
        struct node *n = &m->nodes[i];
        int err;

        manager_say(m, "starting %s ...", n->def->name);
        err = supervise_spawn(n);
        if (err < 0) {
            if (m->plan->purpose != MANAGER_CLUSTER)
                log_error("cannot start %s (%s): %s", n->def->name, n->program, strerror(-err));
            manager_say(m, CONTROL_ERROR "cannot start %s (%s): %s", n->def->name, n->program,
                        strerror(-err));
            note_status(m, EXIT_FAILURE);
            manager_stop(m);
        }
    }
    if (m->phase == MANAGER_STARTING && m->plan->purpose == MANAGER_CLUSTER)
        uv_timer_start(&m->timer, on_start_poll, START_POLL_MS, START_POLL_MS);
    else if (m->phase == MANAGER_STARTING)
        start_done(m);
    uv_run(&m->loop, UV_RUN_DEFAULT);
    CHECK(m->phase == MANAGER_ENDED);
    return m->exit_status;
}
